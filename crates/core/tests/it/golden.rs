//! A table of streams: what each provider documents, and what compatible services make of it. A row is a stream and what
//! must be on the span. The rows are in the files beside, by language.

use serde_json::Value;
use tracefuse_core::record::SpanRecord;
use tracefuse_core::{Level, Span};

use crate::inputs::{said, whole};
use crate::stream_first::first;
use crate::stream_providers::{finish_reason, record, usage};

/// The provider whose language is read.
#[derive(Clone, Copy)]
pub(crate) enum Provider {
    OpenAi,
    Anthropic,
    Gemini,
    Bedrock,
    Cohere,
    Ollama,
}

/// What must be on the span of a stream. What is left out must not be there.
#[derive(Clone, Default)]
pub(crate) struct Golden {
    pub(crate) name: &'static str,
    pub(crate) chunks: Vec<Value>,
    /// The chunk that is the first token, from 1; 0 if none is.
    pub(crate) first: usize,
    pub(crate) output: Value,
    pub(crate) usage: &'static [(&'static str, u64)],
    pub(crate) reason: Option<&'static str>,
    pub(crate) error: Option<&'static str>,
    /// The last chunk says that the answer is whole: a reader that stops there has not cancelled it.
    pub(crate) ends: bool,
}

fn read(provider: Provider, chunks: &[Value], read: usize) -> SpanRecord {
    let chunks = chunks.to_vec();
    match provider {
        Provider::OpenAi => record(chunks, read, |s| s.openai()),
        Provider::Anthropic => record(chunks, read, |s| s.anthropic()),
        Provider::Gemini => record(chunks, read, |s| s.gemini()),
        Provider::Bedrock => record(chunks, read, |s| s.bedrock()),
        Provider::Cohere => record(chunks, read, |s| s.cohere()),
        Provider::Ollama => record(chunks, read, |s| s.ollama()),
    }
}

fn first_token(provider: Provider, chunks: Vec<Value>) -> Option<u64> {
    match provider {
        Provider::OpenAi => first(chunks, |s| s.openai()),
        Provider::Anthropic => first(chunks, |s| s.anthropic()),
        Provider::Gemini => first(chunks, |s| s.gemini()),
        Provider::Bedrock => first(chunks, |s| s.bedrock()),
        Provider::Cohere => first(chunks, |s| s.cohere()),
        Provider::Ollama => first(chunks, |s| s.ollama()),
    }
}

fn body(provider: Provider, text: &Value) -> SpanRecord {
    let record: fn(&Span, &Value) = match provider {
        Provider::OpenAi => |span, body| span.record_openai(body),
        Provider::Anthropic => |span, body| span.record_anthropic(body),
        Provider::Gemini => |span, body| span.record_gemini(body),
        Provider::Bedrock => |span, body| span.record_bedrock(body),
        Provider::Cohere => |span, body| span.record_cohere(body),
        Provider::Ollama => |span, body| span.record_ollama(body),
    };
    whole(record, text)
}

/// Reads each row as objects, as lines of server-sent events without the space after the colon, as pieces of their text, and
/// as the text of a body.
pub(crate) fn check(provider: Provider, rows: Vec<Golden>) {
    for row in rows {
        let name = row.name;
        let lines = row.chunks.iter().map(|chunk| format!("data:{chunk}\n\n"));
        let lines: Vec<Value> = lines.map(Value::from).collect();
        let text: String = lines.iter().filter_map(Value::as_str).collect();
        let pieces = text.as_bytes().chunks(7).map(String::from_utf8_lossy);
        let pieces: Vec<Value> = match text.is_ascii() {
            true => pieces.map(Value::from).collect(),
            false => lines.clone(),
        };
        for (form, items) in [
            ("objects", &row.chunks),
            ("lines", &lines),
            ("pieces", &pieces),
        ] {
            let span = read(provider, items, items.len());
            let level = match row.error {
                Some(_) => Some(Level::Error),
                None => (!row.ends).then_some(Level::Warning),
            };
            assert_eq!(said(&span), row.output, "{name}, {form}");
            assert_eq!(usage(&span), row.usage, "{name}, {form}");
            assert_eq!(
                finish_reason(&span).as_deref(),
                row.reason,
                "{name}, {form}"
            );
            assert_eq!(span.level(), level, "{name}, {form}");
            if let Some(error) = row.error {
                assert_eq!(span.status_message(), Some(error), "{name}, {form}");
            }
        }
        let span = body(provider, &Value::from(text));
        assert_eq!(said(&span), row.output, "{name}, a body");
        assert_eq!(usage(&span), row.usage, "{name}, a body");
        let found = first_token(provider, row.chunks.clone()).unwrap_or(0);
        assert_eq!(found, 100 * row.first as u64, "{name}, the first token");
    }
}
