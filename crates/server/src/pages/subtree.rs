//! A trace, or a span with all below it, as Markdown and as JSON: to paste into an issue or a prompt.
//! Called by buttons and keys of the page of a trace.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value, json};
use tracefuse_core::Level;

use super::layout::headers;
use super::{failed, trace, tree, units};
use crate::app::App;
use crate::messages::{Body, Message, Part, read};
use crate::model::{Bodies, ObservationRow};
use crate::store::{Store, StoreError};

/// Spans of one export, with their bodies.
const MOST: usize = 2000;

/// Characters of one text in Markdown.
const LONGEST: usize = 20_000;

/// A span of the export.
struct Node {
    span: ObservationRow,
    long: Bodies,
    depth: usize,
}

pub(super) async fn of_trace(
    State(app): State<App>,
    Path((id, form)): Path<(String, String)>,
) -> Response {
    export(&app, id, None, &form).await
}

pub(super) async fn of_span(
    State(app): State<App>,
    Path((id, span, form)): Path<(String, String, String)>,
) -> Response {
    export(&app, id, Some(span), &form).await
}

async fn export(app: &App, id: String, span: Option<String>, form: &str) -> Response {
    let is_json = match form {
        "json" => true,
        "md" => false,
        _ => return (StatusCode::NOT_FOUND, "An export is .md or .json.").into_response(),
    };
    match app
        .read(move |store| nodes(store, &id, span.as_deref()))
        .await
    {
        Ok(Some((name, left_out, nodes))) => {
            if is_json {
                let text = serde_json::to_string_pretty(&as_json(&nodes)).unwrap_or_default();
                return (headers("application/json"), text).into_response();
            }
            (
                headers("text/markdown; charset=utf-8"),
                as_markdown(&name, &nodes, left_out),
            )
                .into_response()
        }
        Ok(None) => trace::not_found(),
        Err(error) => failed(&error),
    }
}

type Found = Option<(String, usize, Vec<Node>)>;

fn nodes(store: &Store, id: &str, span: Option<&str>) -> Result<Found, StoreError> {
    let Some(view) = store.trace(id)? else {
        return Ok(None);
    };
    let places = tree::ordered(&view.observations);
    let row = |place: &tree::Place| view.observations.get(place.index);
    let start = match span {
        None => 0,
        Some(span) => {
            let found = places
                .iter()
                .position(|place| row(place).is_some_and(|row| row.id == span));
            let Some(found) = found else {
                return Ok(None);
            };
            found
        }
    };
    let above = places.get(start).map_or(0, |place| place.depth);
    let is_below = |place: &&tree::Place| span.is_none() || place.depth > above;
    let below = places.iter().skip(start + 1).take_while(is_below).count();
    let wanted = places.iter().skip(start).take((below + 1).min(MOST));
    let mut nodes = Vec::new();
    for place in wanted {
        if let Some(span) = row(place) {
            nodes.push(Node {
                span: span.clone(),
                long: store.bodies(id, &span.id)?.unwrap_or_default(),
                depth: place.depth - above,
            });
        }
    }
    Ok(Some((
        view.trace.name,
        (below + 1).saturating_sub(nodes.len()),
        nodes,
    )))
}

fn as_json(nodes: &[Node]) -> Value {
    let parsed = |text: &Option<String>| {
        text.as_ref()
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str())))
    };
    let spans = nodes.iter().map(|node| {
        let Node { span, long, .. } = node;
        let fields = [
            ("id", Some(json!(span.id))),
            ("parent", span.parent.as_ref().map(|parent| json!(parent))),
            ("type", Some(json!(span.kind.as_str()))),
            ("name", Some(json!(span.name))),
            ("start", Some(json!(units::rfc3339(span.start_ns)))),
            ("end", span.end_ns.map(|end| json!(units::rfc3339(end)))),
            ("level", Some(json!(span.level.as_str()))),
            (
                "status_message",
                span.status_message.as_ref().map(|message| json!(message)),
            ),
            ("model", span.model.as_ref().map(|model| json!(model))),
            ("usage", (!span.usage.is_empty()).then(|| json!(span.usage))),
            ("cost", (!span.cost.is_empty()).then(|| json!(span.cost))),
            ("input", parsed(&long.input)),
            ("output", parsed(&long.output)),
            (
                "metadata",
                (!long.metadata.is_empty()).then(|| json!(long.metadata)),
            ),
            (
                "parameters",
                (!long.parameters.is_empty()).then(|| json!(long.parameters)),
            ),
            (
                "events",
                (!long.events.is_empty()).then(|| json!(long.events)),
            ),
            (
                "errors",
                (!long.errors.is_empty()).then(|| json!(long.errors)),
            ),
        ];
        let fields = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)));
        Value::Object(fields.collect::<Map<_, _>>())
    });
    spans.collect()
}

fn as_markdown(name: &str, nodes: &[Node], left_out: usize) -> String {
    let mut out = String::new();
    let title = nodes.first().map_or(name, |node| &node.span.name);
    let _ = writeln!(out, "# {}\n", one_line(title));
    for Node { span, depth, .. } in nodes {
        let mut figures = vec![span.kind.as_str().to_owned()];
        figures.extend(span.model.as_deref().map(one_line));
        figures.push(span.end_ns.map_or_else(
            || "running".to_owned(),
            |end| units::duration(end.saturating_sub(span.start_ns)),
        ));
        figures.extend(
            span.usage
                .get("total")
                .map(|tokens| format!("{} tokens", units::count(*tokens))),
        );
        figures.extend(span.cost.get("total").map(|dollars| units::cost(*dollars)));
        figures.extend((span.level == Level::Error).then(|| "**error**".to_owned()));
        let _ = writeln!(
            out,
            "{}- {} ({})",
            "  ".repeat(*depth),
            one_line(&span.name),
            figures.join(", ")
        );
    }
    if left_out > 0 {
        let _ = writeln!(
            out,
            "\n{} more are left out.",
            units::plural(left_out as u64, "span")
        );
    }
    for Node { span, long, .. } in nodes {
        let errors: Vec<String> = long
            .errors
            .iter()
            .map(|error| format!("{}: {}", error.kind, error.message))
            .collect();
        let status = span.status_message.clone().filter(|_| errors.is_empty());
        let parts = [
            ("Error", (!errors.is_empty()).then(|| errors.join("\n"))),
            ("Status", status),
            ("Input", long.input.as_deref().map(plain)),
            ("Output", long.output.as_deref().map(plain)),
        ];
        if parts.iter().all(|(_, text)| text.is_none()) {
            continue;
        }
        let _ = writeln!(out, "\n## {}", one_line(&span.name));
        for (title, text) in parts {
            if let Some(text) = text {
                let _ = writeln!(out, "\n{title}:\n\n{}", fenced(&text));
            }
        }
    }
    out
}

/// A body as text for people: messages by role, JSON over several lines.
pub(super) fn plain(text: &str) -> String {
    match read(text) {
        Body::Text(text) => text,
        Body::Json(value) => pretty(&value),
        Body::Messages(messages, beside) => {
            let messages = messages.iter().map(spoken);
            let beside = beside.iter().map(pretty);
            messages.chain(beside).collect::<Vec<_>>().join("\n\n")
        }
    }
}

fn spoken(message: &Message) -> String {
    let parts: Vec<String> = message.parts.iter().map(part).collect();
    format!("{}: {}", message.role, parts.join("\n"))
}

fn part(one: &Part) -> String {
    match one {
        Part::Text(text) => text.clone(),
        Part::Thinking(text) => format!("[reasoning] {text}"),
        Part::Call {
            name, arguments, ..
        } => format!("[calls {name}] {}", pretty(arguments)),
        Part::Answer { content, .. } => {
            let content: Vec<String> = content.iter().map(part).collect();
            format!("[result] {}", content.join("\n"))
        }
        Part::Picture(url) if url.starts_with("data:") => "[picture]".to_owned(),
        Part::Picture(url) => format!("[picture {url}]"),
        Part::Json(value) => pretty(value),
    }
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// A block of code whose fence is longer than every fence in the text.
fn fenced(text: &str) -> String {
    let longest = text
        .split(|sign| sign != '`')
        .map(str::len)
        .max()
        .unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let shown: String = text.chars().take(LONGEST).collect();
    let cut = if shown.len() < text.len() {
        "\n[the rest is left out]"
    } else {
        ""
    };
    format!("{fence}\n{shown}{cut}\n{fence}")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, depth: usize, input: Option<&str>) -> Node {
        Node {
            span: ObservationRow {
                name: name.to_owned(),
                end_ns: Some(1_500_000_000),
                ..ObservationRow::default()
            },
            long: Bodies {
                input: input.map(str::to_owned),
                ..Bodies::default()
            },
            depth,
        }
    }

    #[test]
    fn markdown_has_the_tree_and_the_bodies() {
        let input = r#"[{"role":"user","content":"use ``` here"}]"#;
        let text = as_markdown(
            "t",
            &[node("agent\nx", 0, None), node("llm", 1, Some(input))],
            3,
        );
        let expected = "# agent x\n\n- agent x (span, 1.50 s)\n  - llm (span, 1.50 s)\n\n3 spans more are left out.\n\n\
            ## llm\n\nInput:\n\n````\nuser: use ``` here\n````\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn json_has_bodies_as_json() {
        let value = as_json(&[
            node("a", 0, Some(r#"{"q":1}"#)),
            node("b", 1, Some("words")),
        ]);
        assert_eq!(value[0]["input"], json!({"q": 1}));
        assert_eq!(value[1]["input"], json!("words"));
        assert_eq!(value[1]["end"], json!("1970-01-01T00:00:01.5Z"));
    }
}
