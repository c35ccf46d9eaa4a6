//! The HTTP client against servers that misbehave, over real sockets on loopback.

#![expect(
    clippy::disallowed_methods,
    reason = "#[tokio::test] builds the runtime that the worker builds otherwise"
)]

mod answers;
mod connections;
mod proxies;
mod secrets;
mod support;
mod trust;
