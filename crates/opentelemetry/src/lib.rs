//! Spans of the OpenTelemetry SDK through the delivery of tracefuse.
//!
//! An application that has an `SdkTracerProvider` sends its LLM spans to Langfuse, or to any destination of a
//! [`Tracer`](tracefuse_core::Tracer), with that tracer's queue, batches, retries, masks and accounting:
//!
//! ```
//! use opentelemetry_sdk::trace::SdkTracerProvider;
//! use tracefuse_opentelemetry::TracefuseExporter;
//!
//! # let tracer = tracefuse_core::Tracer::noop();
//! let provider = SdkTracerProvider::builder()
//!     .with_span_processor(TracefuseExporter::new(&tracer)) // beside those it has
//!     .build();
//! # provider.shutdown()?;
//! # Ok::<(), opentelemetry_sdk::error::OTelSdkError>(())
//! ```
//!
//! # As a processor or as an exporter
//! [`TracefuseExporter`] is both a `SpanProcessor` and a `SpanExporter`. As a processor, a span that ends is
//! translated and pushed into the tracer's queue, which is bounded and has its own thread: a
//! microsecond or two, and `force_flush` waits for the delivery. `with_simple_exporter` does
//! the same under a lock, and its `force_flush` does nothing, as in the SDK 0.33. `with_batch_exporter` puts a
//! second queue, which drops silently when it is full, and a second thread before the tracer's.
//!
//! # What is recorded
//! Sampled spans that are about a language model ([`is_llm`]), or others by
//! [`with_filter`](TracefuseExporter::with_filter) and [`all`](TracefuseExporter::all), by the rules of
//! `tracefuse-semconv`. Ids, names and times are kept as they are. The parent of a recorded span is its nearest ancestor
//! that is recorded too; without one the span is a root of its trace, beside others of the same trace. An exporter sees no
//! starts, so there only ancestors of the same batch, or of batches before, are known to be left out.

#![forbid(unsafe_code)]
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

mod ancestors;
mod counted;
mod event;
mod exporter;
mod filter;
mod span;
mod value;

pub use exporter::TracefuseExporter;
pub use filter::is_llm;
