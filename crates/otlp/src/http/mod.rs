//! One request, one answer: the small HTTP/1.1 client that every exporter of ours shares.
//! Fed by exporters with finished bytes, drained by them as an [`Answer`] or an [`HttpError`].
//! Knows no record, no retry policy, no breaker and no process environment, and logs nothing.
//!
//! The client lives inside whatever tokio runtime polls it and never builds a runtime, a thread or
//! its own global state. It speaks TLS 1.2 and 1.3 (rustls with ring), verifies certificates against
//! the system's roots plus a CA file of the user's, and has no switch to stop verifying. It follows
//! no redirect, asks for no compressed answer and sends no credential in clear text to anything
//! but loopback.
//!
//! ```no_run
//! use tracefuse_otlp::http::{Endpoint, Headers, HttpClient, HttpConfig, HttpRequest, Secret};
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

mod answer;
mod client;
mod compress;
mod config;
mod connect;
mod endpoint;
mod error;
mod headers;
mod io;
mod pool;
mod proxy;
mod request;
pub mod retry_after;
mod secret;
mod tls;
mod upload;

pub use self::answer::{Answer, AnswerClass, classify};
pub use self::client::HttpClient;
pub use self::compress::gzip;
pub use self::config::{HttpConfig, HttpConfigError, ProxyConfig, TIMEOUT_RANGE};
pub use self::endpoint::{Endpoint, EndpointError};
pub use self::error::{HttpError, HttpErrorKind, TlsProblem};
pub use self::headers::{HeaderError, Headers};
pub use self::request::HttpRequest;
pub use self::secret::{Secret, sanitize_server_text};
