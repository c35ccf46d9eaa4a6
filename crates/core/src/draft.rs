//! A span that has not started: its trace and the buffer that is being filled.
//! Held by `start`'s builder; all that is done to one stands here, apart from the callers of what is switched off.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use serde::Serialize;

use crate::context;
use crate::live::{Live, TraceShared};
use crate::present::{Present, present, unwrap};
use crate::record::{Buffer, ObservationType, Role, Slot, SpanId, take_buffer};
use crate::span::Span;
use crate::start::record_panic;

/// What a builder owns of a span that will be recorded.
pub(crate) struct Draft {
    pub(crate) trace: Present<Arc<TraceShared>>,
    pub(crate) buffer: Box<Buffer>,
}

impl Draft {
    pub(crate) fn new(trace: Present<Arc<TraceShared>>, name: &str, kind: ObservationType) -> Self {
        let buffer = buffer(&trace, SpanId::random(), name, kind);
        Self { trace, buffer }
    }

    /// Apart, so that callers of what is switched off stay small.
    #[inline(never)]
    pub(crate) fn run<R>(self, f: impl FnOnce(Span) -> R) -> R {
        let span = Span {
            live: present(Live::open(unwrap(self.trace), self.buffer)),
            unsampled: false,
        };
        // One handle for the closure; ours lies on the stack meanwhile.
        let handle = span.clone();
        let lent = context::lend(span);
        // Caught only to be recorded, then it goes on: what it left broken stays as broken as it was.
        let result = catch_unwind(AssertUnwindSafe(|| f(handle)));
        let span = lent.leave();
        match result {
            Ok(value) => {
                // The last handle ends it, and needs no lock for that.
                if !span.is_last() {
                    span.end();
                }
                value
            }
            Err(panic) => {
                record_panic(&span, &*panic);
                resume_unwind(panic)
            }
        }
    }

    /// As [`written`](Self::written), without a closure to be put together where nothing is recorded.
    #[inline(never)]
    pub(crate) fn metadata<T: Serialize>(mut self, key: &str, value: T) -> Self {
        let slot = take_value(&mut self.buffer, value);
        self.buffer.set_entry(Role::Metadata, key, slot);
        self
    }

    /// As [`run`](Self::run) is, and by value, so that a draft stays in registers: behind a reference it would
    /// be written to memory for each call, and read back too soon.
    #[inline(never)]
    pub(crate) fn written(mut self, f: impl FnOnce(&mut Buffer)) -> Self {
        f(&mut self.buffer);
        self
    }
}

/// A buffer with what every span has from the beginning.
pub(crate) fn buffer(
    trace: &TraceShared,
    id: SpanId,
    name: &str,
    kind: ObservationType,
) -> Box<Buffer> {
    let mut buffer = take_buffer();
    buffer.trace_id = Some(trace.id);
    buffer.span_id = Some(id);
    buffer.local_root = Some(trace.root);
    buffer.kind = kind;
    buffer.name = buffer.push_text(name);
    buffer
}

/// Moves a string, captures anything else. Numbers go in without a serializer.
#[inline]
pub(crate) fn take_value<T: Serialize>(buffer: &mut Buffer, value: T) -> Slot {
    castaway::match_type!(value, {
        String as text => buffer.push_string(text),
        bool as value => Slot::Bool(value),
        i32 as value => Slot::I64(value.into()),
        i64 as value => Slot::I64(value),
        u32 as value => Slot::U64(value.into()),
        u64 as value => Slot::U64(value),
        f64 as value => Slot::F64(value),
        value => buffer.push_serialize(&value),
    })
}
