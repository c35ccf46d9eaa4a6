//! An open span: its buffer behind a lock, its trace, and the rule that it ends once.
//! Shared by all handles of the span, see `slots`. Started by `builder`, written by `handle`; at its end it is passed to the
//! processor. Must not know delivery.

pub(crate) mod slots;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::clock::Anchor;
use crate::record::{
    Buffer, Exception, FinishedSpan, Level, ObservationType, Role, SharedTrace, SpanId, StatusCode,
    Timestamp, TraceAttributes, TraceId,
};
use crate::span::failures::Failures;
use crate::span::inherited;
use crate::span::open::slots::{OpenSpanRef, UnstartedSpan, WeakSpanRef, emptied, give_buffer};
use crate::span::shared::{TracerShared, lock};
use crate::span::unrecorded::{ForwardGuard, Forwarded, Received, Unrecorded};

/// What all spans of a trace share.
pub(crate) struct TraceState {
    pub(crate) core: Arc<TracerShared>,
    /// Its ids and attributes.
    pub(crate) shared: SharedTrace,
    pub(crate) anchor: Anchor,
    /// The root, from when a trace handle begins it until its last handle is gone. Its slot is not used again before that.
    root_ref: Mutex<Option<WeakSpanRef>>,
    /// The propagation headers of the request that this trace continues.
    pub(crate) received: Option<Arc<Received>>,
    /// What the trace sends to other services, if the sampler left it out and its spans are only measured.
    pub(crate) unsampled: Option<ForwardGuard>,
    /// What spans send to other services that are started while the tracer does not record.
    forward: OnceLock<ForwardGuard>,
    /// Errors that callers may record again.
    failures: Failures,
}

impl TraceState {
    pub(crate) fn new(
        core: Arc<TracerShared>,
        id: TraceId,
        root: SpanId,
        anchor: Anchor,
        attributes: TraceAttributes,
    ) -> Self {
        Self {
            core,
            shared: SharedTrace::new(id, root, Arc::new(attributes)),
            root_ref: Mutex::new(None),
            received: None,
            unsampled: None,
            forward: OnceLock::new(),
            anchor,
            failures: Failures::default(),
        }
    }

    /// Stores the root, for `Trace::current`.
    pub(crate) fn set_root(&self, root: &OpenSpanRef) {
        *lock(&self.root_ref) = Some(root.downgrade());
    }

    /// A handle of the root. If the root has ended, a handle of an ended span with its id: children can start below it,
    /// and the trace's attributes can be set.
    pub(crate) fn root_handle(self: &Arc<Self>) -> OpenSpanRef {
        // Counted under the lock.
        let root = lock(&self.root_ref).and_then(|root| root.handle());
        root.unwrap_or_else(|| {
            let (ended, buffer) = UnstartedSpan::new(self, || self.shared.root);
            give_buffer(buffer);
            ended.start(None)
        })
    }

    pub(crate) fn is_sampled(&self) -> bool {
        self.unsampled.is_none()
    }

    /// Whether inputs and outputs are recorded.
    #[inline]
    pub(crate) fn captures(&self) -> bool {
        self.core.capture_content && self.is_sampled()
    }

    /// For a span of this trace that is not recorded because the tracer is closed or paused. The trace was sampled, and its
    /// root is the nearest span that was certainly recorded.
    pub(crate) fn unrecorded(&self) -> Unrecorded {
        if let Some(guard) = &self.unsampled {
            return guard.unrecorded();
        }
        let guard = self.forward.get_or_init(|| {
            let forwarded = Forwarded {
                parent: Some((self.shared.id, self.shared.root, 1)),
                received: self.received.clone(),
            };
            ForwardGuard::new(Unrecorded::OFF, forwarded)
        });
        guard.unrecorded()
    }

    #[inline(always)]
    pub(crate) fn now(&self) -> Timestamp {
        self.anchor.now(&self.core.clock)
    }
}

pub(crate) struct OpenSpan {
    pub(crate) trace: Arc<TraceState>,
    pub(crate) id: SpanId,
    /// `None` before it has started and once it has ended.
    buffer: Mutex<Option<Box<Buffer>>>,
}

impl OpenSpan {
    /// A span that has neither started nor ended, and has no buffer.
    #[inline(never)]
    pub(crate) fn new(trace: &Arc<TraceState>, id: SpanId) -> Self {
        Self {
            trace: trace.clone(),
            id,
            buffer: Mutex::new(None),
        }
    }

    /// Makes another span of the same trace of this one, which has ended: then the trace's reference count does not change.
    /// Returns the buffer that was left in it.
    #[inline(always)]
    pub(crate) fn begin_again(&mut self, id: SpanId) -> Option<Box<Buffer>> {
        self.id = id;
        self.take_buffer()
    }

    /// The buffer, if it is there.
    #[inline(always)]
    pub(crate) fn take_buffer(&mut self) -> Option<Box<Buffer>> {
        self.buffer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// A span that has not started, and its buffer, which has no name yet.
    #[inline(always)]
    pub(crate) fn draft(
        trace: &Arc<TraceState>,
        id: impl FnOnce() -> SpanId,
        kind: ObservationType,
    ) -> (UnstartedSpan, Box<Buffer>) {
        let (span, mut buffer) = UnstartedSpan::new(trace, id);
        buffer.begin(span.id, kind);
        (span, buffer)
    }

    /// Opens a span. Its buffer has all but the start time.
    pub(crate) fn open(span: UnstartedSpan, mut buffer: Box<Buffer>) -> OpenSpanRef {
        span.begin(&mut buffer);
        span.start(Some(buffer))
    }

    /// Writes what is known when the span starts.
    #[inline]
    pub(crate) fn begin(&self, buffer: &mut Buffer) {
        buffer.head.set_start(self.trace.now());
        if buffer.head.kind() == ObservationType::Generation {
            inherited::link_prompt(buffer);
        }
    }

    /// Sets the buffer that its handles write to.
    #[inline]
    pub(crate) fn fill(&mut self, buffer: Option<Box<Buffer>>) {
        *self
            .buffer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = buffer;
    }

    /// Ends it, if it is open, after its last handle was dropped. An empty buffer is left in it. Returns whether it may be
    /// [begun again](Self::begin_again): not if it is the root, because its trace has usually ended with it.
    #[inline]
    pub(crate) fn close(&mut self) -> bool {
        // No other handle exists, so the lock is not needed.
        if let Some(mut buffer) = self.take_buffer() {
            self.finish(&mut buffer, None);
            self.fill(emptied(buffer));
        }
        let is_root = self.id == self.trace.shared.root;
        if is_root {
            *lock(&self.trace.root_ref) = None;
        }
        !is_root
    }

    /// Writes to the span if it is still open. `f` runs under the lock, so it must not call the user's code.
    pub(crate) fn write(&self, f: impl FnOnce(&mut Buffer)) {
        match lock(&self.buffer).as_deref_mut() {
            Some(buffer) => f(buffer),
            None => self.trace.core.note_late_write(),
        }
    }

    /// Records an error. It is marked as propagated if this span or a child recorded it before.
    pub(crate) fn add_exception(&self, time: Timestamp, exception: Exception, returned: bool) {
        let id = SpanId::random();
        self.write(|buffer| {
            let propagated =
                self.trace
                    .failures
                    .note(self.id, buffer.head.parent(), &exception, returned);
            buffer.add_exception(id, time, exception, propagated);
        });
    }

    /// Sets how many chunks of a stream came after the first one, where spans are measured.
    pub(crate) fn set_output_chunks(&self, chunks: u64) {
        if self.trace.core.measures && chunks > 0 {
            self.write(|buffer| buffer.set_output_chunks(chunks));
        }
    }

    /// Whether inputs and outputs are recorded.
    pub(crate) fn captures(&self) -> bool {
        self.trace.captures()
    }

    pub(crate) fn is_open(&self) -> bool {
        lock(&self.buffer).is_some()
    }

    /// What kind of work it is; `None` once it has ended.
    pub(crate) fn kind(&self) -> Option<ObservationType> {
        lock(&self.buffer)
            .as_deref()
            .map(|buffer| buffer.head.kind())
    }

    /// The name, and when the trace was begun in this process, if the span is open and the first of its trace here. The
    /// start time of the span may be set to the past, so it does not tell how long handles have been kept.
    pub(crate) fn open_root(&self) -> Option<(String, Timestamp)> {
        let guard = lock(&self.buffer);
        let buffer = guard.as_deref()?;
        let is_root = buffer.head.parent().is_none() || buffer.head.remote_parent();
        is_root.then(|| (buffer.name().to_owned(), self.trace.anchor.begun()))
    }

    /// Ends the span after `last` wrote to it; `false` if it had ended before.
    pub(crate) fn end(&self, last: impl FnOnce(&mut Buffer)) -> bool {
        self.end_as_of(None, last)
    }

    /// Ends the span at a given time.
    pub(crate) fn end_at(&self, time: Timestamp) {
        self.end_as_of(Some(time), |_| {});
    }

    fn end_as_of(&self, time: Option<Timestamp>, last: impl FnOnce(&mut Buffer)) -> bool {
        let taken = lock(&self.buffer).take();
        let Some(mut buffer) = taken else {
            return false;
        };
        last(&mut buffer);
        self.finish(&mut buffer, time);
        give_buffer(buffer);
        true
    }

    #[inline(always)]
    fn finish(&self, buffer: &mut Buffer, time: Option<Timestamp>) {
        // The monotonic clock cannot step back, but an injected clock may.
        let end = time.unwrap_or_else(|| self.trace.now());
        buffer.head.set_end(end.max(buffer.head.start()));
        buffer.seal();
        let trace = &*self.trace;
        let span = FinishedSpan {
            buffer,
            trace: &trace.shared,
        };
        if trace.is_sampled() {
            trace.core.processor.on_finish(&span);
        } else {
            trace.core.processor.on_unsampled(&span);
        }
    }

    /// Ends a span whose work was cancelled. `message` says how, after `cancelled: `.
    pub(crate) fn end_cancelled(&self, message: &str) {
        self.end(|buffer| abandon(buffer, message));
    }

    /// Ends a span that shutdown found open.
    pub(crate) fn end_unfinished(&self) -> bool {
        self.end(|buffer| {
            abandon(
                buffer,
                "unfinished: still open when the tracer was shut down",
            )
        })
    }
}

/// Sets a level and a message, unless the user set them.
fn abandon(buffer: &mut Buffer, message: &str) {
    let head = &mut buffer.head;
    if head.level().is_none() && head.status() == StatusCode::Unset {
        head.set_level(Some(Level::Warning));
    }
    if !buffer.has(Role::StatusMessage) {
        buffer.set_status_message(message);
    }
}
