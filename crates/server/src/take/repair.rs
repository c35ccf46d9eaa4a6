//! OTLP in protobuf whose texts are not all UTF-8, as SDKs of C++ and others send a text that was cut inside a character:
//! Langfuse and OpenTelemetry's collector read it, the decoder here does not. Called by `protobuf` where the decoder fails.

use std::borrow::Cow;

/// What a field with a length is; all others are copied as they are.
enum Field {
    Text,
    Message(Message),
}

type Message = &'static [(u64, Field)];

/// Messages of `opentelemetry.proto`, with the fields that have texts in them.
static REQUEST: [(u64, Field); 1] = [(1, Field::Message(&RESOURCE_SPANS))];
static RESOURCE_SPANS: [(u64, Field); 3] = [
    (1, Field::Message(&RESOURCE)),
    (2, Field::Message(&SCOPE_SPANS)),
    (3, Field::Text),
];
static RESOURCE: [(u64, Field); 1] = [(1, Field::Message(&KEY_VALUE))];
static SCOPE_SPANS: [(u64, Field); 3] = [
    (1, Field::Message(&SCOPE)),
    (2, Field::Message(&SPAN)),
    (3, Field::Text),
];
static SCOPE: [(u64, Field); 3] = [
    (1, Field::Text),
    (2, Field::Text),
    (3, Field::Message(&KEY_VALUE)),
];
static SPAN: [(u64, Field); 6] = [
    (3, Field::Text),
    (5, Field::Text),
    (9, Field::Message(&KEY_VALUE)),
    (11, Field::Message(&EVENT)),
    (13, Field::Message(&LINK)),
    (15, Field::Message(&STATUS)),
];
static EVENT: [(u64, Field); 2] = [(2, Field::Text), (3, Field::Message(&KEY_VALUE))];
static LINK: [(u64, Field); 2] = [(3, Field::Text), (4, Field::Message(&KEY_VALUE))];
static STATUS: [(u64, Field); 1] = [(2, Field::Text)];
static KEY_VALUE: [(u64, Field); 2] = [(1, Field::Text), (2, Field::Message(&ANY_VALUE))];
static ANY_VALUE: [(u64, Field); 3] = [
    (1, Field::Text),
    (5, Field::Message(&VALUES)),
    (6, Field::Message(&MAP)),
];
static VALUES: [(u64, Field); 1] = [(1, Field::Message(&ANY_VALUE))];
static MAP: [(u64, Field); 1] = [(1, Field::Message(&KEY_VALUE))];

/// Messages in messages; the decoder reads no more either.
const DEPTH: u32 = 100;

/// The request with U+FFFD for what is no character; `None` if it is no such message.
pub(super) fn with_texts(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    message(body, &REQUEST, DEPTH, &mut out)?;
    Some(out)
}

fn message(mut body: &[u8], known: Message, depth: u32, out: &mut Vec<u8>) -> Option<()> {
    let depth = depth.checked_sub(1)?;
    while !body.is_empty() {
        let field = body;
        let tag = varint(&mut body)?;
        let value: usize = match tag & 7 {
            0 => {
                varint(&mut body)?;
                0
            }
            1 => 8,
            5 => 4,
            2 => {
                let head = field.len().checked_sub(body.len())?;
                let length = usize::try_from(varint(&mut body)?).ok()?;
                let value = body.get(..length)?;
                body = body.get(length..)?;
                let mut inner = Vec::new();
                let value = match known.iter().find(|(number, _)| *number == tag >> 3) {
                    Some((_, Field::Text)) => match String::from_utf8_lossy(value) {
                        Cow::Borrowed(text) => text.as_bytes(),
                        Cow::Owned(text) => {
                            inner = text.into_bytes();
                            inner.as_slice()
                        }
                    },
                    Some((_, Field::Message(known))) => {
                        message(value, known, depth, &mut inner)?;
                        inner.as_slice()
                    }
                    None => value,
                };
                out.extend_from_slice(field.get(..head)?);
                put_varint(value.len(), out);
                out.extend_from_slice(value);
                continue;
            }
            _ => return None,
        };
        body = body.get(value..)?;
        let length = field.len().checked_sub(body.len())?;
        out.extend_from_slice(field.get(..length)?);
    }
    Some(())
}

/// The number at the beginning, which is taken off.
fn varint(body: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = body.split_first()?;
        *body = rest;
        number |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_varint(number: usize, out: &mut Vec<u8>) {
    let mut rest = number;
    while rest > 0x7f {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{
        AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
    };
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
    use prost::Message as _;

    use super::*;

    /// A request whose every text is this one, of which there are 22.
    fn request(text: &str) -> ExportTraceServiceRequest {
        let any = |value| AnyValue { value: Some(value) };
        let texts = |value| KeyValue {
            key: text.to_owned(),
            value: Some(any(value)),
            ..KeyValue::default()
        };
        let plain = || vec![texts(Value::StringValue(text.to_owned()))];
        let list = Value::ArrayValue(ArrayValue {
            values: vec![any(Value::StringValue(text.to_owned()))],
        });
        let map = Value::KvlistValue(KeyValueList { values: plain() });
        let span = Span {
            trace_id: vec![1; 16],
            span_id: vec![2; 8],
            trace_state: text.to_owned(),
            name: text.to_owned(),
            kind: 3,
            start_time_unix_nano: 5,
            attributes: [plain(), vec![texts(list), texts(map)]].concat(),
            events: vec![Event {
                name: text.to_owned(),
                attributes: plain(),
                ..Event::default()
            }],
            links: vec![Link {
                trace_state: text.to_owned(),
                attributes: plain(),
                ..Link::default()
            }],
            status: Some(Status {
                message: text.to_owned(),
                code: 2,
            }),
            ..Span::default()
        };
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(Resource {
                    attributes: plain(),
                    ..Resource::default()
                }),
                scope_spans: vec![ScopeSpans {
                    scope: Some(InstrumentationScope {
                        name: text.to_owned(),
                        version: text.to_owned(),
                        attributes: plain(),
                        ..InstrumentationScope::default()
                    }),
                    spans: vec![span],
                    schema_url: text.to_owned(),
                }],
                schema_url: text.to_owned(),
            }],
        }
    }

    #[test]
    fn every_text_is_repaired_and_nothing_else() {
        let good = request("caf\u{e9}");
        let body = good.encode_to_vec();
        assert_eq!(with_texts(&body).unwrap(), body);
        // The last character without its second byte, in texts of the same length.
        let cut = request("cafex").encode_to_vec();
        let at = |at: usize| cut.get(at..at + 5) == Some(b"cafex".as_slice());
        let mut broken = cut.clone();
        for place in (0..cut.len()).filter(|place| at(*place)) {
            broken[place + 4] = 0xc3;
        }
        assert!(ExportTraceServiceRequest::decode(broken.as_slice()).is_err());
        let repaired = with_texts(&broken).unwrap();
        let repaired = ExportTraceServiceRequest::decode(repaired.as_slice()).unwrap();
        assert_eq!(repaired, request("cafe\u{fffd}"));
    }

    #[test]
    fn what_is_no_request_is_not_repaired() {
        let nested = (0..200).fold(Vec::new(), |inner: Vec<u8>, _| {
            let mut list = vec![0x0a];
            put_varint(inner.len(), &mut list);
            list.extend(inner);
            list
        });
        for body in [
            b"\x0a\x05ab".as_slice(),
            b"\xff",
            b"\x0b",
            b"\x09abc",
            &[0x80; 20],
        ] {
            assert_eq!(with_texts(body), None, "{body:?}");
        }
        // Bytes of the messages that it knows, however deep they seem to be.
        let _ = with_texts(&nested);
    }
}
