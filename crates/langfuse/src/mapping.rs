//! Writes records with the attributes that Langfuse reads (`docs/langfuse.md` 2.4 to 2.7, 5 and 6).
//! Called by `exporter` for each batch. Writes through the encoder of `tracefuse_otlp`; knows no HTTP.

use std::sync::Arc;

use tracefuse_exporter::record::{
    EventRef, ExceptionRef, Level, ObservationType, Resource, SpanRecord, StatusCode, Timestamp,
    TraceAttributes, ValueRef,
};
use tracefuse_otlp::encode::{self, Any, Attributes, Scope, SpanBody, SpanHead, Spans};

use crate::attributes as name;
use crate::fields::Fields;
use crate::text;
use crate::values::{any, as_text, level, metadata, to_picodollars};

/// Encodes a batch as one request. The same batch gives the same bytes.
pub(crate) fn encode<'s>(
    resource: &Resource,
    records: impl Iterator<Item = &'s SpanRecord>,
    capacity: usize,
) -> Vec<u8> {
    let scope = Scope {
        name: name::SCOPE,
        version: env!("CARGO_PKG_VERSION"),
    };
    encode::request(
        &scope,
        capacity,
        |attributes| write_resource(resource, attributes),
        |spans| {
            let mut mapping = Mapping {
                resource,
                shared: None,
                scratch: String::new(),
            };
            let mut fields = Fields::default();
            for record in records {
                fields.read(record);
                spans.may_contain_nul(record.contains_nul());
                mapping.observation(record, &fields, spans);
            }
        },
    )
}

fn write_resource(resource: &Resource, attributes: &mut Attributes<'_>) {
    let environment = resource.environment.as_deref().and_then(text::environment);
    let own = [
        (
            "service.name",
            Some(
                resource
                    .service_name
                    .as_deref()
                    .unwrap_or("unknown_service"),
            ),
        ),
        ("telemetry.sdk.language", Some("rust")),
        ("telemetry.sdk.name", Some("tracefuse")),
        ("telemetry.sdk.version", Some(env!("CARGO_PKG_VERSION"))),
        (name::ENVIRONMENT, environment.as_deref()),
        (name::RELEASE, resource.release.as_deref()),
        (name::VERSION, resource.version.as_deref()),
    ];
    let given = |key: &str| resource.attributes.iter().any(|(known, _)| known == key);
    for (key, value) in own
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        // Each key is written once: a value that the user set wins.
        if !given(key) {
            attributes.set(key, Any::Str(value));
        }
    }
    for (key, value) in &resource.attributes {
        attributes.set(key, any(value.as_ref(), &mut String::new()));
    }
}

struct Mapping<'a> {
    resource: &'a Resource,
    /// Attributes of the last trace and their encoded bytes: consecutive spans share them.
    shared: Option<(Arc<TraceAttributes>, Vec<u8>)>,
    scratch: String,
}

impl Mapping<'_> {
    /// Writes a record, and its events and errors as child observations, because Langfuse drops span events.
    fn observation(&mut self, record: &SpanRecord, fields: &Fields<'_>, spans: &mut Spans<'_>) {
        let trace = record.trace();
        let shared = self.trace_attributes(trace);
        // The server reads the trace's metadata from the root's row, so the root keeps the trace's value.
        let own = if record.is_local_root() {
            None
        } else {
            let links = (!fields.links.is_empty()).then_some(name::LINKS);
            let keys = || fields.metadata.iter().map(|(key, _)| *key).chain(links);
            self.without_clashes(trace, keys)
        };
        let head = SpanHead {
            trace_id: record.trace_id(),
            span_id: record.span_id(),
            parent: record.parent_span_id(),
            parent_is_remote: record.parent_span_id().is_some() && record.is_local_root(),
            name: record.name(),
            start: record.start_time(),
            end: record.end_time(),
        };
        spans.span(&head, |body| {
            body.copy_attributes(own.as_ref().unwrap_or(&shared));
            self.span(record, fields, body);
        });
        for event in fields.events.iter().copied() {
            let own = self.without_clashes(trace, || event.metadata().map(|(key, _)| key));
            self.event(record, event, own.as_ref().unwrap_or(&shared), spans);
        }
        // A single error is written on the span itself. One that was recorded before, here or below, is not repeated.
        let own = |error: &&ExceptionRef<'_>| !error.is_propagated();
        if fields.exceptions.iter().skip(1).any(|error| own(&error)) {
            for exception in fields.exceptions.iter().filter(own) {
                self.exception(record, *exception, &shared, spans);
            }
        }
        self.shared = Some((trace.clone(), shared));
    }

    /// The encoded attributes of a trace. They are taken out of `shared` while they are used, and put back afterwards.
    fn trace_attributes(&mut self, trace: &Arc<TraceAttributes>) -> Vec<u8> {
        match self.shared.take() {
            Some((known, bytes)) if Arc::ptr_eq(&known, trace) => bytes,
            _ => {
                text::warn_if_long(trace);
                encode::span_attributes(|attributes| self.write_trace(trace, attributes, |_| true))
            }
        }
    }

    /// On one row, metadata of the trace replaces metadata of the observation with the same key (`docs/langfuse.md`
    /// 2.4). To keep the observation's value, the trace's value is left out of that row; the other rows have it.
    fn without_clashes<'k, K: Iterator<Item = &'k str>>(
        &self,
        trace: &TraceAttributes,
        keys: impl Fn() -> K,
    ) -> Option<Vec<u8>> {
        let clashes = |known: &str| keys().any(|key| key == known);
        let clash = trace.metadata.iter().any(|(key, _)| clashes(key));
        clash.then(|| {
            encode::span_attributes(|attributes| {
                self.write_trace(trace, attributes, |key| !clashes(key));
            })
        })
    }

    fn write_trace(
        &self,
        trace: &TraceAttributes,
        attributes: &mut Attributes<'_>,
        wanted: impl Fn(&str) -> bool,
    ) {
        let resource = self.resource;
        let texts = [
            (
                name::TRACE_NAME,
                (!trace.name.is_empty()).then_some(&trace.name),
            ),
            (name::USER_ID, trace.user_id.as_ref()),
            (name::SESSION_ID, trace.session_id.as_ref()),
            (
                name::RELEASE,
                trace.release.as_ref().or(resource.release.as_ref()),
            ),
            (
                name::VERSION,
                trace.version.as_ref().or(resource.version.as_ref()),
            ),
        ];
        for (key, value) in texts {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                attributes.set(key, Any::Str(value));
            }
        }
        let environments = [&trace.environment, &resource.environment];
        let mut environments = environments.into_iter().flatten();
        if let Some(environment) = environments.find_map(|name| text::environment(name)) {
            attributes.set(name::ENVIRONMENT, Any::Str(&environment));
        }
        if !trace.tags.is_empty() {
            attributes.set_texts(name::TAGS, trace.tags.iter().map(String::as_str));
        }
        if trace.public {
            attributes.set(name::PUBLIC, Any::Bool(true));
        }
        let mut scratch = String::new();
        for (key, value) in trace.metadata.iter().filter(|(key, _)| wanted(key)) {
            if key.starts_with(name::EXPERIMENT) {
                attributes.set(key, as_text(value.as_ref(), &mut scratch));
                continue;
            }
            let value = metadata(value.as_ref(), &mut scratch);
            attributes.set_below(name::TRACE_METADATA, text::safe_key(key), value);
        }
    }

    fn span(&mut self, record: &SpanRecord, fields: &Fields<'_>, body: &mut SpanBody<'_>) {
        let scratch = &mut self.scratch;
        let mut attributes = body.attributes();
        if record.is_app_root() {
            attributes.set(name::IS_APP_ROOT, Any::Bool(true));
        }
        attributes.set(name::TYPE, Any::Str(record.observation_type().as_str()));
        let failed = record.status() == StatusCode::Error;
        if let Some(level) = level(record.level(), failed) {
            attributes.set(name::LEVEL, Any::Str(level.as_str()));
        }
        let message = fields.one.status_message.map(text::one_line);
        if let Some(message) = &message {
            attributes.set(name::STATUS_MESSAGE, Any::Str(message));
        }
        for (key, value) in [
            (name::INPUT, fields.one.input),
            (name::OUTPUT, fields.one.output),
        ] {
            if let Some(value) = value {
                attributes.set(key, as_text(value, scratch));
            }
        }
        if let Some(model) = fields.one.model {
            attributes.set(name::MODEL, Any::Str(model));
        }
        if let Some(json) = text::object(scratch, fields.parameters.iter().copied()) {
            attributes.set(name::MODEL_PARAMETERS, Any::Str(json));
        }
        if let Some(json) = text::object(
            scratch,
            fields
                .usage
                .iter()
                .map(|(bucket, units)| (*bucket, ValueRef::U64(*units))),
        ) {
            attributes.set(name::USAGE, Any::Str(json));
        }
        let cost = || {
            fields
                .cost
                .iter()
                .copied()
                .filter(|(_, dollars)| dollars.is_finite())
        };
        // The server computes a total only if input and output are the only buckets.
        let total = match cost().any(|(bucket, _)| bucket == "total") {
            true => None,
            false => cost().map(|(_, dollars)| dollars).reduce(|a, b| a + b),
        };
        let total = total.map(|total| ("total", to_picodollars(total)));
        if let Some(json) = text::object(
            scratch,
            cost()
                .chain(total)
                .map(|(bucket, dollars)| (bucket, ValueRef::F64(dollars))),
        ) {
            attributes.set(name::COST, Any::Str(json));
        }
        if let Some(time) = fields.one.completion_start {
            attributes.set(
                name::COMPLETION_START_TIME,
                Any::Str(text::micros(scratch, time)),
            );
        }
        if let Some(prompt) = fields.one.prompt {
            let is_generation = record.observation_type() == ObservationType::Generation;
            let links = is_generation && (1..=text::PROMPT_VERSIONS).contains(&prompt.version);
            let (name, version) = if links {
                (name::PROMPT_NAME, name::PROMPT_VERSION)
            } else {
                text::warn_of_prompt(is_generation, prompt.version);
                (name::UNLINKED_PROMPT_NAME, name::UNLINKED_PROMPT_VERSION)
            };
            attributes.set(name, Any::Str(prompt.name));
            attributes.set(version, Any::Int(prompt.version.into()));
        }
        let erred = !fields.exceptions.is_empty();
        let tagged = !fields.tags.is_empty();
        let linked = !fields.links.is_empty();
        for (key, value) in fields.metadata.iter().copied() {
            if key.starts_with(name::EXPERIMENT) {
                attributes.set(key, as_text(value, scratch));
                continue;
            }
            let ours = match key {
                name::SPAN_TAGS => tagged,
                name::LINKS => linked,
                _ => erred && name::EXCEPTION.contains(&key),
            };
            let key = if ours {
                text::renamed(key)
            } else {
                text::safe_key(key).into()
            };
            attributes.set_below(name::METADATA, &key, metadata(value, scratch));
        }
        if let Some(json) = text::array(scratch, fields.tags.iter().copied()) {
            attributes.set_below(name::METADATA, name::SPAN_TAGS, Any::Str(json));
        }
        if linked {
            // The server keeps no links of spans; in the metadata a person finds them.
            let json = text::links(scratch, &fields.links);
            attributes.set_below(name::METADATA, name::LINKS, Any::Str(json));
        }
        if let Some(exception) = fields.exceptions.first() {
            write_exception(exception, &mut attributes);
        }
        // For other backends behind a collector; Langfuse ignores links and span events.
        for exception in &fields.exceptions {
            body.event("exception", exception.time(), |attributes| {
                attributes.set(name::EXCEPTION_TYPE, Any::Str(exception.kind()));
                attributes.set(name::EXCEPTION_MESSAGE, Any::Str(exception.message()));
                if let Some(stack) = exception.stacktrace() {
                    attributes.set(name::EXCEPTION_STACKTRACE, Any::Str(stack));
                }
            });
        }
        for link in &fields.links {
            body.link(
                link.trace_id(),
                link.span_id(),
                link.flags(),
                |attributes| {
                    for (key, value) in link.metadata() {
                        attributes.set(text::safe_key(key), metadata(value, &mut String::new()));
                    }
                },
            );
        }
        match record.status() {
            StatusCode::Error => body.status(
                encode::StatusCode::Error,
                message.as_deref().unwrap_or_default(),
            ),
            StatusCode::Ok => body.status(encode::StatusCode::Ok, ""),
            _ => {}
        }
    }

    fn event(
        &mut self,
        parent: &SpanRecord,
        event: EventRef<'_>,
        shared: &[u8],
        spans: &mut Spans<'_>,
    ) {
        let scratch = &mut self.scratch;
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

    fn exception(
        &self,
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
                body.status(encode::StatusCode::Error, &message);
            },
        );
    }
}

fn child<'a>(
    parent: &SpanRecord,
    id: tracefuse_exporter::record::SpanId,
    name: &'a str,
    time: Timestamp,
) -> SpanHead<'a> {
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

fn write_exception(exception: &ExceptionRef<'_>, attributes: &mut Attributes<'_>) {
    let parts = [
        (name::EXCEPTION_TYPE, Some(exception.kind())),
        (name::EXCEPTION_MESSAGE, Some(exception.message())),
        (name::EXCEPTION_SOURCES, exception.sources()),
        (name::EXCEPTION_STACKTRACE, exception.stacktrace()),
    ];
    let mut scratch = String::new();
    for (key, value) in parts
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        // A message such as "404" is text too, and must be read back as text.
        attributes.set_below(
            name::METADATA,
            key,
            metadata(ValueRef::Str(value), &mut scratch),
        );
    }
}
