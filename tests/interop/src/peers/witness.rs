//! What an example recorded, by the local server: the examples send to it and to the receiver at the same time.
//! Read by `peers`.

use anyhow::{Result, ensure};
use mock_langfuse::{MockLangfuse, Observation};
use serde_json::Value;

use super::seen::{Span, Tokens, Trace, content};

/// The id of the one trace, and the trace. Langfuse's events are rows; they are events of their parents here.
pub(super) fn recorded(mock: &MockLangfuse) -> Result<(String, Trace)> {
    let ids = mock.trace_ids();
    ensure!(ids.len() == 1, "{} traces were recorded", ids.len());
    let rows = mock.observations();
    let first = |of: fn(&Observation) -> Option<&String>| rows.iter().find_map(of).cloned();
    let spans: Vec<Span> = rows
        .iter()
        .filter(|row| row.kind != "EVENT")
        .map(|row| span(row, &rows))
        .collect();
    let tokens = spans.iter().filter_map(|span| span.tokens);
    let trace = Trace {
        user: first(|row| row.user_id.as_ref()),
        session: first(|row| row.session_id.as_ref()),
        total: tokens.reduce(|sum, more| Tokens {
            input: sum.input + more.input,
            cached: sum.cached + more.cached,
            output: sum.output + more.output,
        }),
        spans,
    };
    Ok((ids.concat(), trace))
}

fn span(row: &Observation, rows: &[Observation]) -> Span {
    let inside = rows
        .iter()
        .filter(|event| event.kind == "EVENT" && event.parent_id.as_deref() == Some(&*row.id))
        .map(|event| event.name.clone());
    let mut events: Vec<String> = inside.chain(row.span_events.iter().cloned()).collect();
    events.sort();
    let text = |text: &Option<String>| content(text.clone().map_or(Value::Null, Value::String));
    Span {
        id: row.id.clone(),
        parent: row.parent_id.clone(),
        name: row.name.clone(),
        kind: kind(&row.kind).to_owned(),
        start: format!("{:020}", row.start_ns),
        model: row.model.clone(),
        tokens: tokens(row),
        below: below(row),
        error: (row.level == "ERROR").then(|| row.status_message.clone().unwrap_or_default()),
        events,
        input: text(&row.input),
        output: text(&row.output),
    }
}

/// What a framework counts again on an agent is metadata to Langfuse.
fn below(row: &Observation) -> Option<Tokens> {
    let count = |name: &str| {
        let value = row.metadata.get(&format!("gen_ai.usage.{name}"))?;
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    Some(Tokens {
        input: count("input_tokens")?,
        cached: count("cache_read.input_tokens").unwrap_or(0),
        output: count("output_tokens").unwrap_or(0),
    })
}

/// OpenInference's words where Langfuse has another one.
fn kind(kind: &str) -> &str {
    match kind {
        "GENERATION" => "LLM",
        "SPAN" => "",
        other => other,
    }
}

/// Langfuse's buckets are disjoint, the receivers' `input` is all of it.
fn tokens(row: &Observation) -> Option<Tokens> {
    let sum = |prefix: &str| {
        let buckets = row.usage.iter();
        buckets
            .filter(|(bucket, _)| bucket.starts_with(prefix))
            .map(|(_, units)| units)
            .sum()
    };
    (!row.usage.is_empty()).then(|| Tokens {
        input: sum("input"),
        cached: sum("input_cached_tokens"),
        output: sum("output"),
    })
}
