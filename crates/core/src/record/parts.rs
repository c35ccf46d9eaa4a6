//! Events and errors of a record, as views into its buffer.
//! Handed out by `SpanRecord`; exporters turn them into child observations or span events.

use super::buffer::{Buffer, EventSlots, ExceptionSlots, Role};
use super::id::SpanId;
use super::observation::Level;
use super::time::Timestamp;
use super::value::ValueRef;

/// Something that happened at one moment inside a span.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a> {
    pub(super) buffer: &'a Buffer,
    pub(super) slots: &'a EventSlots,
    pub(super) index: u32,
    /// Where its metadata begins among the entries, if it has some.
    pub(super) from: usize,
}

impl<'a> EventRef<'a> {
    /// An id of its own, given when it was recorded: backends without span events show it as a
    /// child observation, and a retry must show the same one.
    #[must_use]
    pub fn id(&self) -> SpanId {
        self.slots.id
    }

    /// What happened.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.buffer.text(self.slots.name)
    }

    /// When.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.slots.time
    }

    /// How grave.
    #[must_use]
    pub fn level(&self) -> Level {
        self.slots.level
    }

    /// What went in, if that was recorded.
    #[must_use]
    pub fn input(&self) -> Option<ValueRef<'a>> {
        self.buffer.value(self.slots.input)
    }

    /// What came out, if that was recorded.
    #[must_use]
    pub fn output(&self) -> Option<ValueRef<'a>> {
        self.buffer.value(self.slots.output)
    }

    /// Its metadata, in the order it was given, each key once.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let (buffer, own) = (self.buffer, self.index);
        // The entries of events are in the order of the events, with entries of the span in between.
        let entries = buffer.entries.get(self.from..).unwrap_or_default().iter();
        let entries = entries
            .take_while(move |entry| !matches!(entry.role, Role::Event(index) if index > own))
            .filter(move |entry| entry.role == Role::Event(own));
        entries.filter_map(move |entry| Some((buffer.text(entry.key), buffer.value(entry.value)?)))
    }
}

/// An error recorded in a span.
#[derive(Clone, Copy, Debug)]
pub struct ExceptionRef<'a> {
    pub(super) buffer: &'a Buffer,
    pub(super) slots: &'a ExceptionSlots,
}

impl<'a> ExceptionRef<'a> {
    /// An id of its own, see [`EventRef::id`].
    #[must_use]
    pub fn id(&self) -> SpanId {
        self.slots.id
    }

    /// When it was recorded.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.slots.time
    }

    /// The type's name, such as `std::io::error::Error`.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.buffer.text(self.slots.kind)
    }

    /// What the error says of itself.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.buffer.str(self.slots.message).unwrap_or_default()
    }

    /// The messages of its sources, a line each, nearest first.
    #[must_use]
    pub fn sources(&self) -> Option<&'a str> {
        self.buffer.str(self.slots.sources)
    }

    /// A stack trace, if one was captured.
    #[must_use]
    pub fn stacktrace(&self) -> Option<&'a str> {
        self.buffer.str(self.slots.stacktrace)
    }

    /// Whether the same error was recorded before, on this span or on one below it: a function returned
    /// it to its caller, which recorded it again. A count of a trace's errors leaves it out.
    ///
    /// It is the same error if it has the message of the earlier one, or wraps it: its message or its
    /// sources contain that message.
    #[must_use]
    pub fn is_propagated(&self) -> bool {
        self.slots.propagated
    }
}
