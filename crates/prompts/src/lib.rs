//! Prompts of Langfuse: fetched, cached, filled with variables and linked to generations.
//!
//! ```no_run
//! # async fn run(tracer: tracefuse_core::Tracer) -> Result<(), Box<dyn std::error::Error>> {
//! use tracefuse_prompts::{LangfuseConfig, PromptClient};
//!
//! let prompts = PromptClient::new(LangfuseConfig::new("pk-lf-..", "sk-lf-.."))?;
//! let prompt = prompts.text("weather").fallback("How is the weather in {{city}}?").get().await?;
//! let text = prompt.compile([("city", "Lyon")])?; // an error names a missing variable
//!
//! tracer.trace("chat").run(|trace| {
//!     // The generation is linked to the prompt, because its input was made from it.
//!     trace.generation("answer").model("gpt-4o").input(&text).run(|span| span.set_output("It rains."));
//! });
//! # Ok(()) }
//! ```
//!
//! In reading order: [`PromptClient`] is asked for a [`TextPrompt`] or a [`ChatPrompt`] by a [`PromptRequest`]; filled with
//! values it is a [`CompiledText`] or a [`CompiledChat`].
//!
//! # The cache
//! As in the official SDKs: a prompt is used for 60 seconds; an older one is returned at once, and fetched in the
//! background. In addition to them the cache is bounded by count and bytes, requests for the same prompt share one
//! fetch, all waits have one deadline, and during an outage only the first request waits; the others get the fallback at once.
//! A fallback is not linked to generations.
//!
//! It needs the tokio runtime of the application, with time and network enabled; it starts no thread and no runtime.

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

mod cache;
mod client;
mod compile_error;
mod compiled;
mod error;
mod fallback;
mod fetch;
mod message;
mod prompt;
mod request;
mod stored;
mod template;
mod variables;

pub use client::{PromptClient, PromptClientBuilder, PromptStats};
pub use compile_error::CompileError;
pub use compiled::{CompiledChat, CompiledText};
pub use error::{PromptError, PromptProblem};
pub use message::ChatMessage;
pub use prompt::{ChatPrompt, TextPrompt};
pub use request::PromptRequest;
/// The server and the keys, and why they cannot be used.
pub use tracefuse_langfuse::{LangfuseConfig, SettingError};
