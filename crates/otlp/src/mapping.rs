//! From a record to OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`), with names of
//! OpenInference and of our own (`tracefuse.*`) for what the conventions have no word for, so that nothing is lost.
//! Called by `exporter` for each batch; writes through the encoder, knows no HTTP.

use std::fmt::Write as _;

use tracefuse_exporter::Batch;
use tracefuse_exporter::record::{
    Level, ObservationType, Resource, SpanRecord, StatusCode, ValueRef,
};

use crate::config::Conventions;
use crate::encode::{self, Any, Attributes, Scope, SpanBody, SpanHead};
use crate::openinference;

/// Encodes a batch as one request. The same batch gives the same bytes.
pub(crate) fn encode(batch: &Batch, conventions: Conventions, capacity: usize) -> Vec<u8> {
    let scope = Scope {
        name: "tracefuse",
        version: env!("CARGO_PKG_VERSION"),
    };
    encode::request(
        &scope,
        capacity,
        |attributes| resource(batch.resource(), attributes),
        |spans| {
            for record in batch.spans() {
                let head = SpanHead {
                    trace_id: record.trace_id(),
                    span_id: record.span_id(),
                    parent: record.parent_span_id(),
                    parent_is_remote: record.parent_span_id().is_some() && record.is_local_root(),
                    name: record.name(),
                    start: record.start_time(),
                    end: record.end_time(),
                };
                spans.span(&head, |body| span(record, conventions, body));
            }
        },
    )
}

fn resource(resource: &Resource, attributes: &mut Attributes<'_>) {
    let (version, release) = (resource.version.as_deref(), resource.release.as_deref());
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
        (
            "deployment.environment.name",
            resource.environment.as_deref(),
        ),
        ("service.version", version.or(release)),
        ("tracefuse.release", version.and(release)),
    ];
    let given = |key: &str| resource.attributes.iter().any(|(known, _)| known == key);
    for (key, value) in own
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)))
    {
        // A key stands once: the user's own word wins.
        if !given(key) {
            attributes.set(key, Any::Str(value));
        }
    }
    for (key, value) in &resource.attributes {
        set(attributes, "", key, value.as_ref());
    }
}

fn span(record: &SpanRecord, conventions: Conventions, body: &mut SpanBody<'_>) {
    match conventions {
        Conventions::GenAi => gen_ai(record, body),
        Conventions::OpenInference => openinference::attributes(record, body),
    }
    events(record, body);
    match record.status() {
        StatusCode::Error => body.status(
            encode::StatusCode::Error,
            record.status_message().unwrap_or_default(),
        ),
        StatusCode::Ok => body.status(encode::StatusCode::Ok, ""),
        _ => {}
    }
}

fn gen_ai(record: &SpanRecord, body: &mut SpanBody<'_>) {
    let mut own = Own {
        attributes: body.attributes(),
        keys: Vec::with_capacity(16),
    };
    kind(record, &mut own);
    trace(record, &mut own);
    model(record, &mut own);
    let (input, output) = places(record.observation_type());
    own.set(input, record.input());
    own.set(output, record.output());
    if let Some(exception) = record.exceptions().next() {
        own.text("error.type", Some(exception.kind()));
    }
    metadata(record, own);
}

/// Attributes with names of ours or of the conventions. Keys must be unique, so those a user's
/// metadata may have too are kept in mind.
struct Own<'a> {
    attributes: Attributes<'a>,
    keys: Vec<&'static str>,
}

impl Own<'_> {
    fn set(&mut self, key: &'static str, value: Option<ValueRef<'_>>) {
        if let Some(value) = value {
            self.keys.push(key);
            set(&mut self.attributes, "", key, value);
        }
    }

    fn text(&mut self, key: &'static str, text: Option<&str>) {
        self.set(key, text.map(ValueRef::Str));
    }
}

/// What the observation is, where OpenTelemetry's conventions have a word for it and in
/// OpenInference's words, which have one for each.
fn kind(record: &SpanRecord, own: &mut Own<'_>) {
    let (operation, open_inference) = match record.observation_type() {
        ObservationType::Generation => (Some("chat"), Some("LLM")),
        ObservationType::Embedding => (Some("embeddings"), Some("EMBEDDING")),
        ObservationType::Agent => (Some("invoke_agent"), Some("AGENT")),
        ObservationType::Tool => (Some("execute_tool"), Some("TOOL")),
        ObservationType::Chain => (None, Some("CHAIN")),
        ObservationType::Retriever => (None, Some("RETRIEVER")),
        ObservationType::Evaluator => (None, Some("EVALUATOR")),
        ObservationType::Guardrail => (None, Some("GUARDRAIL")),
        _ => (None, None),
    };
    own.text("gen_ai.operation.name", operation);
    own.text("openinference.span.kind", open_inference);
    if record.observation_type() == ObservationType::Tool {
        own.text("gen_ai.tool.name", Some(record.name()));
    }
    own.text("tracefuse.level", level(record.level()));
    if record.status() != StatusCode::Error {
        // A failed span's message stands in its status.
        own.text("tracefuse.status_message", record.status_message());
    }
}

pub(crate) fn level(level: Option<Level>) -> Option<&'static str> {
    level
        .filter(|level| *level != Level::Default)
        .map(Level::as_str)
}

fn trace(record: &SpanRecord, own: &mut Own<'_>) {
    let trace = record.trace();
    let name = Some(trace.name.as_str()).filter(|name| !name.is_empty());
    for (key, value) in [
        ("tracefuse.trace.name", name),
        ("user.id", trace.user_id.as_deref()),
        ("session.id", trace.session_id.as_deref()),
        ("gen_ai.conversation.id", trace.session_id.as_deref()),
        ("tracefuse.version", trace.version.as_deref()),
        ("tracefuse.release", trace.release.as_deref()),
        ("deployment.environment.name", trace.environment.as_deref()),
    ] {
        own.text(key, value);
    }
}

fn model(record: &SpanRecord, own: &mut Own<'_>) {
    own.text("gen_ai.request.model", record.model());
    for (name, value) in parameters(record) {
        set(&mut own.attributes, PARAMETER, name, value);
    }
    usage(record, own);
    let mut total = None;
    for (bucket, dollars) in record.cost() {
        match bucket {
            "total" => total = Some(dollars),
            _ => set(&mut own.attributes, COST, bucket, ValueRef::F64(dollars)),
        }
    }
    let sum = || {
        record
            .cost()
            .map(|(_, dollars)| dollars)
            .reduce(|sum, dollars| sum + dollars)
    };
    own.set("gen_ai.usage.cost", total.or_else(sum).map(ValueRef::F64));
    if let Some(prompt) = record.prompt() {
        own.text("gen_ai.prompt.name", Some(prompt.name));
        own.set(
            "tracefuse.prompt.version",
            Some(ValueRef::U64(prompt.version.into())),
        );
    }
    if let Some(time) = record.completion_start_time() {
        let seconds = time.since(record.start_time()).as_secs_f64();
        own.set(
            "gen_ai.response.time_to_first_chunk",
            Some(ValueRef::F64(seconds)),
        );
    }
}

/// Followed by the parameter's name.
const PARAMETER: &str = "gen_ai.request.";
/// Followed by the bucket, for those the conventions do not know.
const USAGE: &str = "tracefuse.usage.";
const COST: &str = "tracefuse.cost.";

/// A parameter called `model` would take the model's place.
fn parameters(record: &SpanRecord) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let taken = record.model().is_some();
    record
        .model_parameters()
        .filter(move |(name, _)| !(taken && *name == "model"))
}

/// The conventions count all input, cached or not, in `input_tokens`; our buckets are disjoint.
fn usage(record: &SpanRecord, own: &mut Own<'_>) {
    let (mut input, mut output) = (None, None);
    for (bucket, units) in record.usage() {
        let sum = match bucket {
            _ if bucket.starts_with("input") || bucket.starts_with("cache_") => Some(&mut input),
            _ if bucket.starts_with("output") => Some(&mut output),
            _ => None,
        };
        if let Some(sum) = sum {
            *sum = Some(sum.unwrap_or(0u64).saturating_add(units));
        }
        let units = ValueRef::U64(units);
        match bucket {
            "input" | "output" => {}
            "input_cached_tokens" | "cache_read_input_tokens" => {
                own.set("gen_ai.usage.cache_read.input_tokens", Some(units));
            }
            "input_cache_creation" | "cache_creation_input_tokens" => {
                own.set("gen_ai.usage.cache_creation.input_tokens", Some(units));
            }
            "output_reasoning_tokens" => {
                own.set("gen_ai.usage.reasoning.output_tokens", Some(units))
            }
            _ => set(&mut own.attributes, USAGE, bucket, units),
        }
    }
    own.set("gen_ai.usage.input_tokens", input.map(ValueRef::U64));
    own.set("gen_ai.usage.output_tokens", output.map(ValueRef::U64));
}

/// The user's metadata under their own names; one that is taken, or empty, gets an underscore. Of a
/// key that a span shares with its trace the span's value is the nearer one.
fn metadata(record: &SpanRecord, mut own: Own<'_>) {
    let trace = record.trace();
    let tags = || trace.tags.iter().map(String::as_str).chain(record.tags());
    if tags().next().is_some() {
        own.keys.push("tags");
        own.attributes.set_texts("tags", tags());
    }
    let of_trace = trace
        .metadata
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_ref()))
        .filter(|(key, _)| !record.metadata().any(|(own, _)| own == *key));
    for (key, value) in of_trace.chain(record.metadata()) {
        let below = |prefix| key.strip_prefix(prefix);
        let taken = key.is_empty()
            || own.keys.contains(&key)
            || below(PARAMETER).is_some_and(|name| parameters(record).any(|(own, _)| own == name))
            || below(USAGE).is_some_and(|name| record.usage().any(|(own, _)| own == name))
            || below(COST).is_some_and(|name| record.cost().any(|(own, _)| own == name));
        if taken {
            set(&mut own.attributes, key, "_", value);
        } else {
            set(&mut own.attributes, "", key, value);
        }
    }
}

fn events(record: &SpanRecord, body: &mut SpanBody<'_>) {
    for event in record.events() {
        body.event(event.name(), event.time(), |attributes| {
            let known = [
                ("input", event.input()),
                ("output", event.output()),
                (
                    "tracefuse.level",
                    level(Some(event.level())).map(ValueRef::Str),
                ),
            ];
            for (key, value) in known {
                if let Some(value) = value {
                    set(attributes, "", key, value);
                }
            }
            for (key, value) in event.metadata() {
                let taken = key.is_empty()
                    || known
                        .iter()
                        .any(|(own, value)| *own == key && value.is_some());
                if taken {
                    set(attributes, key, "_", value);
                } else {
                    set(attributes, "", key, value);
                }
            }
        });
    }
    for exception in record.exceptions() {
        body.event("exception", exception.time(), |attributes| {
            attributes.set("exception.type", Any::Str(exception.kind()));
            attributes.set("exception.message", Any::Str(exception.message()));
            let stack = exception.stacktrace().or_else(|| exception.sources());
            if let Some(stack) = stack {
                attributes.set("exception.stacktrace", Any::Str(stack));
            }
        });
    }
}

/// Bytes a record will take, erring upwards.
pub(crate) fn size_hint(record: &SpanRecord, conventions: Conventions) -> usize {
    let trace = record.trace();
    // A conversation is sent whole and taken apart.
    let again = match conventions {
        Conventions::GenAi => 0,
        Conventions::OpenInference => {
            let sizes = [record.input(), record.output()].map(|v| v.map_or(0, ValueRef::size));
            200 + 3 * sizes.iter().sum::<usize>()
        }
    };
    let texts = [
        &trace.user_id,
        &trace.session_id,
        &trace.session_id,
        &trace.version,
        &trace.release,
        &trace.environment,
    ];
    let metadata = trace
        .metadata
        .iter()
        .map(|(key, value)| key.len() + value.as_ref().size() + 16);
    let parts = record.model_parameters().count() + record.usage().count() + record.cost().count();
    let status = record.status_message().map_or(0, str::len);
    record.size()
        + SPAN
        + again
        + trace.name.len()
        + texts
            .into_iter()
            .flatten()
            .map(|text| text.len() + 40)
            .sum::<usize>()
        + trace.tags.iter().map(|tag| tag.len() + 8).sum::<usize>()
        + metadata.sum::<usize>()
        + status
        + 32 * (parts + record.metadata().count())
        + 160 * (record.events().len() + record.exceptions().len())
}

/// Ids, times and the names of what most spans have.
const SPAN: usize = 512;

/// Where the conventions put input and output.
fn places(kind: ObservationType) -> (&'static str, &'static str) {
    match kind {
        ObservationType::Tool => ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ObservationType::Generation | ObservationType::Agent => {
            ("gen_ai.input.messages", "gen_ai.output.messages")
        }
        _ => ("input.value", "output.value"),
    }
}

pub(crate) fn set(attributes: &mut Attributes<'_>, prefix: &str, key: &str, value: ValueRef<'_>) {
    let any = match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Any::Str(text),
        ValueRef::Bool(v) => Any::Bool(v),
        ValueRef::I64(v) => Any::Int(v),
        ValueRef::U64(v) => match i64::try_from(v) {
            Ok(v) => Any::Int(v),
            Err(_) => {
                let mut text = String::new();
                let _ = write!(text, "{v}");
                return attributes.set_below(prefix, key, Any::Str(&text));
            }
        },
        ValueRef::F64(v) => Any::Double(v),
        // Values may grow; what is not known is sent as its text.
        other => return attributes.set_below(prefix, key, Any::Str(&other.to_string())),
    };
    attributes.set_below(prefix, key, any);
}
