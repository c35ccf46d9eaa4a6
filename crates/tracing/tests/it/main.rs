//! The layer through its public API: what spans and events of `tracing` are recorded as.

mod events;
mod fields;
mod filter;
mod nesting;
mod scale;
mod support;
