//! Traces of the Model Context Protocol: one tree across client and server, for `rmcp`.
#![forbid(unsafe_code)]
