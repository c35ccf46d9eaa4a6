//! `tracefuse show`, and traces as the console crate draws them. Called by `show`, `tail` and `mcp`.

use std::io::{IsTerminal as _, Write as _};

use anyhow::Context as _;
use serde_json::{Value, json};
use tracefuse_console::{TreeHeader, TreeSpan, render_tree};
use tracefuse_server::{ObservationRow, Store, TraceQuery, TraceView};

use crate::args::Show;

/// Above this number of observations a tree is drawn without their texts, which are read one by one.
const WITH_BODIES: usize = 2_000;

pub(crate) fn show(store: &Store, show: &Show) -> anyhow::Result<()> {
    let view = find(store, &show.trace)?;
    let mut out = std::io::stdout().lock();
    if show.json {
        writeln!(out, "{}", document(store, &view)?)?;
    } else {
        write!(out, "{}", tree(store, &view, color())?)?;
    }
    Ok(())
}

/// Whether the terminal takes colours; see <https://no-color.org>.
#[expect(
    clippy::disallowed_methods,
    reason = "a program of its own reads its environment"
)]
pub(crate) fn color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::io::stdout().is_terminal()
}

/// The trace of that id; `latest` is the one that started last.
pub(crate) fn find(store: &Store, trace: &str) -> anyhow::Result<TraceView> {
    let id = if trace == "latest" {
        let mut query = TraceQuery::default();
        query.limit = 1;
        let newest = store.traces(&query)?.rows.into_iter().next();
        newest.context("the store has no trace yet")?.id
    } else {
        trace.to_owned()
    };
    store.trace(&id)?.with_context(|| {
        format!("there is no trace {id}: `tracefuse list` shows those that are there")
    })
}

pub(crate) fn tree(store: &Store, view: &TraceView, color: bool) -> anyhow::Result<String> {
    let trace = &view.trace;
    let mut header = TreeHeader::new(&trace.name, &trace.id);
    if let Some(user) = &trace.user_id {
        header = header.user(user);
    }
    if let Some(session) = &trace.session_id {
        header = header.session(session);
    }
    for tag in &trace.tags {
        header = header.tag(tag);
    }
    for (key, value) in &view.metadata {
        header = header.metadata(key, text(value));
    }
    if trace.open > 0 {
        header = header.note(format!("{} still running", trace.open));
    }
    let with_bodies = view.observations.len() <= WITH_BODIES;
    let now = store.now_ns();
    let spans = view
        .observations
        .iter()
        .map(|row| span(store, trace.id.as_str(), row, now, with_bodies))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(render_tree(&header, &spans, 100, color))
}

fn span(
    store: &Store,
    trace: &str,
    row: &ObservationRow,
    now: i64,
    with_bodies: bool,
) -> anyhow::Result<TreeSpan> {
    let nanos = |time: i64| u64::try_from(time).unwrap_or_default();
    let end = row.end_ns.unwrap_or(now).max(row.start_ns);
    let mut span = TreeSpan::new(&row.id, &row.name, nanos(row.start_ns), nanos(end))
        .kind(row.kind.as_str())
        .level(row.level.as_str())
        .usage(
            row.usage
                .iter()
                .map(|(bucket, units)| (bucket.as_str(), *units)),
        );
    if let Some(parent) = &row.parent {
        span = span.parent(parent);
    }
    if let Some(message) = &row.status_message {
        span = span.status_message(message);
    }
    if let Some(model) = &row.model {
        span = span.model(model);
    }
    if let Some(wait) = row.ttft_ns {
        span = span.first_token_ns(nanos(row.start_ns.saturating_add(wait)));
    }
    if let Some((name, version)) = &row.prompt {
        span = span.prompt(name, u32::try_from(*version).unwrap_or_default());
    }
    let cost = row.cost.get("total").copied();
    let cost = cost.or_else(|| (!row.cost.is_empty()).then(|| row.cost.values().sum()));
    if let Some(cost) = cost {
        span = span.cost(cost);
    }
    if row.end_ns.is_none() && row.kind.as_str() != "event" {
        span = span.tag("running");
    }
    if !with_bodies || !row.has_bodies {
        return Ok(span);
    }
    let Some(bodies) = store.bodies(trace, &row.id)? else {
        return Ok(span);
    };
    if let Some(input) = &bodies.input {
        span = span.input(input);
    }
    if let Some(output) = &bodies.output {
        span = span.output(output);
    }
    for (name, value) in &bodies.parameters {
        span = span.parameter(name, text(value));
    }
    for (key, value) in &bodies.metadata {
        span = span.metadata(key, text(value));
    }
    for error in &bodies.errors {
        let message = if error.kind.is_empty() {
            error.message.clone()
        } else {
            format!("{}: {}", error.kind, error.message)
        };
        span = span.exception(message, error.sources.clone());
    }
    Ok(span)
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A trace with everything in it as JSON.
pub(crate) fn document(store: &Store, view: &TraceView) -> anyhow::Result<Value> {
    let observations = view
        .observations
        .iter()
        .map(|row| {
            let bodies = store.bodies(&view.trace.id, &row.id)?.unwrap_or_default();
            let mut line = crate::list::observation(row);
            if let (Value::Object(line), Value::Object(bodies)) =
                (&mut line, serde_json::to_value(bodies)?)
            {
                line.extend(bodies);
            }
            Ok(line)
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let mut document = crate::list::trace(&view.trace);
    document["metadata"] = json!(view.metadata);
    document["scores"] = view.scores.iter().map(crate::list::score).collect();
    document["observations"] = Value::Array(observations);
    Ok(document)
}
