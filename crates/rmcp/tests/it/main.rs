//! One tree across client and server, in one process, over standard input and output, and over HTTP.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have runtimes"
)]

mod answers;
mod duplex;
mod http;
mod support;
