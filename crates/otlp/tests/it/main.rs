//! The encoder against an independent decoder, the exporter against real sockets.

#![expect(
    clippy::disallowed_methods,
    reason = "every async test has its own runtime"
)]

mod conventions;
mod encoding;
mod exporter;
mod keys;
mod mapping;
mod nul_bytes;
mod openinference;
mod support;
