//! The builder of an event, which is one moment inside a span.
//! Created by `Span::event`; `record` writes it into the span's buffer. Must not know exporters.

use std::fmt;

use serde::Serialize;

use crate::record::{Level, Role, SpanId, Timestamp, Value, pairs};
use crate::span::handle::Span;

/// Describes an event; nothing is recorded until [`record`](Self::record).
///
/// ```
/// # let recorder = tracefuse_core::testing::Recorder::new();
/// # let tracer = recorder.tracer();
/// use tracefuse_core::Level;
///
/// tracer.trace("request").run(|trace| {
///     trace.event("retry").level(Level::Warning).metadata("attempt", 2).record();
/// });
/// assert_eq!(recorder.only().events().count(), 1);
/// ```
#[must_use = "an event is recorded by `record`"]
pub struct EventBuilder<'a> {
    span: &'a Span,
    name: &'a str,
    level: Level,
    time: Option<Timestamp>,
    input: Option<Value>,
    output: Option<Value>,
    metadata: Vec<(String, Value)>,
    dropped_keys: u64,
}

impl<'a> EventBuilder<'a> {
    #[cfg_attr(not(feature = "record"), inline)]
    pub(crate) fn new(span: &'a Span, name: &'a str) -> Self {
        Self {
            span,
            name,
            level: Level::Default,
            time: None,
            input: None,
            output: None,
            metadata: Vec::new(),
            dropped_keys: 0,
        }
    }

    /// How severe it is.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// When it happened; by default when [`record`](Self::record) is called.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Metadata; a key given before gets the new value. An event has at most 128 keys; further ones are counted in the
    /// span's metadata as `_dropped.keys`.
    pub fn metadata<T: Serialize>(mut self, key: &str, value: T) -> Self {
        if self.span.sampled().is_some()
            && let Some(value) = Value::capture(&value)
            && !pairs::set(&mut self.metadata, key, value)
        {
            self.dropped_keys += 1;
        }
        self
    }

    /// What went in.
    pub fn input<T: Serialize>(mut self, value: T) -> Self {
        if self.span.captures() {
            self.input = Value::capture(&value);
        }
        self
    }

    /// What came out.
    pub fn output<T: Serialize>(mut self, value: T) -> Self {
        if self.span.captures() {
            self.output = Value::capture(&value);
        }
        self
    }

    /// Records it.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn record(self) {
        let Some(open) = self.span.sampled() else {
            // It is empty, since nothing was captured: nothing need be dropped.
            std::mem::forget(self);
            return;
        };
        let time = self.time.unwrap_or_else(|| open.trace.now());
        let id = SpanId::random();
        open.write(|buffer| {
            buffer.note_dropped_keys(self.dropped_keys);
            if !buffer.begin_event(self.name, id, time, self.level) {
                return;
            }
            if let Some(input) = self.input {
                buffer.put_owned(Role::EventInput, "", input);
            }
            if let Some(output) = self.output {
                buffer.put_owned(Role::EventOutput, "", output);
            }
            for (key, value) in self.metadata {
                buffer.put_owned(Role::EventMetadata, &key, value);
            }
        });
    }
}

impl fmt::Debug for EventBuilder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBuilder")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
