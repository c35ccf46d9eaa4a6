//! Laws of all folds: any prefix keeps what was streamed, the cuts make no difference, junk takes nothing away.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;

use crate::stream_providers::{output, record};

/// One way to stream a text, in the language that reads it.
struct Way {
    name: &'static str,
    start: fn() -> Vec<Value>,
    piece: fn(&str) -> Value,
    read: fn(Vec<Value>, usize) -> SpanRecord,
}

fn openai(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.openai())
}

fn anthropic(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.anthropic())
}

fn gemini(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.gemini())
}

fn bedrock(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.bedrock())
}

fn cohere(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.cohere())
}

fn ollama(chunks: Vec<Value>, read: usize) -> SpanRecord {
    record(chunks, read, |s| s.ollama())
}

fn chat(delta: Value) -> Value {
    let mut choice = json!({ "index": 0 });
    choice["delta"] = delta;
    json!({ "model": "m", "choices": [choice] })
}

fn converse(delta: Value) -> Value {
    let mut inner = json!({ "contentBlockIndex": 0 });
    inner["delta"] = delta;
    json!({ "contentBlockDelta": inner })
}

fn block(kind: &str, key: &str, piece: &str) -> Value {
    json!({ "type": "content_block_delta", "index": 0, "delta": { "type": kind, (key): piece } })
}

const WAYS: &[Way] = &[
    Way {
        name: "chat",
        start: || vec![chat(json!({ "role": "assistant", "content": "" }))],
        piece: |text| chat(json!({ "content": text })),
        read: openai,
    },
    Way {
        name: "chat, reasoning",
        start: Vec::new,
        piece: |text| chat(json!({ "reasoning_content": text })),
        read: openai,
    },
    Way {
        name: "chat, details of reasoning",
        start: Vec::new,
        piece: |text| {
            chat(
                json!({ "reasoning_details": [{ "type": "reasoning.text", "text": text, "index": 0, "format": "f" }] }),
            )
        },
        read: openai,
    },
    Way {
        name: "chat, thinking in a list",
        start: Vec::new,
        piece: |text| {
            chat(
                json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": text }] }] }),
            )
        },
        read: openai,
    },
    Way {
        name: "chat, a call",
        start: || {
            vec![chat(
                json!({ "tool_calls": [{ "index": 0, "id": "c", "function": { "name": "f", "arguments": "" } }] }),
            )]
        },
        piece: |text| {
            chat(json!({ "tool_calls": [{ "index": 0, "function": { "arguments": text } }] }))
        },
        read: openai,
    },
    Way {
        name: "cloudflare",
        start: Vec::new,
        piece: |text| json!({ "response": text, "p": "abc" }),
        read: openai,
    },
    Way {
        name: "interactions",
        start: || {
            vec![
                json!({ "event_type": "interaction.created", "interaction": { "status": "in_progress" } }),
            ]
        },
        piece: |text| json!({ "event_type": "step.delta", "index": 1, "delta": { "type": "text", "text": text } }),
        read: gemini,
    },
    Way {
        name: "interactions, a summary of thoughts",
        start: Vec::new,
        piece: |text| {
            json!({ "event_type": "step.delta", "index": 0, "delta": {
                "type": "thought_summary", "content": { "type": "text", "text": text } } })
        },
        read: gemini,
    },
    Way {
        name: "a live session",
        start: || vec![json!({ "setupComplete": {} })],
        piece: |text| json!({ "serverContent": { "modelTurn": { "parts": [{ "text": text }] } } }),
        read: gemini,
    },
    Way {
        name: "completions",
        start: Vec::new,
        piece: |text| json!({ "choices": [{ "index": 0, "text": text }] }),
        read: openai,
    },
    Way {
        name: "responses",
        start: || vec![json!({ "type": "response.created", "response": { "output": [] } })],
        piece: |text| json!({ "type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": text }),
        read: openai,
    },
    Way {
        name: "responses, a call",
        start: || {
            vec![
                json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "function_call", "name": "f", "arguments": "" } }),
            ]
        },
        piece: |text| json!({ "type": "response.function_call_arguments.delta", "output_index": 0, "delta": text }),
        read: openai,
    },
    Way {
        name: "responses, a summary",
        start: Vec::new,
        piece: |text| json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": text }),
        read: openai,
    },
    Way {
        name: "transcription",
        start: Vec::new,
        piece: |text| json!({ "type": "transcript.text.delta", "delta": text }),
        read: openai,
    },
    Way {
        name: "anthropic",
        start: || vec![json!({ "type": "message_start", "message": { "content": [] } })],
        piece: |text| block("text_delta", "text", text),
        read: anthropic,
    },
    Way {
        name: "anthropic, thinking",
        start: Vec::new,
        piece: |text| block("thinking_delta", "thinking", text),
        read: anthropic,
    },
    Way {
        name: "anthropic, a call",
        start: || {
            let start = json!({ "type": "tool_use", "id": "t", "name": "f", "input": {} });
            // A text that is no JSON, as it stays when it is cut.
            vec![
                json!({ "type": "content_block_start", "index": 0, "content_block": start }),
                block("input_json_delta", "partial_json", "{"),
            ]
        },
        piece: |text| block("input_json_delta", "partial_json", text),
        read: anthropic,
    },
    Way {
        name: "gemini",
        start: || vec![json!({ "usageMetadata": { "promptTokenCount": 1 } })],
        piece: |text| json!({ "candidates": [{ "index": 0, "content": { "role": "model", "parts": [{ "text": text }] } }] }),
        read: gemini,
    },
    Way {
        name: "bedrock",
        start: || vec![json!({ "messageStart": { "role": "assistant" } })],
        piece: |text| converse(json!({ "text": text })),
        read: bedrock,
    },
    Way {
        name: "bedrock, a call",
        start: || {
            let start = json!({ "toolUse": { "toolUseId": "t", "name": "f" } });
            vec![
                json!({ "contentBlockStart": { "contentBlockIndex": 0, "start": start } }),
                converse(json!({ "toolUse": { "input": "{" } })),
            ]
        },
        piece: |text| converse(json!({ "toolUse": { "input": text } })),
        read: bedrock,
    },
    Way {
        name: "cohere",
        start: || {
            vec![
                json!({ "type": "message-start", "delta": { "message": { "role": "assistant", "content": [] } } }),
            ]
        },
        piece: |text| json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": text } } } }),
        read: cohere,
    },
    Way {
        name: "ollama",
        start: Vec::new,
        piece: |text| json!({ "model": "m", "message": { "role": "assistant", "content": text }, "done": false }),
        read: ollama,
    },
    Way {
        name: "ollama, generate",
        start: Vec::new,
        piece: |text| json!({ "model": "m", "response": text, "done": false }),
        read: ollama,
    },
];

/// The digits of all texts of a span's output: streamed texts are digits here, and nothing else is.
fn digits(span: &SpanRecord) -> String {
    fn texts(value: &Value, all: &mut String) {
        match value {
            Value::String(text) => all.extend(text.chars().filter(char::is_ascii_digit)),
            Value::Array(list) => list.iter().for_each(|value| texts(value, all)),
            Value::Object(object) => object.values().for_each(|value| texts(value, all)),
            _ => {}
        }
    }
    let output = span.output().map(|output| output.to_string());
    let output = output.unwrap_or_default();
    let mut all = String::new();
    match serde_json::from_str(&output) {
        Ok(value @ (Value::Array(_) | Value::Object(_))) => texts(&value, &mut all),
        _ => texts(&Value::from(output), &mut all),
    }
    all
}

fn pieces() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[1-9]{0,4}", 1..8)
}

/// Any JSON with the words of all languages, and without digits in its texts.
fn junk() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "",
        "a",
        "bc",
        "text",
        "assistant",
        "message",
        "stop",
        "error",
        "tool_use",
        "function_call",
        "output_text",
        "response.output_text.delta",
        "response.output_text.done",
        "response.output_item.added",
        "response.output_item.done",
        "response.content_part.done",
        "response.completed",
        "response.failed",
        "response.function_call_arguments.done",
        "message_start",
        "content_block_start",
        "content_block_delta",
        "message_delta",
        "message_stop",
        "content-start",
        "content-delta",
        "message-end",
        "transcript.text.done",
        "transcript.text.segment",
        "[DONE]",
        "{",
        "data: {",
        "reasoning.text",
        "thinking",
        "step.start",
        "step.delta",
        "interaction.completed",
    ]);
    let key = prop::sample::select(vec![
        "type",
        "index",
        "output_index",
        "content_index",
        "choices",
        "delta",
        "message",
        "content",
        "text",
        "role",
        "tool_calls",
        "function",
        "name",
        "arguments",
        "id",
        "item",
        "item_id",
        "part",
        "response",
        "output",
        "usage",
        "error",
        "finish_reason",
        "reasoning_content",
        "reasoning_details",
        "content_block",
        "thinking",
        "partial_json",
        "candidates",
        "parts",
        "contentBlockDelta",
        "contentBlockStart",
        "contentBlockIndex",
        "start",
        "toolUse",
        "input",
        "done",
        "tool_plan",
        "event_type",
        "event",
        "model",
        "status",
        "object",
        "summary",
        "summary_index",
        "step",
        "interaction",
        "serverContent",
        "modelTurn",
        "steps",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3u64).prop_map(Value::from),
        Just(json!(1e300)),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(key.clone(), inner, 0..6).prop_map(|map| map
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

/// The same cases in every run.
fn seeded(cases: u32) -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(0x5eed),
        ..ProptestConfig::with_cases(cases)
    }
}

proptest! {
    #![proptest_config(seeded(48))]

    #[test]
    fn any_prefix_of_a_stream_keeps_what_was_streamed(pieces in pieces()) {
        for way in WAYS {
            let mut chunks = (way.start)();
            let start = chunks.len();
            chunks.extend(pieces.iter().map(|piece| (way.piece)(piece)));
            for read in 0..=pieces.len() {
                let span = (way.read)(chunks.clone(), start + read);
                prop_assert_eq!(digits(&span), pieces[..read].concat(), "{}", way.name);
            }
        }
    }

    #[test]
    fn how_a_text_is_split_makes_no_difference(pieces in pieces(), size in 1..4usize) {
        // Without a text there is nothing to split.
        let pieces = [vec!["1".to_owned()], pieces].concat();
        let text: Vec<char> = pieces.concat().chars().collect();
        for way in WAYS {
            let stream = |pieces: Vec<String>| {
                let mut chunks = (way.start)();
                chunks.extend(pieces.iter().map(|piece| (way.piece)(piece)));
                output(&(way.read)(chunks, 99))
            };
            let other = text.chunks(size).map(String::from_iter).collect();
            let joined = stream(vec![pieces.concat()]);
            prop_assert_eq!(&stream(other), &joined, "{}", way.name);
            prop_assert_eq!(&stream(pieces.clone()), &joined, "{}", way.name);
        }
    }
}

proptest! {
    #![proptest_config(seeded(256))]

    #[test]
    fn junk_takes_nothing_away_and_never_panics(
        items in prop::collection::vec((("[1-9]{0,4}"), prop::option::of(junk())), 1..8)
    ) {
        for way in WAYS {
            let mut chunks = (way.start)();
            let mut expected = String::new();
            for (piece, junk) in &items {
                chunks.push((way.piece)(piece));
                chunks.extend(junk.clone());
                expected.push_str(piece);
            }
            let mut found: Vec<char> = digits(&(way.read)(chunks, 99)).chars().collect();
            // Junk may put a text into another block, so the order of blocks is not compared.
            let mut expected: Vec<char> = expected.chars().collect();
            found.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(found, expected, "{}", way.name);
        }
    }
}
