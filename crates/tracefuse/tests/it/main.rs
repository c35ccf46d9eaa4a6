//! The whole way, through the facade, over real sockets, to a server that behaves as Langfuse does.

#![cfg(all(feature = "langfuse", feature = "console", feature = "otlp"))]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads, runtimes and clocks"
)]

mod configuration;
mod everyday;
mod examples;
mod large;
mod masking;
mod media;
mod nesting;
mod otel;
mod outage;
mod project;
mod sampling;
mod scores;
mod secrets;
mod silence;
mod streams;
mod support;
#[cfg(feature = "axum")]
mod tail_sampling;
#[cfg(feature = "tokio")]
mod tasks;
mod terminal;
mod wire;
