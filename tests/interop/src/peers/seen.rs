//! A trace as a receiver stores it, in one form for all receivers, and how two of them differ. Made by `witness`,
//! `phoenix` and `mlflow`; compared and drawn by `peers`. Knows no HTTP.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a receiver says of a trace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trace {
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
    /// All tokens, each counted once; `None` if there are none, or if the receiver's API does not have them.
    pub(super) total: Option<Tokens>,
    pub(super) spans: Vec<Span>,
}

/// What a receiver says of a span. Texts of nothing are `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub(super) id: String,
    pub(super) parent: Option<String>,
    pub(super) name: String,
    /// In OpenInference's words, which both receivers use: `LLM`, `TOOL`, ..; empty if it has none.
    pub(super) kind: String,
    /// Sorts by time among those of the same receiver.
    pub(super) start: String,
    pub(super) model: Option<String>,
    pub(super) tokens: Option<Tokens>,
    /// Tokens of the spans below that this span repeats, as an agent does; only in recorded traces.
    pub(super) below: Option<Tokens>,
    /// The message of what failed.
    pub(super) error: Option<String>,
    /// Names, sorted.
    pub(super) events: Vec<String>,
    pub(super) input: Value,
    pub(super) output: Value,
}

/// Tokens: all that went in, those of them that were cached, and what came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) cached: u64,
    pub(super) output: u64,
}

/// What is compared, as the heads of the table's columns.
pub(super) const ASPECTS: [&str; 7] = [
    "tree", "kind", "model", "tokens", "errors", "events", "content",
];

/// For each aspect how many spans have it, and what differs.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub(super) counts: BTreeMap<&'static str, usize>,
    pub(super) differences: Vec<(&'static str, String)>,
}

/// Compares what a receiver has with what was recorded.
pub(super) fn compare(recorded: &Trace, got: &Trace) -> Comparison {
    let mut counts = BTreeMap::new();
    let mut differences = Vec::new();
    let mut differ = |aspect, words| differences.push((aspect, words));
    for (what, recorded, got) in [
        ("user", &recorded.user, &got.user),
        ("session", &recorded.session, &got.session),
    ] {
        if recorded != got {
            differ(
                "tree",
                format!("{what}: recorded {recorded:?}, has {got:?}"),
            );
        }
    }
    if recorded.total != got.total {
        let words = format!("in all: recorded {:?}, has {:?}", recorded.total, got.total);
        differ("tokens", words);
    }
    let by_id = |trace: &Trace| -> BTreeMap<String, Span> {
        let spans = trace.spans.iter();
        spans.map(|span| (span.id.clone(), span.clone())).collect()
    };
    let (ours, theirs) = (by_id(recorded), by_id(got));
    if got.spans.len() != theirs.len() {
        differ("tree", "a span is there twice".to_owned());
    }
    for (_, span) in theirs.iter().filter(|(id, _)| !ours.contains_key(*id)) {
        differ("tree", format!("{} was never recorded", span.name));
    }
    for (id, span) in &ours {
        let Some(other) = theirs.get(id) else {
            differ("tree", format!("{} is missing", span.name));
            continue;
        };
        for ((aspect, recorded), (_, got)) in span.aspects().into_iter().zip(other.aspects()) {
            if recorded.is_some() {
                *counts.entry(aspect).or_default() += 1;
            }
            if recorded != got {
                let none = || "nothing".to_owned();
                let (recorded, got) = (recorded.unwrap_or_else(none), got.unwrap_or_else(none));
                let words = format!("{}: recorded {recorded}, has {got}", span.name);
                differ(aspect, words);
            }
        }
    }
    Comparison {
        counts,
        differences,
    }
}

impl Span {
    /// What there is of each aspect, to be compared and read.
    fn aspects(&self) -> [(&'static str, Option<String>); 7] {
        let [tree, kind, model, tokens, errors, events, content] = ASPECTS;
        let parent = self.parent.as_deref().unwrap_or("nothing");
        let listed = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
        let both = [&self.input, &self.output];
        let any = both.iter().any(|value| !value.is_null());
        [
            (tree, Some(format!("{} below {parent}", self.name))),
            (kind, Some(self.kind.clone())),
            (model, self.model.clone()),
            (tokens, self.tokens.map(|tokens| format!("{tokens:?}"))),
            (errors, self.error.clone()),
            (events, listed(&self.events)),
            (
                content,
                any.then(|| format!("{} -> {}", self.input, self.output)),
            ),
        ]
    }
}

/// A text that is JSON equals that JSON, because receivers parse texts in different ways.
pub(super) fn content(value: Value) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::String(inner)) => content(Value::String(inner)),
            Ok(value) => value,
            Err(_) => Value::String(text),
        },
        other => other,
    }
}

/// The tree as text, siblings by time.
pub(super) fn draw(trace: &Trace) -> String {
    let mut text = String::new();
    branch(&trace.spans, None, "", &mut text);
    text
}

fn branch(spans: &[Span], parent: Option<&str>, indent: &str, text: &mut String) {
    let mut children: Vec<&Span> = spans
        .iter()
        .filter(|span| span.parent.as_deref() == parent)
        .collect();
    children.sort_by_key(|span| (&span.start, &span.id));
    for (index, span) in children.iter().enumerate() {
        let last = index + 1 == children.len();
        let (own, below) = match (parent, last) {
            (None, _) => ("", ""),
            (_, false) => ("├─ ", "│  "),
            (_, true) => ("└─ ", "   "),
        };
        text.push_str(&format!("{indent}{own}{}\n", span.line()));
        branch(spans, Some(&span.id), &format!("{indent}{below}"), text);
    }
}

impl Span {
    fn line(&self) -> String {
        let kind = if self.kind.is_empty() {
            "-"
        } else {
            &self.kind
        };
        let mut parts = vec![format!("{kind} {}", self.name)];
        parts.extend(self.model.clone());
        parts.extend(self.tokens.map(|tokens| {
            let cached = match tokens.cached {
                0 => String::new(),
                cached => format!(" ({cached} cached)"),
            };
            format!("{}{cached} → {} tokens", tokens.input, tokens.output)
        }));
        for (arrow, value) in [("in", &self.input), ("out", &self.output)] {
            if !value.is_null() {
                parts.push(format!("{arrow} {}", shortened(&said(value))));
            }
        }
        parts.extend(self.error.as_ref().map(|error| format!("ERROR {error}")));
        if !self.events.is_empty() {
            parts.push(format!("events {}", self.events.join(", ")));
        }
        parts.join(" · ")
    }
}

/// The last message of a conversation; another value as a whole.
fn said(value: &Value) -> String {
    let last = value.as_array().and_then(|messages| messages.last());
    let parts = last.and_then(|message| message["parts"].as_array());
    let Some(parts) = parts else {
        return value.to_string();
    };
    let part = |part: &Value| match part["type"].as_str() {
        Some("text") => part["content"].to_string(),
        Some("tool_call") => {
            let name = part["name"].as_str().unwrap_or_default();
            format!("call {name}({})", part["arguments"])
        }
        Some("tool_call_response") => format!("answer {}", part["response"]),
        _ => part.to_string(),
    };
    parts.iter().map(part).collect::<Vec<_>>().join(", ")
}

/// As much as fits into a line.
fn shortened(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let start: String = text.chars().take(MOST).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn span(id: &str, parent: Option<&str>, name: &str) -> Span {
        Span {
            id: id.to_owned(),
            parent: parent.map(str::to_owned),
            name: name.to_owned(),
            kind: "CHAIN".to_owned(),
            start: id.to_owned(),
            ..Span::default()
        }
    }

    fn trace() -> Trace {
        let mut answer = span("b", Some("a"), "answer");
        answer.model = Some("gpt-4o".to_owned());
        answer.tokens = Some(Tokens {
            input: 24,
            cached: 16,
            output: 3,
        });
        answer.input =
            json!([{ "role": "user", "parts": [{ "type": "tool_call_response", "response": 7 }] }]);
        answer.output = json!("Paris");
        Trace {
            spans: vec![span("a", None, "root"), answer, span("c", Some("a"), "end")],
            ..Trace::default()
        }
    }

    #[test]
    fn what_arrived_as_it_was_recorded_has_no_differences() {
        let found = compare(&trace(), &trace());
        assert!(found.differences.is_empty());
        assert_eq!(found.counts["tree"], 3);
        assert_eq!(found.counts["tokens"], 1);
    }

    #[test]
    fn every_difference_names_its_span() {
        let mut got = trace();
        got.user = Some("u".to_owned());
        got.spans[1].parent = None;
        got.spans[1].tokens = None;
        got.spans[2].id = "d".to_owned();
        let found = compare(&trace(), &got);
        let words: Vec<String> = found
            .differences
            .iter()
            .map(|(aspect, words)| format!("{aspect}: {words}"))
            .collect();
        assert_eq!(
            words,
            [
                "tree: user: recorded None, has Some(\"u\")",
                "tree: end was never recorded",
                "tree: answer: recorded answer below a, has answer below nothing",
                "tokens: answer: recorded Tokens { input: 24, cached: 16, output: 3 }, has nothing",
                "tree: end is missing",
            ]
        );
    }

    #[test]
    fn a_tree_is_drawn_with_what_each_span_has() {
        assert_eq!(
            draw(&trace()),
            "CHAIN root\n\
             ├─ CHAIN answer · gpt-4o · 24 (16 cached) → 3 tokens · in answer 7 · out \"Paris\"\n\
             └─ CHAIN end\n"
        );
    }

    #[test]
    fn json_is_the_same_in_a_text_and_out_of_it() {
        assert_eq!(content(json!("{\"a\":1}")), json!({ "a": 1 }));
        assert_eq!(content(json!("Paris")), content(json!("\"Paris\"")));
    }
}
