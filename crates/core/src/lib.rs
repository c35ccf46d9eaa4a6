//! Records what an LLM application did: traces of nested observations, without a runtime or a network.
//!
//! Depend on this crate to instrument a library: with `default-features = false`, so that the application
//! decides whether anything is recorded. Without the feature `record`, which the facade's exporters bring,
//! handles are empty and calls compile to nothing. To trace an application and deliver its traces,
//! depend on `tracefuse`; to write an exporter, on `tracefuse-exporter`.
//!
//! ```
//! use tracefuse_core::{Processor, Tracer, Usage, record::SpanRecord};
//!
//! /// Finished spans leave the core through a processor; `tracefuse-runtime` has the one that delivers.
//! struct Print;
//! impl Processor for Print {
//!     fn on_end(&self, span: SpanRecord) {
//!         println!("{} {} {:?}", span.observation_type(), span.name(), span.duration());
//!     }
//! }
//!
//! let tracer = Tracer::builder(Print).build();
//! let answer = tracer.trace("support-chat").user_id("user123").run(|trace| {
//!     let docs = trace.retriever("vector-search").metadata("top_k", 5).run(|_| vec!["doc 1", "doc 2"]);
//!     trace.generation("answer").model("gpt-4o").input(&docs).run(|span| {
//!         span.set_usage(Usage::openai(812, 164));
//!         span.set_output("It depends.");
//!         "It depends."
//!     })
//! });
//! assert_eq!(answer, "It depends.");
//! ```
//!
//! In reading order: [`Tracer`] begins a [`Trace`], a trace and its [`Span`]s start further spans
//! through a [`SpanBuilder`], [`InSpan`] carries a span into spawned futures, [`ObserveStream`] into
//! streams, [`Processor`] receives finished spans, and [`record`] has the types of finished spans.
//!
//! Nothing here starts a thread, blocks (except a flush), or panics. Ending a span costs
//! some hundred nanoseconds; a span of a tracer that is off costs a few, and no allocation.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod biased;
#[cfg(test)]
mod biased_tests;
#[doc(hidden)]
pub mod bridge;
mod clock;
mod contained;
mod fence;
mod llm;
mod processor;
pub mod propagation;
pub mod record;
mod report;
mod span;
mod sync;
#[cfg(any(test, feature = "testing"))]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod thread_buffer;
mod trace;

pub use clock::{Clock, ManualClock, TimeSource};
pub use llm::stream;
pub use llm::stream::{ObserveStream, Observed};
pub use processor::Processor;
pub use record::{
    AsException, Cost, Exception, Level, Link, ObservationType, ScoreTarget, ScoreValue, SpanId,
    Status, Timestamp, TraceId, Usage,
};
pub use report::{DropReason, ExporterStats, Health, Incomplete, RejectReason, Report, Stats};
pub use span::builder::SpanBuilder;
pub use span::current::Entered;
pub use span::event::EventBuilder;
pub use span::future::{InSpan, WithSpan};
pub use span::handle::Span;
pub use span::score::ScoreBuilder;
pub use trace::builder::TraceBuilder;
pub use trace::handle::Trace;
pub use trace::sampler::{SampleRate, SampleRateError, Sampler, SamplingInput};
pub use trace::scope::{EnteredScope, Scoped, WithAttributes, with_attributes};
pub use trace::settings::TracerBuilder;
pub use trace::tracer::Tracer;

/// Types that only an implementation of [`Processor`] names.
pub mod wiring {
    pub use crate::fence::prepare as prepare_fence;
    pub use crate::processor::ReportFuture;
    pub use crate::report::Leak;
    pub use crate::thread_buffer::{Bounds, ThreadBuffer, Waiting};
}
