//! The streams of Bedrock, Cohere and Ollama in their own languages.

use serde_json::{Value, json};
use tracefuse_core::Level;

use crate::inputs::said;
use crate::stream_first::first;
use crate::stream_providers::{finish_reason, output, record, usage};
use crate::support::tracer;

fn bedrock() -> Vec<Value> {
    vec![
        json!({ "messageStart": { "role": "assistant" } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "reasoningContent": { "text": "hm, " } } } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "reasoningContent": { "text": "yes" } } } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": { "reasoningContent": { "signature": "EqQB" } } } }),
        json!({ "contentBlockStop": { "contentBlockIndex": 0 } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 1, "delta": { "text": "Let me" } } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 1, "delta": { "text": " look" } } }),
        json!({ "contentBlockStart": { "contentBlockIndex": 2, "start": { "toolUse": { "toolUseId": "t1", "name": "weather" } } } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 2, "delta": { "toolUse": { "input": "{\"city\":" } } } }),
        json!({ "contentBlockDelta": { "contentBlockIndex": 2, "delta": { "toolUse": { "input": "\"Lyon\"}" } } } }),
        json!({ "messageStop": { "stopReason": "tool_use" } }),
        json!({ "metadata": { "usage": { "inputTokens": 30, "outputTokens": 12, "totalTokens": 42 }, "metrics": { "latencyMs": 5 } } }),
    ]
}

#[test]
fn bedrock_converse_stream() {
    let expected = json!({ "role": "assistant", "content": [
        { "reasoningContent": { "reasoningText": { "text": "hm, yes", "signature": "EqQB" } } },
        { "text": "Let me look" },
        { "toolUse": { "toolUseId": "t1", "name": "weather", "input": { "city": "Lyon" } } },
    ] });
    // As SDKs have them, and as they are on the wire, where a header names the event.
    let alone: Vec<Value> = bedrock()
        .into_iter()
        .map(|event| event.as_object().unwrap().values().next().unwrap().clone())
        .collect();
    for events in [bedrock(), alone] {
        let span = record(events, 99, |s| s.bedrock());
        assert_eq!(output(&span), expected);
        assert_eq!(usage(&span), [("input", 30), ("output", 12)]);
        assert_eq!(
            (finish_reason(&span).as_deref(), span.level()),
            (Some("tool_use"), None)
        );
        assert_eq!(span.provider(), Some("aws.bedrock"));
    }
    let half = record(bedrock(), 9, |s| s.bedrock());
    assert_eq!(
        output(&half)["content"][2]["toolUse"]["input"],
        "{\"city\":"
    );
    assert_eq!(half.level(), Some(Level::Warning));

    let mut failed = bedrock();
    failed.truncate(7);
    failed.push(json!({ "modelStreamErrorException": { "message": "The model failed", "originalStatusCode": 500 } }));
    let span = record(failed, 99, |s| s.bedrock());
    assert_eq!(output(&span)["content"][1]["text"], "Let me look");
    assert_eq!(
        span.status_message(),
        Some("bedrock.modelStreamErrorException.500: The model failed")
    );
}

fn cohere() -> Vec<Value> {
    vec![
        json!({ "type": "message-start", "id": "1", "delta": { "message": { "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": [] } } }),
        json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": "I will " } } }),
        json!({ "type": "tool-plan-delta", "delta": { "message": { "tool_plan": "look" } } }),
        json!({ "type": "tool-call-start", "index": 0, "delta": { "message": { "tool_calls": { "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "" } } } } }),
        json!({ "type": "tool-call-delta", "index": 0, "delta": { "message": { "tool_calls": { "function": { "arguments": "{\"city\"" } } } } }),
        json!({ "type": "tool-call-delta", "index": 0, "delta": { "message": { "tool_calls": { "function": { "arguments": ":1}" } } } } }),
        json!({ "type": "tool-call-end", "index": 0 }),
        json!({ "type": "content-start", "index": 0, "delta": { "message": { "content": { "type": "text", "text": "" } } } }),
        json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": "It " } } } }),
        json!({ "type": "content-delta", "index": 0, "delta": { "message": { "content": { "text": "rains" } } } }),
        json!({ "type": "content-end", "index": 0 }),
        json!({ "type": "citation-start", "index": 0, "delta": { "message": { "citations": { "start": 0, "end": 2, "text": "It" } } } }),
        json!({ "type": "message-end", "delta": { "finish_reason": "COMPLETE", "usage": { "tokens": { "input_tokens": 20, "output_tokens": 8 } } } }),
    ]
}

#[test]
fn cohere_chat_stream() {
    let span = record(cohere(), 99, |s| s.cohere());
    assert_eq!(
        output(&span),
        json!({ "role": "assistant", "content": "It rains", "tool_plan": "I will look",
            "tool_calls": [{ "id": "c1", "type": "function", "function": { "name": "weather", "arguments": "{\"city\":1}" } }],
            "citations": [{ "start": 0, "end": 2, "text": "It" }] })
    );
    assert_eq!(usage(&span), [("input", 20), ("output", 8)]);
    assert_eq!(
        (finish_reason(&span).as_deref(), span.level()),
        (Some("COMPLETE"), None)
    );

    // A reader that stops at the last event has not cancelled the answer, whatever that event leaves out.
    let ends = [
        json!({ "type": "message-end", "delta": { "finish_reason": "COMPLETE" } }),
        json!({ "type": "message-end", "delta": { "finish_reason": null } }),
        json!({ "delta": { "finish_reason": "MAX_TOKENS" } }),
    ];
    for end in ends {
        let mut events = cohere();
        *events.last_mut().unwrap() = end.clone();
        let read = events.len();
        let whole = record(events, read, |s| s.cohere());
        assert_eq!(whole.level(), None, "{end}");
    }

    let half = record(cohere(), 5, |s| s.cohere());
    assert_eq!(
        output(&half)["tool_calls"][0]["function"]["arguments"],
        "{\"city\""
    );
    assert_eq!(
        (&output(&half)["tool_plan"], half.level()),
        (&json!("I will look"), Some(Level::Warning))
    );

    let mut failed = cohere();
    failed.truncate(9);
    failed.push(json!({ "type": "message-end", "delta": { "finish_reason": "ERROR", "error": "internal" } }));
    let span = record(failed, 99, |s| s.cohere());
    assert_eq!(output(&span)["content"], "It ");
    assert_eq!(span.status_message(), Some("cohere: internal"));
    let refused = record(vec![json!({ "message": "invalid api token" })], 99, |s| {
        s.cohere()
    });
    assert_eq!(refused.status_message(), Some("cohere: invalid api token"));
}

fn ollama() -> Vec<Value> {
    let chunk = |message: Value| json!({ "model": "llama3.2", "message": message, "done": false });
    vec![
        chunk(json!({ "role": "assistant", "content": "", "thinking": "hm, " })),
        chunk(json!({ "role": "assistant", "content": "", "thinking": "yes" })),
        chunk(json!({ "role": "assistant", "content": "Hel" })),
        chunk(
            json!({ "role": "assistant", "content": "lo", "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] }),
        ),
        json!({ "model": "llama3.2", "message": { "role": "assistant", "content": "" }, "done_reason": "stop", "done": true,
            "prompt_eval_count": 26, "eval_count": 9 }),
    ]
}

#[test]
fn ollama_chat_and_generate() {
    let span = record(ollama(), 99, |s| s.ollama());
    assert_eq!(
        output(&span),
        json!({ "role": "assistant", "content": "Hello", "thinking": "hm, yes",
            "tool_calls": [{ "function": { "name": "f", "arguments": { "a": 1 } } }] })
    );
    assert_eq!(
        (span.model(), finish_reason(&span).as_deref()),
        (Some("llama3.2"), Some("stop"))
    );
    assert_eq!(usage(&span), [("input", 26), ("output", 9)]);
    let half = record(ollama(), 3, |s| s.ollama());
    assert_eq!(
        (&output(&half)["content"], half.level()),
        (&json!("Hel"), Some(Level::Warning))
    );

    let generate = |text: &str| json!({ "model": "llama3.2", "response": text, "done": false });
    let span = record(vec![generate("to "), generate("be")], 99, |s| s.ollama());
    assert_eq!(span.output().unwrap().to_string(), "to be");
    let failed = vec![
        ollama()[2].clone(),
        json!({ "error": "model runner has stopped" }),
    ];
    let span = record(failed, 99, |s| s.ollama());
    assert_eq!(output(&span)["content"], "Hel");
    assert_eq!(
        span.status_message(),
        Some("ollama: model runner has stopped")
    );
}

#[test]
fn a_body_of_lines_is_recorded_as_one_answer() {
    let (tracer, kept, _) = tracer();
    let body: String = ollama().iter().map(|chunk| format!("{chunk}\n")).collect();
    tracer.trace("root").run(|trace| {
        trace
            .generation("ollama")
            .run(|span| span.record_ollama(&body));
        trace
            .generation("bedrock")
            .run(|span| span.record_bedrock(&bedrock()));
        trace
            .generation("cohere")
            .run(|span| span.record_cohere(&cohere()));
    });
    assert_eq!(output(&kept.named("ollama"))["content"], "Hello");
    assert_eq!(usage(&kept.named("ollama")), [("input", 26), ("output", 9)]);
    assert_eq!(
        output(&kept.named("bedrock"))["content"][1]["text"],
        "Let me look"
    );
    assert_eq!(output(&kept.named("cohere"))["content"], "It rains");
}

#[test]
fn what_comes_before_a_first_token_is_none() {
    let block =
        |delta: Value| json!({ "contentBlockDelta": { "contentBlockIndex": 0, "delta": delta } });
    let bedrock = vec![
        json!({ "messageStart": { "role": "assistant" } }),
        block(json!({ "reasoningContent": { "signature": "EqQB" } })),
        block(json!({ "text": "Hi" })),
    ];
    let content = |kind: &str, text: &str| json!({ "type": kind, "index": 0, "delta": { "message": { "content": { "text": text } } } });
    let cohere = vec![
        cohere()[0].clone(),
        content("content-start", ""),
        content("content-delta", "Hi"),
    ];
    let chunk = |text: &str| json!({ "model": "llama3.2", "message": { "role": "assistant", "content": text }, "done": false });
    let ollama = vec![chunk(""), chunk(""), chunk("Hi")];
    assert_eq!(first(bedrock.clone(), |s| s.bedrock()), Some(300));
    assert_eq!(first(cohere.clone(), |s| s.cohere()), Some(300));
    assert_eq!(first(ollama.clone(), |s| s.ollama()), Some(300));
    let start = |chunks: &[Value]| chunks[..2].to_vec();
    assert_eq!(first(start(&bedrock), |s| s.bedrock()), None);
    assert_eq!(first(start(&cohere), |s| s.cohere()), None);
    assert_eq!(first(start(&ollama), |s| s.ollama()), None);
}

/// A chunk of InvokeModelWithResponseStream, as the service sends it, and padding against attacks on its length.
fn in_base64(chunk: &Value) -> Value {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in chunk.to_string().as_bytes().chunks(3) {
        let word = [16, 8, 0]
            .iter()
            .zip(three)
            .fold(0u32, |word, (shift, byte)| word | u32::from(*byte) << shift);
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at)) as usize & 63] as char;
            text.push(if at <= three.len() { digit } else { '=' });
        }
    }
    json!({ "chunk": { "bytes": text, "p": "abcdefghijklm" } })
}

fn metrics(input: u64, output: u64) -> Value {
    json!({ "inputTokenCount": input, "outputTokenCount": output, "invocationLatency": 640, "firstByteLatency": 90 })
}

const METRICS: &str = "amazon-bedrock-invocationMetrics";

/// Chunks of the makers of models, with what is right for each: output, buckets, the reason of the end. Shapes from
/// <https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html>.
#[expect(clippy::type_complexity, reason = "a table of one test")]
fn invoked() -> Vec<(
    &'static str,
    Vec<Value>,
    Value,
    &'static [(&'static str, u64)],
    &'static str,
)> {
    vec![
        (
            "claude",
            vec![
                json!({ "type": "message_start", "message": { "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5-20250929",
                    "content": [], "stop_reason": null, "usage": { "input_tokens": 25, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0, "output_tokens": 1 } } }),
                json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "It " } }),
                json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": "rains." } }),
                json!({ "type": "content_block_stop", "index": 0 }),
                json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn", "stop_sequence": null }, "usage": { "output_tokens": 7 } }),
                json!({ "type": "message_stop", METRICS: metrics(25, 7) }),
            ],
            json!({ "role": "assistant", "content": "It rains." }),
            &[
                ("input", 25),
                ("cache_read_input_tokens", 100),
                ("output", 7),
            ],
            "end_turn",
        ),
        (
            "claude 2",
            vec![
                json!({ "type": "completion", "completion": " It ", "stop_reason": null, "stop": null }),
                json!({ "type": "completion", "completion": "rains.", "stop_reason": "stop_sequence", "stop": "\n\nHuman:", METRICS: metrics(12, 4) }),
            ],
            json!(" It rains."),
            &[("input", 12), ("output", 4)],
            "stop_sequence",
        ),
        (
            "titan",
            vec![
                json!({ "outputText": "It ", "index": 0, "totalOutputTextTokenCount": null, "completionReason": null, "inputTextTokenCount": 5 }),
                json!({ "outputText": "rains.", "index": 0, "totalOutputTextTokenCount": 35, "completionReason": "FINISH", "inputTextTokenCount": null }),
            ],
            json!("It rains."),
            &[("input", 5), ("output", 35)],
            "FINISH",
        ),
        (
            "llama",
            vec![
                json!({ "generation": "", "prompt_token_count": 25, "generation_token_count": 1, "stop_reason": null }),
                json!({ "generation": "It ", "prompt_token_count": null, "generation_token_count": 2, "stop_reason": null }),
                json!({ "generation": "rains.", "prompt_token_count": null, "generation_token_count": 4, "stop_reason": null }),
                json!({ "generation": "", "prompt_token_count": null, "generation_token_count": 5, "stop_reason": "stop", METRICS: metrics(25, 5) }),
            ],
            json!("It rains."),
            &[("input", 25), ("output", 5)],
            "stop",
        ),
        (
            "mistral",
            vec![
                json!({ "outputs": [{ "text": "It ", "stop_reason": null }] }),
                json!({ "outputs": [{ "text": "rains.", "stop_reason": "stop" }], METRICS: metrics(9, 3) }),
            ],
            json!("It rains."),
            &[("input", 9), ("output", 3)],
            "stop",
        ),
        (
            "gpt-oss, qwen, jamba",
            vec![
                json!({ "id": "c", "object": "chat.completion.chunk", "model": "openai.gpt-oss-120b-1:0", "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "It " } }] }),
                json!({ "choices": [{ "index": 0, "delta": { "content": "rains." }, "finish_reason": "stop" }] }),
                json!({ "choices": [], "usage": { "prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12 }, METRICS: metrics(9, 3) }),
            ],
            json!({ "role": "assistant", "content": "It rains." }),
            &[("input", 9), ("output", 3)],
            "stop",
        ),
        (
            "command r",
            vec![
                json!({ "event_type": "text-generation", "is_finished": false, "text": "It " }),
                json!({ "event_type": "text-generation", "is_finished": false, "text": "rains." }),
                json!({ "event_type": "stream-end", "is_finished": true, "finish_reason": "COMPLETE", "response": { "text": "It rains.", "finish_reason": "COMPLETE" }, METRICS: metrics(9, 3) }),
            ],
            json!("It rains."),
            &[("input", 9), ("output", 3)],
            "COMPLETE",
        ),
        (
            "nova",
            vec![
                json!({ "messageStart": { "role": "assistant" } }),
                json!({ "contentBlockDelta": { "delta": { "text": "It " }, "contentBlockIndex": 0 } }),
                json!({ "contentBlockDelta": { "delta": { "text": "rains." }, "contentBlockIndex": 0 } }),
                json!({ "messageStop": { "stopReason": "end_turn" } }),
                json!({ "metadata": { "usage": { "inputTokens": 9, "outputTokens": 3, "cacheReadInputTokenCount": 0, "cacheWriteInputTokenCount": 0 }, "metrics": {}, "trace": {} }, METRICS: metrics(9, 3) }),
            ],
            json!({ "role": "assistant", "content": "It rains." }),
            &[("input", 9), ("output", 3)],
            "end_turn",
        ),
    ]
}

#[test]
fn bedrock_models_are_read_without_converse_too() {
    for (name, chunks, expected, counts, reason) in invoked() {
        let encoded: Vec<Value> = chunks.iter().map(in_base64).collect();
        let alone: Vec<Value> = encoded.iter().map(|event| event["chunk"].clone()).collect();
        let listed: Vec<Value> = chunks
            .iter()
            .map(|chunk| json!({ "chunk": { "bytes": chunk.to_string().into_bytes() } }))
            .collect();
        for chunks in [chunks, encoded, alone, listed] {
            let read = chunks.len();
            // The last chunk is the end: a reader that stops there has not cancelled.
            let span = record(chunks.clone(), read, |s| s.bedrock());
            assert_eq!(said(&span), expected, "{name}");
            assert_eq!(usage(&span), counts, "{name}");
            assert_eq!(finish_reason(&span).as_deref(), Some(reason), "{name}");
            assert_eq!(span.level(), None, "{name}");
            assert_eq!(span.provider(), Some("aws.bedrock"), "{name}");
            let half = record(chunks, 1, |s| s.bedrock());
            assert_eq!(half.level(), Some(Level::Warning), "{name}");
        }
    }
}

#[test]
fn an_error_in_a_chunk_of_bedrock_is_an_error() {
    let error = json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } });
    let span = record(vec![in_base64(&error)], 9, |s| s.bedrock());
    assert_eq!(span.level(), Some(Level::Error));
    assert_eq!(
        span.status_message(),
        Some("bedrock.overloaded_error: Overloaded")
    );
    // What is no base64, or no JSON in it, is kept as it is.
    for odd in [
        json!({ "chunk": { "bytes": "%%%" } }),
        json!({ "bytes": "Zm9v" }),
    ] {
        let span = record(vec![odd.clone()], 9, |s| s.bedrock());
        assert_eq!(output(&span), odd);
    }
}
