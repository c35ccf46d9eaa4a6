//! Metrics through the public API: what is measured, its bounds, the formats, and the export over a real socket.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start threads and runtimes"
)]

mod accounting;
mod bounds;
mod dashboard;
mod export;
mod instruments;
mod parser;
mod prometheus;
mod receiver;
mod sampling;
mod support;
