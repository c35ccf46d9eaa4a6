//! Arize Phoenix: how it is started, and a trace read back by its REST API.
//! It reads OpenInference's conventions.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;
use tracefuse_http::{Headers, Secret};

use super::Receiver;
use super::seen::{Span, Tokens, Trace, content};
use crate::http;
use crate::programs::quiet;
use crate::service::{Service, free_port};
use crate::venv::Venv;

/// How long what was sent may take until it is readable: it answers first and stores afterwards.
const STORED: Duration = Duration::from_secs(60);

pub(super) struct Phoenix {
    url: String,
    service: Service,
}

impl Phoenix {
    pub(super) fn start(venv: &Venv, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(venv.program("phoenix"));
        quiet(&mut command)
            .arg("serve")
            .current_dir(folder)
            .env("PHOENIX_HOST", "127.0.0.1")
            .env("PHOENIX_PORT", port.to_string())
            .env("PHOENIX_GRPC_PORT", free_port()?.to_string())
            .env("PHOENIX_WORKING_DIR", folder)
            .env("PHOENIX_TELEMETRY_ENABLED", "false")
            .env("PHOENIX_ALLOW_EXTERNAL_RESOURCES", "false");
        let service = Service::start("Phoenix", &mut command, &folder.join("server.log"))?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, service })
    }
}

impl Receiver for Phoenix {
    fn name(&self) -> &'static str {
        "Arize Phoenix"
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let url = format!("{}/healthz", self.url);
        self.service
            .wait_until_ready(&url, Duration::from_secs(180))
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            ("TRACEFUSE_OTLP_CONVENTIONS", "openinference".to_owned()),
        ]
    }

    /// A span without a kind is a step among others to OpenInference. Sums are not in this API.
    fn expected(&self, mut trace: Trace) -> Trace {
        trace.total = None;
        for span in trace.spans.iter_mut().filter(|span| span.kind.is_empty()) {
            span.kind = "CHAIN".to_owned();
        }
        trace
    }

    fn read(&self, trace: &str, spans: usize) -> Result<Trace> {
        let path = format!("v1/projects/default/spans?limit=1000&trace_id={trace}");
        let deadline = Instant::now() + STORED;
        loop {
            let answer = http::get(&self.url, &path, Headers::new(), &Secret::new(""));
            // Until the first span there is no project.
            match answer {
                Ok(found) => {
                    let rows = found["data"].as_array().map_or(&[][..], Vec::as_slice);
                    if rows.len() >= spans || Instant::now() > deadline {
                        rows.iter().try_for_each(conversation)?;
                        return Ok(self::trace(rows));
                    }
                }
                Err(error) if Instant::now() > deadline => bail!(error),
                Err(_) => {}
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn trace(rows: &[Value]) -> Trace {
    let first = |key: &str| rows.iter().find_map(|row| text(&row["attributes"][key]));
    Trace {
        user: first("user.id"),
        session: first("session.id"),
        total: None,
        spans: rows.iter().map(span).collect(),
    }
}

/// Phoenix draws a conversation from its messages: each must say or call something, and not be a whole
/// conversation itself.
fn conversation(row: &Value) -> Result<()> {
    let attributes = row["attributes"].as_object();
    let keys = || {
        attributes
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
    };
    let messages = keys().filter_map(|key| key.strip_suffix(".message.role"));
    for message in messages {
        let says = ["content", "tool_calls."].map(|part| format!("{message}.message.{part}"));
        ensure!(
            keys().any(|key| says.iter().any(|says| key.starts_with(says))),
            "{message} of {} is empty: {}",
            row["name"],
            row["attributes"]
        );
        let whole = content(row["attributes"][&says[0]].clone());
        ensure!(
            whole.pointer("/0/role").is_none(),
            "{message} of {} is a separate conversation: {whole}",
            row["name"]
        );
    }
    Ok(())
}

fn span(row: &Value) -> Span {
    let attributes = &row["attributes"];
    let names = row["events"].as_array().into_iter().flatten();
    let mut events: Vec<String> = names.filter_map(|event| text(&event["name"])).collect();
    events.sort();
    let failed = row["status_code"] == "ERROR";
    let model = text(&attributes["llm.model_name"]);
    Span {
        id: text(&row["context"]["span_id"]).unwrap_or_default(),
        parent: text(&row["parent_id"]),
        name: text(&row["name"]).unwrap_or_default(),
        kind: text(&row["span_kind"]).unwrap_or_default(),
        start: text(&row["start_time"]).unwrap_or_default(),
        model: model.or_else(|| text(&attributes["embedding.model_name"])),
        tokens: tokens(attributes),
        below: None,
        error: failed.then(|| text(&row["status_message"]).unwrap_or_default()),
        events,
        input: content(attributes["input.value"].clone()),
        output: content(attributes["output.value"].clone()),
    }
}

fn tokens(attributes: &Value) -> Option<Tokens> {
    let count = |key: &str| attributes[format!("llm.token_count.{key}")].as_u64();
    let (input, output) = (count("prompt"), count("completion"));
    input.or(output)?;
    Some(Tokens {
        input: input.unwrap_or(0),
        cached: count("prompt_details.cache_read").unwrap_or(0),
        output: output.unwrap_or(0),
    })
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_that_says_nothing_or_everything_is_noticed() {
        let of = |attributes: Value| json!({ "name": "n", "attributes": attributes });
        let empty = json!({ "llm.output_messages.0.message.role": "assistant" });
        assert!(conversation(&of(empty.clone())).is_err());
        let call = "llm.output_messages.0.message.tool_calls.0.tool_call.function.name";
        let mut calls = empty;
        calls[call] = json!("add");
        assert!(conversation(&of(calls)).is_ok());
        let mut whole = json!({ "llm.input_messages.0.message.role": "user" });
        whole["llm.input_messages.0.message.content"] = json!(r#"[{"role":"user"}]"#);
        assert!(conversation(&of(whole)).is_err());
    }

    #[test]
    fn a_span_of_its_api_is_read() {
        let row = json!({
            "name": "answer", "context": { "trace_id": "0a", "span_id": "0b" }, "parent_id": "0c",
            "span_kind": "LLM", "start_time": "2026-11-24T00:17:54.160146+00:00",
            "status_code": "ERROR", "status_message": "it broke",
            "events": [{ "name": "exception", "attributes": {} }],
            "attributes": {
                "user.id": "u", "llm.model_name": "gpt-4o", "input.value": "{\"a\":1}",
                "llm.token_count.prompt": 24, "llm.token_count.completion": 3,
                "llm.token_count.prompt_details.cache_read": 16,
            },
        });
        let trace = trace(&[row]);
        assert_eq!(trace.user.as_deref(), Some("u"));
        let [span] = trace.spans.as_slice() else {
            panic!("{trace:?}")
        };
        assert_eq!((&*span.id, span.parent.as_deref()), ("0b", Some("0c")));
        assert_eq!(span.error.as_deref(), Some("it broke"));
        assert_eq!(span.events, ["exception"]);
        let tokens = Tokens {
            input: 24,
            cached: 16,
            output: 3,
        };
        assert_eq!(span.tokens, Some(tokens));
        assert_eq!(
            (&span.input, &span.output),
            (&json!({ "a": 1 }), &Value::Null)
        );
    }
}
