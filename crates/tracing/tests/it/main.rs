//! The layer through its public API: what spans and events of `tracing` are recorded as.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start threads and runtimes"
)]

mod events;
mod fields;
mod filter;
#[cfg(feature = "fmt")]
mod ids;
mod measured;
mod nesting;
mod scale;
mod support;
mod usage;
