//! Delivery through its public API: what exporters are given, what the numbers say, from where it can be waited for.

mod executors;
mod faults;
mod support;
mod wiring;
