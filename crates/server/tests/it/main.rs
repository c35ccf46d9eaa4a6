//! Tests of the server through its public API and over real sockets.

mod samples;
mod store;
