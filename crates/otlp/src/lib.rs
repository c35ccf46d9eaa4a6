//! OTLP over HTTP for tracefuse.
pub mod http;
