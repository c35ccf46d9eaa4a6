//! Answers that providers really send, beside those in `usage`: batches, interactions, live sessions, services that rank or
//! transcribe, ends of every kind. Each row is an input and what must be on the span.

use std::time::Duration;

use futures::executor::block_on;
use futures::stream::{self, Stream, StreamExt as _};
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::stream::{Every, Observed};
use tracefuse_core::{Level, ObserveStream as _, Span};

use crate::stream_providers::{Chunks, finish_reason, output, usage};
use crate::support::tracer;

type Record = fn(&Span, &Value);

const OPENAI: Record = |span, answer| span.record_openai(answer);
const ANTHROPIC: Record = |span, answer| span.record_anthropic(answer);
const GEMINI: Record = |span, answer| span.record_gemini(answer);
const BEDROCK: Record = |span, answer| span.record_bedrock(answer);
const COHERE: Record = |span, answer| span.record_cohere(answer);

fn whole(record: Record, answer: &Value) -> SpanRecord {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    record(&span, answer);
    span.end();
    kept.named("answer")
}

fn streamed<S: Stream + Unpin>(
    chunks: &[Value],
    fold: impl FnOnce(Observed<Chunks, Every>) -> S,
) -> SpanRecord {
    crate::stream_providers::record(chunks.to_vec(), 99, fold)
}

/// The output; a text that is no JSON as text.
fn said(span: &SpanRecord) -> Value {
    match span.output() {
        None => Value::Null,
        Some(output) => {
            let text = output.to_string();
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
    }
}

#[test]
fn an_answer_is_found_in_what_is_around_it() {
    let chat = json!({ "model": "m", "choices": [{ "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }] });
    let claude = json!({ "type": "message", "role": "assistant", "model": "m", "content": [{ "type": "text", "text": "Hi" }], "stop_reason": "end_turn" });
    let gemini = json!({ "modelVersion": "m", "candidates": [{ "content": { "role": "model", "parts": [{ "text": "Hi" }] }, "finishReason": "STOP" }] });
    let hi = json!({ "role": "assistant", "content": "Hi" });
    for (record, answer, reason, output) in [
        (
            OPENAI,
            json!({ "custom_id": "1", "response": { "status_code": 200, "body": chat }, "error": null }),
            "stop",
            &hi,
        ),
        (
            OPENAI,
            json!({ "result": chat, "success": true, "errors": [], "messages": [] }),
            "stop",
            &hi,
        ),
        (
            ANTHROPIC,
            json!({ "custom_id": "1", "result": { "type": "succeeded", "message": claude } }),
            "end_turn",
            &hi,
        ),
        (BEDROCK, claude.clone(), "end_turn", &hi),
        (BEDROCK, chat.clone(), "stop", &hi),
        (
            GEMINI,
            json!({ "key": "1", "response": gemini }),
            "STOP",
            &json!({ "role": "model", "content": "Hi" }),
        ),
    ] {
        let span = whole(record, &answer);
        assert_eq!(said(&span), *output, "{answer}");
        assert_eq!(finish_reason(&span).as_deref(), Some(reason), "{answer}");
        assert_eq!((span.model(), span.level()), (Some("m"), None), "{answer}");
    }
}

#[test]
fn services_without_messages_have_an_output_too() {
    let results = json!([{ "index": 0, "relevance_score": 0.87 }]);
    for (record, answer, output) in [
        (
            OPENAI,
            json!({ "model": "jina-reranker-v2", "usage": { "total_tokens": 815 }, "results": results }),
            results.clone(),
        ),
        (
            COHERE,
            json!({ "id": "1", "results": results, "meta": { "billed_units": { "search_units": 1 } } }),
            results.clone(),
        ),
        (
            OPENAI,
            json!({ "rankings": [{ "index": 1, "logit": -0.5 }], "usage": { "prompt_tokens": 4, "total_tokens": 4 } }),
            json!([{ "index": 1, "logit": -0.5 }]),
        ),
        (
            OPENAI,
            json!({ "id": "modr-1", "model": "omni-moderation-latest", "results": [{ "flagged": false }] }),
            json!([{ "flagged": false }]),
        ),
        (
            OPENAI,
            json!({ "pages": [{ "index": 0, "markdown": "Hi" }], "model": "mistral-ocr-2505", "usage_info": { "pages_processed": 1 } }),
            json!([{ "index": 0, "markdown": "Hi" }]),
        ),
        (
            OPENAI,
            json!({ "result": { "response": "Hi", "usage": { "prompt_tokens": 26, "completion_tokens": 8 } }, "success": true }),
            json!("Hi"),
        ),
        (
            OPENAI,
            json!({ "output": { "text": "Hi", "finish_reason": "stop" }, "usage": { "input_tokens": 1, "output_tokens": 1 } }),
            json!("Hi"),
        ),
        (
            OPENAI,
            json!({ "type": "conversation.item.input_audio_transcription.completed", "transcript": "Hi", "usage": { "type": "duration", "seconds": 2 } }),
            json!("Hi"),
        ),
        (
            OPENAI,
            json!([{ "generated_text": "Hi" }]),
            json!({ "generated_text": "Hi" }),
        ),
        (
            OPENAI,
            json!([{ "index": 0, "score": 0.9 }, { "index": 1, "score": 0.1 }]),
            json!([{ "index": 0, "score": 0.9 }, { "index": 1, "score": 0.1 }]),
        ),
        (
            ANTHROPIC,
            json!({ "type": "result", "subtype": "success", "is_error": false, "total_cost_usd": 0.01, "result": "Hi", "usage": { "input_tokens": 4, "output_tokens": 1 } }),
            json!("Hi"),
        ),
        (
            COHERE,
            json!({ "text": "", "tool_calls": [{ "name": "f", "parameters": {} }], "finish_reason": "COMPLETE" }),
            json!({ "role": "assistant", "content": null, "tool_calls": [{ "name": "f", "parameters": {} }] }),
        ),
        (
            ANTHROPIC,
            json!({ "type": "completion", "completion": " Hi", "stop_reason": "stop_sequence", "model": "claude-2.1" }),
            json!(" Hi"),
        ),
        (
            BEDROCK,
            json!({ "generation": "Hi", "prompt_token_count": 2, "generation_token_count": 1, "stop_reason": "stop" }),
            json!("Hi"),
        ),
        (
            BEDROCK,
            json!({ "inputTextTokenCount": 5, "results": [{ "tokenCount": 1, "outputText": "Hi" }] }),
            json!([{ "tokenCount": 1, "outputText": "Hi" }]),
        ),
        (
            BEDROCK,
            json!({ "outputs": [{ "text": "Hi", "stop_reason": "stop" }] }),
            json!([{ "text": "Hi", "stop_reason": "stop" }]),
        ),
        (
            GEMINI,
            json!({ "id": "v1_1", "status": "completed", "model": "gemini-3-flash", "steps": [
            { "type": "user_input", "content": [{ "type": "text", "text": "q" }] },
            { "type": "model_output", "content": [{ "type": "text", "text": "H" }, { "type": "text", "text": "i" }] }] }),
            json!({ "role": "model", "content": "Hi" }),
        ),
        (
            GEMINI,
            json!({ "id": "v1_1", "status": "requires_action", "steps": [
            { "type": "thought", "signature": "EpoG" },
            { "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } }] }),
            json!({ "role": "model", "content": [{ "type": "thought", "signature": "EpoG" }, { "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } }] }),
        ),
        (
            GEMINI,
            json!({ "id": "v1_1", "status": "completed", "outputs": [{ "type": "text", "text": "Hi" }] }),
            json!({ "role": "model", "content": "Hi" }),
        ),
    ] {
        let span = whole(record, &answer);
        assert_eq!(said(&span), output, "{answer}");
        assert_eq!(span.level(), None, "{answer}");
    }
    // Vectors are no output.
    for (record, answer) in [
        (
            OPENAI,
            json!({ "object": "list", "data": [{ "embedding": [0.1] }], "model": "m", "usage": { "prompt_tokens": 1, "total_tokens": 1 } }),
        ),
        (
            GEMINI,
            json!({ "predictions": [{ "embeddings": { "statistics": { "token_count": 6 }, "values": [0.1] } }] }),
        ),
        (
            BEDROCK,
            json!({ "embedding": [0.1], "inputTextTokenCount": 8 }),
        ),
    ] {
        assert_eq!(said(&whole(record, &answer)), Value::Null, "{answer}");
    }
}

#[test]
fn why_an_answer_ended_is_said() {
    let gemini = |reason: &str, content: Value| {
        let mut candidate = json!({ "index": 0, "finishReason": reason });
        candidate["content"] = content;
        json!({ "candidates": [candidate] })
    };
    let mut malformed = gemini("MALFORMED_FUNCTION_CALL", json!({}));
    malformed["candidates"][0]["finishMessage"] = json!("Malformed function call: print(f())");
    for (record, answer, reason, output) in [
        (GEMINI, gemini("SAFETY", json!(null)), "SAFETY", json!(null)),
        (
            GEMINI,
            malformed,
            "MALFORMED_FUNCTION_CALL",
            json!("Malformed function call: print(f())"),
        ),
        (
            GEMINI,
            gemini("MAX_TOKENS", json!({ "role": "model" })),
            "MAX_TOKENS",
            json!(null),
        ),
        (
            GEMINI,
            json!({ "promptFeedback": { "blockReason": "PROHIBITED_CONTENT" }, "usageMetadata": { "promptTokenCount": 7, "totalTokenCount": 7 } }),
            "PROHIBITED_CONTENT",
            json!(null),
        ),
        (
            GEMINI,
            json!({ "promptFeedback": { "blockReason": "OTHER", "blockReasonMessage": "The prompt was blocked." } }),
            "OTHER",
            json!("The prompt was blocked."),
        ),
        (
            OPENAI,
            json!({ "object": "response", "status": "queued", "background": true, "output": [], "usage": null }),
            "queued",
            json!(null),
        ),
        (
            OPENAI,
            json!({ "object": "response", "status": "incomplete", "incomplete_details": { "reason": "content_filter" }, "output": [] }),
            "content_filter",
            json!(null),
        ),
        (
            OPENAI,
            json!({ "type": "response.done", "response": { "object": "realtime.response", "status": "cancelled", "status_details": { "type": "cancelled", "reason": "turn_detected" }, "output": [] } }),
            "turn_detected",
            json!(null),
        ),
        (
            OPENAI,
            json!({ "type": "response.done", "response": { "object": "realtime.response", "status": "incomplete", "status_details": { "type": "incomplete", "reason": "max_output_tokens" }, "output": [] } }),
            "max_output_tokens",
            json!(null),
        ),
        (
            OPENAI,
            json!({ "choices": [{ "message": { "role": "assistant", "content": null, "refusal": "I can't." }, "finish_reason": "stop" }] }),
            "stop",
            json!({ "role": "assistant", "refusal": "I can't." }),
        ),
        (
            OPENAI,
            json!({ "choices": [{ "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "content_filter", "content_filter_results": { "error": { "code": "content_filter_error", "message": "not filtered" } } }] }),
            "content_filter",
            json!({ "role": "assistant", "content": "Hi" }),
        ),
        (
            ANTHROPIC,
            json!({ "type": "message", "role": "assistant", "content": [], "stop_reason": "refusal", "usage": { "input_tokens": 5, "output_tokens": 0 } }),
            "refusal",
            json!(null),
        ),
        (
            ANTHROPIC,
            json!({ "type": "message", "role": "assistant", "content": [{ "type": "text", "text": "Hi" }], "stop_reason": "model_context_window_exceeded" }),
            "model_context_window_exceeded",
            json!({ "role": "assistant", "content": "Hi" }),
        ),
        (
            BEDROCK,
            json!({ "output": { "message": { "role": "assistant", "content": [] } }, "stopReason": "guardrail_intervened", "usage": { "inputTokens": 0, "outputTokens": 0, "totalTokens": 0 } }),
            "guardrail_intervened",
            json!(null),
        ),
    ] {
        let span = whole(record, &answer);
        assert_eq!(finish_reason(&span).as_deref(), Some(reason), "{answer}");
        assert_eq!(said(&span), output, "{answer}");
        assert_eq!(span.level(), None, "{answer}");
    }
}

#[test]
fn errors_of_batches_runs_and_bare_bodies_are_errors() {
    let flat = json!({ "message": "Model gpt-x does not exist", "type": "not_found_error", "param": "model", "code": "model_not_found" });
    for (record, answer, message) in [
        (
            ANTHROPIC,
            json!({ "custom_id": "1", "result": { "type": "errored", "error": { "type": "error", "error": { "type": "invalid_request_error", "message": "max_tokens: required" } } } }),
            "anthropic.invalid_request_error: max_tokens: required",
        ),
        (
            OPENAI,
            json!({ "id": "1", "custom_id": "1", "response": { "status_code": 400, "body": { "error": { "message": "bad", "type": "invalid_request_error", "code": null } } }, "error": null }),
            "openai.invalid_request_error: bad",
        ),
        (
            OPENAI,
            json!({ "id": "1", "custom_id": "1", "response": null, "error": { "code": "batch_expired", "message": "too late" } }),
            "openai.batch_expired: too late",
        ),
        (
            GEMINI,
            json!({ "key": "1", "error": { "code": 3, "message": "bad", "status": "INVALID_ARGUMENT" } }),
            "gemini.INVALID_ARGUMENT.3: bad",
        ),
        (
            OPENAI,
            json!({ "object": "thread.run", "status": "failed", "last_error": { "code": "rate_limit_exceeded", "message": "slow down" }, "model": "gpt-4o", "usage": null }),
            "openai.rate_limit_exceeded: slow down",
        ),
        (
            GEMINI,
            json!({ "event_type": "error", "error": { "code": "deadline_exceeded", "message": "too slow" } }),
            "gemini.deadline_exceeded: too slow",
        ),
        (
            OPENAI,
            flat.clone(),
            "openai.not_found_error.model_not_found: Model gpt-x does not exist",
        ),
        (
            BEDROCK,
            json!({ "Error": { "Message": "Rate exceeded", "Code": "ThrottlingException" }, "ResponseMetadata": { "HTTPStatusCode": 429 } }),
            "bedrock.ThrottlingException: Rate exceeded",
        ),
        (
            OPENAI,
            json!({ "error": { "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } } }),
            "openai.overloaded_error: Overloaded",
        ),
        (
            OPENAI,
            json!({ "error": "Model is loading", "estimated_time": 20.5 }),
            "openai: Model is loading",
        ),
        (
            OPENAI,
            json!({ "detail": { "error": "Model is not available" } }),
            "openai: Model is not available",
        ),
        (
            OPENAI,
            json!({ "type": "urn:inference-service:problem-details:bad-request", "title": "Bad Request", "status": 400, "detail": "no such model" }),
            "openai.400: no such model",
        ),
        (
            OPENAI,
            json!({ "ErrorCode": "CLIENT_ERROR_FROM_MODEL", "Message": "Received client error (424)", "OriginalStatusCode": 424 }),
            "openai.CLIENT_ERROR_FROM_MODEL: Received client error (424)",
        ),
    ] {
        let span = whole(record, &answer);
        assert_eq!(
            (span.level(), span.status_message()),
            (Some(Level::Error), Some(message)),
            "{answer}"
        );
    }
    let agent = json!({ "type": "result", "subtype": "error_max_turns", "is_error": true, "num_turns": 3, "total_cost_usd": 0.25 });
    let span = whole(ANTHROPIC, &agent);
    assert_eq!(
        span.status_message(),
        Some("anthropic.error_max_turns: error_max_turns")
    );
    assert_eq!(span.cost().collect::<Vec<_>>(), [("total", 0.25)]);
    let failed = json!({ "type": "conversation.response.error", "message": "boom", "code": 3000 });
    let span = streamed(&[failed], |s| s.openai());
    assert_eq!(
        span.status_message(),
        Some("openai.conversation.response.error.3000: boom")
    );
    // The same as the only event of a stream.
    let span = streamed(&[flat], |s| s.openai());
    assert_eq!(span.level(), Some(Level::Error));
}

fn chunk(index: u64, content: &str, end: Value) -> Value {
    let mut choice = json!({ "index": index, "delta": { "content": content } });
    choice["finish_reason"] = end;
    json!({ "choices": [choice] })
}

#[test]
fn what_comes_out_of_order_is_put_in_order() {
    let span = streamed(
        &[chunk(1, "b", json!("length")), chunk(0, "a", json!("stop"))],
        |s| s.openai(),
    );
    assert_eq!(
        output(&span),
        json!([{ "content": "a" }, { "content": "b" }])
    );
    assert_eq!(
        finish_reason(&span).as_deref(),
        Some(r#"["stop","length"]"#)
    );

    let call = |index: u64, name: &str, arguments: &str| {
        json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": index, "id": format!("c{index}"), "function": { "name": name, "arguments": arguments } }] } }] })
    };
    let more = |index: u64, arguments: &str| {
        json!({ "choices": [{ "index": 0, "delta": { "tool_calls": [
        { "index": index, "function": { "arguments": arguments } }] } }] })
    };
    let span = streamed(
        &[
            call(1, "g", "{"),
            call(0, "f", "{"),
            more(1, "}"),
            more(0, "}"),
        ],
        |s| s.openai(),
    );
    let names: Vec<_> = output(&span)["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| {
            (
                call["function"]["name"].clone(),
                call["function"]["arguments"].clone(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [(json!("f"), json!("{}")), (json!("g"), json!("{}"))]
    );

    let candidate = |index: u64, text: &str| json!({ "candidates": [{ "index": index, "content": { "role": "model", "parts": [{ "text": text }] }, "finishReason": "STOP" }] });
    let span = streamed(&[candidate(1, "b"), candidate(0, "a")], |s| s.gemini());
    assert_eq!(output(&span)[0]["content"], "a");

    let block = |index: u64, text: &str| json!({ "type": "content_block_delta", "index": index, "delta": { "type": "text_delta", "text": text } });
    let span = streamed(&[block(1, "b"), block(0, "a")], |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }])
    );
}

#[test]
fn a_text_that_is_written_twice_is_kept_once() {
    // Together: in the words of Completions and of Chat Completions.
    let both = |text: &str, end: Value| json!({ "choices": [{ "index": 0, "text": text, "finish_reason": end, "delta": { "token_id": 358, "role": "assistant", "content": text, "tool_calls": null } }] });
    let span = streamed(
        &[
            both("He", json!(null)),
            both("llo", json!(null)),
            both("", json!("stop")),
        ],
        |s| s.openai(),
    );
    assert_eq!(
        output(&span),
        json!({ "role": "assistant", "content": "Hello" })
    );
    // DashScope: the whole text so far, or what is new alone.
    let dash = |text: &str, reasoning: &str, end: &str| json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": text, "reasoning_content": reasoning }, "finish_reason": end }] }, "usage": { "input_tokens": 3, "output_tokens": 2, "total_tokens": 5 }, "request_id": "r" });
    for chunks in [
        [
            dash("", "hm", "null"),
            dash("He", "hm, yes", "null"),
            dash("Hello", "hm, yes", "stop"),
        ],
        [
            dash("", "hm", "null"),
            dash("He", ", yes", "null"),
            dash("llo", "", "stop"),
        ],
    ] {
        let span = streamed(&chunks, |s| s.openai());
        assert_eq!(
            output(&span),
            json!({ "role": "assistant", "content": "Hello", "reasoning_content": "hm, yes" })
        );
        assert_eq!(finish_reason(&span).as_deref(), Some("stop"));
        assert_eq!(usage(&span), [("input", 3), ("output", 2)]);
        assert_eq!(span.level(), None);
        let half = crate::stream_providers::record(chunks.to_vec(), 2, |s| s.openai());
        assert_eq!(
            (
                output(&half)["content"].clone(),
                half.level(),
                finish_reason(&half)
            ),
            (json!("He"), Some(Level::Warning), None)
        );
    }
    let text = |text: &str, end: &str| json!({ "output": { "text": text, "finish_reason": end } });
    let span = streamed(&[text("He", "null"), text("Hello", "stop")], |s| s.openai());
    assert_eq!(output(&span)["content"], "Hello");
}

#[test]
fn streams_of_cloudflare_and_of_unknown_services_lose_nothing() {
    let chunks = [
        json!({ "response": "He", "p": "abc" }),
        json!({ "response": "llo", "p": "a" }),
        json!({ "response": "", "usage": { "prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7 } }),
    ];
    let span = streamed(&chunks, |s| s.openai());
    assert_eq!(said(&span), json!("Hello"));
    assert_eq!(usage(&span), [("input", 5), ("output", 2)]);
    let llama = [
        json!({ "content": "He", "stop": false }),
        json!({ "content": "llo", "stop": false }),
        json!({ "content": "", "stop": true, "model": "m", "tokens_predicted": 2 }),
    ];
    assert_eq!(said(&streamed(&llama, |s| s.openai())), json!("Hello"));
    let mistral = [
        json!({ "type": "message.output.delta", "content": "He" }),
        json!({ "type": "message.output.delta", "content": { "type": "text", "text": "llo" } }),
    ];
    assert_eq!(said(&streamed(&mistral, |s| s.openai())), json!("Hello"));
    // Text Generation Inference in its own language.
    let unknown = vec![
        json!({ "token": { "id": 1, "text": "Hi" }, "generated_text": null }),
        json!({ "token": { "id": 2, "text": "!" }, "generated_text": "Hi!" }),
    ];
    for span in [
        streamed(&unknown, |s| s.openai()),
        streamed(&unknown, |s| s.gemini()),
        streamed(&unknown, |s| s.cohere()),
        whole(OPENAI, &Value::from(unknown.clone())),
        whole(
            OPENAI,
            &Value::from(
                "data: ".to_owned()
                    + &unknown[0].to_string()
                    + "\n\ndata: "
                    + &unknown[1].to_string()
                    + "\n\n",
            ),
        ),
    ] {
        assert_eq!(said(&span), Value::from(unknown.clone()));
    }
    let many = vec![json!({ "token": 1 }); 5000];
    let span = streamed(&many, |s| s.openai());
    assert!(said(&span).as_array().unwrap().len() <= 256);
}

#[test]
fn interactions_are_streamed_by_steps_or_by_contents() {
    let event = |name: &str, index: u64, key: &str, value: Value| json!({ "event_type": name, "index": index, (key): value });
    let delta = |index: u64, delta: Value| event("step.delta", index, "delta", delta);
    let created = json!({ "event_type": "interaction.created", "interaction": { "id": "v1_1", "status": "in_progress", "model": "gemini-3-flash" } });
    let completed = json!({ "event_type": "interaction.completed", "interaction": { "id": "v1_1", "status": "completed",
        "usage": { "total_tokens": 346, "total_input_tokens": 11, "total_output_tokens": 90, "total_thought_tokens": 245 } } });
    let chunks = [
        created.clone(),
        event(
            "step.start",
            0,
            "step",
            json!({ "type": "thought", "signature": "", "summary": [{ "type": "text", "text": "I " }] }),
        ),
        delta(
            0,
            json!({ "type": "thought_summary", "content": { "type": "text", "text": "add" } }),
        ),
        delta(
            0,
            json!({ "type": "thought_signature", "signature": "EpoG" }),
        ),
        event(
            "step.start",
            1,
            "step",
            json!({ "type": "function_call", "id": "c", "name": "f", "arguments": {} }),
        ),
        delta(
            1,
            json!({ "type": "arguments_delta", "arguments": "{\"a\"" }),
        ),
        delta(1, json!({ "type": "arguments_delta", "arguments": ":1}" })),
        event("step.start", 2, "step", json!({ "type": "model_output" })),
        delta(2, json!({ "type": "text", "text": "He" })),
        delta(2, json!({ "type": "text", "text": "llo" })),
        completed.clone(),
    ];
    let span = streamed(&chunks, |s| s.gemini());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "thought", "signature": "EpoG", "summary": [{ "type": "text", "text": "I add" }] },
            { "type": "function_call", "id": "c", "name": "f", "arguments": { "a": 1 } },
            { "type": "model_output", "content": [{ "type": "text", "text": "Hello" }] },
        ])
    );
    assert_eq!(
        (span.model(), finish_reason(&span).as_deref(), span.level()),
        (Some("gemini-3-flash"), Some("completed"), None)
    );
    assert_eq!(
        usage(&span),
        [
            ("input", 11),
            ("output", 90),
            ("output_reasoning_tokens", 245)
        ]
    );
    let half = crate::stream_providers::record(chunks.to_vec(), 6, |s| s.gemini());
    assert_eq!(output(&half)["content"][1]["arguments"], "{\"a\"");
    assert_eq!(half.level(), Some(Level::Warning));

    // Until 2026-05: contents, and other names of the first and the last event.
    let legacy = [
        json!({ "event_type": "interaction.start", "interaction": { "id": "v1_1", "status": "in_progress", "model": "gemini-3-flash" } }),
        event("content.start", 0, "content", json!({ "type": "text" })),
        event(
            "content.delta",
            0,
            "delta",
            json!({ "type": "text", "text": "He" }),
        ),
        event(
            "content.delta",
            0,
            "delta",
            json!({ "type": "text", "text": "llo" }),
        ),
        json!({ "event_type": "interaction.complete", "interaction": { "status": "completed" } }),
    ];
    let span = streamed(&legacy, |s| s.gemini());
    assert_eq!(
        output(&span),
        json!({ "role": "model", "content": "Hello" })
    );
    let failed = [
        created,
        delta(0, json!({ "type": "text", "text": "He" })),
        json!({ "event_type": "error", "error": { "code": "internal", "message": "boom" } }),
    ];
    let span = streamed(&failed, |s| s.gemini());
    assert_eq!(
        (said(&span)["content"].clone(), span.status_message()),
        (json!("He"), Some("gemini.internal: boom"))
    );
}

#[test]
fn a_live_session_of_gemini_is_folded() {
    let chunks = [
        json!({ "setupComplete": {} }),
        json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "He" }] } } }),
        json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "llo" }] } } }),
        json!({ "toolCall": { "functionCalls": [{ "id": "c", "name": "f", "args": {} }] } }),
        json!({ "serverContent": { "generationComplete": true } }),
        json!({ "serverContent": { "turnComplete": true }, "usageMetadata": { "promptTokenCount": 9, "responseTokenCount": 4, "totalTokenCount": 13 } }),
    ];
    let span = streamed(&chunks, |s| s.gemini());
    assert_eq!(
        output(&span)["parts"],
        json!([{ "text": "Hello" }, { "functionCall": { "id": "c", "name": "f", "args": {} } }])
    );
    assert_eq!(
        (usage(&span), span.level()),
        (vec![("input", 9), ("output", 4)], None)
    );
    let spoken = [
        json!({ "serverContent": { "outputTranscription": { "text": "Good " } } }),
        json!({ "serverContent": { "outputTranscription": { "text": "day" }, "turnComplete": true } }),
    ];
    let span = streamed(&spoken, |s| s.gemini());
    assert_eq!(output(&span)["content"], "Good day");
}

#[test]
fn what_claude_writes_into_blocks_is_kept() {
    let chunks = [
        json!({ "type": "message_start", "message": { "role": "assistant", "content": [], "model": "m", "usage": { "input_tokens": 1, "output_tokens": 1 } } }),
        json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "compaction", "content": null } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "The user " } }),
        json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "compaction_delta", "content": "asked." } }),
        json!({ "type": "content_block_start", "index": 1, "content_block": { "type": "server_tool_use", "id": "s", "name": "web_search", "input": {} } }),
        json!({ "type": "content_block_delta", "index": 1, "delta": { "type": "input_json_delta", "partial_json": "{\"query\":\"x\"}" } }),
        json!({ "type": "content_block_start", "index": 2, "content_block": { "type": "web_search_tool_result", "tool_use_id": "s", "content": [{ "type": "web_search_result", "url": "u" }] } }),
        json!({ "type": "content_block_start", "index": 3, "content_block": { "type": "redacted_thinking", "data": "EmwK" } }),
        json!({ "type": "message_delta", "delta": { "stop_reason": "pause_turn" }, "usage": { "output_tokens": 9 }, "context_management": { "applied_edits": [] } }),
        json!({ "type": "message_stop" }),
    ];
    let span = streamed(&chunks, |s| s.anthropic());
    assert_eq!(
        output(&span)["content"],
        json!([
            { "type": "compaction", "content": "The user asked." },
            { "type": "server_tool_use", "id": "s", "name": "web_search", "input": { "query": "x" } },
            { "type": "web_search_tool_result", "tool_use_id": "s", "content": [{ "type": "web_search_result", "url": "u" }] },
            { "type": "redacted_thinking", "data": "EmwK" },
        ])
    );
    assert_eq!(
        (finish_reason(&span).as_deref(), span.level()),
        (Some("pause_turn"), None)
    );
}

/// Milliseconds from the start to the first token, where an item arrives each 100 ms.
fn first<S: Stream + Unpin>(
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
fn the_first_token_is_not_an_event_about_the_stream() {
    let event = |name: &str, key: &str, value: Value| json!({ "event_type": name, "index": 0, (key): value });
    for (chunks, at) in [
        (
            vec![
                json!({ "event_type": "interaction.created", "interaction": { "status": "in_progress" } }),
                event("step.start", "step", json!({ "type": "thought" })),
                event(
                    "step.delta",
                    "delta",
                    json!({ "type": "thought_signature", "signature": "EpoG" }),
                ),
                event("step.start", "step", json!({ "type": "model_output" })),
                event(
                    "step.delta",
                    "delta",
                    json!({ "type": "text", "text": "Hi" }),
                ),
            ],
            Some(500),
        ),
        (
            vec![event(
                "step.start",
                "step",
                json!({ "type": "function_call", "name": "f", "arguments": {} }),
            )],
            Some(100),
        ),
        (
            vec![
                json!({ "setupComplete": {} }),
                json!({ "serverContent": { "interrupted": true } }),
                json!({ "serverContent": { "modelTurn": { "parts": [{ "text": "Hi" }] } } }),
            ],
            Some(300),
        ),
        (
            vec![
                json!({ "usageMetadata": { "promptTokenCount": 1 } }),
                json!({ "candidates": [{ "finishReason": "STOP" }] }),
            ],
            None,
        ),
    ] {
        assert_eq!(first(chunks.clone(), |s| s.gemini()), at, "{chunks:?}");
    }
    for (chunks, at) in [
        (
            vec![
                json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": "" }, "finish_reason": "null" }] } }),
                json!({ "output": { "choices": [{ "message": { "role": "assistant", "content": "Hi" }, "finish_reason": "stop" }] } }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "choices": [{ "index": 0, "text": "", "delta": { "token_id": 1, "role": "assistant", "content": "" } }] }),
                json!({ "choices": [{ "index": 0, "text": "H", "delta": { "token_id": 2, "content": "H" } }] }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "response": "", "p": "a" }),
                json!({ "response": "Hi" }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "type": "conversation.item.input_audio_transcription.delta", "delta": "" }),
                json!({ "type": "conversation.item.input_audio_transcription.delta", "delta": "Hi" }),
            ],
            Some(200),
        ),
        (
            vec![
                json!({ "choices": [], "usage": { "prompt_tokens": 5 } }),
                json!({ "choices": null }),
            ],
            None,
        ),
    ] {
        assert_eq!(first(chunks.clone(), |s| s.openai()), at, "{chunks:?}");
    }
}
