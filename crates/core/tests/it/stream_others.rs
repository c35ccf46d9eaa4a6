//! The streams of Bedrock, Cohere and Ollama in their own languages.

use serde_json::{Value, json};
use tracefuse_core::Level;

use crate::stream_events::first;
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
