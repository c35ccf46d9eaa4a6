//! The setters of spans: `builder` before a span starts, `handle` while it is open.
//! Called by applications. Both write the same buffer; a new field of a span gets a method in each.

mod builder;
mod handle;
