//! What an attribute of a record is: input, metadata, a part of an event, and so on.
//! Written and read by `format`; the limits of `buffer` depend on it.

/// The role of an attribute in its span. The order is part of the format on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Role {
    Input,
    Output,
    Model,
    StatusMessage,
    /// The key is the prompt's name, the value its version.
    Prompt,
    CompletionStart,
    /// Replaces the name that the span was started with.
    Name,
    Metadata,
    ModelParameter,
    Tag,
    Usage,
    Cost,
    /// A fact about the model call that is not metadata: see the constants `REQUEST_MODEL` and following.
    Call,
    /// An event: name, id, time and level. Attributes of the three roles below belong to the event before them.
    Event,
    /// An error: type, id and time. Attributes of the roles `Message` and following belong to the error before them.
    Exception,
    EventInput,
    EventOutput,
    EventMetadata,
    Message,
    Sources,
    Stacktrace,
    /// A link to another span. Attributes of the role below belong to the link before them.
    Link,
    LinkMetadata,
}

impl Role {
    pub(super) const ALL: [Self; 23] = [
        Self::Input,
        Self::Output,
        Self::Model,
        Self::StatusMessage,
        Self::Prompt,
        Self::CompletionStart,
        Self::Name,
        Self::Metadata,
        Self::ModelParameter,
        Self::Tag,
        Self::Usage,
        Self::Cost,
        Self::Call,
        Self::Event,
        Self::Exception,
        Self::EventInput,
        Self::EventOutput,
        Self::EventMetadata,
        Self::Message,
        Self::Sources,
        Self::Stacktrace,
        Self::Link,
        Self::LinkMetadata,
    ];

    /// Its bit in the set of roles that a record has. Links share one with the parts of events and errors: where it is
    /// set, a record may have links.
    #[inline]
    pub(crate) const fn bit(self) -> u16 {
        let at = self as u8;
        1 << (if at < 15 { at } else { 15 })
    }

    /// Whether a span has at most one attribute of this role.
    #[inline]
    pub(crate) const fn is_single(self) -> bool {
        (self as u8) <= Self::Name as u8
    }

    /// Whether a span has at most one attribute of this role for each key.
    #[inline]
    pub(crate) const fn is_keyed(self) -> bool {
        self as u8 >= Self::Metadata as u8 && self as u8 <= Self::Call as u8
    }

    /// Whether it is a part of the event, the error or the link before it.
    pub(crate) const fn is_part(self) -> bool {
        self as u8 > Self::Exception as u8 && self as u8 != Self::Link as u8
    }

    /// Whether keys of this role come from the user, so that their number has a limit.
    pub(crate) const fn is_limited(self) -> bool {
        matches!(self, Self::Metadata | Self::ModelParameter | Self::Tag)
    }
}
