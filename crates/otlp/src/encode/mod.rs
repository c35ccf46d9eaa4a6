//! OTLP trace requests as protobuf, written straight from records into one buffer
//! (opentelemetry-proto, `trace/v1/trace.proto`). Driven by exporters through a mapping of theirs; knows no attribute names.
//!
//! No tree of messages is built: a message's length is left open, five bytes wide, and written when
//! the message is closed. Such a varint is longer than it must be, which the protobuf encoding allows
//! and every decoder reads; it costs three bytes per span and saves a pass over all text.

mod spans;
mod wire;

pub use spans::{Any, Attributes, Scope, SpanBody, SpanHead, Spans, StatusCode};

use wire::Buffer;

/// An `ExportTraceServiceRequest` of one resource and one scope.
///
/// `resource` writes the resource's attributes, `spans` the spans.
#[must_use]
pub fn request(
    scope: &Scope<'_>,
    capacity: usize,
    resource: impl FnOnce(&mut Attributes<'_>),
    spans: impl FnOnce(&mut Spans<'_>),
) -> Vec<u8> {
    let mut out = Buffer::with_capacity(capacity);
    let resource_spans = out.open(1);
    let message = out.open(1);
    resource(&mut Attributes::of_resource(&mut out));
    out.close(message);
    let scope_spans = out.open(2);
    scope.write(&mut out);
    spans(&mut Spans::new(&mut out));
    out.close(scope_spans);
    out.close(resource_spans);
    out.into_bytes()
}

/// Attributes of a span, written once to be copied into many.
#[must_use]
pub fn span_attributes(write: impl FnOnce(&mut Attributes<'_>)) -> Vec<u8> {
    let mut out = Buffer::with_capacity(256);
    write(&mut Attributes::of_span(&mut out));
    out.into_bytes()
}
