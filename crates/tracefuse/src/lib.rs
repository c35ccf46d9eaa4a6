//! Records what an LLM application did and delivers it to Langfuse.
//!
//! Agents, RAG pipelines and chat services become traces of nested observations: spans, generations,
//! tool calls, retrievals, events, with input, output, model, tokens, cost and errors. They go to
//! Langfuse, to any OpenTelemetry backend, or to the terminal.
//!
//! ```no_run
//! use tracefuse::Usage;
//!
//! fn main() -> anyhow::Result<()> {
//!     let tracer = tracefuse::from_env()?; // LANGFUSE_PUBLIC_KEY, LANGFUSE_SECRET_KEY; or TRACING_MODE=print
//!
//!     tracer.trace("support-chat").user_id("user123").run(|trace| {
//!         trace.set_input("What's the weather?");
//!         let docs = trace.retriever("vector-search").metadata("top_k", 5).run(|_| vec!["It rains."]);
//!         trace.generation("answer").model("gpt-4o").input(&docs).run(|span| {
//!             span.set_usage(Usage::openai(812, 164));
//!             span.set_output("Take an umbrella.");
//!         });
//!     });
//!
//!     tracer.shutdown()?; // flushes; an Err lists what could not be delivered
//!     Ok(())
//! }
//! ```
//!
//! # What to read
//! [`from_env`] and [`builder`] make a [`Tracer`]; a tracer begins a [`Trace`]; traces and [`Span`]s start
//! children through a [`SpanBuilder`](handle::SpanBuilder). [`InSpan`] passes a span to a spawned future, [`ObserveStream`]
//! to a stream, [`Span::wrap`] to a closure. [`exporter`] is for your own exporters, [`config`] for settings in code.
#![doc = concat!("The guides are in the [repository](", env!("CARGO_PKG_REPOSITORY"), "/tree/main/docs/guide), among them")]
#![doc = concat!("[recording](", env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/guide/recording.md),")]
#![doc = concat!("[configuration](", env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/guide/configuration.md) and")]
#![doc = concat!("[troubleshooting](", env!("CARGO_PKG_REPOSITORY"), "/blob/main/docs/guide/troubleshooting.md).")]
//!
//! Inputs and outputs are recorded by default; [`TracerConfig::capture_content`](config::TracerConfig::capture_content) turns that off.
//!
//! # Features
//! | feature | default | adds | its dependencies |
//! | --- | --- | --- | --- |
//! | `langfuse` | yes | delivery to a Langfuse server | hyper, rustls (ring), flate2 |
//! | `console` | yes | traces in the terminal | anstream, serde_json |
//! | `otlp` | no | delivery to any OpenTelemetry backend | those of `langfuse` |
//! | `metrics` | no | [`metrics`]: metrics from spans for Prometheus, with `otlp` also exported | none |
//! | `record` | with each of these | recording alone, for your own exporter | none |
//! | `spool` | no | a queue on disk for spans that cannot be delivered | crc32fast |
//! | `signal` | no | [`signal`]: a shutdown at Ctrl-C and SIGTERM | tokio's `signal` |
//! | `tower` | no | [`tower`]: a layer for axum and other tower servers | http, tower-layer, tower-service |
//! | `axum` | no | the layer of `tower`, with axum's matched routes as names | axum |
//! | `macros` | no | the attribute `#[observe]` | syn, quote |
//! | `log` | no | log lines of tracefuse for `log` and env_logger, where `tracing` has no subscriber | log |
//! | `tokio` | no | `task::spawn`, which keeps the current span | tokio |
//! | `testing` | no | [`testing::Recorder`], for tests of traced code | none |
//! | `tracing` | no | a layer that records spans of `tracing` | tracing-subscriber, serde_json |
//! | `tracing-fmt` | no | `tracing::TraceIds`, the ids of spans in log lines | those of `tracing` |
//! | `prompts` | no | [`langfuse::prompts`]: Langfuse's prompt management | those of `langfuse` |
//! | `experiments` | no | [`langfuse::experiments`]: a function over a dataset, evaluators as scores | futures, indicatif |
//! | `opentelemetry` | no | [`opentelemetry`]: a span processor and exporter for the OpenTelemetry SDK | opentelemetry_sdk, serde_json |
//!
//! Without `record` (`default-features = false`) handles are empty: calls compile to nothing, their arguments are
//! not in the program, and a tracer with an exporter cannot be built. Closures still run.
//!
//! # Guarantees
//! * Your code does not wait for the network: ending a span is a bounded amount of work, and adds the span to a
//!   queue that is bounded by count and by bytes. If the queue is nearly full, it waits at most 15 ms, see [`Overload`](config::Overload).
//! * Every span has one outcome: exported, rejected or dropped, with a reason. [`Tracer::stats`] has the numbers at
//!   any time and [`Tracer::shutdown`] at the end.
//! * It works from synchronous code and on any async executor, also while a runtime shuts down: delivery
//!   has its own thread and its own async runtime.
//! * Tracing never panics in your code. A tracer that is off allocates nothing.
//!
//! Spans can be lost in three cases: the process is killed before they are delivered; the queue is full, because the
//! receiver is down or slow; or the receiver refuses them. With a spool in `write_ahead` mode a kill loses about a
//! millisecond of spans, and an outage loses nothing up to the spool's size. Losses are counted and logged through `tracing`.
//!
//! # Platforms
//! Linux, macOS and Windows. WebAssembly is not supported.
//!
//! The minimum supported Rust version is 1.89.

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

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod __private;
mod builder;
pub mod config;
mod global;
#[cfg(feature = "langfuse")]
#[cfg_attr(docsrs, doc(cfg(feature = "langfuse")))]
pub mod langfuse;
mod modes;
mod repeat;
mod say;
#[cfg(feature = "signal")]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
pub mod signal;
#[cfg(feature = "tokio")]
#[cfg_attr(docsrs, doc(cfg(feature = "tokio")))]
pub mod task;

pub use builder::Builder;
pub use global::{set_global, tracer};
#[cfg(feature = "langfuse")]
pub use langfuse::LangfuseConfig;
#[cfg(feature = "otlp")]
pub use otlp::OtlpConfig;
#[cfg(feature = "console")]
#[cfg_attr(docsrs, doc(cfg(feature = "console")))]
pub use tracefuse_console as console;
#[cfg(feature = "console")]
pub use tracefuse_console::ConsoleConfig;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub use tracefuse_core::testing;
pub use tracefuse_core::{
    Cost, Exception, InSpan, Level, ObservationType, ObserveStream, SampleRate, Span, Status,
    Trace, TraceId, Tracer, Usage, propagation, with_attributes,
};
/// Everything that an author of an exporter needs.
pub use tracefuse_exporter as exporter;
pub use tracefuse_mask::Mask;
#[cfg(feature = "metrics")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
pub use tracefuse_metrics as metrics;
#[cfg(feature = "opentelemetry")]
#[cfg_attr(docsrs, doc(cfg(feature = "opentelemetry")))]
pub use tracefuse_opentelemetry as opentelemetry;
#[cfg(feature = "tower")]
#[cfg_attr(docsrs, doc(cfg(feature = "tower")))]
pub use tracefuse_tower as tower;
#[cfg(feature = "tracing")]
#[cfg_attr(docsrs, doc(cfg(feature = "tracing")))]
pub use tracefuse_tracing as tracing;

/// Types that the methods of [`Tracer`], [`Trace`] and [`Span`] take and return; programs name them in signatures only.
pub mod handle {
    pub use tracefuse_core::{
        AsException, Entered, EnteredScope, EventBuilder, Scoped, SpanBuilder, SpanId,
        TraceBuilder, WithAttributes, WithSpan,
    };
}

/// Masks: what removes secrets from records before they leave the process. See [`Builder::masker`].
pub mod mask {
    pub use tracefuse_core::record::{Place, Value, ValueRef};
    pub use tracefuse_mask::{Mask, MaskTarget, Masker, PatternError};
}

/// OTLP: its configuration, and the HTTP settings that it takes. See [`otlp()`](crate::otlp()).
#[cfg(feature = "otlp")]
#[cfg_attr(docsrs, doc(cfg(feature = "otlp")))]
pub mod otlp {
    pub use tracefuse_http::{HttpConfig, ProxyConfig, Secret};
    pub use tracefuse_otlp::{Conventions, OtlpConfig, OtlpTransport, SettingError};
}

/// Sampling: which traces are recorded, and which of the recorded ones are sent.
pub mod sampling {
    pub use tracefuse_core::{SampleRate, SampleRateError, Sampler, SamplingInput};
    pub use tracefuse_runtime::TailSampling;
}

/// Scores of traces, observations and sessions.
pub mod score {
    pub use tracefuse_core::{ScoreBuilder, ScoreTarget, ScoreValue};
}

/// Results of recording and delivery: numbers, health, and the reports of a flush and a shutdown.
pub mod stats {
    pub use tracefuse_core::{
        DropReason, ExporterStats, Health, Incomplete, RejectReason, Report, Stats,
    };
}

/// Streams: what [`ObserveStream`] returns, and how chunks are put together.
pub mod stream {
    pub use tracefuse_core::stream::*;
}

/// Points in time, and clocks for tests.
pub mod time {
    pub use tracefuse_core::{Clock, ManualClock, TimeSource, Timestamp};
}

use config::ConfigError;
/// ```
/// use tracefuse::{Tracer, observe};
///
/// #[observe(as_type = "retriever", capture(query), capture_output = true)]
/// async fn search(query: &str, key: &str) -> Result<Vec<String>, std::io::Error> {
///     let found = fetch(query, key)?; // an Err is recorded, level ERROR, and returned as it is
///     Ok(found)
/// }
///
/// #[observe(as_type = "tool")]
/// fn fetch(query: &str, _key: &str) -> Result<Vec<String>, std::io::Error> {
///     Ok(vec![format!("all about {query}")])
/// }
///
/// # futures::executor::block_on(async {
/// let tracer = Tracer::noop(); // tracefuse::from_env()?
/// tracer.trace("request").run_async(async |_| search("rain", "secret").await).await
/// # }).unwrap();
/// ```
#[cfg(feature = "macros")]
pub use tracefuse_macros::observe;

/// A tracer as the environment asks for it: `TRACING_MODE`, `LANGFUSE_*`, `.env`, `tracefuse.toml`.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// // TRACING_MODE=none in the environment of this example
/// # let tracer = tracefuse::Tracer::noop();
/// # #[cfg(any())]
/// let tracer = tracefuse::from_env()?;
/// tracer.trace("request").run(|trace| trace.set_output("done"));
/// tracer.shutdown()?;
/// # Ok(()) }
/// ```
///
/// # Errors
/// If a setting is malformed or unknown, or a mode lacks what it needs: mode `langfuse`, the default,
/// needs `LANGFUSE_PUBLIC_KEY` and `LANGFUSE_SECRET_KEY`. Variables of other programs never fail, and neither does a
/// tracer that is switched off.
pub fn from_env() -> Result<Tracer, ConfigError> {
    Builder::from_env()?.build()
}

/// [`from_env`] for an application that must run even if tracing is misconfigured: then nothing is recorded, and the error
/// is logged through `tracing`, or written to standard error if there is no subscriber yet.
pub fn from_env_or_noop() -> Tracer {
    from_env().unwrap_or_else(|error| {
        say::off(&error);
        Tracer::noop()
    })
}

/// Builds a tracer from any mix of exporters.
pub fn builder() -> Builder {
    Builder::new()
}

/// A tracer that delivers to a Langfuse server.
///
/// # Errors
/// If the configuration cannot be used.
#[cfg(feature = "langfuse")]
pub fn langfuse(config: LangfuseConfig) -> Result<Tracer, ConfigError> {
    builder().langfuse(config).build()
}

/// A tracer that shows traces in the terminal.
///
/// # Errors
/// If the delivery thread cannot be started.
#[cfg(feature = "console")]
pub fn console(config: ConsoleConfig) -> Result<Tracer, ConfigError> {
    builder().console(config).build()
}

/// A tracer that delivers to any OpenTelemetry backend, by OTLP over HTTP.
///
/// ```
/// # #[cfg(feature = "otlp")] {
/// use tracefuse::OtlpConfig;
///
/// let tracer = tracefuse::otlp(OtlpConfig::new("http://localhost:4318")).unwrap();
/// # drop(tracer);
/// # }
/// ```
///
/// # Errors
/// If the configuration cannot be used.
#[cfg(feature = "otlp")]
pub fn otlp(config: OtlpConfig) -> Result<Tracer, ConfigError> {
    builder().otlp(config).build()
}
