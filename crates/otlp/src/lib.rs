//! OTLP over HTTP for tracefuse: protobuf encoder and client.
