//! Every log line of delivery: what happened, to what, what to do. The only place of log lines in this crate.
//! Called by all modules, never under a lock: a log subscriber is code of the application.
//!
//! A line never holds a payload, and no text of others that could forge a line: names and errors pass `plain_text`.

use tokio::time::Duration;
use tracefuse_core::DropReason;
use tracefuse_core::wiring::Leak;
use tracefuse_exporter::plain_text;

use crate::contain::log_line as line;

const MORE: &str = "more of the same were not logged";

pub(crate) fn queue_full(exporter: &str, reason: DropReason, suppressed: u64) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", exporter, %reason, suppressed,
            "spans are dropped: the queue is full. Raise `max_queue_size` or `max_queue_bytes`, or sample ({MORE})"
        );
    });
}

pub(crate) fn export_failed(exporter: &str, spans: usize, error: &str, suppressed: u64) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", exporter, spans, error = &*plain_text(error), suppressed,
            "an export failed ({MORE})"
        );
    });
}

pub(crate) fn breaker_opened(exporter: &str, error: &str, retry_in: Duration) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", exporter, error = &*plain_text(error), retry_in_s = retry_in.as_secs(),
            "the circuit breaker opened: spans are kept until the receiver answers again"
        );
    });
}

pub(crate) fn breaker_closed(exporter: &str) {
    line(|| {
        tracing::info!(
            target: "tracefuse", exporter,
            "the receiver answers again: the circuit breaker closed"
        );
    });
}

pub(crate) fn refused(exporter: &str, error: &str, retry_in: Duration) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, error = &*plain_text(error), retry_in_s = retry_in.as_secs(),
            "the receiver refuses our requests: check the keys and the address. Spans are kept, and one attempt is made after each `retry_in_s`"
        );
    });
}

pub(crate) fn rejected(exporter: &str, spans: usize, error: &str, suppressed: u64) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans, error = &*plain_text(error), suppressed,
            "spans were rejected ({MORE})"
        );
    });
}

pub(crate) fn exporter_panicked(exporter: &str, method: &str, error: &str, suppressed: u64) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, method, error = &*plain_text(error), suppressed,
            "a method of the exporter panicked; delivery goes on without its answer ({MORE})"
        );
    });
}

pub(crate) fn delivery_panicked(exporter: &str, spans: usize, error: &str) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans, error = &*plain_text(error),
            "delivery panicked: the spans that it was sending are lost, the others are sent"
        );
    });
}

pub(crate) fn delivery_ended(exporter: &str, spans: usize) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans,
            "the thread that delivers has ended before a shutdown: its spans are lost, and nothing more is delivered"
        );
    });
}

pub(crate) fn outside_trace(span: &str) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", span = &*plain_text(span),
            "a span was started where no trace is current, and is not recorded: begin a trace, take the current span into the task or thread (`in_current_span`), or call `set_global` for `#[observe]`. Further ones are counted in `stats().outside_trace`"
        );
    });
}

pub(crate) fn leak(leak: &Leak) {
    match leak {
        Leak::Long { name, age } => line(|| {
            tracing::warn!(
                target: "tracefuse", trace = &*plain_text(name), open_s = age.as_secs(),
                "a trace has been open for a long time: is a handle of it kept somewhere? It is delivered when the last one is dropped"
            );
        }),
        Leak::Many { open } => line(|| {
            tracing::warn!(
                target: "tracefuse", open,
                "many spans are open at once: are handles kept somewhere? Each takes memory until it ends"
            );
        }),
        _ => {}
    }
}

pub(crate) fn masking_failed(exporter: &str, values: u64, suppressed: u64) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, values, suppressed,
            "the masker panicked: the values it was shown are exported as `<masking failed>` ({MORE})"
        );
    });
}

pub(crate) fn released_early(traces: u64, suppressed: u64) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", traces, suppressed,
            "traces are kept before their end is known: tail sampling has reached a bound. Raise the bounds of `TailSampling`, or end traces sooner ({MORE})"
        );
    });
}

pub(crate) fn given_up(exporter: &str, spans: usize, reason: DropReason, suppressed: u64) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans, %reason, suppressed,
            "spans were dropped after every attempt that the settings allow ({MORE})"
        );
    });
}

#[cfg(feature = "spool")]
pub(crate) fn recovered(exporter: &str, found: &crate::spool::Recovered) {
    line(|| {
        tracing::info!(
            target: "tracefuse", exporter, spans = found.frames, files = found.files,
            corrupt_files = found.corrupt_files,
            "spans of an earlier process were found in the spool and will be delivered"
        );
    });
}

#[cfg(feature = "spool")]
pub(crate) fn spool_failed(exporter: &str, error: &crate::spool::SpoolError, suppressed: u64) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", exporter, error = &*plain_text(&error.to_string()), suppressed,
            "the spool does not work: spans stay in memory, the disk is tried again in 30 s and at shutdown ({MORE})"
        );
    });
}

#[cfg(feature = "spool")]
pub(crate) fn spool_lost(exporter: &str, spans: usize, damaged: usize, suppressed: u64) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans, damaged, suppressed,
            "spans were lost from the spool: it is full, they were too old, or files were damaged or removed ({MORE})"
        );
    });
}

pub(crate) fn shutdown_loss(exporter: &str, spans: usize, error: Option<&str>) {
    line(|| {
        tracing::error!(
            target: "tracefuse", exporter, spans, error = &*plain_text(error.unwrap_or("none")),
            "spans were not delivered by the end of the shutdown and are lost; `error` is the last one of the receiver"
        );
    });
}

/// For `tracefuse-metrics`, which exports in the same way and logs through here.
#[doc(hidden)]
pub fn metrics_failed(endpoint: &str, error: &str) {
    line(|| {
        tracing::warn!(
            target: "tracefuse", endpoint = &*plain_text(endpoint), error = &*plain_text(error),
            "an export of metrics failed; the next one has the same numbers. Further failures are counted and not logged"
        );
    });
}

#[doc(hidden)]
pub fn metrics_recovered(endpoint: &str) {
    line(|| {
        tracing::info!(
            target: "tracefuse", endpoint = &*plain_text(endpoint),
            "the receiver of metrics answers again"
        );
    });
}
