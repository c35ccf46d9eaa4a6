//! Something that happens at one moment inside a span, while it is described.
//! Begun by `Span::event`, laid into the span's buffer by `record`.

use std::fmt;

use serde::Serialize;

use crate::record::{EventSlots, Level, Role, SpanId, Timestamp, Value};
use crate::span::feature::RECORDS;
use crate::span::handle::Span;

/// Describes an event; nothing is recorded until [`record`](Self::record).
#[must_use = "an event is recorded by `record`"]
pub struct EventBuilder<'a> {
    span: &'a Span,
    name: &'a str,
    level: Level,
    time: Option<Timestamp>,
    input: Option<Value>,
    output: Option<Value>,
    metadata: Vec<(String, Value)>,
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
        }
    }

    /// How grave it is.
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn level(mut self, level: Level) -> Self {
        self.level = level;
        self
    }

    /// When it happened, for what was measured elsewhere; the moment of [`record`](Self::record) by default.
    pub fn at(mut self, time: Timestamp) -> Self {
        self.time = Some(time);
        self
    }

    /// Metadata; a key given before gets the new value.
    pub fn metadata<T: Serialize>(mut self, key: &str, value: T) -> Self {
        if self.span.open.is_some()
            && let Some(value) = Value::capture(&value)
        {
            self.metadata.push((key.to_owned(), value));
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
        let Some(open) = &self.span.open else {
            if !RECORDS {
                // It is empty: nothing need be dropped.
                std::mem::forget(self);
            }
            return;
        };
        let time = self.time.unwrap_or_else(|| open.trace.now());
        let id = SpanId::random();
        let mut metadata: Vec<(String, Value)> = Vec::with_capacity(self.metadata.len());
        for (key, value) in self.metadata {
            match metadata.iter_mut().find(|(known, _)| *known == key) {
                Some(known) => known.1 = value,
                None => metadata.push((key, value)),
            }
        }
        open.write(|buffer| {
            let index = buffer.events.len() as u32;
            let name = buffer.push_text(self.name);
            let input = self
                .input
                .map_or_else(Default::default, |value| buffer.push_owned(value));
            let output = self
                .output
                .map_or_else(Default::default, |value| buffer.push_owned(value));
            buffer.events.push(EventSlots {
                id,
                time,
                level: self.level,
                name,
                input,
                output,
            });
            // No search among the entries of the whole span: a span may have very many events.
            for (key, value) in metadata {
                let slot = buffer.push_owned(value);
                buffer.push_entry(Role::Event(index), &key, slot);
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
