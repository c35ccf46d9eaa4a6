//! A local server that takes in traces as Langfuse and OpenTelemetry do, keeps them in one file and shows them.
#![forbid(unsafe_code)]
