//! OTLP trace requests as protobuf, written straight from records into one buffer
//! (opentelemetry-proto, `trace/v1/trace.proto`). Driven by exporters through a mapping of theirs; knows no attribute names.
//!
//! No tree of messages is built and no text is measured twice. A message's length is left open, as wide
//! as the guess of it needs, and written when the message is closed; where the guess was of another
//! width the message moves by that difference. So the bytes are those that prost would write, the shortest there
//! are, and a span of usual size (128 bytes to 16 KiB) never moves. Lengths padded to five bytes would
//! spare the rest of the moves; they are legal protobuf, but no common encoder writes them and not
//! every proxy or hand-written decoder on the way has met them.

mod spans;
mod wire;

pub use spans::{Any, Attributes, Scope, SpanBody, SpanHead, Spans, StatusCode};

use wire::Buffer;

/// What most messages take, spans among them: anything from 128 bytes to 16 KiB.
const SHORT: usize = 256;
/// What a status or a tag takes.
const TINY: usize = 64;

/// An `ExportTraceServiceRequest` of one resource and one scope.
///
/// `resource` writes the resource's attributes, `spans` the spans. `capacity` is what the request is
/// expected to take; a good estimate saves a move of the whole at its end.
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
