//! When the first token of a stream came: the first item that says something, in the language of each provider.

use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tracefuse_core::ObserveStream as _;
use tracefuse_core::stream::{Every, Observed};

use crate::stream_events::{message, text_delta};
use crate::support::tracer;

/// Milliseconds from the start to the first token, where an item arrives each 100 ms.
pub(crate) fn first<S: stream::Stream + Unpin>(
    chunks: Vec<Value>,
    fold: impl FnOnce(Observed<stream::BoxStream<'static, Value>, Every>) -> S,
) -> Option<u64> {
    let (tracer, kept, clock) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    let chunks = stream::iter(chunks)
        .inspect(move |_| clock.advance(Duration::from_millis(100)))
        .boxed();
    let mut chunks = fold(chunks.observed(span));
    block_on(async { while chunks.next().await.is_some() {} });
    let span = kept.named("answer");
    let first = span.completion_start_time()?;
    Some((first.as_unix_nanos() - span.start_time().as_unix_nanos()) / 1_000_000)
}

#[test]
fn the_first_token_is_the_first_item_with_content_reasoning_or_a_call() {
    let chat = |delta: Value| json!({ "choices": [{ "index": 0, "delta": delta }] });
    let empty = || {
        vec![
            json!({ "choices": [], "prompt_filter_results": [] }),
            chat(
                json!({ "role": "assistant", "content": "", "refusal": null, "reasoning": null, "tool_calls": [] }),
            ),
            json!({ "choices": [{ "index": 0, "delta": {} }] }),
        ]
    };
    for content in [
        json!({ "content": "Hi" }),
        json!({ "reasoning_content": "hm" }),
        json!({ "reasoning": "hm" }),
        json!({ "refusal": "no" }),
        json!({ "content": [{ "type": "thinking", "thinking": [{ "type": "text", "text": "hm" }] }] }),
        json!({ "reasoning_details": [{ "type": "reasoning.text", "text": "hm", "index": 0 }] }),
        json!({ "tool_calls": [{ "index": 0, "function": { "name": "f", "arguments": "" } }] }),
        json!({ "function_call": { "name": "f" } }),
        json!({ "audio": { "id": "a", "data": "AA" } }),
    ] {
        let mut chunks = empty();
        chunks.extend([chat(content.clone()), chat(json!({ "content": "more" }))]);
        assert_eq!(first(chunks, |s| s.openai()), Some(400), "{content}");
    }
    assert_eq!(first(empty(), |s| s.openai()), None, "no token has arrived");

    let start = || {
        vec![
            json!({ "type": "response.created", "response": { "status": "in_progress", "output": [] } }),
            json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "message", "content": [] } }),
            json!({ "type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": { "type": "output_text", "text": "" } }),
        ]
    };
    for content in [
        text_delta(0, "Hi"),
        json!({ "type": "response.reasoning_summary_text.delta", "output_index": 0, "delta": "hm" }),
        json!({ "type": "response.output_item.added", "output_index": 0, "item": { "type": "function_call", "name": "f", "arguments": "" } }),
        json!({ "type": "response.completed", "response": { "status": "completed", "output": [message("Hi")] } }),
    ] {
        let mut chunks = start();
        chunks.push(content.clone());
        assert_eq!(first(chunks, |s| s.openai()), Some(400), "{content}");
    }

    let start = || {
        vec![
            json!({ "type": "message_start", "message": { "content": [], "usage": { "input_tokens": 1 } } }),
            json!({ "type": "ping" }),
            json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
        ]
    };
    for content in [
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "Hi" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "thinking_delta", "thinking": "hm" } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "tool_use", "name": "f", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "data": "AA", "partial_json": "{", "text": "Hi" } }),
    ] {
        let mut chunks = start();
        chunks.push(content.clone());
        assert_eq!(first(chunks, |s| s.anthropic()), Some(400), "{content}");
    }
    for nothing in [
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "" } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "signature_delta", "signature": "s" } }),
    ] {
        let mut chunks = start();
        chunks.push(nothing.clone());
        assert_eq!(first(chunks, |s| s.anthropic()), None, "{nothing}");
    }
    // An agent's messages come whole.
    let agent = |texts: &[&str]| {
        let blocks = texts
            .iter()
            .map(|text| json!({ "type": "text", "text": text }));
        json!({ "type": "assistant", "message": { "id": "m", "content": blocks.collect::<Vec<_>>() } })
    };
    for (texts, expected) in [
        (&["a", "b"][..], Some(200)),
        (&["", "b"], Some(200)),
        (&["", ""], None),
    ] {
        let chunks = vec![json!({ "type": "system" }), agent(texts)];
        assert_eq!(first(chunks, |s| s.anthropic()), expected, "{texts:?}");
    }

    let chunks = vec![
        json!({ "role": "assistant" }),
        json!({ "contentBlockIndex": 0, "start": { "toolUse": { "toolUseId": "t", "name": "f" } } }),
        json!({ "contentBlockIndex": 0, "delta": { "toolUse": { "input": "{}" } } }),
    ];
    assert_eq!(first(chunks, |s| s.bedrock()), Some(200), "a call begins");

    let gemini = |parts: Value| json!({ "candidates": [{ "content": { "parts": parts } }] });
    for content in [
        json!([{ "text": "Hi" }]),
        json!([{ "text": "hm", "thought": true }]),
        json!([{ "functionCall": { "name": "f", "args": {} } }]),
    ] {
        let chunks = vec![
            json!({ "usageMetadata": { "promptTokenCount": 1 } }),
            json!({ "candidates": [] }),
            gemini(json!([{ "text": "" }, { "text": "", "thoughtSignature": "s" }])),
            gemini(content.clone()),
        ];
        assert_eq!(first(chunks, |s| s.gemini()), Some(400), "{content}");
    }
}

#[test]
fn the_first_token_of_an_interaction_is_an_event_that_says_something() {
    let event = |name: &str, key: &str, value: Value| json!({ "event_type": name, "index": 0, (key): value });
    let step = |delta: Value| event("step.delta", "delta", delta);
    let content = |delta: Value| event("content.delta", "delta", delta);
    for (nothing, something) in [
        (
            step(json!({ "type": "arguments_delta", "arguments": "" })),
            step(json!({ "type": "arguments_delta", "arguments": "{" })),
        ),
        (
            step(json!({ "type": "text", "text": "" })),
            step(json!({ "type": "text", "text": "Hi" })),
        ),
        (
            content(json!({ "type": "text", "text": "" })),
            content(json!({ "type": "text", "text": "Hi" })),
        ),
        (
            step(json!({ "type": "thought_signature", "signature": "s" })),
            step(json!({ "type": "thought_summary", "content": { "type": "text", "text": "hm" } })),
        ),
        (
            event(
                "step.start",
                "step",
                json!({ "type": "thought", "signature": "s", "id": "1" }),
            ),
            event(
                "step.start",
                "step",
                json!({ "type": "function_call", "name": "f" }),
            ),
        ),
    ] {
        let chunks = vec![
            json!({ "event_type": "interaction.created", "interaction": { "status": "in_progress" } }),
            nothing,
            something.clone(),
        ];
        assert_eq!(first(chunks, |s| s.gemini()), Some(300), "{something}");
    }
}
