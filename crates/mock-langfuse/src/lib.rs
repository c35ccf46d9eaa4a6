//! A local server that behaves as Langfuse v4 does, refusals and faults included.
//!
//! For tests of any SDK that sends to Langfuse: it shares no code with tracefuse, decodes with
//! OpenTelemetry's own types, and never accepts what the real server refuses. The README lists what is known to differ
//! from Langfuse 4.16.0. Also a program: `mock-langfuse --port 4300` prints each trace that arrives.
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
//! It listens on loopback only, on a free port by default, on its own thread with its own async runtime, and stops when
//! it is dropped.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]

mod action;
mod answers;
mod arrivals;
mod auth;
mod cost;
mod cut;
mod datasets;
mod decode;
mod faults;
mod gone;
mod handle;
mod input_output;
mod js;
mod kind;
mod legacy;
mod mapping;
mod media;
mod media_types;
mod metadata;
mod names;
mod otlp;
mod parameters;
mod prompts;
mod query;
mod read;
mod reply;
mod router;
mod run_items;
mod scenario;
mod score_fields;
mod score_list;
mod scores;
mod server;
mod state;
mod store;
mod time;
mod tls;
mod usage;
mod usage_names;
mod values;

pub use handle::{Builder, MockLangfuse};
pub use mapping::Observation;

pub use action::Action;
pub use arrivals::{Arrival, Delivery, Media, ReceivedRequest};
pub use cut::{Cut, How, ReplySpec};
pub use scenario::{Scenario, ScenarioError, Step};
pub use tls::Tls;
