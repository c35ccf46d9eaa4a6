//! The command `tracefuse`: a local viewer of traces, and tools around it.
#![forbid(unsafe_code)]

fn main() {}
