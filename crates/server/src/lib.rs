//! A local server that takes in traces as Langfuse and OpenTelemetry do, keeps them in one file and shows them.
//!
//! ```no_run
//! use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let store = Store::open("traces.db", StoreOptions::default())?;
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:4318").await?;
//! let server = Server::new(ServerConfig::default());
//! server.serve(&store, listener, std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

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

mod api;
mod app;
mod config;
mod messages;
mod model;
mod pages;
mod prices;
mod server;
mod store;
pub mod take;

pub use config::{ServerConfig, Tee};
pub use model::{
    Arrival, Bin, Bodies, Histogram, Media, ModelTotal, ObservationRow, Order, Overview, Page,
    Period, QueryError, ScoreQuery, ScoreRow, SessionRow, SessionView, SpanError, SpanEvent,
    Totals, TraceQuery, TraceRow, TraceView, UserRow,
};
pub use prices::{Prices, PricesError};
pub use server::Server;
pub use store::{Change, Receipt, Store, StoreError, StoreOptions};
