//! Functions for bridges from other tracing systems. Applications do not need them.
//! Used by `tracefuse-tracing`, `tracefuse-opentelemetry`, `tracefuse-http-client` and what they share, by `tracefuse-prompts` and
//! `tracefuse-experiments`, and by `tracefuse-runtime` to mark its threads. Not covered by semantic versioning.

mod reopen;
mod weak;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::llm::provider::error;
use crate::llm::usage;
use crate::record::guard::text_of_args;
use crate::record::{self, Role, Usage};
use crate::record::{
    AsException, Exception, Level, ObservationType, StatusCode, Timestamp, TraceAttributes,
};
pub use crate::record::{Convention, Count};
pub use crate::span::delivering::{is_suppressed, suppress_thread};
pub use crate::span::feature::RECORDS;
use crate::span::handle::Span;
use crate::span::run;
use crate::trace::builder::TraceBuilder;
use crate::trace::handle::Trace;

pub use reopen::{Measured, reopen};
pub use weak::{WeakStats, WeakTracer};

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
