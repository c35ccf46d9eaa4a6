//! Delivers what tracefuse recorded to a Langfuse server.
//!
//! Applications depend on `tracefuse`, whose default feature `langfuse` uses this crate. Depend on this crate only to
//! build a tracer from its parts.
//!
//! In reading order: [`LangfuseConfig`] names the server and the project, [`LangfuseExporter`] is called by delivery.
//! `docs/langfuse.md` in the repository is the contract with the server.
//!
//! Delivery passes records through the `Exporter` trait. Spans are sent as OTLP with Langfuse's attributes to
//! `/api/public/otel/v1/traces`: each span once, when it is complete, with the attributes of its trace. Scores are sent to
//! `/api/public/scores`.

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

mod api;
mod attributes;
mod config;
pub mod encode;
mod exporter;
mod fields;
mod mapping;
mod media;
mod project;
mod score;
mod size;
#[cfg(test)]
mod testing;
mod text;
mod values;

pub use api::{ApiError, ApiProblem, LangfuseApi, Retries};
#[doc(hidden)]
pub use attributes::experiment;
pub use config::{LangfuseConfig, PROMPT_CACHE_TTL_RANGE, check_key, stored_environment};
pub use exporter::LangfuseExporter;
pub use media::MediaMode;
#[doc(hidden)]
pub use project::short_sha256;
pub use project::{AuthError, AuthProblem, LangfuseProject, trace_id_from_seed};
/// Settings of HTTP: timeouts, certificate authorities, proxies; and the error of a setting that cannot be used.
pub use tracefuse_http::{HttpConfig, ProxyConfig, Secret, SettingError};
