//! `tracefuse export`: a trace a line, as the body of a request to the batch API (`/api/public/ingestion`). It keeps ids of
//! any form, unfinished spans and scores, and other tools of Langfuse read it.

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tracefuse_server::{Bodies, ObservationRow, Store, TraceView};

use crate::args::Export;
use crate::list::{self, instant};
use crate::place;

pub(crate) fn run(store: &Store, place: &Path, export: &Export) -> anyhow::Result<()> {
    let query = export.filters.query(store.now_ns())?;
    if let Some(path) = export
        .output
        .as_ref()
        .filter(|path| place::is_of_store(path, place))
    {
        anyhow::bail!(
            "{} belongs to the store itself, and would be destroyed: name another file with --output",
            path.display()
        );
    }
    let mut out: Box<dyn Write> = match &export.output {
        Some(path) => Box::new(BufWriter::new(create(path)?)),
        None => Box::new(BufWriter::new(std::io::stdout().lock())),
    };
    // Drawn on stderr, and only on a terminal.
    let bar = ProgressBar::new_spinner().with_style(style("traces written"));
    list::each(store, query, usize::MAX, |row| {
        if let Some(view) = store.trace(&row.id)? {
            serde_json::to_writer(&mut out, &batch(store, &view)?)?;
            out.write_all(b"\n")?;
        }
        bar.inc(1);
        Ok(())
    })?;
    out.flush()?;
    bar.finish();
    Ok(())
}

pub(crate) fn style(what: &str) -> ProgressStyle {
    ProgressStyle::with_template(&format!("{{spinner}} {{pos}} {what} ({{elapsed}})"))
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
}

#[expect(clippy::disallowed_methods, reason = "a file that the user named")]
fn create(path: &Path) -> anyhow::Result<std::fs::File> {
    std::fs::File::create(path).with_context(|| format!("cannot write {}", path.display()))
}

fn batch(store: &Store, view: &TraceView) -> anyhow::Result<Value> {
    let row = &view.trace;
    let of_trace = store.trace_bodies(&row.id)?.unwrap_or_default();
    let started = instant(row.start_ns);
    let mut events = vec![json!({
        "id": format!("trace-{}", row.id),
        "type": "trace-create",
        "timestamp": started,
        "body": without_nulls(json!({
            "id": row.id,
            "timestamp": started,
            "name": row.name,
            "userId": row.user_id,
            "sessionId": row.session_id,
            "environment": row.environment,
            "release": row.release,
            "version": row.version,
            "public": row.public.then_some(true),
            "tags": row.tags,
            "metadata": view.metadata,
            "input": of_trace.input.as_deref().map(parsed),
            "output": of_trace.output.as_deref().map(parsed),
        })),
    })];
    for observation in &view.observations {
        let bodies = store.bodies(&row.id, &observation.id)?.unwrap_or_default();
        events.push(event(view, observation, &bodies));
    }
    for score in &view.scores {
        events.push(json!({
            "id": format!("score-{}", score.id),
            "type": "score-create",
            "timestamp": instant(score.timestamp_ns),
            "body": without_nulls(list::score(score)),
        }));
    }
    Ok(json!({ "batch": events }))
}

fn event(view: &TraceView, row: &ObservationRow, bodies: &Bodies) -> Value {
    let mut body = list::observation(row);
    if let Value::Object(body) = &mut body {
        body.remove("timeToFirstToken");
        body.remove("notes");
        if row.cost_is_computed {
            body.remove("costDetails");
        }
        let first_token = row.ttft_ns.and_then(|wait| instant(row.start_ns + wait));
        let more = json!({
            "traceId": view.trace.id,
            "environment": view.trace.environment,
            "completionStartTime": first_token,
            "input": bodies.input.as_deref().map(parsed),
            "output": bodies.output.as_deref().map(parsed),
            "metadata": bodies.metadata,
            "modelParameters": bodies.parameters,
        });
        if let Value::Object(more) = more {
            body.extend(more);
        }
    }
    json!({
        "id": format!("observation-{}", row.id),
        "type": format!("{}-create", row.kind.as_str()),
        "timestamp": instant(row.start_ns),
        "body": without_nulls(body),
    })
}

/// JSON text as JSON, other text as text.
fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(mut fields) => {
            fields.retain(|_, value| !value.is_null());
            Value::Object(fields)
        }
        other => other,
    }
}
