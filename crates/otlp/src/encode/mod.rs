//! Encodes OTLP trace requests as protobuf, from records directly into one buffer (opentelemetry-proto,
//! `trace/v1/trace.proto`). Called by the mappings of exporters; knows no attribute names.
//!
//! No tree of messages is built and no text is measured twice. Space for a message's length is reserved by an estimate and
//! filled in when the message is closed. If the length needs another number of bytes, the message is moved by the
//! difference. So the bytes are those that prost writes, the shortest possible, and a span of usual size (128 bytes to
//! 16 KiB) is never moved. Lengths padded to five bytes would avoid all moves. They are legal protobuf, but no common
//! encoder writes them, and some proxies and hand-written decoders may not read them.

mod attributes;
mod spans;
mod wire;

pub use attributes::{Any, Attributes};
pub use spans::{Scope, SpanBody, SpanHead, Spans};

use wire::Buffer;

/// An estimate for most messages, spans included: any length from 128 bytes to 16 KiB needs as many bytes.
const SHORT: usize = 256;
/// An estimate for a status or a tag.
const TINY: usize = 64;

/// An `ExportTraceServiceRequest` of one resource and one scope.
///
/// `resource` writes the resource's attributes, `spans` the spans. `capacity` is the expected size of the request in bytes;
/// a good estimate avoids that the whole request is moved at its end.
#[must_use]
pub fn request(
    scope: &Scope<'_>,
    capacity: usize,
    resource: impl FnOnce(&mut Attributes<'_>),
    spans: impl FnOnce(&mut Spans<'_>),
) -> Vec<u8> {
    let mut out = Buffer::with_capacity(capacity);
    let resource_spans = out.open(1, capacity);
    let message = out.open(1, SHORT);
    resource(&mut Attributes::of_resource(&mut out));
    out.close(message);
    let scope_spans = out.open(2, capacity);
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
