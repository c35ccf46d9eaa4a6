//! The same program as the official Python SDK's sample: the bytes carry the same meaning, attribute by attribute.

use std::collections::BTreeMap;
use std::io::Read as _;

use mock_langfuse::MockLangfuse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message as _;
use serde_json::{Value, json};
use tracefuse::{Cost, Exception, Level, ObservationType, Usage};

use crate::support::tracer_with;

/// The program behind `tests/data/otlp-python-5.0.4.pb.gz`.
fn program(server: &MockLangfuse) {
    let tracer = tracer_with(server, |config| {
        config.environment = Some("staging".into());
        config.release = Some("1.2.3".into());
    });
    let trace = tracer
        .trace("chat-trace")
        .observation_type(ObservationType::Agent)
        .user_id("user-42")
        .session_id("sess-7");
    trace
        .tags(["beta", "eu"])
        .metadata("tenant", "acme")
        .version("v9")
        .run(|trace| {
            let root = trace.root();
            root.set_name("chat-request");
            root.set_input(json!({ "question": "What is 2+2?" }));
            root.add_metadata("route", "/chat");
            root.add_metadata("nested", json!({ "a": 1 }));
            trace
                .tool("lookup")
                .input(json!({ "q": "2+2" }))
                .level(Level::Warning)
                .run(|span| {
                    span.set_status_message("slow cache");
                    span.set_output(json!({ "r": 4 }));
                });
            let llm = trace
                .generation("llm")
                .model("gpt-4o")
                .input(json!([{ "role": "user", "content": "2+2?" }]));
            llm.model_parameter("temperature", 0.2)
                .model_parameter("max_tokens", 64)
                .run(|span| {
                    span.record_first_token();
                    span.set_usage(Usage::new(9, 1).total(10));
                    span.set_cost(Cost::new(0.001, 0.0005).bucket("total", 0.0015));
                    span.set_output(json!({ "role": "assistant", "content": "4" }));
                });
            trace
                .event("cache-miss")
                .level(Level::Debug)
                .input(json!({ "key": "k" }))
                .metadata("shard", 3)
                .record();
            trace
                .span("failing")
                .run(|span| span.record_exception(Exception::new("ValueError", "boom: bad input")));
            trace.chain("t-chain").run(|_| {});
            trace.retriever("t-retriever").run(|_| {});
            trace.evaluator("t-evaluator").run(|_| {});
            trace.embedding("t-embedding").run(|_| {});
            trace.guardrail("t-guardrail").run(|_| {});
            root.set_output(json!({ "answer": 4 }));
        });
    tracer.shutdown().unwrap();
}

/// What is said of each span, by its name, and of the resource: attribute by attribute, JSON texts as their values.
type Meaning = BTreeMap<String, BTreeMap<String, Value>>;

fn meaning(body: &[u8]) -> Meaning {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut meaning = Meaning::new();
    for resource in request.resource_spans {
        let attributes = resource
            .resource
            .unwrap()
            .attributes
            .iter()
            .map(attribute)
            .collect();
        meaning.insert("(resource)".into(), attributes);
        for scope in resource.scope_spans {
            let names: BTreeMap<Vec<u8>, String> = scope
                .spans
                .iter()
                .map(|s| (s.span_id.clone(), s.name.clone()))
                .collect();
            let name = scope.scope.map(|scope| scope.name).unwrap_or_default();
            meaning.insert(
                "(scope)".into(),
                [("name".to_owned(), Value::from(name))].into(),
            );
            for span in &scope.spans {
                let mut said: BTreeMap<String, Value> =
                    span.attributes.iter().map(attribute).collect();
                said.insert("(parent)".into(), json!(names.get(&span.parent_span_id)));
                let status = span
                    .status
                    .as_ref()
                    .map(|status| (status.code, status.message.clone()))
                    .filter(|s| s.0 != 0);
                said.insert("(status)".into(), json!(status));
                said.insert(
                    "(events)".into(),
                    span.events
                        .iter()
                        .map(|event| Value::from(event.name.as_str()))
                        .collect(),
                );
                said.insert(
                    "(zero length)".into(),
                    (span.start_time_unix_nano == span.end_time_unix_nano).into(),
                );
                // A moment is not the same in two runs; that there is one is.
                if let Some(time) = said.get_mut("langfuse.observation.completion_start_time") {
                    *time = json!("some moment");
                }
                meaning.insert(span.name.clone(), said);
            }
        }
    }
    meaning
}

fn attribute(pair: &KeyValue) -> (String, Value) {
    (pair.key.clone(), value(pair.value.as_ref()))
}

fn value(any: Option<&AnyValue>) -> Value {
    match any.and_then(|any| any.value.as_ref()) {
        Some(Any::StringValue(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        Some(Any::BoolValue(v)) => json!(v),
        Some(Any::IntValue(v)) => json!(v),
        Some(Any::DoubleValue(v)) => json!(v),
        Some(Any::ArrayValue(array)) => array.values.iter().map(|any| value(Some(any))).collect(),
        other => panic!("{other:?}"),
    }
}

/// What differs, and why.
const DIFFERENT: &[(&str, &str, &str)] = &[
    (
        "(resource)",
        "service.instance.id",
        "ours names no instance: it would make every process another one",
    ),
    (
        "(resource)",
        "service.name",
        "the specification's default names the language, we have no process name to add",
    ),
    (
        "(resource)",
        "telemetry.sdk.language",
        "it is another language",
    ),
    ("(resource)", "telemetry.sdk.name", "it is another SDK"),
    ("(resource)", "telemetry.sdk.version", "it is another SDK"),
    (
        "(scope)",
        "name",
        "official SDKs in one process filter by the exact name langfuse-sdk",
    ),
    (
        "failing",
        "langfuse.observation.metadata.exception.message",
        "Langfuse has no exception of its own: ours can be searched for",
    ),
    (
        "failing",
        "langfuse.observation.metadata.exception.type",
        "Langfuse has no exception of its own: ours can be searched for",
    ),
];

#[test]
fn the_bytes_mean_what_the_official_python_sdks_mean() {
    let server = MockLangfuse::start();
    program(&server);
    let requests = server.requests();
    let ours = meaning(&requests[0].inflated);
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&include_bytes!("../data/otlp-python-5.0.4.pb.gz")[..])
        .read_to_end(&mut body)
        .unwrap();
    let theirs = meaning(&body);

    let mut table = String::from(
        "| span | attribute | tracefuse | Python 5.0.4 | |\n| --- | --- | --- | --- | --- |\n",
    );
    let mut different = Vec::new();
    let none = BTreeMap::new();
    let mut spans: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    spans.sort();
    spans.dedup();
    for span in spans {
        let (mine, other) = (
            ours.get(span).unwrap_or(&none),
            theirs.get(span).unwrap_or(&none),
        );
        let mut keys: Vec<&String> = mine.keys().chain(other.keys()).collect();
        keys.sort();
        keys.dedup();
        for key in keys {
            let (a, b) = (mine.get(key), other.get(key));
            let show =
                |value: Option<&Value>| value.map_or_else(|| "-".into(), ToString::to_string);
            let why = if a == b { "same" } else { explain(span, key) };
            table.push_str(&format!(
                "| {span} | {key} | {} | {} | {why} |\n",
                show(a),
                show(b)
            ));
            if a != b {
                different.push((span.as_str(), key.as_str()));
            }
        }
    }
    println!("{table}");
    let expected: Vec<_> = DIFFERENT
        .iter()
        .map(|(span, key, _)| (*span, *key))
        .collect();
    assert_eq!(different, expected, "{table}");
}

fn explain(span: &str, key: &str) -> &'static str {
    DIFFERENT
        .iter()
        .find(|(s, k, _)| (*s, *k) == (span, key))
        .map_or("UNEXPLAINED", |(_, _, why)| why)
}
