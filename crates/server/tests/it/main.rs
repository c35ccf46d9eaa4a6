//! Tests of the server through its public API and over real sockets.

#![expect(
    clippy::disallowed_methods,
    reason = "the server runs on a thread of its own, and the child of `kill` has its orders from the environment"
)]

mod access;
mod beside_mock;
mod faults;
mod ingest;
mod kill;
mod laws;
mod media;
mod pages;
mod read_api;
mod samples;
mod store;
mod support;
