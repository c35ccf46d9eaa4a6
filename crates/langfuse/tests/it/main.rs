//! What leaves for a Langfuse server, looked at with an independent decoder and an independent server.

#![expect(
    clippy::disallowed_methods,
    reason = "every async test has its own runtime"
)]

mod answers;
mod api;
mod attributes;
mod bodies;
mod configuration;
mod media;
mod metadata;
mod nul_bytes;
mod project;
mod python;
mod scores;
mod secrets;
mod sizes;
mod support;
#[path = "../../src/testing.rs"]
mod testing;
mod warnings;
