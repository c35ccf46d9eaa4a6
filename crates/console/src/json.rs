//! A line of JSON per span, for programs. Schema 1:
//!
//! | field | | |
//! | --- | --- | --- |
//! | `schema` | always | `1`; a field that changes its meaning or goes away makes it `2`, a new one does not |
//! | `trace_id`, `span_id` | always | 32 and 16 lower-case hex digits |
//! | `parent_span_id` | always | 16 hex digits, `null` for the root of a trace |
//! | `name`, `type` | always | type: one of the ten observation types, such as `generation` |
//! | `start_time`, `end_time` | always | RFC 3339, UTC, nanoseconds |
//! | `duration_ns` | always | nanoseconds |
//! | `level` | always | `DEBUG`, `DEFAULT`, `WARNING`, `ERROR` |
//! | `status`, `status_message` | always, if any | status: `unset`, `ok`, `error` |
//! | `model`, `model_parameters`, `prompt` | if any | text; object; object of `name` and `version` |
//! | `completion_start_time` | if any | when the first token arrived, RFC 3339 |
//! | `usage`, `cost` | if any | objects: units by bucket; US dollars by bucket |
//! | `input`, `output` | if any | any JSON |
//! | `metadata` | if any | object, values of any type |
//! | `tags` | if any | tags of this span alone |
//! | `events` | if any | objects: `id`, `name`, `time`, `level`, and if any `input`, `output`, `metadata` |
//! | `exceptions` | if any | objects: `id`, `time`, `type`, `message`, and if any `sources` (array, nearest first), `stacktrace`; `propagated` if true: a span below recorded it before |
//! | `links` | if any | objects: `trace_id`, `span_id`, and if any `metadata` |
//! | `trace` | always | object: `name`, and if any `user_id`, `session_id`, `tags`, `metadata`, `version`, `release`, `environment`; `public` if true |
//! | `resource` | always | object, if any: `service_name`, `environment`, `release`, `version`, `attributes` |
//!
//! A score is a separate line, with `score_id` and no duration: `schema`, `score_id`, `name`, `value` (number,
//! boolean or text), `data_type` (`NUMERIC`, `BOOLEAN`, `CATEGORICAL`, `TEXT`), `time`; its target as
//! `trace_id`, with `span_id` for an observation, or `session_id`; and if any `comment`, `config_id`,
//! `environment`, `metadata`.
//!
//! JSON that was recorded is embedded as JSON. Numbers that JSON cannot express are the texts `NaN`,
//! `Infinity`, `-Infinity`. Characters that could control a terminal are JSON escapes, so a line can be printed
//! and its meaning is the same.
// Called by `exporter`; knows nothing of the span before or after.

use serde::ser::{Serialize, SerializeMap, Serializer};
use tracefuse_exporter::record::{
    EventRef, ExceptionRef, Level, LinkRef, Resource, SpanRecord, StatusCode, TraceAttributes,
    ValueRef,
};

use crate::json_object::{Object, Typed, entry, list, object};
use crate::paint::{Line, PLAIN};
use crate::sanitize::Sanitized;

pub(crate) fn line(record: &SpanRecord, resource: &Resource) -> Line {
    // None of these values fails to serialize. If one did, the line would be an object with the error.
    let document = serde_json::to_string(&Span(record, resource)).unwrap_or_else(|error| {
        serde_json::json!({"schema": 1, "error": error.to_string()}).to_string()
    });
    Line::new().with(PLAIN, Sanitized::json(&document))
}

struct Span<'a>(&'a SpanRecord, &'a Resource);
struct Event<'a>(EventRef<'a>);
struct Error<'a>(ExceptionRef<'a>);
struct Link<'a>(LinkRef<'a>);
struct Trace<'a>(&'a TraceAttributes);
struct Origin<'a>(&'a Resource);

impl Serialize for Span<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(span, resource) = *self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("schema", &1)?;
        map.serialize_entry("trace_id", &span.trace_id())?;
        map.serialize_entry("span_id", &span.span_id())?;
        map.serialize_entry("parent_span_id", &span.parent_span_id())?;
        map.serialize_entry("name", span.name())?;
        map.serialize_entry("type", span.observation_type().as_str())?;
        map.serialize_entry("start_time", &span.start_time().to_string())?;
        map.serialize_entry("end_time", &span.end_time().to_string())?;
        let nanos = span.end_time().as_unix_nanos() - span.start_time().as_unix_nanos();
        map.serialize_entry("duration_ns", &nanos)?;
        map.serialize_entry("level", span.level().unwrap_or(Level::Default).as_str())?;
        let status = match span.status() {
            StatusCode::Error => "error",
            StatusCode::Ok => "ok",
            _ => "unset",
        };
        map.serialize_entry("status", status)?;
        entry(&mut map, "status_message", span.status_message())?;
        entry(&mut map, "model", span.model())?;
        entry(
            &mut map,
            "model_parameters",
            object(Object::of(span.model_parameters())),
        )?;
        let prompt = span.prompt().map(|prompt| {
            let pairs = [
                ("name", ValueRef::Str(prompt.name)),
                ("version", ValueRef::U64(prompt.version.into())),
            ];
            Object::of(pairs.into_iter())
        });
        entry(&mut map, "prompt", prompt)?;
        let first = span.completion_start_time().map(|time| time.to_string());
        entry(&mut map, "completion_start_time", first)?;
        let usage = span
            .usage()
            .map(|(name, units)| (name, ValueRef::U64(units)));
        entry(&mut map, "usage", object(Object::of(usage)))?;
        let cost = span
            .cost()
            .map(|(name, dollars)| (name, ValueRef::F64(dollars)));
        entry(&mut map, "cost", object(Object::of(cost)))?;
        entry(&mut map, "input", span.input().map(Typed))?;
        entry(&mut map, "output", span.output().map(Typed))?;
        entry(&mut map, "metadata", object(Object::of(span.metadata())))?;
        entry(&mut map, "tags", list(span.tags().collect()))?;
        entry(&mut map, "events", list(span.events().map(Event).collect()))?;
        entry(
            &mut map,
            "exceptions",
            list(span.exceptions().map(Error).collect()),
        )?;
        entry(&mut map, "links", list(span.links().map(Link).collect()))?;
        map.serialize_entry("trace", &Trace(span.trace()))?;
        map.serialize_entry("resource", &Origin(resource))?;
        map.end()
    }
}

impl Serialize for Event<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &event.id())?;
        map.serialize_entry("name", event.name())?;
        map.serialize_entry("time", &event.time().to_string())?;
        map.serialize_entry("level", event.level().as_str())?;
        entry(&mut map, "input", event.input().map(Typed))?;
        entry(&mut map, "output", event.output().map(Typed))?;
        entry(&mut map, "metadata", object(Object::of(event.metadata())))?;
        map.end()
    }
}

impl Serialize for Error<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let error = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &error.id())?;
        map.serialize_entry("time", &error.time().to_string())?;
        map.serialize_entry("type", error.kind())?;
        map.serialize_entry("message", error.message())?;
        let sources = error
            .sources()
            .map(|sources| sources.lines().collect::<Vec<_>>());
        entry(&mut map, "sources", sources)?;
        entry(&mut map, "stacktrace", error.stacktrace())?;
        entry(
            &mut map,
            "propagated",
            error.is_propagated().then_some(true),
        )?;
        map.end()
    }
}

impl Serialize for Link<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let link = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("trace_id", &link.trace_id())?;
        map.serialize_entry("span_id", &link.span_id())?;
        entry(&mut map, "metadata", object(Object::of(link.metadata())))?;
        map.end()
    }
}

impl Serialize for Trace<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let trace = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &trace.name)?;
        entry(&mut map, "user_id", trace.user_id.as_ref())?;
        entry(&mut map, "session_id", trace.session_id.as_ref())?;
        entry(&mut map, "tags", list(trace.tags.iter().collect()))?;
        entry(&mut map, "metadata", object(Object::owned(&trace.metadata)))?;
        entry(&mut map, "version", trace.version.as_ref())?;
        entry(&mut map, "release", trace.release.as_ref())?;
        entry(&mut map, "environment", trace.environment.as_ref())?;
        entry(&mut map, "public", trace.public.then_some(true))?;
        map.end()
    }
}

impl Serialize for Origin<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = self.0;
        let mut map = serializer.serialize_map(None)?;
        entry(&mut map, "service_name", resource.service_name.as_ref())?;
        entry(&mut map, "environment", resource.environment.as_ref())?;
        entry(&mut map, "release", resource.release.as_ref())?;
        entry(&mut map, "version", resource.version.as_ref())?;
        entry(
            &mut map,
            "attributes",
            object(Object::owned(&resource.attributes)),
        )?;
        map.end()
    }
}
