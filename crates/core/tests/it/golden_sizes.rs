//! What a fold keeps is counted, so that a stream without an end has a limit: each text counts once.

use std::fmt::Debug;

use serde_json::{Value, json};
use tracefuse_core::stream::{Anthropic, Bedrock, Cohere, Fold, Gemini, Ollama, OpenAi};

/// Bytes of each text.
const TEXT: usize = 10_000;

/// What a fold says that it keeps.
fn kept<F: Fold<Value> + Default + Debug>(chunks: &[Value]) -> usize {
    let mut fold = F::default();
    for chunk in chunks {
        fold.push(chunk);
    }
    let shown = format!("{fold:?}");
    let number = shown.split("bytes: ").nth(1).unwrap();
    number.split(',').next().unwrap().parse().unwrap()
}

#[test]
fn a_fold_counts_each_text_that_it_keeps() {
    let x = || "x".repeat(TEXT);
    let openai = kept::<OpenAi>;
    let bedrock = kept::<Bedrock>;
    for (name, kept, texts, chunks) in [
        (
            "chat",
            openai as fn(&[Value]) -> usize,
            3,
            vec![
                json!({ "note": x(), "choices": [{ "index": 0, "delta": { "content": x() } }] }),
                json!({ "choices": [{ "index": 1, "delta": { "content": x() } }] }),
            ],
        ),
        (
            "chat, a transcription and a response",
            openai,
            5,
            vec![
                json!({ "choices": [{ "index": 0, "delta": { "content": x() } }] }),
                json!({ "note": x(), "choices": [] }),
                json!({ "type": "transcript.text.delta", "delta": x() }),
                json!({ "type": "response.created", "response": { "note": x() } }),
                json!({ "type": "response.output_text.delta", "output_index": 0, "delta": x() }),
            ],
        ),
        (
            "assistants",
            openai,
            3,
            vec![
                json!({ "object": "thread.message.delta", "id": "m", "delta": { "content": [{ "index": 0, "type": "text", "text": { "value": x() } }] } }),
                json!({ "object": "thread.run.step.delta", "delta": { "step_details": { "tool_calls": [{ "index": 0, "function": { "arguments": x() } }] } } }),
                json!({ "object": "thread.run", "model": x() }),
            ],
        ),
        (
            "two responses",
            openai,
            2,
            vec![
                json!({ "type": "response.created", "response": { "id": "a", "note": x() } }),
                json!({ "type": "response.created", "response": { "id": "b", "note": x() } }),
            ],
        ),
        (
            // A text that may be pieces, or beginnings, is kept as both.
            "dashscope",
            openai,
            5,
            vec![
                json!({ "output": { "choices": [{ "message": { "content": x(), "reasoning_content": x(), "note": x() } }] } }),
            ],
        ),
        (
            "anthropic",
            kept::<Anthropic>,
            4,
            vec![
                json!({ "type": "message_start", "message": { "id": "m", "note": x(), "usage": { "note": x() } } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": x() } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "input_json_delta", "partial_json": x() } }),
            ],
        ),
        (
            "gemini",
            kept::<Gemini>,
            5,
            vec![
                json!({ "note": x(), "candidates": [{ "index": 0, "note": x(), "content": { "parts": [{ "text": x() }] } }] }),
                json!({ "event_type": "interaction.created", "interaction": { "note": x() } }),
                json!({ "event_type": "step.delta", "index": 0, "delta": { "type": "text", "text": x() } }),
            ],
        ),
        (
            "bedrock",
            bedrock,
            4,
            vec![
                json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "text": x() } } }),
                json!({ "generation": x() }),
                json!({ "contentStart": { "additionalModelFields": "SPECULATIVE" } }),
                json!({ "textOutput": { "role": "ASSISTANT", "content": x() } }),
                json!({ "metadata": { "note": x() } }),
            ],
        ),
        (
            "bedrock, in the languages of three makers",
            bedrock,
            4,
            vec![
                json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "text": x() } } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": x() } }),
                json!({ "choices": [{ "index": 0, "delta": { "content": x() } }] }),
                json!({ "event_type": "text-generation", "text": x() }),
            ],
        ),
        (
            "cohere",
            kept::<Cohere>,
            4,
            vec![
                json!({ "type": "content-delta", "index": 0, "delta": { "note": x(), "message": { "tool_plan": x(), "content": { "text": x() } } } }),
                json!({ "type": "tool-call-delta", "index": 0, "delta": { "message": { "tool_calls": { "function": { "arguments": x() } } } } }),
            ],
        ),
        (
            "ollama",
            kept::<Ollama>,
            2,
            vec![json!({ "thinking": x(), "message": { "content": x() } })],
        ),
    ] {
        let bytes = kept(&chunks);
        // The names of fields count as well.
        let expected = texts * TEXT..texts * TEXT + 400;
        assert!(
            expected.contains(&bytes),
            "{name}: {bytes} bytes of {expected:?}"
        );
    }
}
