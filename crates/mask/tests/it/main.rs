//! Masks through the public API: on spans and scores that a tracer recorded.

mod scores;
mod spans;
