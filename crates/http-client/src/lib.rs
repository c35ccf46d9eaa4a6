//! Records the calls of an HTTP client to model providers: a middleware for reqwest and a tower layer.
#![forbid(unsafe_code)]
