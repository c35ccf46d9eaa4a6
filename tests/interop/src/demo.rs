//! `cargo xtask demo`: runs a RAG agent, reads its trace back from a server and draws it.

use std::io::IsTerminal as _;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tracefuse_console::{TreeHeader, TreeSpan, render_tree};
use tracefuse_http::Secret;
use tracefuse_server::{Store, StoreOptions};

use crate::live::Live;
use crate::programs::{examples, quiet};
use crate::read_back::Server;
use xtask::process::output;

/// `--view` leaves the local server open until Enter; everything else is the question.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let program = examples()?
        .remove("rag")
        .context("the example `rag` was not built")?;
    let is_view = |argument: &&String| argument.as_str() == "--view";
    let view = arguments.iter().any(|argument| is_view(&argument));
    let mut agent = Command::new(program);
    agent.args(arguments.iter().filter(|argument| !is_view(argument)));
    let keys = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (server, live) = match (keys("LANGFUSE_PUBLIC_KEY"), keys("LANGFUSE_SECRET_KEY")) {
        (Some(public_key), Some(secret)) if !view => {
            let url = ["LANGFUSE_BASE_URL", "LANGFUSE_HOST"]
                .into_iter()
                .find_map(keys);
            let url = url.unwrap_or_else(|| "https://cloud.langfuse.com".into());
            (
                Server {
                    url,
                    public_key,
                    secret_key: Secret::new(secret),
                },
                None,
            )
        }
        _ => {
            let live = Live::start(Store::in_memory(StoreOptions::default())?)?;
            let server = Server {
                url: format!("http://{}", live.address),
                public_key: "pk-lf-local".to_owned(),
                secret_key: Secret::new("sk-lf-local"),
            };
            quiet(&mut agent);
            agent
                .env("LANGFUSE_BASE_URL", &server.url)
                .env("LANGFUSE_PUBLIC_KEY", &server.public_key)
                .env("LANGFUSE_SECRET_KEY", server.secret_key.expose());
            (server, Some(live))
        }
    };
    agent
        .env("TRACING_MODE", "langfuse")
        .env("LANGFUSE_TRACING_ENVIRONMENT", "demo");

    println!(
        "The agent reads this repository's documents and answers. Its trace goes to {}.\n",
        server.url
    );
    let said = output(&mut agent)?;
    print!("{said}");
    let trace = said
        .lines()
        .find_map(|line| line.strip_prefix("trace: "))
        .context("the agent named no trace")?;

    println!("\nRead back from the server:\n");
    let rows = server.wait_for_trace(trace)?;
    let width = std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .unwrap_or(100);
    print!("{}", draw(trace, &rows, width));
    let Some(_live) = live else {
        println!(
            "\n{} observations at {}",
            rows.len(),
            server.address(trace)?
        );
        return Ok(());
    };
    println!(
        "\n{} observations at {}/traces/{trace}",
        rows.len(),
        server.url
    );
    if view {
        println!("The page is there until you press Enter.");
        std::io::stdin().read_line(&mut String::new())?;
    } else {
        println!(
            "That server was local and has ended with this command: `cargo xtask demo --view` leaves it open. Set LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY to send the trace to yours."
        );
    }
    Ok(())
}

/// A trace as the terminal exporter draws it, from the answers of the server's API.
pub(crate) fn draw(trace: &str, rows: &[Value], width: usize) -> String {
    let text = |row: &Value, key: &str| filled(row, key).map(str::to_owned);
    let root = rows
        .iter()
        .find(|row| row["parentObservationId"].is_null())
        .unwrap_or(&Value::Null);
    let mut header = TreeHeader::new(text(root, "traceName").unwrap_or_default(), trace);
    if let Some(user) = text(root, "userId") {
        header = header.user(user);
    }
    if let Some(session) = text(root, "sessionId") {
        header = header.session(session);
    }
    for tag in root["tags"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        header = header.tag(tag);
    }
    // The API gives the newest first.
    let spans: Vec<TreeSpan> = rows.iter().rev().map(span).collect();
    render_tree(&header, &spans, width, std::io::stdout().is_terminal())
}

/// A text of a row; the server writes an absent one as `""`.
fn filled<'a>(row: &'a Value, key: &str) -> Option<&'a str> {
    row[key].as_str().filter(|text| !text.is_empty())
}

fn span(row: &Value) -> TreeSpan {
    let text = |key: &str| filled(row, key);
    let time = |key: &str| text(key).map(nanos).unwrap_or_default();
    let mut span = TreeSpan::new(
        text("id").unwrap_or_default(),
        text("name").unwrap_or_default(),
        time("startTime"),
        time("endTime"),
    );
    if let Some(parent) = text("parentObservationId") {
        span = span.parent(parent);
    }
    if let Some(kind) = text("type") {
        span = span.kind(kind);
    }
    if let Some(level) = text("level") {
        span = span.level(level);
    }
    if let Some(message) = text("statusMessage") {
        span = span.status_message(message);
    }
    if let Some(model) = text("model") {
        span = span.model(model);
    }
    if let Some(first) = text("completionStartTime") {
        span = span.first_token_ns(nanos(first));
    }
    if let Some(input) = text("input") {
        span = span.input(input);
    }
    if let Some(output) = text("output") {
        span = span.output(output);
    }
    let usage = row["usageDetails"].as_object().into_iter().flatten();
    span.usage(usage.filter_map(|(bucket, units)| Some((bucket.as_str(), units.as_u64()?))))
}

/// Nanoseconds of `2026-11-23T13:19:50.504Z`.
fn nanos(iso: &str) -> u64 {
    let number = |from: usize, to: usize| {
        iso.get(from..to)
            .and_then(|digits| digits.parse::<u64>().ok())
            .unwrap_or(0)
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days since 0000-03-01 (Hinnant, "chrono-compatible low-level date algorithms").
    let (y, m) = if month <= 2 {
        (year.saturating_sub(1), month + 9)
    } else {
        (year, month.saturating_sub(3))
    };
    let days =
        (y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day).saturating_sub(719_469);
    let seconds = days * 86_400 + number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19);
    seconds * 1_000_000_000 + number(20, 23) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_of_a_real_server_is_drawn_without_empty_lines() {
        let row = json!({
            "id": "a", "name": "answer", "type": "GENERATION", "level": "DEFAULT", "statusMessage": "", "model": "gpt-4o",
            "startTime": "2026-11-23T13:19:50.504Z", "endTime": "2026-11-23T13:19:51.504Z", "parentObservationId": null,
            "traceName": "chat", "userId": "", "sessionId": "", "tags": [], "input": null, "output": "Paris",
            "usageDetails": { "input": 3, "total": 3 }, "completionStartTime": null,
        });
        let drawn = draw("t", &[row], 100);
        assert!(
            drawn.contains("gpt-4o") && drawn.contains("chat"),
            "{drawn}"
        );
        let blank = drawn
            .trim_end()
            .lines()
            .filter(|line| line.trim_matches([' ', '│', '└', '├', '─']).is_empty());
        assert_eq!(blank.count(), 0, "{drawn}");
    }
}
