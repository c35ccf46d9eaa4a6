//! Delivers what tracefuse recorded to a Langfuse server.
//!
//! Depend on `tracefuse`, whose default feature `langfuse` this is; on this crate only to wire a
//! tracer by hand.
//!
//! In reading order: [`LangfuseConfig`] says which server and project, [`LangfuseExporter`] is what
//! delivery calls. `docs/langfuse.md` of the repository is the contract with the server.
//!
//! Records come from delivery through the `Exporter` trait and go, as OTLP with Langfuse's attributes,
//! to `/api/public/otel/v1/traces`: one complete span once, trace attributes on every span. Scores go
//! one by one to `/api/public/scores`.

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

mod attributes;
mod config;
mod exporter;
mod mapping;
mod media;
mod project;
mod score;
mod size;
mod text;

pub use config::{LangfuseConfig, LangfuseConfigError, check_key, stored_environment};
pub use exporter::LangfuseExporter;
pub use media::MediaMode;
pub use project::{AuthError, AuthProblem, LangfuseProject, trace_id_from_seed};
/// How servers are reached: timeouts, certificate authorities, proxies.
pub use tracefuse_otlp::http::{HttpConfig, ProxyConfig, Secret};
