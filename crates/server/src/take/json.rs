//! OTLP in JSON, read leniently: names in camel or snake case, times as text or number, ids in either case.
//! Called by `take`.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_json::Value as Json;

use super::json_value::{KeyValue, attributes};
use super::wire::{Group, WireEvent, WireSpan, as_json};
use super::{TakeError, parse_json};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    #[serde(alias = "resource_spans", default, deserialize_with = "list")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ResourceSpans {
    resource: Option<Described>,
    #[serde(
        alias = "scope_spans",
        alias = "instrumentationLibrarySpans",
        deserialize_with = "list"
    )]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Described {
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ScopeSpans {
    #[serde(alias = "instrumentationLibrary")]
    scope: Option<Scope>,
    #[serde(deserialize_with = "list")]
    spans: Vec<Span>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Scope {
    name: Option<String>,
    version: Option<String>,
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Span {
    #[serde(alias = "trace_id")]
    trace_id: Json,
    #[serde(alias = "span_id")]
    span_id: Json,
    #[serde(alias = "parent_span_id")]
    parent_span_id: Json,
    name: Option<String>,
    #[serde(alias = "start_time_unix_nano")]
    start_time_unix_nano: Json,
    #[serde(alias = "end_time_unix_nano")]
    end_time_unix_nano: Json,
    attributes: Option<Vec<KeyValue>>,
    events: Option<Vec<Event>>,
    links: Option<Vec<Link>>,
    status: Option<Status>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Event {
    name: Option<String>,
    #[serde(alias = "time_unix_nano")]
    time_unix_nano: Json,
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Link {
    #[serde(alias = "trace_id")]
    trace_id: Json,
    #[serde(alias = "span_id")]
    span_id: Json,
    attributes: Option<Vec<KeyValue>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    code: Json,
    message: Option<String>,
}

/// In the JSON of protobuf, `null` is the default of a field.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

pub(crate) fn read(body: &[u8]) -> Result<Vec<Group>, TakeError> {
    let failed =
        |error: &dyn fmt::Display| TakeError(format!("Failed to parse OTel JSON Trace: {error}"));
    // serde reads the fields of a struct from a list too.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(failed(&"it is a list, not an object"));
    }
    let mut groups = Vec::new();
    let request: Request = match parse_json(body) {
        Ok(request) => request,
        Err(error) if error.is_data() => {
            let mut document = parse_json(body).map_err(|error| failed(&error))?;
            // The error is of a span that is taken out, or of what is around spans.
            let unread = take_unreadable(&mut document);
            groups.push(Group {
                unread,
                ..Group::default()
            });
            serde_json::from_value(document).map_err(|_| failed(&error))?
        }
        Err(error) => return Err(failed(&error)),
    };
    for resource in request.resource_spans {
        let described = resource.resource.and_then(|resource| resource.attributes);
        let described = as_json(attributes(described, &mut Vec::new()));
        for scope in resource.scope_spans {
            let named = scope.scope.unwrap_or_default();
            groups.push(Group {
                resource: described.clone(),
                scope_attributes: as_json(attributes(named.attributes, &mut Vec::new())),
                scope: named.name.filter(|name| !name.is_empty()),
                scope_version: named.version.filter(|version| !version.is_empty()),
                spans: scope.spans.into_iter().map(span).collect(),
                unread: Vec::new(),
            });
        }
    }
    Ok(groups)
}

/// Takes out the spans that have a field of another type, such as a number for the name; why each was.
fn take_unreadable(document: &mut Json) -> Vec<String> {
    fn lists<'a>(
        within: &'a mut Json,
        names: &'a [&str],
    ) -> impl Iterator<Item = &'a mut Vec<Json>> {
        let fields = within.as_object_mut().into_iter().flatten();
        let named = fields.filter(|(name, _)| names.contains(&name.as_str()));
        named.filter_map(|(_, value)| value.as_array_mut())
    }
    let mut reasons = Vec::new();
    for resources in lists(document, &["resourceSpans", "resource_spans"]) {
        for resource in resources {
            let names = ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
            for scope in lists(resource, &names).flatten() {
                for spans in lists(scope, &["spans"]) {
                    spans.retain(|span| match Span::deserialize(span) {
                        Ok(_) => true,
                        Err(error) => {
                            reasons.push(format!("a span cannot be read: {error}"));
                            false
                        }
                    });
                }
            }
        }
    }
    reasons
}

fn span(span: Span) -> WireSpan {
    let mut notes = Vec::new();
    let status = span.status.unwrap_or_default();
    let code = match &status.code {
        Json::String(name) => {
            notes.push("the status code is a text: Langfuse reads only the number".to_owned());
            match name.as_str() {
                "STATUS_CODE_ERROR" | "ERROR" => 2,
                "STATUS_CODE_OK" | "OK" => 1,
                _ => 0,
            }
        }
        code => code.as_i64().unwrap_or(0),
    };
    let events = span.events.unwrap_or_default().into_iter();
    let links = span.links.unwrap_or_default().into_iter();
    WireSpan {
        trace_id: id(&span.trace_id, 32, &mut notes),
        span_id: id(&span.span_id, 16, &mut notes),
        parent_id: Some(id(&span.parent_span_id, 16, &mut notes))
            .filter(|parent| !parent.is_empty()),
        name: span.name.unwrap_or_default(),
        start_ns: time(&span.start_time_unix_nano),
        end_ns: time(&span.end_time_unix_nano),
        attributes: attributes(span.attributes, &mut notes),
        events: events
            .map(|event| WireEvent {
                name: event.name.unwrap_or_default(),
                time_ns: time(&event.time_unix_nano).unwrap_or(0),
                attributes: attributes(event.attributes, &mut Vec::new()),
            })
            .collect(),
        links: links
            .map(|link| {
                let mut shown = serde_json::Map::new();
                shown.insert(
                    "trace_id".to_owned(),
                    id(&link.trace_id, 32, &mut Vec::new()).into(),
                );
                shown.insert(
                    "span_id".to_owned(),
                    id(&link.span_id, 16, &mut Vec::new()).into(),
                );
                shown.extend(as_json(attributes(link.attributes, &mut Vec::new())));
                Json::Object(shown)
            })
            .collect(),
        status: code,
        status_message: status.message.unwrap_or_default(),
        notes,
    }
}

/// Hex in lower case; anything else stays as it is, with a note. Empty where it is missing or all zeros.
fn id(id: &Json, length: usize, notes: &mut Vec<String>) -> String {
    let text = match id {
        Json::String(text) => Cow::Borrowed(text.as_str()),
        // Some libraries write the bytes of protobuf's fields as numbers.
        Json::Array(bytes) => {
            let bytes: Vec<u8> = bytes
                .iter()
                .filter_map(|byte| byte.as_u64()?.try_into().ok())
                .collect();
            Cow::Owned(super::wire::hex(&bytes))
        }
        _ => return String::new(),
    };
    if text.bytes().all(|byte| byte == b'0') {
        return String::new();
    }
    let is_hex = text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_hex {
        notes.push(format!(
            "an id is not {length} hex digits: Langfuse keeps the text as it is"
        ));
        return text.into_owned();
    }
    text.to_ascii_lowercase()
}

/// Nanoseconds as text or number, or as the two halves of JavaScript's `Long`.
fn time(time: &Json) -> Option<i64> {
    match time {
        Json::String(text) => text.trim().parse().ok(),
        Json::Number(number) => number
            .as_i64()
            .or_else(|| number.as_f64().map(|number| number as i64)),
        Json::Object(halves) => {
            let half = |name: &str| halves.get(name).and_then(Json::as_i64);
            let low = half("low")? & 0xffff_ffff;
            half("high")?.checked_shl(32)?.checked_add(low)
        }
        _ => None,
    }
    .filter(|nanos| *nanos >= 0)
}

#[cfg(test)]
mod tests {
    use tracefuse_semconv::Value;

    use super::*;

    #[test]
    fn what_is_null_is_as_if_it_were_missing() {
        let span = r#"{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "name": null, "links": null,
            "attributes": [{"key": "a"}, {"key": null, "value": {"intValue": "1"}}, {"value": {"stringValue": "x"}}, {"key": "b", "value": {"boolValue": null, "intValue": "5"}}],
            "events": null, "status": null, "parentSpanId": null, "startTimeUnixNano": null}"#;
        let spans = format!(
            r#"{{"resourceSpans": [{{"resource": null, "scopeSpans": [{{"scope": null, "spans": [{span}]}}]}}]}}"#
        );
        for (body, count) in [
            (spans.as_str(), 1),
            (r#"{"resourceSpans": null}"#, 0),
            (r#"{"resourceSpans": [{"scopeSpans": null}]}"#, 0),
            (
                r#"{"resourceSpans": [{"scopeSpans": [{"spans": null}]}]}"#,
                0,
            ),
            ("{}", 0),
        ] {
            let groups = read(body.as_bytes()).unwrap();
            let spans: Vec<&WireSpan> = groups.iter().flat_map(|group| &group.spans).collect();
            assert_eq!(spans.len(), count, "{body}");
            for span in spans {
                assert_eq!(span.attributes, [("b".to_owned(), Value::I64(5))]);
            }
        }
        for body in ["[]", " [[]]", "null", "5", ""] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_span_with_a_wrong_type_leaves_the_others() {
        let good =
            r#"{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7"}"#;
        let body = |spans: &str| {
            format!(r#"{{"resourceSpans": [{{"scope_spans": [{{"spans": [{spans}]}}]}}]}}"#)
        };
        for wrong in [
            r#"{"name": 5}"#,
            r#"{"attributes": {}}"#,
            r#"{"attributes": [5]}"#,
            r#"{"status": "ERROR"}"#,
            r#"{"events": [5]}"#,
            "5",
            "null",
        ] {
            let groups = read(body(&format!("{wrong}, {good}")).as_bytes()).unwrap();
            let count = |of: fn(&Group) -> usize| groups.iter().map(of).sum::<usize>();
            assert_eq!(count(|group| group.spans.len()), 1, "{wrong}");
            assert_eq!(count(|group| group.unread.len()), 1, "{wrong}");
        }
        for wrong in [
            r#"{"resourceSpans": 5}"#.to_owned(),
            r#"{"resourceSpans": [{"resource": 5}]}"#.to_owned(),
            r#"{"resourceSpans": [{"scopeSpans": [5]}]}"#.to_owned(),
            body(good).replace('}', ""),
        ] {
            assert!(read(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn one_deep_attribute_leaves_the_others() {
        let deep = r#"{"arrayValue":{"values":["#.repeat(200)
            + r#"{"stringValue":"x"}"#
            + &"]}}".repeat(200);
        let span = |attributes: &str| {
            format!(
                r#"{{"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "00f067aa0ba902b7", "attributes": [{attributes}]}}"#
            )
        };
        let body = format!(
            r#"{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{}, {}]}}]}}]}}"#,
            span(&format!(
                r#"{{"key": "deep", "value": {deep}}}, {{"key": "b", "value": {{"boolValue": true}}}}"#
            )),
            span(""),
        );
        let groups = read(body.as_bytes()).unwrap();
        let names: Vec<Vec<&str>> = groups[0]
            .spans
            .iter()
            .map(|span| {
                span.attributes
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(names, [vec!["deep", "b"], vec![]]);
    }
}
