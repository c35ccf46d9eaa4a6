//! Events and errors of a record, as views into its chunk.
//! Returned by `SpanRecord`; exporters turn them into child observations or span events.

use std::fmt;
use std::sync::Arc;

use super::format::Role;
use super::id::SpanId;
use super::observation::Level;
use super::reader::{Attribute, Moment, Reader};
use super::time::Timestamp;
use super::value::ValueRef;

/// The attributes that belong to the event, the error or the link before them: up to the first that is no part of one.
pub(super) fn own<'a>(rest: Reader<'a>) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
    rest.take_while(|attribute| attribute.role.is_part())
}

/// An event or an error, and the attributes behind it, of which the first belong to it.
#[derive(Clone, Copy)]
pub(super) struct Parts<'a> {
    name: &'a str,
    moment: Moment,
    words: &'a [u64],
    text: &'a str,
    large: &'a [Arc<String>],
}

impl<'a> Parts<'a> {
    pub(super) fn new(name: &'a str, moment: Moment, rest: &Reader<'a>) -> Self {
        Self {
            name,
            moment,
            words: rest.words,
            text: rest.text,
            large: rest.large,
        }
    }

    fn own(&self) -> impl Iterator<Item = Attribute<'a>> + use<'a> {
        own(Reader {
            words: self.words,
            text: self.text,
            large: self.large,
        })
    }

    fn first(&self, role: Role) -> Option<Attribute<'a>> {
        self.own().find(|attribute| attribute.role == role)
    }
}

/// Names only: what it holds may be a prompt.
impl fmt::Debug for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts")
            .field("name", &self.name)
            .field("id", &self.moment.id)
            .field("time", &self.moment.time)
            .finish_non_exhaustive()
    }
}

/// Something that happened during a span.
#[derive(Clone, Copy, Debug)]
pub struct EventRef<'a>(pub(super) Parts<'a>);

impl<'a> EventRef<'a> {
    /// Its id, for exporters that send events as observations.
    #[must_use]
    pub fn id(&self) -> SpanId {
        self.0.moment.id
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.0.name
    }

    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.0.moment.time
    }

    /// How much attention it deserves.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.moment.level
    }

    /// What went in.
    #[must_use]
    pub fn input(&self) -> Option<ValueRef<'a>> {
        self.0.first(Role::EventInput)?.value()
    }

    /// What came out.
    #[must_use]
    pub fn output(&self) -> Option<ValueRef<'a>> {
        self.0.first(Role::EventOutput)?.value()
    }

    /// Its metadata, in the order it was given.
    pub fn metadata(&self) -> impl Iterator<Item = (&'a str, ValueRef<'a>)> + use<'a> {
        let own = self.0.own().filter(|own| own.role == Role::EventMetadata);
        own.filter_map(|own| Some((own.key, own.value()?)))
    }
}

/// An error that was recorded on a span.
#[derive(Clone, Copy, Debug)]
pub struct ExceptionRef<'a>(pub(super) Parts<'a>);

impl<'a> ExceptionRef<'a> {
    /// Its id, for exporters that send errors as observations.
    #[must_use]
    pub fn id(&self) -> SpanId {
        self.0.moment.id
    }

    /// When it was recorded.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.0.moment.time
    }

    /// The type's name.
    #[must_use]
    pub fn kind(&self) -> &'a str {
        self.0.name
    }

    /// The text of the error.
    #[must_use]
    pub fn message(&self) -> &'a str {
        let message = self.0.first(Role::Message).and_then(|own| own.text());
        message.unwrap_or_default()
    }

    /// The messages of its sources, a line each, nearest first.
    #[must_use]
    pub fn sources(&self) -> Option<&'a str> {
        self.0.first(Role::Sources)?.text()
    }

    /// The stack, if one was captured.
    #[must_use]
    pub fn stacktrace(&self) -> Option<&'a str> {
        self.0.first(Role::Stacktrace)?.text()
    }

    /// Whether the same error was recorded before, on this span or on one below it: a function returned
    /// it to its caller, which recorded it again. A count of a trace's errors leaves it out.
    ///
    /// It is the same error if it has the message of the earlier one, or wraps it: its message or its
    /// sources contain that message.
    #[must_use]
    pub fn is_propagated(&self) -> bool {
        self.0.moment.propagated
    }
}
