//! Reads a span that has just ended, without a record of it.
//! Called by processors that measure. Must not allocate.

use super::attribute::{SpanAttribute, SpanAttributes};
use super::chunk::FinishedSpan;
use super::observation::{Level, ObservationType, StatusCode};
use super::time::Timestamp;

impl<'a> FinishedSpan<'a> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'a str {
        self.buffer.name()
    }

    /// What kind of work it was.
    #[must_use]
    pub fn observation_type(&self) -> ObservationType {
        self.buffer.head.kind()
    }

    /// When it began.
    #[must_use]
    pub fn start_time(&self) -> Timestamp {
        self.buffer.head.start()
    }

    /// When it ended; never before it began.
    #[must_use]
    pub fn end_time(&self) -> Timestamp {
        self.buffer.head.end()
    }

    /// How it ended.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.buffer.head.status()
    }

    /// Its level, as [`SpanRecord::level`](super::SpanRecord::level) has it.
    #[must_use]
    pub fn level(&self) -> Option<Level> {
        self.buffer.head.level()
    }

    /// All attributes in one pass, as [`SpanRecord::attributes`](super::SpanRecord::attributes) returns them. Allocates nothing.
    pub fn attributes(&self) -> impl Iterator<Item = SpanAttribute<'a>> + use<'a> {
        SpanAttributes(self.buffer.read())
    }
}
