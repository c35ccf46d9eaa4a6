//! The same bodies to this server and to `mock-langfuse`, the strict witness, which shares no code with it: what both read
//! back is compared field by field. Each difference that stays has its reason in `DIFFERENCES`.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use mock_langfuse::MockLangfuse;
use serde_json::{Value, json};

use crate::samples::{JS, PYTHON, request, span, span_id, trace};
use crate::support::{Call, Live};

/// Fields that differ for every row, and why.
const DIFFERENCES: &[(&str, &str)] = &[
    ("projectId", "each server has its own project"),
    ("createdAt", "the time of arrival"),
    ("updatedAt", "the time of arrival"),
    (
        "internalModelId",
        "no server of these has Langfuse's table of models",
    ),
];

const FIELDS: &str = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context";

pub(crate) struct Both {
    ours: Live,
    mock: MockLangfuse,
    keys: String,
}

impl Both {
    pub(crate) fn start() -> Self {
        let mock = MockLangfuse::start();
        let pair = format!("{}:{}", mock.public_key(), mock.secret_key());
        Self {
            ours: Live::start(),
            mock,
            keys: format!("Basic {}", base64(pair.as_bytes())),
        }
    }

    pub(crate) fn calls(&self) -> [Call; 2] {
        let address: SocketAddr = self
            .mock
            .url()
            .strip_prefix("http://")
            .unwrap()
            .parse()
            .unwrap();
        [self.ours.call(), Call::to(address)].map(|call| call.with("authorization", &self.keys))
    }

    pub(crate) fn post(&self, kind: &str, encoding: &str, path: &str, body: &[u8]) -> [u16; 2] {
        self.calls().map(|call| {
            let call = call
                .with("content-type", kind)
                .with("content-encoding", encoding);
            call.send("POST", path, body).status
        })
    }

    pub(crate) fn spans(&self, body: &[u8]) {
        let status = self.post("application/json", "", "/api/public/otel/v1/traces", body);
        assert_eq!(status, [200, 200]);
    }

    /// The rows of both, by id.
    fn rows(&self) -> [Vec<Value>; 2] {
        self.calls().map(|call| {
            let answer = call.send(
                "GET",
                &format!("/api/public/v2/observations?limit=1000&fields={FIELDS}"),
                b"",
            );
            assert_eq!(answer.status, 200, "{}", answer.body);
            let mut rows = answer.json()["data"].as_array().unwrap().clone();
            rows.sort_by_key(|row| (row["traceId"].to_string(), row["id"].to_string()));
            rows
        })
    }

    /// Compares all rows; `also` are paths that may differ, as `id/field`.
    pub(crate) fn compare(&self, also: &[&str]) {
        let [ours, theirs] = self.rows();
        assert_eq!(ours.len(), theirs.len());
        let mut found = differences(&ours, &theirs);
        found.retain(|(here, _)| !also.contains(&here.as_str()));
        assert!(found.is_empty(), "{found:#?}");
    }
}

/// What differs between rows that are in the same order: where, as `name/field`, and how.
pub(crate) fn differences(ours: &[Value], theirs: &[Value]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (our, their) in ours.iter().zip(theirs) {
        let id = our["id"].as_str().unwrap();
        assert_eq!(our["id"], their["id"]);
        let keys: BTreeSet<&String> = our
            .as_object()
            .unwrap()
            .keys()
            .chain(their.as_object().unwrap().keys())
            .collect();
        for key in keys {
            let known = DIFFERENCES.iter().any(|(field, _)| field == key);
            let (mut a, mut b) = (our.get(key).cloned(), their.get(key).cloned());
            if key == "metadata" {
                // The scope's attributes are empty for both; one shows them.
                for side in [&mut a, &mut b].into_iter().flatten() {
                    side.as_object_mut()
                        .unwrap()
                        .retain(|_, value| *value != json!({}));
                }
            }
            if a != b && !known || a.is_some() != b.is_some() {
                let here = format!("{}/{key}", our["name"].as_str().unwrap_or(id));
                found.push((here, format!("ours {a:?}, theirs {b:?}")));
            }
        }
    }
    found
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three
            .iter()
            .fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - three.len()));
        for at in 0..4 {
            let digit = ALPHABET[((bits >> (18 - 6 * at)) & 63) as usize];
            text.push(if at <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    text
}

#[test]
fn bodies_of_the_official_sdks_read_back_alike() {
    let both = Both::start();
    both.spans(JS);
    both.compare(&[]);
    let both = Both::start();
    let status = both.post(
        "application/x-protobuf",
        "gzip",
        "/api/public/otel/v1/traces",
        PYTHON,
    );
    assert_eq!(status, [200, 200]);
    both.compare(&[]);
}

#[test]
fn every_attribute_of_langfuse_reads_back_alike() {
    let both = Both::start();
    let cases: Vec<(&str, Vec<(&str, Value)>)> = vec![
        ("type", vec![("langfuse.observation.type", json!("agent"))]),
        ("level", vec![("langfuse.observation.level", json!("warn"))]),
        (
            "level fatal",
            vec![("langfuse.observation.level", json!("FATAL"))],
        ),
        (
            "status",
            vec![("langfuse.observation.status_message", json!("slow"))],
        ),
        (
            "input",
            vec![
                ("langfuse.observation.input", json!("{\"a\": 1}")),
                ("langfuse.observation.output", json!("text")),
            ],
        ),
        (
            "input empty",
            vec![("langfuse.observation.input", json!(""))],
        ),
        (
            "metadata",
            vec![
                ("langfuse.observation.metadata.text", json!("plain")),
                ("langfuse.observation.metadata.number", json!(5)),
                ("langfuse.observation.metadata.quoted", json!("\"5\"")),
                ("langfuse.observation.metadata.truth", json!(true)),
                (
                    "langfuse.observation.metadata.json",
                    json!("{\"a\": {\"b\": [1, 2]}}"),
                ),
                ("langfuse.observation.metadata.list", json!(["x", "y"])),
                ("langfuse.observation.metadata.a.b", json!("dotted")),
            ],
        ),
        (
            "metadata whole",
            vec![(
                "langfuse.observation.metadata",
                json!("{\"k\": \"v\", \"n\": 1}"),
            )],
        ),
        (
            "metadata of the trace wins",
            vec![
                ("langfuse.observation.metadata.k", json!("own")),
                ("langfuse.trace.metadata.k", json!("trace")),
            ],
        ),
        (
            "model",
            vec![
                ("langfuse.observation.type", json!("generation")),
                ("langfuse.observation.model.name", json!("some-model")),
                (
                    "langfuse.observation.model.parameters",
                    json!("{\"temperature\": 0.5, \"stop\": \"x\"}"),
                ),
                (
                    "langfuse.observation.usage_details",
                    json!("{\"input\": 10, \"output\": 5, \"input_cached_tokens\": 2}"),
                ),
                (
                    "langfuse.observation.cost_details",
                    json!("{\"input\": 0.25, \"output\": 0.5}"),
                ),
            ],
        ),
        (
            "usage of openai",
            vec![
                ("langfuse.observation.type", json!("generation")),
                (
                    "langfuse.observation.usage_details",
                    json!(
                        "{\"prompt_tokens\": 10, \"completion_tokens\": 5, \"total_tokens\": 15}"
                    ),
                ),
            ],
        ),
        (
            "first token",
            vec![
                ("langfuse.observation.type", json!("generation")),
                (
                    "langfuse.observation.completion_start_time",
                    json!("\"2026-11-18T11:06:52.123456Z\""),
                ),
            ],
        ),
        (
            "prompt",
            vec![
                ("langfuse.observation.type", json!("generation")),
                ("langfuse.observation.prompt.name", json!("p")),
                ("langfuse.observation.prompt.version", json!(3)),
            ],
        ),
        (
            "trace",
            vec![
                ("langfuse.trace.name", json!("chat")),
                ("langfuse.user.id", json!("u")),
                ("langfuse.session.id", json!("s")),
                ("langfuse.trace.tags", json!(["a", "b"])),
                ("langfuse.trace.public", json!(true)),
                ("langfuse.release", json!("r")),
                ("langfuse.version", json!("v")),
                ("langfuse.environment", json!("Staging")),
            ],
        ),
        (
            "tags as json",
            vec![("langfuse.trace.tags", json!("[\"a\", \"b\"]"))],
        ),
        (
            "tags with commas",
            vec![("langfuse.trace.tags", json!("a, b"))],
        ),
        (
            "user",
            vec![("user.id", json!("u")), ("session.id", json!("s"))],
        ),
        (
            "app root",
            vec![("langfuse.internal.is_app_root", json!(true))],
        ),
    ];
    let mut spans = Vec::new();
    for (at, (name, attributes)) in cases.iter().enumerate() {
        let n = at as u64 + 1;
        let mut one = span(&trace(1), n, (n > 1).then_some(1), attributes);
        one["name"] = json!(name);
        spans.push(one);
    }
    both.spans(&request(&spans));
    both.compare(&[]);
    assert_eq!(both.rows()[0].len(), cases.len());
    assert_eq!(both.rows()[0][0]["id"], span_id(1));
}

#[test]
fn scores_and_refusals_are_answered_alike() {
    let both = Both::start();
    for (n, (body, status)) in [
        (json!({"traceId": "t", "name": "n", "value": 0.5}), 200),
        (json!({"traceId": "t", "name": "n", "value": 1, "dataType": "BOOLEAN", "comment": "c"}), 200),
        (json!({"traceId": "t", "observationId": "o", "name": "n", "value": "good", "environment": "Prod.EU"}), 200),
        (json!({"sessionId": "s", "name": "n", "value": "text", "dataType": "TEXT", "metadata": {"a": 1}}), 200),
        (json!({"name": "n", "value": 1}), 400),
        (json!({"traceId": "t", "value": 1}), 400),
        (json!({"traceId": "t", "sessionId": "s", "name": "n", "value": 1}), 400),
        (json!({"traceId": "t", "name": "n", "value": "x", "dataType": "NUMERIC"}), 400),
        (json!({"traceId": "t", "name": "n", "value": 2, "dataType": "BOOLEAN"}), 400),
        (json!({"traceId": "t", "name": "n", "value": 1, "environment": null}), 400),
        (json!({"traceId": "t", "name": "n", "value": 1, "source": "ME"}), 400),
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = body;
        body["id"] = json!(format!("s{n}"));
        let heard = both.post("application/json", "", "/api/public/scores", body.to_string().as_bytes());
        assert_eq!(heard, [status, status], "{body}");
    }
    let path = "/api/public/v3/scores?fields=details,subject,annotation";
    let [ours, theirs] = both.calls().map(|call| {
        let answer = call.send("GET", path, b"").json();
        let mut rows = answer["data"].as_array().unwrap().clone();
        rows.sort_by_key(|row| row["id"].to_string());
        for row in &mut rows {
            for key in ["projectId", "timestamp", "createdAt", "updatedAt"] {
                row.as_object_mut().unwrap().remove(key);
            }
        }
        rows
    });
    assert_eq!(ours, theirs);
    assert_eq!(ours.len(), 4);
    for query in [
        "cursor=abc",
        "type=NOPE",
        "level=error",
        "isRootObservation=yes",
        "fromStartTime=x",
        "filter=x",
        "limit=1001",
    ] {
        let heard = both.calls().map(|call| {
            call.send("GET", &format!("/api/public/v2/observations?{query}"), b"")
                .status
        });
        assert_eq!(heard, [400, 400], "{query}");
    }
}
