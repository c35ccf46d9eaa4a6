//! Functions for bridges from other tracing systems. Applications do not need them.
//! Used by `tracefuse-tracing`, `tracefuse-opentelemetry`, `tracefuse-http-client` and what they share, by `tracefuse-prompts` and
//! `tracefuse-experiments`, and by `tracefuse-runtime` to mark its threads. Not covered by semantic versioning.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Weak};

use crate::llm::provider::error;
use crate::llm::usage;
use crate::record::guard::text_of_args;
use crate::record::{self, Role, Usage};
use crate::record::{
    AsException, Exception, Level, ObservationType, SpanId, StatusCode, Timestamp, TraceAttributes,
    TraceId,
};
pub use crate::record::{Convention, Count};
use crate::report::Stats;
pub use crate::span::delivering::{is_suppressed, suppress_thread};
pub use crate::span::feature::RECORDS;
use crate::span::feature::recorded;
use crate::span::handle::Span;
use crate::span::open::{OpenSpan, TraceState};
use crate::span::run;
use crate::span::shared::TracerShared;
use crate::span::unrecorded::{ForwardGuard, Forwarded, Unrecorded};
use crate::trace::builder::TraceBuilder;
use crate::trace::guard::TracerGuard;
use crate::trace::handle::Trace;
use crate::trace::sampler::SamplingInput;
use crate::trace::tracer::Tracer;

/// A weak reference to a tracer. A subscriber exists as long as the process; it must not keep the tracer open.
#[derive(Clone)]
pub struct WeakTracer(Weak<TracerGuard>);

impl WeakTracer {
    /// Of this tracer.
    #[must_use]
    pub fn new(tracer: &Tracer) -> Self {
        let owner: Option<&Arc<TracerGuard>> = tracer
            .owner
            .as_ref()
            .map(|owner| -> &Arc<TracerGuard> { owner });
        Self(owner.map_or_else(Weak::new, Arc::downgrade))
    }

    /// The tracer, unless its last handle is gone.
    #[must_use]
    pub fn upgrade(&self) -> Option<Tracer> {
        let owner = self.0.upgrade()?;
        let owner = Some(recorded(owner)?);
        Some(Tracer { owner })
    }
}

impl fmt::Debug for WeakTracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakTracer").finish_non_exhaustive()
    }
}

/// The numbers of a tracer. This does not keep the tracer open, and reading them does not shut it down.
#[derive(Clone)]
pub struct WeakStats(Weak<TracerShared>);

impl WeakStats {
    /// Of this tracer.
    #[must_use]
    pub fn new(tracer: &Tracer) -> Self {
        let shared = tracer
            .owner
            .as_ref()
            .map(|owner| Arc::downgrade(&owner.shared));
        Self(shared.unwrap_or_default())
    }

    /// The numbers so far; `None` if neither the tracer nor a span of it is left.
    #[must_use]
    pub fn read(&self) -> Option<Stats> {
        let shared = self.0.upgrade()?;
        Some(shared.complete_stats(shared.processor.stats()))
    }
}

impl fmt::Debug for WeakStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WeakStats").finish_non_exhaustive()
    }
}

/// Writes to what all spans of this span's trace share. `f` runs under a lock, so it must call no code of the user.
pub fn update_trace(span: &Span, f: impl FnOnce(&mut TraceAttributes)) {
    if let Some(open) = &span.open {
        open.trace.shared.update(f);
    }
}

/// For the `Serialize` of a text that was made from a managed prompt: the generation whose input is being captured on
/// this thread is linked to the prompt. Does nothing in any other serialization.
pub fn note_prompt(name: &Arc<str>, version: u32) {
    if RECORDS {
        record::note_prompt(name, version);
    }
}

/// Whether this is a span of a trace that the sampler left out.
#[must_use]
pub fn is_unsampled(span: &Span) -> bool {
    span.reason().is_unsampled()
}

/// Whether `span` was the answer of `Span::current()` where no span is current.
#[must_use]
pub fn is_outside_trace(span: &Span) -> bool {
    RECORDS && span.unrecorded.is_outside()
}

/// The kind of an open span; `None` if it has ended or is not recorded.
#[must_use]
pub fn observation_type(span: &Span) -> Option<ObservationType> {
    span.open.as_ref()?.kind()
}

/// The time by the clock of the span's trace; `None` if it is not recorded.
#[must_use]
pub fn now(span: &Span) -> Option<Timestamp> {
    span.open.as_ref().map(|open| open.trace.now())
}

/// The provider that is called, by OpenTelemetry's name (`gen_ai.provider.name`), over what an answer shows.
pub fn set_provider(span: &Span, provider: &str) {
    span.write(|buffer| {
        buffer.put(
            Role::Call,
            record::PROVIDER,
            record::ValueRef::Str(provider),
        );
    });
}

/// The model that was asked for, beside the one that is set already: another one answered.
pub fn set_request_model(span: &Span, model: &str) {
    span.write(|buffer| buffer.set_request_model(model));
}

/// The model that answered; the one that was set before is the one that was asked for.
pub fn set_response_model(span: &Span, model: &str) {
    span.write(|buffer| buffer.set_response_model(model));
}

/// The error that the body of a failed response describes; `None` if the body describes none. `provider` begins its kind,
/// as in `openai.invalid_request_error`.
#[must_use]
pub fn error_in(body: &str, provider: &str) -> Option<Exception> {
    match serde_json::from_str(body) {
        Ok(tree) => error::read(&tree, provider),
        Err(_) => error::of_text(body, provider),
    }
}

/// Begins a trace that is not recorded: it forwards what `continue_from` received, and spans below it begin no
/// trace.
#[must_use]
pub fn start_unrecorded(trace: TraceBuilder) -> Trace {
    trace.start_unrecorded()
}

/// Runs a closure with `span` current and leaves the span open, for work that goes on, such as a stream. A panic is
/// recorded and ends the span.
pub fn run_open_sync<R>(span: &Span, f: impl FnOnce() -> R) -> R {
    run::run_open_sync(span, f)
}

pub use crate::span::run::FUTURE_DROPPED;

/// Ends a span whose work was cancelled; `message` says how.
pub fn end_cancelled(span: &Span, message: &str) {
    if let Some(open) = &span.open {
        open.end_cancelled(message);
    }
}

/// Records a panic on the span and ends it.
pub fn record_panic(span: &Span, panic: &(dyn Any + Send)) {
    run::record_panic(span, panic);
}

/// A span that another tracing system has begun, whose ids and times are known.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "a bridge gives all of it, and is changed with it"
)]
pub struct Measured<'a> {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span above it.
    pub parent: Option<SpanId>,
    /// Whether that is a span of another process.
    pub parent_is_remote: bool,
    /// Its name, which is also that of the trace if it is a root.
    pub name: &'a str,
    /// When it began.
    pub start: Timestamp,
}

/// Opens it once more, to be written to and ended at its time. The handle does nothing if it is not
/// recorded: the tracer is off or closed, or its sampler leaves the trace out.
///
/// Spans of one trace come alone and in any order. So each has its own trace attributes, and the
/// sampler is asked for each.
#[must_use]
pub fn reopen(tracer: &Tracer, span: &Measured<'_>) -> Span {
    let Some(core) = tracer.owner.as_ref().map(|owner| &owner.shared) else {
        return Span::noop();
    };
    if !core.admits() {
        return Span::noop();
    }
    let is_root = span.parent.is_none();
    let mut attributes = TraceAttributes::default();
    if is_root {
        span.name.clone_into(&mut attributes.name);
    }
    let input = SamplingInput {
        trace_id: span.trace_id,
        attributes: &attributes,
        observation_type: ObservationType::Span,
        remote_parent: span.parent.filter(|_| span.parent_is_remote),
        remote_sampled: None,
    };
    let mut unsampled = None;
    if !core.sampler.should_sample(&input) {
        if is_root || span.parent_is_remote {
            core.note_unsampled();
        }
        if !core.measures {
            return Span::unrecorded(Unrecorded::UNSAMPLED);
        }
        let forwarded = Forwarded {
            parent: None,
            received: None,
        };
        unsampled = Some(ForwardGuard::new(Unrecorded::UNSAMPLED, forwarded));
    }
    // Which span of this process is the first is not known, but that all of a trace belong together.
    let part = SpanId::from_bytes(span.trace_id.low_bits().to_be_bytes()).unwrap_or(span.span_id);
    let mut trace = TraceState::new(
        core.clone(),
        span.trace_id,
        part,
        core.clock.anchor(),
        attributes,
    );
    trace.unsampled = unsampled;
    let (draft, mut buffer) =
        OpenSpan::draft(&Arc::new(trace), || span.span_id, ObservationType::Span);
    buffer.begin_name(span.name);
    buffer.head.set_parent(span.parent);
    buffer
        .head
        .set_remote_parent(span.parent.is_some() && span.parent_is_remote);
    let open = OpenSpan::open(draft, buffer);
    open.write(|buffer| buffer.head.set_start(span.start));
    Span {
        open: recorded(open),
        unrecorded: Unrecorded::NOOP,
    }
}

/// How many chunks of a streamed answer came after the first one. Recorded where spans are measured.
pub fn set_output_chunks(span: &Span, chunks: u64) {
    if let Some(open) = &span.open {
        open.set_output_chunks(chunks);
    }
}

/// A count, as frameworks write it: a number, also as a float or as text.
#[must_use]
pub fn count(value: &serde_json::Value) -> Option<u64> {
    usage::count(Some(value))
}

/// An amount of US dollars, as frameworks write it.
#[must_use]
pub fn dollars(value: &serde_json::Value) -> Option<f64> {
    usage::dollars(value)
}

/// The usage that a provider's own report states, such as `{"prompt_tokens": 8, "total_tokens": 8}`; `None` if it is
/// a report of no known language.
#[must_use]
pub fn reported_usage(report: &serde_json::Value) -> Option<Usage> {
    usage::reported(report)
}

/// Whether inputs and outputs set on this span are recorded.
#[must_use]
pub fn captures_content(span: &Span) -> bool {
    span.captures()
}

/// Records the error that a span's work ends with, which the span may have recorded itself.
pub fn record_returned<E: AsException<Via> + ?Sized, Via>(span: &Span, error: &E) {
    if span.open.is_some() {
        span.record_failure(Exception::read(error), true);
    }
}

/// [`record_returned`] of an error that is described.
pub fn record_returned_exception(span: &Span, exception: Exception) {
    span.record_failure(exception, true);
}

/// The text of a user's `Display` or `Debug`, at most 1 MiB. Where that fails or panics, a text that says so.
#[must_use]
pub fn text_of(args: fmt::Arguments<'_>) -> String {
    text_of_args(args)
}

/// Records an error at the moment it happened, see [`Span::record_exception`].
pub fn record_exception_at(span: &Span, time: Timestamp, exception: Exception) {
    if let Some(open) = &span.open {
        open.add_exception(time, exception, false);
    }
}

/// Marks it as failed, without a status message. A level that was set stays.
pub fn set_failed(span: &Span) {
    span.write(|buffer| {
        let level = buffer.head.level().unwrap_or(Level::Error);
        buffer.head.set_status(StatusCode::Error);
        buffer.head.set_level(Some(level));
    });
}

/// The moment the first token arrived, from the span's start.
pub fn set_first_token(span: &Span, when: impl FnOnce(Timestamp) -> Timestamp) {
    span.write(|buffer| buffer.set_completion_start(when(buffer.head.start())));
}
