//! A small HTTP client for exporters: one attempt, bounded in time and size, that never follows a redirect,
//! never shows a secret and says in plain words what failed.
//!
//! Fed by exporters with bytes; knows neither records nor the encoder. Runs on whatever tokio runtime
//! polls it; starts none. The home of sockets and TLS.

mod answer;
mod client;
mod config;
mod connect;
mod endpoint;
mod error;
mod request;
mod retry_after;
mod secret;
mod tls;

pub use answer::{Answer, AnswerClass, classify};
pub use client::HttpClient;
pub use config::{HttpConfig, HttpConfigError, ProxyConfig};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{HttpError, HttpErrorKind, TlsFault};
pub use request::{HeaderError, HttpRequest};
pub use retry_after::parse_retry_after;
pub use secret::{Secret, sanitize};
