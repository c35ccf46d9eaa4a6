//! What is encoded decodes, with `opentelemetry-proto`, to what was meant.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::Event;
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::prelude::*;
use prost::Message as _;
use tracefuse_core::record::StatusCode;
use tracefuse_core::{SpanId, Timestamp, TraceId};
use tracefuse_otlp::encode::{self, Any, Scope, SpanHead};

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn text(value: &str) -> Value {
    Value::StringValue(value.into())
}

fn one_span(body: impl FnOnce(&mut encode::SpanBody<'_>), head: &SpanHead<'_>) -> Span {
    let bytes = encode::request(
        &Scope {
            name: "scope",
            version: "1",
        },
        0,
        |resource| resource.set("service.name", Any::Str("s")),
        |spans| spans.span(head, body),
    );
    let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
    let [resource] = request.resource_spans.as_slice() else {
        panic!()
    };
    assert_eq!(
        resource.resource.as_ref().unwrap().attributes,
        [attribute("service.name", text("s"))]
    );
    let [scope] = resource.scope_spans.as_slice() else {
        panic!()
    };
    assert_eq!(
        scope
            .scope
            .as_ref()
            .map(|s| (s.name.as_str(), s.version.as_str())),
        Some(("scope", "1"))
    );
    let [span] = scope.spans.as_slice() else {
        panic!()
    };
    span.clone()
}

fn head(name: &str) -> SpanHead<'_> {
    SpanHead {
        trace_id: TraceId::random(),
        span_id: SpanId::random(),
        parent: Some(SpanId::random()),
        parent_is_remote: true,
        name,
        start: Timestamp::from_unix_nanos(1),
        end: Timestamp::from_unix_nanos(u64::MAX),
    }
}

#[test]
fn only_an_error_has_a_message_and_only_a_set_status_is_written() {
    for (code, written) in [
        (StatusCode::Error, Some((2, "why"))),
        (StatusCode::Ok, Some((1, ""))),
        (StatusCode::Unset, None),
    ] {
        let span = one_span(|body| body.status(code, Some("why")), &head("s"));
        let status = span.status.as_ref();
        let status = status.map(|status| (status.code, status.message.as_str()));
        assert_eq!(status, written, "{code:?}");
    }
}

#[test]
fn a_span_decodes_to_what_was_written() {
    let head = head("näme");
    let shared = encode::span_attributes(|a| a.set("shared", Any::Int(-1)));
    let span = one_span(
        |body| {
            body.copy_attributes(&shared);
            let mut attributes = body.attributes();
            attributes.set_below("prefix.", "key", Any::Str("a\0b"));
            attributes.set("yes", Any::Bool(true));
            attributes.set("pi", Any::Double(3.5));
            attributes.set("min", Any::Int(i64::MIN));
            attributes.set_texts("tags", ["a", "ü"]);
            body.event("boom", head.start, |a| a.set("k", Any::Bool(false)));
            body.status(StatusCode::Error, Some("bad"));
        },
        &head,
    );
    let tags = ["a", "ü"]
        .map(|t| AnyValue {
            value: Some(text(t)),
        })
        .to_vec();
    let expected = Span {
        trace_id: head.trace_id.to_bytes().to_vec(),
        span_id: head.span_id.to_bytes().to_vec(),
        parent_span_id: head.parent.unwrap().to_bytes().to_vec(),
        name: "näme".into(),
        kind: 1,
        flags: 0x301,
        start_time_unix_nano: 1,
        end_time_unix_nano: u64::MAX,
        attributes: vec![
            attribute("shared", Value::IntValue(-1)),
            attribute("prefix.key", text("a\u{fffd}b")),
            attribute("yes", Value::BoolValue(true)),
            attribute("pi", Value::DoubleValue(3.5)),
            attribute("min", Value::IntValue(i64::MIN)),
            attribute("tags", Value::ArrayValue(ArrayValue { values: tags })),
        ],
        events: vec![Event {
            time_unix_nano: 1,
            name: "boom".into(),
            attributes: vec![attribute("k", Value::BoolValue(false))],
            ..Event::default()
        }],
        status: Some(Status {
            message: "bad".into(),
            code: 2,
        }),
        ..Span::default()
    };
    assert_eq!(span, expected);
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[^\0]{0,300}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        any::<f64>()
            .prop_filter("NaN is unequal to itself", |v| !v.is_nan())
            .prop_map(Value::DoubleValue),
    ]
}

proptest! {
    #[test]
    fn any_attributes_survive(attributes in prop::collection::vec(("[^\0]{0,200}", any_value()), 0..30), name in "[^\0]{0,200}") {
        let span = one_span(
            |body| {
                for (key, value) in &attributes {
                    let any = match value {
                        Value::StringValue(text) => Any::Str(text),
                        Value::BoolValue(v) => Any::Bool(*v),
                        Value::IntValue(v) => Any::Int(*v),
                        Value::DoubleValue(v) => Any::Double(*v),
                        _ => unreachable!(),
                    };
                    body.attributes().set(key, any);
                }
            },
            &head(&name),
        );
        let expected: Vec<_> = attributes.into_iter().map(|(key, value)| attribute(&key, value)).collect();
        prop_assert_eq!(span.attributes, expected);
        prop_assert_eq!(span.name, name);
    }
}

#[test]
fn texts_are_searched_for_nul_where_they_may_have_one() {
    for (may, name) in [
        (None, "a\u{fffd}"),
        (Some(true), "a\u{fffd}"),
        (Some(false), "a\0"),
    ] {
        let scope = Scope {
            name: "scope",
            version: "1",
        };
        let spans = |spans: &mut encode::Spans<'_>| {
            if let Some(may) = may {
                spans.may_contain_nul(may);
            }
            spans.span(&head("a\0"), |_| {});
        };
        let bytes = encode::request(&scope, 0, |_| {}, spans);
        let request = ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
        assert_eq!(request.resource_spans[0].scope_spans[0].spans[0].name, name);
    }
}
