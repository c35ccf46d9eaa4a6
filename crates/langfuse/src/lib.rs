//! Langfuse exporter for tracefuse.
