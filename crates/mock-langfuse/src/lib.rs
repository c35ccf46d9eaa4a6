//! A local server that behaves as Langfuse v4 does, refusals and faults included.
//!
//! For tests of any SDK that sends to Langfuse: it shares no code with tracefuse, decodes with
//! OpenTelemetry's own types, and never accepts what the real server refuses. Also a program:
//! `mock-langfuse --port 4300`.
//!
//! ```
//! use mock_langfuse::MockLangfuse;
//!
//! let server = MockLangfuse::start();
//! // send to `server.url()` with `server.public_key()` and `server.secret_key()`, then look:
//! assert_eq!(server.trees(), "");
//! ```
//!
//! In reading order: [`MockLangfuse`] is the server, [`Observation`] a row as the server stores it,
//! [`Scenario`] a script of faults, [`ReceivedRequest`] what arrived.
//!
//! It listens on loopback only, on a free port by default, on a thread of its own with an async runtime
//! of its own, and stops when it is dropped.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod answers;
mod decode;
mod faults;
mod handle;
mod legacy;
mod mapping;
mod media;
mod metadata;
mod otlp;
mod read;
mod scenario;
mod scores;
mod server;
mod store;
mod tls;
mod usage;
mod values;

pub use handle::{Builder, MockLangfuse};
pub use mapping::Observation;
pub use media::Media;
pub use scenario::{Action, Cut, How, ReplySpec, Scenario, ScenarioError, Step};
pub use store::{Delivery, ReceivedRequest};
pub use tls::Tls;
