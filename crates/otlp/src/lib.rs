//! OTLP over HTTP for tracefuse: an encoder, and an exporter for any OpenTelemetry backend.
//!
//! Depend on `tracefuse` with its feature `otlp` to send traces to an OpenTelemetry backend; on this
//! crate to write another exporter that uses OTLP or HTTP, as `tracefuse-langfuse` does.
//!
//! In reading order: [`OtlpExporter`] is the exporter, [`encode`] turns records into request bodies,
//! [`OtlpSender`] sends them by `tracefuse-http`, [`verdict`] says what an answer means.
//!
//! Records come from delivery through the `Exporter` trait; bytes go to a socket. Nothing here starts
//! a thread or a runtime, reads the environment, or panics.

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
pub mod encode;
mod exporter;
mod gen_ai;
mod kind;
mod mapping;
mod messages;
mod openinference;
mod partial;
mod provider;
mod resource;
mod size;
mod tokens;
mod transport;
mod values;
pub mod verdict;

pub use config::{Conventions, OtlpConfig};
pub use exporter::OtlpExporter;
pub use partial::{PartialSuccess, partial_success};
pub use resource::resource_attributes;
/// Settings of HTTP, which are fields of [`OtlpTransport`], and the error of a setting that cannot be used.
pub use tracefuse_http::{HttpConfig, ProxyConfig, SettingError};
pub use transport::{OtlpSender, OtlpTransport};
