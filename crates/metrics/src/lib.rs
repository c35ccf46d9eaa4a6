//! Metrics of an LLM application from its finished spans: OpenTelemetry's instruments for generative AI, before sampling,
//! and the accounting of delivery: how many spans were exported, dropped, and are still queued.
//!
//! Use it as `tracefuse::metrics`, with the feature `metrics` of `tracefuse`. Depend on this crate only if you build a tracer
//! without `tracefuse`. [`Metrics`] is the handle: [`Metrics::processor`] measures, [`Metrics::prometheus`] gives the numbers as text,
//! and with the feature `otlp` they are exported (`OtlpMetricsConfig`).
//!
//! ```
//! use tracefuse_core::{Tracer, Usage, testing::Recorder};
//! use tracefuse_metrics::Metrics;
//!
//! let metrics = Metrics::new();
//! let tracer = Tracer::builder(metrics.processor(Recorder::new())).build();
//! metrics.watch(&tracer);
//! tracer.trace("request").run(|trace| {
//!     trace.generation("answer").model("gpt-4o").usage(Usage::new(812, 164)).run(|_| {});
//! });
//! let tokens = r#"gen_ai_client_inference_usage_input_tokens_total{gen_ai_operation_name="chat",gen_ai_provider_name="openai",gen_ai_request_model="gpt-4o",gen_ai_token_modality="unknown"} 812"#;
//! assert!(metrics.prometheus().contains(tokens));
//! ```
//!
//! # Instruments
//! | of | instrument | attributes |
//! | --- | --- | --- |
//! | generations | `gen_ai.client.inference.duration`, `.operation.input_tokens`, `.operation.output_tokens` | operation, provider, request and response model, `error.type` |
//! | streamed generations | `.time_to_first_chunk`, `.time_per_output_chunk` | the same without `error.type` |
//! | tokens | `.usage.input_tokens`, `.output_tokens`, `.cache_read.input_tokens`, `.cache_write.input_tokens`, `.reasoning.output_tokens` | the same without `error.type`, and `gen_ai.token.modality` |
//! | embeddings, retrievers | `gen_ai.client.operation.duration`; embeddings also the counter of input tokens | as generations |
//! | tools, agents | `gen_ai.execute_tool.duration`, `gen_ai.invoke_agent.duration` | name, `error.type`; agents also the model |
//! | delivery | `otel.sdk.*`, and `tracefuse.*` for what has no name there | exporter, `error.type` |
//!
//! The names are those of the conventions for generative AI, version 0.1.0, with the bucket boundaries they give;
//! [`MetricsBuilder::older_names`] adds the names before it. The time per output chunk of one call is the mean of the
//! call, counted once for each chunk. A user or a session is never an attribute.
//!
//! # What it costs
//! One look-up by a hash and some six atomic additions for a span, on the thread that ends it; no memory for a set of
//! attributes that is known. The number of sets has a limit ([`MetricsBuilder::max_series`]).
//! Spans of unsampled traces are recorded for this, without inputs, outputs and events.

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

mod accounting;
mod collect;
#[cfg(feature = "otlp")]
mod delta;
#[cfg(feature = "otlp")]
mod encode;
mod error;
mod exports;
mod facts;
mod histogram;
mod instrument;
mod labels;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
mod processor;
mod prometheus;
mod prometheus_names;
#[cfg(feature = "otlp")]
mod protobuf;
#[cfg(feature = "otlp")]
mod push;
mod registry;
mod series;
mod tokens;

pub use error::MetricsError;
pub use metrics::{Metrics, MetricsBuilder};
#[cfg(feature = "otlp")]
#[cfg_attr(docsrs, doc(cfg(feature = "otlp")))]
pub use otlp::OtlpMetricsConfig;
pub use processor::Measured;
