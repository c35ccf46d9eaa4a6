//! Writes a span by OpenTelemetry's semantic conventions for generative AI (`gen_ai.*`, version 0.1.0). What they have no
//! name for gets names of OpenInference or our own (`tracefuse.*`).
//! Called by `mapping` for each span, unless the exporter is set to OpenInference.

use tracefuse_exporter::record::{ObservationType, SpanRecord, StatusCode, ValueRef};

use crate::encode::{Attributes, SpanBody};
use crate::values::{level, set};
use crate::{kind, provider, tokens};

/// Writes the attributes of a span; with `older_too` also under the names of releases before 0.1.0.
pub(crate) fn attributes(record: &SpanRecord, older_too: bool, body: &mut SpanBody<'_>) {
    let mut own = Own {
        record,
        attributes: body.attributes(),
        keys: Vec::with_capacity(24),
        written: Vec::new(),
        older_too,
    };
    type_of(record, &mut own);
    trace(record, &mut own);
    model(record, &mut own);
    let (input, output) = places(record);
    own.set(input, record.input());
    own.set(output, record.output());
    // Receivers that do not know the names of retrieval read these (MLflow 3.17.2).
    if input == RETRIEVAL_QUERY {
        own.set(INPUT, record.input());
    }
    if output == RETRIEVAL_DOCUMENTS {
        own.set(OUTPUT, record.output());
    }
    if let Some(exception) = record.exceptions().next() {
        own.text("error.type", Some(exception.kind()));
    }
    metadata(record, own);
}

/// Writes attributes with names of the conventions or our own, and notes their keys. Keys must be unique, and a user's
/// metadata may have the same ones.
struct Own<'a> {
    record: &'a SpanRecord,
    attributes: Attributes<'a>,
    keys: Vec<&'static str>,
    /// Keys of the span's metadata whose values were written under a name of the conventions.
    written: Vec<&'static str>,
    /// Whether the older names of the conventions are written as well.
    older_too: bool,
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

    /// Writes a text unless the span's metadata has this key: then the value that a framework or a user gave is written.
    fn text_unless_given(&mut self, key: &'static str, text: Option<&str>) {
        if given(self.record, key).is_none() {
            self.text(key, text);
        }
    }
}

/// The text under a key of the span's metadata.
fn given<'a>(record: &'a SpanRecord, wanted: &str) -> Option<ValueRef<'a>> {
    let mut metadata = record.metadata();
    metadata.find_map(|(key, value)| (key == wanted).then_some(value))
}

/// The type of the observation: as an operation of OpenTelemetry's conventions if they have one, and as OpenInference's
/// span kind.
fn type_of(record: &SpanRecord, own: &mut Own<'_>) {
    let names = kind::names(record.observation_type());
    own.text_unless_given("gen_ai.operation.name", names.operation);
    own.text("openinference.span.kind", names.span_kind);
    let name = match record.observation_type() {
        ObservationType::Tool => Some("gen_ai.tool.name"),
        // The conventions use it for workflows too.
        ObservationType::Agent | ObservationType::Chain => Some("gen_ai.agent.name"),
        _ => None,
    };
    if let Some(key) = name {
        own.text_unless_given(key, Some(record.name()));
    }
    let calls_a_model = matches!(
        record.observation_type(),
        ObservationType::Generation | ObservationType::Embedding
    );
    let provider = provider::of(record).or_else(|| calls_a_model.then_some(provider::OTHER));
    own.text_unless_given("gen_ai.provider.name", provider);
    if own.older_too {
        own.text_unless_given("gen_ai.system", provider);
        if record.observation_type() == ObservationType::Chain {
            own.text_unless_given("gen_ai.workflow.name", Some(record.name()));
        }
    }
    own.text("tracefuse.level", level(record.level()));
    if record.status() != StatusCode::Error {
        // The message of a failed span is in its status.
        own.text("tracefuse.status_message", record.status_message());
    }
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
    // The bridges put the requested model into the metadata if another model answered.
    let asked = given(record, REQUEST_MODEL).and_then(text_of);
    let (request, response) = match asked {
        Some(asked) => (Some(asked), record.model()),
        None => (record.request_model(), record.response_model()),
    };
    own.text(REQUEST_MODEL, request);
    if asked.is_some() {
        own.written.push(REQUEST_MODEL);
    }
    own.text_unless_given("gen_ai.response.model", response);
    finish_reasons(record, own);
    let of_retrieval = record.observation_type() == ObservationType::Retriever;
    for (name, value) in parameters(record) {
        if of_retrieval && name == "top_k" {
            own.set("gen_ai.retrieval.top_k", Some(value));
        } else {
            set(&mut own.attributes, PARAMETER, name, value);
        }
    }
    let streamed = record.completion_start_time().is_some();
    if streamed && !parameters(record).any(|(name, _)| name == "stream") {
        own.set("gen_ai.request.stream", Some(ValueRef::Bool(true)));
    }
    for (name, units) in tokens::counts(record, own.older_too) {
        own.set(name, Some(ValueRef::U64(units)));
    }
    for (bucket, units) in tokens::unnamed(record) {
        set(&mut own.attributes, USAGE, bucket, ValueRef::U64(units));
    }
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
        own.text("gen_ai.prompt.version", Some(&prompt.version.to_string()));
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

/// Parameters of the call, except one named `model` if the model is known: it would have the model's key.
fn parameters(record: &SpanRecord) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
    let taken = record.model().is_some();
    record
        .model_parameters()
        .filter(move |(name, _)| !(taken && *name == "model"))
}

const REQUEST_MODEL: &str = "gen_ai.request.model";
const FINISH_REASONS: &str = "gen_ai.response.finish_reasons";

/// Why the model stopped, one reason for each answer: a list, where the record has a text or JSON.
fn finish_reasons(record: &SpanRecord, own: &mut Own<'_>) {
    for key in [FINISH_REASONS, "finish_reason"] {
        let Some(reasons) = given(record, key).and_then(text_of).and_then(texts) else {
            continue;
        };
        let reasons = reasons.iter().map(String::as_str);
        own.attributes.set_texts(FINISH_REASONS, reasons);
        own.keys.push(FINISH_REASONS);
        if key == FINISH_REASONS || !own.older_too {
            own.written.push(key);
        }
        return;
    }
}

fn text_of(value: ValueRef<'_>) -> Option<&str> {
    match value {
        ValueRef::Str(text) | ValueRef::Json(text) => Some(text),
        _ => None,
    }
}

/// A text, or the texts of a JSON array.
fn texts(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with(['[', '"']) {
        let one = |text: &str| serde_json::from_str(text).map(|text| vec![text]);
        return serde_json::from_str(text).or_else(|_| one(text)).ok();
    }
    (!text.is_empty()).then(|| vec![text.to_owned()])
}

/// Writes the user's metadata under their own keys. A key that is in use, or empty, gets an underscore. If a span and its
/// trace have the same key, the span's value is written.
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
    let written = std::mem::take(&mut own.written);
    let of_span = record.metadata().filter(|(key, _)| !written.contains(key));
    for (key, value) in of_trace.chain(of_span) {
        let below = |prefix| key.strip_prefix(prefix);
        let taken = key.is_empty()
            || own.keys.contains(&key)
            || below(PARAMETER).is_some_and(|name| parameters(record).any(|(own, _)| own == name))
            || below(USAGE).is_some_and(|name| tokens::unnamed(record).any(|(own, _)| own == name))
            || below(COST).is_some_and(|name| record.cost().any(|(own, _)| own == name));
        if taken {
            set(&mut own.attributes, key, "_", value);
        } else {
            set(&mut own.attributes, "", key, value);
        }
    }
}

const INPUT: &str = "input.value";
const OUTPUT: &str = "output.value";
const RETRIEVAL_QUERY: &str = "gen_ai.retrieval.query.text";
const RETRIEVAL_DOCUMENTS: &str = "gen_ai.retrieval.documents";

/// The keys of input and output: those of the conventions, or OpenInference's where they have none.
fn places(record: &SpanRecord) -> (&'static str, &'static str) {
    match record.observation_type() {
        ObservationType::Tool => ("gen_ai.tool.call.arguments", "gen_ai.tool.call.result"),
        ObservationType::Generation | ObservationType::Agent => {
            ("gen_ai.input.messages", "gen_ai.output.messages")
        }
        ObservationType::Retriever => (
            match record.input() {
                Some(ValueRef::Str(_)) => RETRIEVAL_QUERY,
                _ => INPUT,
            },
            match record.output() {
                Some(ValueRef::Json(list)) if list.starts_with('[') => RETRIEVAL_DOCUMENTS,
                _ => OUTPUT,
            },
        ),
        _ => (INPUT, OUTPUT),
    }
}
