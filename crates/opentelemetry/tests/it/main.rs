//! Spans of the SDK as the records of a tracer, without a network.

mod fields;
mod frameworks;
mod inputs;
mod names;
mod parents;
mod recorded;
mod support;
mod usage;
