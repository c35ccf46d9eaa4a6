//! Tests of the server through its public API and over real sockets.

#![expect(
    clippy::disallowed_methods,
    reason = "the server runs on its own thread, and the child of `kill` has its orders from the environment"
)]

mod access;
mod beside_mock;
mod faults;
mod filters;
mod hostile;
mod ingest;
mod kill;
mod laws;
mod lenient;
mod lists;
mod media;
mod pages;
mod read_api;
mod reads_beside_mock;
mod retention;
mod samples;
mod store;
mod support;
