//! The layer for `tracing`, from an application's spans to what a Langfuse server has, over real sockets.

mod delivery;
mod scale;
#[expect(
    dead_code,
    reason = "shared with another test binary, which uses the rest"
)]
#[path = "../it/support.rs"]
mod support;
mod wire;
