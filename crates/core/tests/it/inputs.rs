//! Whole answers that providers really send, beside those in `usage`: batches, interactions, services that rank or
//! transcribe, ends and errors of every kind. Each row is an input and what must be on the span.

use futures::stream::Stream;
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::stream::{Every, Observed};
use tracefuse_core::{Level, Span};

use crate::stream_providers::{Chunks, finish_reason, usage};
use crate::support::tracer;

pub(crate) type Record = fn(&Span, &Value);

pub(crate) const OPENAI: Record = |span, answer| span.record_openai(answer);
const ANTHROPIC: Record = |span, answer| span.record_anthropic(answer);
const GEMINI: Record = |span, answer| span.record_gemini(answer);
const BEDROCK: Record = |span, answer| span.record_bedrock(answer);
const COHERE: Record = |span, answer| span.record_cohere(answer);

pub(crate) fn whole(record: Record, answer: &Value) -> SpanRecord {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let span = trace.generation("answer").start();
    record(&span, answer);
    span.end();
    kept.named("answer")
}

pub(crate) fn streamed<S: Stream + Unpin>(
    chunks: &[Value],
    fold: impl FnOnce(Observed<Chunks, Every>) -> S,
) -> SpanRecord {
    crate::stream_providers::record(chunks.to_vec(), 99, fold)
}

/// The output; a text that is no JSON as text.
pub(crate) fn said(span: &SpanRecord) -> Value {
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
        (
            BEDROCK,
            json!({ "recordId": "1", "modelInput": { "messages": [] }, "modelOutput": claude }),
            "end_turn",
            &hi,
        ),
        (BEDROCK, claude, "end_turn", &hi),
        (BEDROCK, chat, "stop", &hi),
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
            results,
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
        // Cloudflare's answer by a schema; Replicate; a choice that was filtered as a whole.
        (
            OPENAI,
            json!({ "result": { "response": { "city": "Delhi" }, "usage": { "prompt_tokens": 26, "completion_tokens": 8 } }, "success": true }),
            json!({ "city": "Delhi" }),
        ),
        (
            OPENAI,
            json!({ "id": "r", "status": "succeeded", "output": "Hi", "error": null }),
            json!("Hi"),
        ),
        (
            OPENAI,
            json!({ "choices": [{ "index": 0, "message": null, "finish_reason": "content_filter" }] }),
            Value::Null,
        ),
        (
            ANTHROPIC,
            json!({ "role": "assistant", "content": "Hi", "usage": { "input_tokens": 4, "output_tokens": 1 } }),
            json!({ "role": "assistant", "content": "Hi" }),
        ),
        (OPENAI, json!([{ "generated_text": "Hi" }]), json!("Hi")),
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
            json!({ "model_id": "m", "results": [{ "embedding": [0.1] }], "input_token_count": 8 }),
        ),
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
            BEDROCK,
            json!({ "recordId": "1", "modelInput": {}, "error": { "errorCode": 400, "errorMessage": "bad request", "expired": false, "retryable": false } }),
            "bedrock.400: bad request",
        ),
        // Apigee; Volcengine.
        (
            OPENAI,
            json!({ "fault": { "faultstring": "Rate limit quota violation", "detail": { "errorcode": "policies.ratelimit.QuotaViolation" } } }),
            "openai.policies.ratelimit.QuotaViolation: Rate limit quota violation",
        ),
        (
            OPENAI,
            json!({ "ResponseMetadata": { "RequestId": "r", "Error": { "Code": "InvalidAccessKey", "CodeN": 100009, "Message": "The access key is invalid." } } }),
            "openai.InvalidAccessKey: The access key is invalid.",
        ),
        (
            OPENAI,
            json!({ "StatusCode": 503, "Message": "unavailable" }),
            "openai.503: unavailable",
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
        // ASP.NET, whose type is an address with a `#`; a status as text.
        (
            OPENAI,
            json!({ "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1", "title": "One or more validation errors occurred.", "status": 400, "errors": { "model": ["The model field is required."] }, "traceId": "00-x" }),
            "openai.400: One or more validation errors occurred.",
        ),
        (
            OPENAI,
            json!({ "errors": [{ "status": "422", "title": "Invalid", "detail": "bad model" }] }),
            "openai.422: bad model",
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
    // The same as the only event of a stream; and a problem of RFC 9457, whose type is no kind of event.
    for event in [
        flat,
        json!({ "type": "about:blank", "status": 401, "title": "Unauthorized", "detail": "no key" }),
        json!({ "type": "https://example.com/probs/quota", "title": "Quota", "status": 429 }),
    ] {
        let span = streamed(std::slice::from_ref(&event), |s| s.openai());
        assert_eq!(span.level(), Some(Level::Error), "{event}");
    }
}

#[test]
fn the_last_event_of_a_stream_alone_has_the_usage() {
    let transcript = json!({ "type": "transcript.text.done", "text": "I see skies",
        "usage": { "type": "tokens", "input_tokens": 14, "output_tokens": 3, "total_tokens": 17,
            "input_token_details": { "text_tokens": 0, "audio_tokens": 14 } } });
    let span = whole(OPENAI, &transcript);
    assert_eq!(said(&span), json!("I see skies"));
    assert_eq!(
        usage(&span),
        [("input", 0), ("input_audio_tokens", 14), ("output", 3)]
    );
    let picture = json!({ "type": "image_generation.completed", "b64_json": "BBBB",
        "usage": { "input_tokens": 50, "output_tokens": 60, "total_tokens": 110 } });
    let span = whole(OPENAI, &picture);
    assert_eq!(usage(&span), [("input", 50), ("output", 60)]);
    assert_eq!(span.level(), None);
}
