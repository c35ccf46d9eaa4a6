//! Calls of model providers by real clients over sockets, as they are recorded.
#![cfg(all(feature = "reqwest", feature = "tower"))]
#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have runtimes"
)]

mod ends;
mod errors;
mod inputs;
mod large;
mod nested;
mod odd;
mod privacy;
mod providers;
mod streams;
mod support;
mod tower;
mod untouched;
