//! Experiments over real sockets, against a server that behaves as Langfuse does.

#![expect(
    clippy::disallowed_methods,
    reason = "a test runs its own runtime and writes its own files"
)]

mod attributes;
mod datasets;
mod failures;
mod report;
mod support;
