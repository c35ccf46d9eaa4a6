//! Delivers what `tracefuse-core` recorded: bounded queues, batches, retries, a circuit breaker, and
//! an outcome for every span.
//!
//! Depend on `tracefuse` to trace an application; on this crate only to wire a tracer by hand.
//!
//! In reading order: [`Pipeline`] is the `Processor` that a tracer is built on; [`PipelineConfig`] has its settings;
//! [`Overload`] says what happens when a queue is full, and [`WhileOpen`] while the circuit breaker is open;
//! [`TailSampler`] keeps a trace's spans until the trace ends. `spool`, behind the feature of that
//! name, is a bounded queue of batches on disk, for what cannot be delivered yet or must outlive the
//! process: see [`PipelineBuilder`]'s `spool`.
//!
//! Finished spans come in on callers' threads and go to exporters on our own threads, one for each
//! exporter, with its async runtime: no runtime of the application is needed, and none is blocked. Callers do a bounded
//! amount of work, and wait only if the queue is nearly full: at most 15 ms by default, or as [`Overload`] says.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod config;
#[cfg(feature = "conformance")]
#[cfg_attr(docsrs, doc(cfg(feature = "conformance")))]
pub mod conformance;
mod delivery;
mod ledger;
mod log;
mod pipeline;
mod queue;
mod sync;
mod tail_sampling;
/// The buffers of threads, which the core appends to. Here under this name for the shuttle tests.
mod thread_buffer {
    pub(crate) use tracefuse_core::wiring::{Bounds, ThreadBuffer, Waiting};
}
mod worker;

pub use config::{Overload, PipelineConfig, PipelineConfigError, SpoolMode, WhileOpen, limits};
#[cfg(feature = "spool")]
#[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
pub use delivery::disk::SpooledRecord;
#[doc(hidden)]
pub use log::{metrics_failed, metrics_recovered};
pub use pipeline::{Pipeline, PipelineBuilder};
pub use tail_sampling::{TailSampler, TailSampling};
#[cfg(feature = "spool")]
#[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
pub use tracefuse_spool as spool;
#[doc(hidden)]
pub use worker::{BlockingTask, spawn_on_thread};

use tracefuse_exporter::contain;
