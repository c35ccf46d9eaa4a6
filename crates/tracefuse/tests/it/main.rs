//! The whole way, through the facade, over real sockets, to a server that behaves as Langfuse does.

#![cfg(all(feature = "langfuse", feature = "console", feature = "otlp"))]

mod configuration;
mod nesting;
mod outage;
mod secrets;
mod support;
mod wire;
