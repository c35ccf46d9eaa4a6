//! A layer for `tracing-subscriber`: LLM spans of `tracing` become observations of tracefuse.
//!
//! Frameworks such as rig describe their model calls and tools by `tracing` spans with `gen_ai.*`
//! fields. With this layer they reach Langfuse, nested with what is recorded through a
//! [`Tracer`](tracefuse_core::Tracer), in either order.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt as _;
//!
//! # let tracer = tracefuse_core::Tracer::noop();
//! let subscriber = tracing_subscriber::registry().with(tracefuse_tracing::layer(&tracer));
//! // .with(tracing_subscriber::fmt::layer()) for log lines, and then .init()
//! # drop(subscriber);
//! ```
//!
//! # What becomes an observation
//! A span with a field whose name begins with `gen_ai.` or `langfuse.`, or with the target of a known
//! LLM library ([`is_llm`]). All others are left out, and what is below them finds the next recorded
//! span above. [`LayerBuilder::filter`] takes a predicate of your own, [`LayerBuilder::all`] everything
//! of level `INFO` and above. What the delivery of traces itself does is never recorded.
//!
//! # What the fields become
//! | fields | become |
//! | --- | --- |
//! | `gen_ai.operation.name`, `gen_ai.tool.name`, `gen_ai.agent.name` | type and name |
//! | `gen_ai.request.model`, `gen_ai.response.model` | model; the one that answered wins |
//! | other `gen_ai.request.*` | model parameters |
//! | `gen_ai.usage.*` | tokens, in buckets that are counted once: not again on an agent above |
//! | `gen_ai.input.messages`, `gen_ai.prompt`, `gen_ai.tool.call.arguments` | input |
//! | `gen_ai.output.messages`, `gen_ai.completion`, `gen_ai.tool.call.result` | output |
//! | `langfuse.user.id`, `langfuse.session.id`, `langfuse.trace.*`, `langfuse.observation.*` | what Langfuse reads them as |
//! | `otel.name`, `otel.status_code`, `error.type` | name, status |
//! | all others | metadata |
//!
//! Fields recorded after the span was made count as well. Events of level `WARN` and above
//! ([`LayerBuilder::events`]) become events of the innermost observation; one of level `ERROR` also
//! marks it as failed.
//!
//! # Ids in log lines
//! With the feature `fmt`, `TraceIds` adds `trace_id` and `span_id` to the lines of `tracing_subscriber::fmt`.

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

mod builder;
mod entered;
mod event;
mod fields;
mod filter;
#[cfg(feature = "fmt")]
mod ids;
mod layer;
#[cfg(feature = "fmt")]
mod line;

pub use builder::{LayerBuilder, builder, layer};
pub use filter::is_llm;
#[cfg(feature = "fmt")]
#[cfg_attr(docsrs, doc(cfg(feature = "fmt")))]
pub use ids::TraceIds;
