//! `tracefuse import`: files of JSON lines into the store. A line is a request of OTLP (`resourceSpans`), a batch of
//! Langfuse's batch API (`batch`), or a span or score as the console writes it (`schema`).

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use indicatif::ProgressBar;
use serde_json::{Map, Value, json};
use tracefuse_server::take::{self, Taken};
use tracefuse_server::{Store, StoreOptions};

use crate::args::Import;
use crate::{export, view};

/// Lines whose traces are stored in one step.
const STEP: usize = 500;

#[derive(Debug, Default)]
struct Counts {
    lines: usize,
    refused: usize,
    first_reason: Option<String>,
}

pub(crate) fn run(store: Option<PathBuf>, import: &Import) -> anyhow::Result<()> {
    let (store, place) = view::open(store, StoreOptions::default())?;
    // Drawn on stderr, and only on a terminal.
    let bar = ProgressBar::new_spinner().with_style(export::style("lines read"));
    let mut counts = Counts::default();
    for file in &import.files {
        let source = file.display().to_string();
        let result = if file.as_os_str() == "-" {
            lines(&store, std::io::stdin().lock(), &mut counts, &bar)
        } else {
            open(file).and_then(|file| lines(&store, file, &mut counts, &bar))
        };
        result.with_context(|| format!("cannot import {source}"))?;
    }
    bar.finish_and_clear();
    store.close();
    say!("{} lines read, kept {place}", counts.lines);
    if let Some(reason) = counts.first_reason {
        anyhow::bail!(
            "{} records could not be read, the first because: {reason}",
            counts.refused
        );
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a file that the user named")]
fn open(path: &Path) -> anyhow::Result<BufReader<std::fs::File>> {
    if path.is_dir() {
        anyhow::bail!("it is a directory: name its files");
    }
    Ok(BufReader::new(std::fs::File::open(path)?))
}

fn lines(
    store: &Store,
    source: impl BufRead,
    counts: &mut Counts,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let mut changes = Vec::new();
    for (at, line) in source.split(b'\n').enumerate() {
        let line = line?;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        counts.lines += 1;
        bar.inc(1);
        match read(&line) {
            Ok(mut taken) => {
                changes.append(&mut taken.changes);
                if taken.refused > 0 {
                    counts.refused += taken.refused;
                    counts.first_reason.get_or_insert_with(|| {
                        format!("line {}: {}", at + 1, taken.reason.unwrap_or_default())
                    });
                }
            }
            Err(error) => {
                counts.refused += 1;
                counts
                    .first_reason
                    .get_or_insert_with(|| format!("line {}: {error:#}", at + 1));
            }
        }
        if changes.len() >= STEP {
            store.ingest_blocking(std::mem::take(&mut changes))?;
        }
    }
    if !changes.is_empty() {
        store.ingest_blocking(changes)?;
    }
    Ok(())
}

fn read(line: &[u8]) -> anyhow::Result<Taken> {
    let document: Value = serde_json::from_slice(line).context("it is not JSON")?;
    let fields = document.as_object().context("it is not an object")?;
    if fields.contains_key("resourceSpans") || fields.contains_key("resource_spans") {
        return Ok(take::otlp_json(line)?);
    }
    if fields.contains_key("batch") {
        return Ok(take::batch(line)?);
    }
    if fields.get("schema").and_then(Value::as_u64) == Some(1) {
        let batch = json!({ "batch": console(fields) });
        return Ok(take::batch(batch.to_string().as_bytes())?);
    }
    anyhow::bail!(
        "it has none of the fields resourceSpans (OTLP), batch (Langfuse) and schema (JSON lines of the console)"
    )
}

/// A line of the console as events of the batch API.
fn console(line: &Map<String, Value>) -> Vec<Value> {
    let at = |key: &str| line.get(key).cloned().unwrap_or(Value::Null);
    if line.contains_key("score_id") {
        return vec![event(
            "score-create",
            &at("time"),
            json!({
                "id": at("score_id"),
                "name": at("name"),
                "value": at("value"),
                "dataType": at("data_type"),
                "traceId": at("trace_id"),
                "observationId": at("span_id"),
                "sessionId": at("session_id"),
                "comment": at("comment"),
                "configId": at("config_id"),
                "environment": at("environment"),
                "metadata": at("metadata"),
                "timestamp": at("time"),
            }),
        )];
    }
    let of = |object: &str, key: &str| {
        let inner = line.get(object).and_then(|object| object.get(key));
        inner.cloned().unwrap_or(Value::Null)
    };
    let start = at("start_time");
    let mut events = Vec::new();
    let mut trace = json!({
        "id": at("trace_id"),
        "name": of("trace", "name"),
        "userId": of("trace", "user_id"),
        "sessionId": of("trace", "session_id"),
        "tags": of("trace", "tags"),
        "metadata": of("trace", "metadata"),
        "version": of("trace", "version"),
        "release": of("trace", "release"),
        "environment": of("trace", "environment"),
        "public": of("trace", "public"),
    });
    if at("parent_span_id").is_null() {
        trace["timestamp"] = start.clone();
        trace["input"] = at("input");
        trace["output"] = at("output");
    }
    events.push(event("trace-create", &start, trace));
    let mut metadata = at("metadata");
    if let Some(exceptions) = line.get("exceptions") {
        if !metadata.is_object() {
            metadata = json!({});
        }
        metadata["exceptions"] = exceptions.clone();
    }
    let kind = at("type");
    let kind = format!("{}-create", kind.as_str().unwrap_or("span"));
    events.push(event(
        &kind,
        &start,
        json!({
            "id": at("span_id"),
            "traceId": at("trace_id"),
            "parentObservationId": at("parent_span_id"),
            "name": at("name"),
            "startTime": start,
            "endTime": at("end_time"),
            "completionStartTime": at("completion_start_time"),
            "level": at("level"),
            "statusMessage": at("status_message"),
            "model": at("model"),
            "modelParameters": at("model_parameters"),
            "usageDetails": at("usage"),
            "costDetails": at("cost"),
            "promptName": of("prompt", "name"),
            "promptVersion": of("prompt", "version"),
            "input": at("input"),
            "output": at("output"),
            "metadata": metadata,
            "environment": of("trace", "environment"),
        }),
    ));
    for inner in line
        .get("events")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let at = |key: &str| inner.get(key).cloned().unwrap_or(Value::Null);
        events.push(event(
            "event-create",
            &at("time"),
            json!({
                "id": at("id"),
                "traceId": line.get("trace_id"),
                "parentObservationId": line.get("span_id"),
                "name": at("name"),
                "startTime": at("time"),
                "level": at("level"),
                "input": at("input"),
                "output": at("output"),
                "metadata": at("metadata"),
            }),
        ));
    }
    events
}

fn event(kind: &str, time: &Value, mut body: Value) -> Value {
    if let Value::Object(fields) = &mut body {
        fields.retain(|_, value| !value.is_null());
    }
    let id = body.get("id").cloned().unwrap_or_default();
    json!({ "id": id, "type": kind, "timestamp": time, "body": body })
}
