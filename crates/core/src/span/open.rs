//! An open span: its buffer behind a lock, its trace, and the rule that it ends once.
//! Shared by all handles of the span, see `registry`; started by `start`, written through `span`, left to `Processor` at its end.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::clock::Anchor;
use crate::record::{
    Buffer, Exception, FinishedSpan, Level, ObservationType, Role, SpanId, StatusCode, Timestamp,
    TraceAttributes, TraceId, give_buffer,
};
use crate::span::failures::Failures;
use crate::span::inherited;
use crate::span::shared::{TracerShared, lock};
use crate::span::slots::{OpenSpanRef, WeakSpanRef};
use crate::span::unrecorded::{ForwardGuard, Forwarded, Received, Unrecorded};

/// What all spans of a trace share.
pub(crate) struct TraceState {
    pub(crate) core: Arc<TracerShared>,
    pub(crate) id: TraceId,
    pub(crate) anchor: Anchor,
    /// Its first span in this process.
    pub(crate) root: SpanId,
    /// The root while it is open; set when a trace handle begins it.
    root_ref: OnceLock<WeakSpanRef>,
    /// What came with the request that this trace continues.
    pub(crate) received: Option<Arc<Received>>,
    /// What the trace forwards, if the sampler left it out and its spans are only measured.
    pub(crate) unsampled: Option<ForwardGuard>,
    /// What spans forward that are started while the tracer does not record.
    forward: OnceLock<ForwardGuard>,
    /// Copied on write, so that ended spans keep what they saw and share it.
    attributes: Mutex<Arc<TraceAttributes>>,
    /// Errors that callers may record again.
    failures: Failures,
    /// Which state of which trace that is: no two in this process have the same.
    version: AtomicU64,
}

/// Zero is no version.
static NEXT_VERSION: AtomicU64 = AtomicU64::new(1);

fn new_version() -> u64 {
    NEXT_VERSION.fetch_add(1, Ordering::Relaxed)
}

thread_local! {
    /// The attributes this thread saw last: most spans of a trace end with the same ones, and need no lock.
    static CACHED: RefCell<(u64, Option<Arc<TraceAttributes>>)> = const { RefCell::new((0, None)) };
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
            id,
            root,
            root_ref: OnceLock::new(),
            received: None,
            unsampled: None,
            forward: OnceLock::new(),
            anchor,
            attributes: Mutex::new(Arc::new(attributes)),
            failures: Failures::default(),
            version: AtomicU64::new(new_version()),
        }
    }

    /// Shows the attributes as they are now.
    pub(crate) fn attributes<R>(&self, mut show: impl FnMut(&Arc<TraceAttributes>) -> R) -> R {
        let version = self.version.load(Ordering::Acquire);
        let seen = CACHED.try_with(|seen| {
            let mut seen = seen.try_borrow_mut().ok()?;
            if seen.0 != version {
                let attributes = lock(&self.attributes);
                // Read again under the lock: version and attributes belong together.
                *seen = (
                    self.version.load(Ordering::Acquire),
                    Some(attributes.clone()),
                );
            }
            seen.1.as_ref().map(&mut show)
        });
        let seen = seen.ok().flatten();
        seen.unwrap_or_else(|| {
            let attributes = lock(&self.attributes).clone();
            show(&attributes)
        })
    }

    /// Remembers the root, for `Trace::current`.
    pub(crate) fn set_root(&self, root: &OpenSpanRef) {
        let _ = self.root_ref.set(root.downgrade());
    }

    /// A handle of the root. If the root is gone, of a span that has ended and has its id: children can start
    /// below it, and the trace's attributes can be set.
    pub(crate) fn root_handle(self: &Arc<Self>) -> OpenSpanRef {
        let root = self.root_ref.get().and_then(|root| root.upgrade(self.root));
        root.unwrap_or_else(|| {
            OpenSpanRef::new(OpenSpan {
                trace: self.clone(),
                id: self.root,
                buffer: Mutex::new(None),
            })
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

    /// For a span of this trace that is not recorded because the tracer is closed or paused: the trace was
    /// sampled, and its root is the nearest span that was recorded for sure.
    pub(crate) fn unrecorded(&self) -> Unrecorded {
        if let Some(guard) = &self.unsampled {
            return guard.unrecorded();
        }
        let guard = self.forward.get_or_init(|| {
            let forwarded = Forwarded {
                parent: Some((self.id, self.root, 1)),
                received: self.received.clone(),
            };
            ForwardGuard::new(Unrecorded::OFF, forwarded)
        });
        guard.unrecorded()
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.anchor.now(&self.core.clock)
    }

    pub(crate) fn update(&self, f: impl FnOnce(&mut TraceAttributes)) {
        let mut attributes = lock(&self.attributes);
        f(Arc::make_mut(&mut attributes));
        self.version.store(new_version(), Ordering::Release);
    }
}

pub(crate) struct OpenSpan {
    pub(crate) trace: Arc<TraceState>,
    pub(crate) id: SpanId,
    /// `None` once it has ended.
    buffer: Mutex<Option<Box<Buffer>>>,
}

impl OpenSpan {
    /// Opens a span whose buffer is filled but for its start.
    pub(crate) fn open(trace: Arc<TraceState>, mut buffer: Box<Buffer>) -> OpenSpanRef {
        let id = buffer.span_id;
        buffer.start = trace.now();
        if buffer.kind == ObservationType::Generation {
            inherited::link_prompt(&mut buffer);
        }
        OpenSpanRef::new(Self {
            trace,
            id,
            buffer: Mutex::new(Some(buffer)),
        })
    }

    /// Writes to the span if it is still open. `f` runs under the lock: nothing of the user's in it.
    pub(crate) fn write(&self, f: impl FnOnce(&mut Buffer)) {
        match lock(&self.buffer).as_deref_mut() {
            Some(buffer) => f(buffer),
            None => self.trace.core.note_late_write(),
        }
    }

    /// Records an error, marked if it is one that this span or one below it recorded before.
    pub(crate) fn add_exception(&self, time: Timestamp, exception: Exception, returned: bool) {
        let id = SpanId::random();
        self.write(|buffer| {
            let propagated = self
                .trace
                .failures
                .note(self.id, buffer.parent, &exception, returned);
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
        lock(&self.buffer).as_deref().map(|buffer| buffer.kind)
    }

    /// Name and the moment the trace was begun here, if it is open and the first of its trace here. A start that
    /// was set to the past says nothing about how long handles have been kept.
    pub(crate) fn open_root(&self) -> Option<(String, Timestamp)> {
        let guard = lock(&self.buffer);
        let buffer = guard.as_deref()?;
        let is_root = buffer.parent.is_none() || buffer.remote_parent;
        is_root.then(|| (buffer.name().to_owned(), self.trace.anchor.begun()))
    }

    /// Ends the span after a last word; `false` if it had ended before.
    pub(crate) fn end(&self, last: impl FnOnce(&mut Buffer)) -> bool {
        self.end_as_of(None, last)
    }

    /// Ends the span at a moment that was measured elsewhere.
    pub(crate) fn end_at(&self, time: Timestamp) {
        self.end_as_of(Some(time), |_| {});
    }

    fn end_as_of(&self, time: Option<Timestamp>, last: impl FnOnce(&mut Buffer)) -> bool {
        let taken = lock(&self.buffer).take();
        let Some(mut buffer) = taken else {
            return false;
        };
        last(&mut buffer);
        self.finish(buffer, time);
        true
    }

    fn finish(&self, mut buffer: Box<Buffer>, time: Option<Timestamp>) {
        // The monotonic clock cannot step back, but an injected one may.
        buffer.end = time.unwrap_or_else(|| self.trace.now()).max(buffer.start);
        buffer.seal();
        let trace = &*self.trace;
        trace.attributes(|attributes| {
            let span = FinishedSpan {
                buffer: &buffer,
                trace_id: trace.id,
                local_root: trace.root,
                trace: attributes,
            };
            if trace.is_sampled() {
                trace.core.processor.on_finish(&span);
            } else {
                trace.core.processor.on_unsampled(&span);
            }
        });
        give_buffer(buffer);
    }

    /// Ends a span whose work was given up before it was done; `message` says how, after `cancelled: `.
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

/// A level and a message that the user set stay.
fn abandon(buffer: &mut Buffer, message: &str) {
    if buffer.level.is_none() && buffer.status == StatusCode::Unset {
        buffer.level = Some(Level::Warning);
    }
    if !buffer.has(Role::StatusMessage) {
        buffer.set_status_message(message);
    }
}

impl Drop for OpenSpan {
    /// The last handle is gone: the span has ended, whatever was meant.
    fn drop(&mut self) {
        // No other handle exists, so the lock is not needed.
        let buffer = self
            .buffer
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = buffer.take() {
            self.finish(buffer, None);
        }
    }
}
