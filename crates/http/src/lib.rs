//! The HTTP/1.1 client of tracefuse's exporters: one request, one answer.
//!
//! Depend on this crate to write an exporter that sends over HTTP; applications set its timeouts, certificate authorities and
//! proxies ([`HttpConfig`], [`ProxyConfig`]) through `tracefuse`. An exporter gives a request with a finished body to
//! [`HttpClient`] and gets an [`Answer`] or an [`HttpError`]. The client knows no record and no retry policy, reads no
//! process environment and logs nothing.
//!
//! The client runs inside the tokio runtime that polls it. It starts no runtime and no thread, and has no
//! global state. It uses TLS 1.2 and 1.3 (rustls with ring), verifies certificates against
//! the system's roots plus a CA file of the user's, and has no switch to stop verifying. It follows
//! no redirect, asks for no compressed answer and sends no credential in clear text to anything
//! but loopback.
//!
//! ```no_run
//! use tracefuse_http::{Endpoint, Headers, HttpClient, HttpConfig, HttpRequest, Secret};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let client = HttpClient::new(&HttpConfig::new())?;
//! let traces = Endpoint::parse("https://cloud.langfuse.com")?
//!     .join(&["api", "public", "otel", "v1", "traces"])?;
//! let mut headers = Headers::new();
//! headers.insert_secret("authorization", &Secret::new("Basic cGs6c2s="))?;
//!
//! let request = HttpRequest::post(traces)
//!     .headers(headers)
//!     .body("application/x-protobuf", vec![0_u8; 2000])
//!     .gzip(1);
//! let answer = client.send(&request).await?;
//! println!("{} {:?}", answer.status(), answer.class());
//! # Ok(())
//! # }
//! ```

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

mod answer;
mod answer_class;
mod attempt;
mod body;
mod causes;
mod client;
mod compress;
mod config;
mod config_error;
mod connect;
mod connection;
mod endpoint;
mod endpoint_error;
mod error;
mod explain;
mod header_error;
mod headers;
mod io;
mod pool;
mod progress;
mod proxy;
mod proxy_config;
mod ranges;
mod request;
pub mod retry_after;
mod secret;
mod setting;
mod tls;
mod tls_failure;
mod tunnel;
mod upload;

pub use self::answer::Answer;
pub use self::answer_class::{AnswerClass, classify};
pub use self::client::HttpClient;
pub use self::compress::gzip;
pub use self::config::HttpConfig;
pub use self::config_error::HttpConfigError;
pub use self::endpoint::Endpoint;
pub use self::endpoint_error::EndpointError;
pub use self::error::{HttpError, HttpErrorKind, TlsProblem};
pub use self::header_error::HeaderError;
pub use self::headers::Headers;
pub use self::proxy_config::ProxyConfig;
pub use self::ranges::{POOL_IDLE_RANGE, TIMEOUT_RANGE};
pub use self::request::HttpRequest;
pub use self::secret::{Secret, sanitize_server_text};
pub use self::setting::SettingError;
