//! Delivery through its public API: what exporters are given, what the numbers say, from where it can be waited for.

#![expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads and runtimes"
)]

#[cfg(feature = "conformance")]
mod conformance;
mod executors;
mod faults;
mod hostile;
mod masking;
mod order;
mod outages;
mod shutdown;
mod support;
mod tail_bounds;
mod tail_sampling;
mod wiring;
