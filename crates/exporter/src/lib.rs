//! Sends what [tracefuse](https://docs.rs/tracefuse) recorded somewhere else: all that the author of
//! an exporter names.
//!
//! Depend on this crate to write an exporter. To trace an application, depend on `tracefuse`.
//!
//! ```
//! use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
//!
//! /// Prints the name of every span.
//! #[derive(Debug)]
//! struct Names;
//!
//! #[async_trait]
//! impl Exporter for Names {
//!     fn name(&self) -> &str {
//!         "names"
//!     }
//!
//!     async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
//!         for span in batch.spans() {
//!             println!("{} took {:?}", span.name(), span.duration());
//!         }
//!         for score in batch.scores() {
//!             println!("{} is {}", score.name, score.value);
//!         }
//!         Ok(ExportReport::accepted(batch.len()))
//!     }
//! }
//! ```
//!
//! Reading order: [`Exporter`] is what you implement, [`Batch`] and [`record`] what you read,
//! [`ExportReport`] and [`ExportError`] what you answer, [`InMemoryExporter`] what your users' tests use,
//! [`plain_text`] makes a text of others safe for a log.
//!
//! Data comes from delivery (`tracefuse-runtime`), one batch at a time and never two at once for one
//! exporter; it goes where you send it. Delivery bounds every call by a timeout, contains a panic,
//! and does what your error says: you never retry, queue or sleep yourself.

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

mod batch;
mod chain;
#[doc(hidden)]
pub mod contain;
mod error;
mod exporter;
mod in_memory;
mod plain;
#[doc(hidden)]
pub mod provider;
mod provider_models;
mod report;

pub use async_trait::async_trait;
pub use batch::Batch;
#[doc(hidden)]
pub use chain::debug_error;
pub use error::{Advice, ExportError};
pub use exporter::Exporter;
pub use in_memory::InMemoryExporter;
pub use plain::{is_plain, plain_text};
pub use report::{ExportReport, Rejection};
/// Where an exporter that has to know it gets the time from.
pub use tracefuse_core::Clock;
/// The record types, so that an exporter needs no other crate of ours.
pub use tracefuse_core::record;
