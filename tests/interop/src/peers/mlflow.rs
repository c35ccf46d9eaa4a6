//! MLflow: how it is started, and a trace read back by its REST API.
//! It reads OpenTelemetry's conventions for generative AI.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use serde_json::{Map, Value};
use tracefuse_http::{Headers, Secret};

use super::Receiver;
use super::seen::{Span, Tokens, Trace, content};
use crate::http;
use crate::programs::quiet;
use crate::service::{Service, free_port};
use crate::venv::Venv;

pub(super) struct Mlflow {
    url: String,
    service: Service,
}

impl Mlflow {
    pub(super) fn start(venv: &Venv, folder: &Path) -> Result<Self> {
        let port = free_port()?;
        let mut command = Command::new(venv.program("mlflow"));
        quiet(&mut command)
            .args(["server", "--workers", "1", "--host", "127.0.0.1"])
            .args(["--port", &port.to_string()])
            .args(["--backend-store-uri", "sqlite:///mlflow.db"])
            .current_dir(folder)
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            // It requests prices from the network before it accepts a span, and waits long without a network.
            .env("MLFLOW_MODEL_CATALOG_URI", "");
        let service = Service::start("MLflow", &mut command, &folder.join("server.log"))?;
        let url = format!("http://127.0.0.1:{port}");
        Ok(Self { url, service })
    }
}

impl Receiver for Mlflow {
    fn name(&self) -> &'static str {
        "MLflow"
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let url = format!("{}/health", self.url);
        // It sets up its database first.
        self.service
            .wait_until_ready(&url, Duration::from_secs(300))
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("OTEL_EXPORTER_OTLP_ENDPOINT", self.url.clone()),
            // The experiment that is always there.
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "x-mlflow-experiment-id=0".to_owned(),
            ),
            ("TRACEFUSE_OTLP_CONVENTIONS", "gen_ai".to_owned()),
        ]
    }

    /// By the conventions an agent may repeat the tokens of the models below it. MLflow shows them, and
    /// does not add them to the total.
    fn expected(&self, mut trace: Trace) -> Trace {
        for span in &mut trace.spans {
            span.tokens = span.tokens.or(span.below);
        }
        trace
    }

    /// What was accepted is stored.
    fn read(&self, trace: &str, _: usize) -> Result<Trace> {
        let path = format!("api/3.0/mlflow/traces/get?trace_id=tr-{trace}");
        let found = http::get(&self.url, &path, Headers::new(), &Secret::new(""))?;
        let spans = found["trace"]["spans"].as_array();
        let about = &found["trace"]["trace_info"];
        let spans: Vec<Span> = spans.into_iter().flatten().map(span).collect();
        ensure!(
            (about["state"] == "ERROR") == failed_at_root(&spans),
            "the trace's state is {}",
            about["state"]
        );
        Ok(Trace {
            user: text(&about["trace_metadata"]["mlflow.trace.user"]),
            session: text(&about["trace_metadata"]["mlflow.trace.session"]),
            total: tokens(&content(
                about["trace_metadata"]["mlflow.trace.tokenUsage"].clone(),
            )),
            spans,
        })
    }
}

/// MLflow takes the trace's state from its root.
fn failed_at_root(spans: &[Span]) -> bool {
    let mut roots = spans.iter().filter(|span| span.parent.is_none());
    roots.any(|root| root.error.is_some())
}

fn span(row: &Value) -> Span {
    let attributes = fields(&row["attributes"]);
    let attribute = |key: &str| attributes.get(key).cloned().unwrap_or(Value::Null);
    let names = row["events"].as_array().into_iter().flatten();
    let mut events: Vec<String> = names.filter_map(|event| text(&event["name"])).collect();
    events.sort();
    let failed = row["status"]["code"] == "STATUS_CODE_ERROR";
    // Values that Python treats as false, such as `false` itself, stay among the attributes.
    let side = |theirs: &str, ours: &str| match attribute(theirs) {
        Value::Null => content(attribute(ours)),
        value => content(value),
    };
    let kind = text(&attribute("mlflow.spanType")).filter(|kind| kind != "UNKNOWN");
    let start = &row["start_time_unix_nano"];
    Span {
        id: id(&row["span_id"]).unwrap_or_default(),
        parent: id(&row["parent_span_id"]),
        name: text(&row["name"]).unwrap_or_default(),
        kind: kind.unwrap_or_default(),
        start: text(start).unwrap_or_else(|| start.to_string()),
        model: text(&attribute("mlflow.llm.model")),
        tokens: tokens(&attribute("mlflow.chat.tokenUsage")),
        below: None,
        error: failed.then(|| text(&row["status"]["message"]).unwrap_or_default()),
        events,
        input: side("mlflow.spanInputs", "input.value"),
        output: side("mlflow.spanOutputs", "output.value"),
    }
}

fn tokens(usage: &Value) -> Option<Tokens> {
    let count = |key: &str| usage[key].as_u64();
    let (input, output) = (count("input_tokens"), count("output_tokens"));
    input.or(output)?;
    Some(Tokens {
        input: input.unwrap_or(0),
        cached: count("cache_read_input_tokens").unwrap_or(0),
        output: output.unwrap_or(0),
    })
}

/// Ids are bytes in base64.
fn id(value: &Value) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(value.as_str()?);
    let hex = bytes
        .ok()?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Some(hex).filter(|hex: &String| !hex.is_empty())
}

/// OTLP's list of keys and values as an object.
fn fields(list: &Value) -> Map<String, Value> {
    let list = list.as_array().into_iter().flatten();
    list.filter_map(|field| Some((text(&field["key"])?, plain(&field["value"]))))
        .collect()
}

/// OTLP's `AnyValue` as plain JSON.
fn plain(any: &Value) -> Value {
    let Some((kind, value)) = any.as_object().and_then(|any| any.iter().next()) else {
        return Value::Null;
    };
    match kind.as_str() {
        "kvlist_value" => Value::Object(fields(&value["values"])),
        "array_value" => {
            let values = value["values"].as_array().into_iter().flatten();
            Value::Array(values.map(plain).collect())
        }
        "int_value" => {
            // Protobuf's JSON may have it as a text.
            let text = value.as_str().and_then(|text| text.parse::<i64>().ok());
            text.map_or_else(|| value.clone(), Value::from)
        }
        _ => value.clone(),
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_span_of_its_api_is_read() {
        let usage = json!({ "kvlist_value": { "values": [
            { "key": "input_tokens", "value": { "int_value": "24" } },
            { "key": "output_tokens", "value": { "int_value": 3 } },
        ] } });
        let row = json!({
            "name": "answer", "span_id": "0O5uOUdOsqA=", "parent_span_id": "CsYdBjN05fM=",
            "start_time_unix_nano": 1_795_479_474_292_725_044_u64,
            "status": { "code": "STATUS_CODE_ERROR", "message": "it broke" },
            "events": [{ "name": "exception" }],
            "attributes": [
                { "key": "mlflow.spanType", "value": { "string_value": "LLM" } },
                { "key": "mlflow.llm.model", "value": { "string_value": "gpt-4o" } },
                { "key": "mlflow.chat.tokenUsage", "value": usage },
                { "key": "mlflow.spanInputs", "value": { "array_value": { "values": [{ "bool_value": true }] } } },
                { "key": "output.value", "value": { "bool_value": false } },
            ],
        });
        let span = span(&row);
        assert_eq!(span.id, "d0ee6e39474eb2a0");
        assert_eq!(span.parent.as_deref(), Some("0ac61d063374e5f3"));
        assert_eq!(
            (&*span.kind, span.model.as_deref()),
            ("LLM", Some("gpt-4o"))
        );
        let tokens = Tokens {
            input: 24,
            cached: 0,
            output: 3,
        };
        assert_eq!(span.tokens, Some(tokens));
        assert_eq!((&span.input, &span.output), (&json!([true]), &json!(false)));
        assert_eq!(span.error.as_deref(), Some("it broke"));
    }
}
