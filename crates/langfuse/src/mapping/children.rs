//! Events and errors as observations below their span: Langfuse drops span events. Called by `mapping` for each of them.

use tracefuse_exporter::record::{
    EventRef, ExceptionRef, Level, ObservationType, SpanId, SpanRecord, StatusCode, Timestamp,
};
use tracefuse_otlp::encode::{Any, SpanHead, Spans};

use super::span::write_exception;
use crate::attributes as name;
use crate::text;
use crate::values::{as_text, metadata};

/// An event of a span, as a separate observation.
pub(super) fn event(
    parent: &SpanRecord,
    event: EventRef<'_>,
    shared: &[u8],
    spans: &mut Spans<'_>,
    scratch: &mut String,
) {
    spans.span(
        &child(parent, event.id(), event.name(), event.time()),
        |body| {
            body.copy_attributes(shared);
            let mut attributes = body.attributes();
            attributes.set(name::TYPE, Any::Str(ObservationType::Event.as_str()));
            if event.level() != Level::Default {
                attributes.set(name::LEVEL, Any::Str(event.level().as_str()));
            }
            for (key, value) in [(name::INPUT, event.input()), (name::OUTPUT, event.output())] {
                if let Some(value) = value {
                    attributes.set(key, as_text(value, scratch));
                }
            }
            for (key, value) in event.metadata() {
                attributes.set_below(
                    name::METADATA,
                    text::safe_key(key),
                    metadata(value, scratch),
                );
            }
        },
    );
}

/// An error of a span that has several.
pub(super) fn exception(
    parent: &SpanRecord,
    exception: ExceptionRef<'_>,
    shared: &[u8],
    spans: &mut Spans<'_>,
) {
    let message =
        text::one_line(&format!("{}: {}", exception.kind(), exception.message())).into_owned();
    spans.span(
        &child(parent, exception.id(), "exception", exception.time()),
        |body| {
            body.copy_attributes(shared);
            let mut attributes = body.attributes();
            attributes.set(name::TYPE, Any::Str(ObservationType::Event.as_str()));
            attributes.set(name::LEVEL, Any::Str(Level::Error.as_str()));
            attributes.set(name::STATUS_MESSAGE, Any::Str(&message));
            write_exception(&exception, &mut attributes);
            body.status(StatusCode::Error, Some(&message));
        },
    );
}

fn child<'a>(parent: &SpanRecord, id: SpanId, name: &'a str, time: Timestamp) -> SpanHead<'a> {
    SpanHead {
        trace_id: parent.trace_id(),
        span_id: id,
        parent: Some(parent.span_id()),
        parent_is_remote: false,
        name,
        start: time,
        end: time,
    }
}
