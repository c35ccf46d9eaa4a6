//! The program behind a captured request of the official Python SDK, written with ours: what is the
//! same on the wire, what differs, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use prost::Message as _;
use serde_json::{Value, json};
use tracefuse_core::{Cost, Exception, Level, ObservationType, Usage};

use crate::support::{Recording, records, request, resource, sent, show_value};

/// `langfuse` 5.0.4 from PyPI, byte for byte; the headers are beside it.
const SAMPLE: &[u8] = include_bytes!("../data/otlp-python-5.0.4.pb.gz");
const HEADERS: &str = include_str!("../data/otlp-python-5.0.4.headers.json");

fn program(recording: &Recording) {
    let trace = recording
        .tracer
        .trace("chat-request")
        .observation_type(ObservationType::Agent)
        .user_id("user-42")
        .session_id("sess-7")
        .tags(["beta", "eu"])
        .metadata("tenant", "acme")
        .version("v9")
        .input(json!({ "question": "What is 2+2?" }))
        .start();
    trace.set_name("chat-trace");
    trace.root().add_metadata("route", "/chat");
    trace.root().add_metadata("nested", json!({ "a": 1 }));
    trace
        .tool("lookup")
        .input(json!({ "q": "2+2" }))
        .run(|span| {
            recording.tick();
            span.set_level(Level::Warning);
            span.set_status_message("slow cache");
            span.set_output(json!({ "r": 4 }));
        });
    let generation = trace.generation("llm").model("gpt-4o");
    generation
        .model_parameter("temperature", 0.2)
        .model_parameter("max_tokens", 64)
        .input(json!([{ "role": "user", "content": "2+2?" }]))
        .run(|span| {
            recording.tick();
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
    trace.span("failing").run(|span| {
        let mut error = Exception::new("ValueError", "boom: bad input");
        error.stacktrace = Some("Traceback".into());
        recording.tick();
        span.record_exception(error);
    });
    trace.chain("t-chain").run(|_| recording.tick());
    trace.retriever("t-retriever").run(|_| recording.tick());
    trace.evaluator("t-evaluator").run(|_| recording.tick());
    trace.embedding("t-embedding").run(|_| recording.tick());
    trace.guardrail("t-guardrail").run(|_| recording.tick());
    recording.tick();
    trace.set_output(json!({ "answer": 4 }));
}

/// Where (a span's name, or resource, scope, header), which field, what it is: without what no two
/// runs share, ids and times.
type Facts = BTreeMap<(String, String), String>;

fn facts(request: &ExportTraceServiceRequest) -> Facts {
    let mut facts = Facts::new();
    let mut fact = |place: &str, field: &str, value: String| {
        let before = facts.insert((place.to_owned(), field.to_owned()), value);
        assert_eq!(before, None, "{place} has {field} twice");
    };
    let [resource] = request.resource_spans.as_slice() else {
        panic!()
    };
    for attribute in &resource.resource.as_ref().unwrap().attributes {
        fact("resource", &attribute.key, shown(attribute));
    }
    let [scope] = resource.scope_spans.as_slice() else {
        panic!()
    };
    let instrumentation = scope.scope.as_ref().unwrap();
    fact("scope", "name", instrumentation.name.clone());
    fact("scope", "version", instrumentation.version.clone());
    for attribute in &instrumentation.attributes {
        fact("scope", &attribute.key, shown(attribute));
    }
    let names: BTreeMap<_, _> = scope
        .spans
        .iter()
        .map(|span| (span.span_id.as_slice(), span.name.as_str()))
        .collect();
    assert_eq!(names.len(), scope.spans.len(), "ids are unique");
    let traces: BTreeSet<_> = scope.spans.iter().map(|span| &span.trace_id).collect();
    assert_eq!(traces.len(), 1, "one trace");
    for span in &scope.spans {
        let place = span.name.as_str();
        let parent = names.get(span.parent_span_id.as_slice()).copied();
        assert_eq!(
            parent.is_none(),
            span.parent_span_id.is_empty(),
            "every parent is there"
        );
        fact(place, "(parent)", parent.unwrap_or("none").to_owned());
        fact(place, "(kind)", span.kind.to_string());
        fact(place, "(flags)", span.flags.to_string());
        fact(
            place,
            "(has length)",
            (span.end_time_unix_nano > span.start_time_unix_nano).to_string(),
        );
        let status = span.status.clone().unwrap_or_default();
        fact(
            place,
            "(status)",
            format!("{} {:?}", status.code, status.message),
        );
        for attribute in &span.attributes {
            fact(place, &attribute.key, shown(attribute));
        }
        for event in &span.events {
            for attribute in &event.attributes {
                fact(
                    place,
                    &format!("(event {}) {}", event.name, attribute.key),
                    shown(attribute),
                );
            }
        }
    }
    facts
}

/// The value; for what no two runs share only its form.
fn shown(attribute: &KeyValue) -> String {
    let value = show_value(attribute.value.as_ref());
    if attribute.key.ends_with("completion_start_time") {
        return value.replace(|c: char| c.is_ascii_digit(), "0");
    }
    if attribute.key.ends_with("stacktrace") {
        return "a stack".to_owned();
    }
    value
}

/// JSON texts are compared by what they say; spaces and the order of keys are not meaning.
fn same(theirs: &str, ours: &str) -> bool {
    let json = |shown: &str| {
        let text: String = serde_json::from_str(shown).ok()?;
        serde_json::from_str::<Value>(&text)
            .ok()
            .filter(|value| value.is_array() || value.is_object())
    };
    theirs == ours || json(theirs).is_some_and(|theirs| json(ours) == Some(theirs))
}

const LOCAL: &str =
    "ours also says `sampled` (W3C trace flags); both say that the parent is known to be local";
const QUOTED: &str = "they quote every text; we only what JSON would read as something else. Both read back as the text";
const TYPED: &str =
    "they send the JSON text of a number, we the number. Both read back as the number";
const EXCEPTION: &str =
    "Langfuse drops span events, so the error is also in the fields that are shown";

/// Every difference there may be, with its reason.
const EXPLAINED: &[(&str, &str, &str)] = &[
    ("cache-miss", "(flags)", LOCAL),
    ("cache-miss", "langfuse.observation.metadata.shard", TYPED),
    ("cache-miss", "langfuse.trace.metadata.tenant", QUOTED),
    ("chat-request", "(flags)", LOCAL),
    (
        "chat-request",
        "langfuse.observation.metadata.route",
        QUOTED,
    ),
    ("chat-request", "langfuse.trace.metadata.tenant", QUOTED),
    (
        "failing",
        "(event exception) exception.escaped",
        "deprecated in OpenTelemetry",
    ),
    ("failing", "(flags)", LOCAL),
    (
        "failing",
        "langfuse.observation.metadata.exception.message",
        EXCEPTION,
    ),
    (
        "failing",
        "langfuse.observation.metadata.exception.stacktrace",
        EXCEPTION,
    ),
    (
        "failing",
        "langfuse.observation.metadata.exception.type",
        EXCEPTION,
    ),
    ("failing", "langfuse.trace.metadata.tenant", QUOTED),
    ("header", "user-agent", "who we are"),
    (
        "header",
        "x-langfuse-sdk-name",
        "a name of our own: newer servers decode metadata of the official SDKs differently",
    ),
    ("header", "x-langfuse-sdk-version", "our version"),
    ("llm", "(flags)", LOCAL),
    (
        "llm",
        "langfuse.observation.completion_start_time",
        "they quote the time, we do not; both forms are read",
    ),
    ("llm", "langfuse.trace.metadata.tenant", QUOTED),
    ("lookup", "(flags)", LOCAL),
    ("lookup", "langfuse.trace.metadata.tenant", QUOTED),
    (
        "resource",
        "service.instance.id",
        "theirs is random for each process; Langfuse does not read it",
    ),
    (
        "resource",
        "service.name",
        "unknown in both; theirs names the language",
    ),
    ("resource", "telemetry.sdk.language", "who we are"),
    ("resource", "telemetry.sdk.name", "who we are"),
    ("resource", "telemetry.sdk.version", "our version"),
    (
        "scope",
        "name",
        "begins with langfuse-sdk, so that the panel shows the user's keys alone, and is not what official SDKs in the same process filter by",
    ),
    (
        "scope",
        "public_key",
        "official SDKs tell projects in one process apart by it; Langfuse does not read it",
    ),
    ("scope", "version", "our version"),
    ("t-chain", "(flags)", LOCAL),
    ("t-chain", "langfuse.trace.metadata.tenant", QUOTED),
    ("t-embedding", "(flags)", LOCAL),
    ("t-embedding", "langfuse.trace.metadata.tenant", QUOTED),
    ("t-evaluator", "(flags)", LOCAL),
    ("t-evaluator", "langfuse.trace.metadata.tenant", QUOTED),
    ("t-guardrail", "(flags)", LOCAL),
    ("t-guardrail", "langfuse.trace.metadata.tenant", QUOTED),
    ("t-retriever", "(flags)", LOCAL),
    ("t-retriever", "langfuse.trace.metadata.tenant", QUOTED),
];

/// Headers that belong to the connection, to the keys or to the size of the body.
const OF_THE_CONNECTION: [&str; 7] = [
    "host",
    "connection",
    "accept",
    "accept-encoding",
    "content-length",
    "authorization",
    "x-langfuse-public-key",
];

fn header_facts<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> Facts {
    headers
        .filter(|(name, _)| !OF_THE_CONNECTION.contains(name))
        .map(|(name, value)| (("header".to_owned(), name.to_owned()), value.to_owned()))
        .collect()
}

#[tokio::test]
async fn the_same_program_means_the_same_as_with_the_python_sdk() {
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(SAMPLE)
        .read_to_end(&mut body)
        .unwrap();
    let mut theirs = facts(&ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
    let sample: Value = serde_json::from_str(HEADERS).unwrap();
    let headers = sample["headers"].as_object().unwrap();
    theirs.extend(header_facts(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap())),
    ));

    let resource = resource(|r| {
        r.environment = Some("staging".into());
        r.release = Some("1.2.3".into());
    });
    let server = sent(resource, records(program)).await;
    let mut ours = facts(&request(&server));
    let request = &server.requests()[0];
    ours.extend(header_facts(
        request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ));
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        (
            sample["method"].as_str().unwrap(),
            sample["path"].as_str().unwrap()
        )
    );

    let explained: BTreeMap<_, _> = EXPLAINED
        .iter()
        .map(|&(place, field, why)| ((place, field), why))
        .collect();
    assert_eq!(explained.len(), EXPLAINED.len());
    let (mut differ, mut alike) = (BTreeSet::new(), 0);
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    println!("| where | what | Python 5.0.4 | tracefuse | |\n| --- | --- | --- | --- | --- |");
    for key in keys {
        let value = |facts: &Facts| facts.get(key).cloned().unwrap_or_else(|| "absent".into());
        let (theirs, ours) = (value(&theirs), value(&ours));
        let (place, field) = (key.0.as_str(), key.1.as_str());
        if same(&theirs, &ours) {
            alike += 1;
            println!("| {place} | {field} | {theirs} | same | |");
        } else {
            differ.insert((place, field));
            let why = explained
                .get(&(place, field))
                .copied()
                .unwrap_or("NOT EXPLAINED");
            println!("| {place} | {field} | {theirs} | {ours} | {why} |");
        }
    }
    println!("{alike} the same, {} different", differ.len());
    assert_eq!(differ, explained.keys().copied().collect::<BTreeSet<_>>());
    assert!(alike > 100, "{alike}");
}
