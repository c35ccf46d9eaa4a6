//! `tracefuse list`: a table or JSON lines. The rows as JSON are also what `show --json` and `mcp` give.

use std::borrow::Cow;
use std::io::Write as _;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracefuse_console::Sanitized;
use tracefuse_server::{ObservationRow, ScoreRow, Store, TraceQuery, TraceRow};

use crate::args::List;

/// The most rows that the store returns at once.
const PAGE: usize = 500;

pub(crate) fn run(store: &Store, list: &List) -> anyhow::Result<()> {
    let query = list.filters.query(store.now_ns())?;
    let mut out = std::io::stdout().lock();
    if !list.json {
        writeln!(
            out,
            "{:<20}  {:<32}  {:>9}  {:>6}  {:>8}  {:>9}  NAME",
            "STARTED", "TRACE", "LATENCY", "SPANS", "TOKENS", "COST"
        )?;
    }
    each(store, query, list.limit.get(), |row| {
        if list.json {
            writeln!(out, "{}", trace(row))?;
        } else {
            writeln!(out, "{}", line(row))?;
        }
        Ok(())
    })
}

/// Calls `act` for each trace of the query, page by page.
pub(crate) fn each(
    store: &Store,
    mut query: TraceQuery,
    limit: usize,
    mut act: impl FnMut(&TraceRow) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut left = limit;
    while left > 0 {
        query.limit = left.min(PAGE);
        let page = store.traces(&query)?;
        for row in page.rows.iter().take(left) {
            act(row)?;
        }
        left = left.saturating_sub(page.rows.len());
        match page.next {
            Some(next) if !page.rows.is_empty() => query.cursor = Some(next),
            _ => break,
        }
    }
    Ok(())
}

fn line(row: &TraceRow) -> String {
    let latency = row
        .latency_ns()
        .map_or_else(|| "running".to_owned(), length);
    let cost = row
        .cost
        .map_or_else(String::new, |cost| format!("${cost:.4}"));
    let errors = match row.errors {
        0 => String::new(),
        1 => "  (1 error)".to_owned(),
        errors => format!("  ({errors} errors)"),
    };
    let started =
        instant(row.start_ns).map_or_else(String::new, |time| time.chars().take(19).collect());
    format!(
        "{started:<20}  {:<32}  {latency:>9}  {:>6}  {:>8}  {cost:>9}  {}{errors}",
        Sanitized::new(&row.id),
        row.spans,
        row.total_tokens,
        Sanitized::new(&short(&row.name)),
    )
}

/// A name as a table has it: a long one is cut.
fn short(name: &str) -> Cow<'_, str> {
    /// Characters that are shown.
    const NAME: usize = 100;
    match name.char_indices().nth(NAME) {
        Some((end, _)) => Cow::Owned(format!("{}…", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

/// A length of time as people read it.
fn length(nanos: i64) -> String {
    let seconds = nanos as f64 / 1e9;
    match seconds {
        ..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..60.0 => format!("{seconds:.2} s"),
        _ => format!("{:.1} min", seconds / 60.0),
    }
}

/// RFC 3339, UTC.
pub(crate) fn instant(nanos: i64) -> Option<String> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos))
        .ok()?
        .format(&Rfc3339)
        .ok()
}

/// A trace's row as JSON, with the field names of Langfuse's read API.
pub(crate) fn trace(row: &TraceRow) -> Value {
    json!({
        "id": row.id,
        "name": row.name,
        "timestamp": instant(row.start_ns),
        "endTime": row.end_ns.and_then(instant),
        "latency": row.latency_ns().map(|nanos| nanos as f64 / 1e9),
        "userId": row.user_id,
        "sessionId": row.session_id,
        "environment": row.environment,
        "release": row.release,
        "version": row.version,
        "tags": row.tags,
        "level": row.level.as_str(),
        "errorCount": row.errors,
        "observationCount": row.spans,
        "runningCount": row.open,
        "inputTokens": row.input_tokens,
        "outputTokens": row.output_tokens,
        "totalTokens": row.total_tokens,
        "totalCost": row.cost,
        "timeToFirstToken": row.ttft_ns.map(|nanos| nanos as f64 / 1e9),
        "models": row.models,
    })
}

/// An observation's row as JSON, without its bodies.
pub(crate) fn observation(row: &ObservationRow) -> Value {
    json!({
        "id": row.id,
        "parentObservationId": row.parent,
        "type": row.kind.as_str().to_ascii_uppercase(),
        "name": row.name,
        "startTime": instant(row.start_ns),
        "endTime": row.end_ns.and_then(instant),
        "level": row.level.as_str(),
        "statusMessage": row.status_message,
        "model": row.model,
        "usageDetails": row.usage,
        "costDetails": row.cost,
        "timeToFirstToken": row.ttft_ns.map(|nanos| nanos as f64 / 1e9),
        "promptName": row.prompt.as_ref().map(|(name, _)| name),
        "promptVersion": row.prompt.as_ref().map(|(_, version)| version),
        "notes": row.notes,
    })
}

pub(crate) fn score(row: &ScoreRow) -> Value {
    json!({
        "id": row.id,
        "traceId": row.trace_id,
        "observationId": row.observation_id,
        "sessionId": row.session_id,
        "name": row.name,
        "dataType": row.data_type,
        "value": row.value,
        "comment": row.comment,
        "metadata": row.metadata,
        "environment": row.environment,
        "configId": row.config_id,
        "timestamp": instant(row.timestamp_ns),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_the_unit_that_fits() {
        assert_eq!(length(0), "0 ms");
        assert_eq!(length(41_600_000), "42 ms");
        assert_eq!(length(1_234_000_000), "1.23 s");
        assert_eq!(length(90_000_000_000), "1.5 min");
    }

    #[test]
    fn a_name_of_a_megabyte_is_cut_in_a_line() {
        assert_eq!(short(&"ä".repeat(100)), "ä".repeat(100));
        let mut row = TraceRow::default();
        row.name = "ä".repeat(1_000_000);
        let line = line(&row);
        assert!(
            line.ends_with("ä…") && line.chars().count() < 250,
            "{}",
            line.len()
        );
    }

    #[test]
    fn a_hostile_name_is_harmless_in_a_line() {
        let mut row = TraceRow::default();
        row.name = "red \u{1b}[31m\r\nline".to_owned();
        let line = line(&row);
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}
