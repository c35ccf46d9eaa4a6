//! The shapes of errors, of every provider that is read and of compatible ones.

use serde_json::{Value, json};

use super::super::error::{of_event, of_text, read};

#[track_caller]
fn check(body: &Value, kind: &str, message: &str) {
    let error = read(body, "openai").unwrap_or_else(|| panic!("no error in {body}"));
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        (kind, message),
        "{body}"
    );
}

#[test]
fn an_error_in_a_field_of_its_own() {
    for (body, kind, message) in [
        // OpenAI
        (
            json!({ "error": { "message": "You exceeded your current quota", "type": "insufficient_quota", "param": null, "code": "insufficient_quota" } }),
            "openai.insufficient_quota",
            "You exceeded your current quota",
        ),
        (
            json!({ "error": { "message": "The model `x` does not exist", "type": "invalid_request_error", "param": null, "code": "model_not_found" } }),
            "openai.invalid_request_error.model_not_found",
            "The model `x` does not exist",
        ),
        // Gemini, alone and as an array
        (
            json!({ "error": { "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT" } }),
            "openai.INVALID_ARGUMENT.400",
            "API key not valid.",
        ),
        (
            json!([{ "error": { "code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT" } }]),
            "openai.INVALID_ARGUMENT.400",
            "API key not valid.",
        ),
        // OpenRouter: a number as the code
        (
            json!({ "error": { "code": 402, "message": "Insufficient credits" }, "user_id": "u" }),
            "openai.402",
            "Insufficient credits",
        ),
        // LiteLLM: "None" for what it has not
        (
            json!({ "error": { "message": "litellm.RateLimitError", "type": "None", "param": "None", "code": "429" } }),
            "openai.429",
            "litellm.RateLimitError",
        ),
        // Groq
        (
            json!({ "error": { "message": "Failed to call a function.", "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": "<function" } }),
            "openai.invalid_request_error.tool_use_failed",
            "Failed to call a function.",
        ),
        // Perplexity, SambaNova
        (
            json!({ "error": { "message": "Invalid model", "type": "invalid_model", "code": 400 } }),
            "openai.invalid_model.400",
            "Invalid model",
        ),
        (
            json!({ "error": { "code": null, "message": "down", "param": null, "type": "unknown_error" } }),
            "openai.unknown_error",
            "down",
        ),
        // Anthropic
        (
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" }, "request_id": "req_1" }),
            "openai.overloaded_error",
            "Overloaded",
        ),
        // Ollama, Hugging Face, xAI, OAuth, NestJS
        (
            json!({ "error": "model \"x\" not found, try pulling it first" }),
            "openai",
            "model \"x\" not found, try pulling it first",
        ),
        (
            json!({ "error": "Input is too long", "error_type": "validation" }),
            "openai.validation",
            "Input is too long",
        ),
        (
            json!({ "error": ["Error in `parameters.x`", "second"] }),
            "openai",
            "Error in `parameters.x`; second",
        ),
        (
            json!({ "code": "The caller does not have permission", "error": "Team is disabled" }),
            "openai.The caller does not have permission",
            "Team is disabled",
        ),
        (
            json!({ "error": "invalid_client", "error_description": "Client is unknown" }),
            "openai.invalid_client",
            "Client is unknown",
        ),
        (
            json!({ "statusCode": 401, "message": "No API key", "error": "Unauthorized" }),
            "openai.Unauthorized.401",
            "No API key",
        ),
        (
            json!({ "error": true, "message": "Out of memory" }),
            "openai",
            "Out of memory",
        ),
        (json!({ "error": 503 }), "openai", "503"),
        // An error without a message
        (
            json!({ "error": { "code": "overloaded" } }),
            "openai.overloaded",
            "overloaded",
        ),
        // A message that is an object
        (
            json!({ "error": { "message": { "text": "deep", "message": "Too deep" }, "code": 1 } }),
            "openai.1",
            "Too deep",
        ),
    ] {
        check(&body, kind, message);
    }
}

#[test]
fn a_body_that_is_an_error_as_a_whole() {
    for (body, kind, message) in [
        // Mistral, vLLM
        (
            json!({ "object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500" }),
            "openai.invalid_model.1500",
            "Invalid model: x",
        ),
        (
            json!({ "object": "error", "message": "Too long", "type": "BadRequestError", "param": null, "code": 400 }),
            "openai.BadRequestError.400",
            "Too long",
        ),
        (
            json!({ "object": "error", "message": { "detail": [{ "type": "missing", "loc": ["body", "model"], "msg": "Field required" }] }, "type": "invalid_request_error", "code": null }),
            "openai.invalid_request_error.missing",
            "body.model: Field required",
        ),
        // MiniMax
        (
            json!({ "choices": null, "base_resp": { "status_code": 1008, "status_msg": "insufficient balance" } }),
            "openai.1008",
            "insufficient balance",
        ),
        // Bedrock
        (
            json!({ "message": "Too many requests", "__type": "ThrottlingException" }),
            "openai.ThrottlingException",
            "Too many requests",
        ),
        (
            json!({ "Message": "denied", "__type": "com.amazon.coral.service#AccessDeniedException" }),
            "openai.AccessDeniedException",
            "denied",
        ),
        (
            json!({ "modelStreamErrorException": { "message": "The model failed", "originalStatusCode": 500, "originalMessage": "boom" } }),
            "openai.modelStreamErrorException.500",
            "The model failed",
        ),
        (
            json!({ "throttlingException": {} }),
            "openai.throttlingException",
            "throttlingException",
        ),
        // Cohere
        (
            json!({ "message": "invalid api token" }),
            "openai",
            "invalid api token",
        ),
        (
            json!({ "id": "1", "message": "invalid api token" }),
            "openai",
            "invalid api token",
        ),
        // DashScope
        (
            json!({ "code": "InvalidApiKey", "message": "Invalid API-key provided.", "request_id": "r" }),
            "openai.InvalidApiKey",
            "Invalid API-key provided.",
        ),
        // FastAPI
        (json!({ "detail": "Not Found" }), "openai", "Not Found"),
        (
            json!({ "detail": [{ "loc": ["body", "model"], "msg": "field required", "type": "value_error.missing" }] }),
            "openai.value_error.missing",
            "body.model: field required",
        ),
        (
            json!({ "detail": { "status": "invalid_api_key", "message": "Invalid API key" } }),
            "openai.invalid_api_key",
            "Invalid API key",
        ),
        // RFC 9457
        (
            json!({ "type": "about:blank", "title": "Not Found", "status": 404, "detail": "No such function" }),
            "openai.404",
            "No such function",
        ),
        // Azure's gateway, Zhipu, Baidu, Databricks, Deepgram, Cloudflare, Apigee, Tencent, AWS Lambda
        (
            json!({ "statusCode": 429, "message": "Rate limit is exceeded." }),
            "openai.429",
            "Rate limit is exceeded.",
        ),
        (
            json!({ "code": 500, "msg": "404 NOT_FOUND", "success": false }),
            "openai.500",
            "404 NOT_FOUND",
        ),
        (
            json!({ "error_code": 336_003, "error_msg": "the max length" }),
            "openai.336003",
            "the max length",
        ),
        (
            json!({ "error_code": "BAD_REQUEST", "message": "Model serving" }),
            "openai.BAD_REQUEST",
            "Model serving",
        ),
        (
            json!({ "err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r" }),
            "openai.INVALID_AUTH",
            "Invalid credentials.",
        ),
        (
            json!({ "success": false, "errors": [{ "code": 7003, "message": "No route" }], "result": null, "messages": [] }),
            "openai.7003",
            "No route",
        ),
        (
            json!({ "fault": { "faultstring": "Invalid ApiKey", "detail": { "errorcode": "oauth.v2.InvalidApiKey" } } }),
            "openai.oauth.v2.InvalidApiKey",
            "Invalid ApiKey",
        ),
        (
            json!({ "Response": { "Error": { "Code": "AuthFailure", "Message": "bad" }, "RequestId": "r" } }),
            "openai.AuthFailure",
            "bad",
        ),
        (
            json!({ "errorMessage": "timed out", "errorType": "Sandbox.Timedout" }),
            "openai.Sandbox.Timedout",
            "timed out",
        ),
        // Responses, realtime
        (
            json!({ "object": "response", "status": "failed", "output": [], "error": { "code": "server_error", "message": "The model failed" } }),
            "openai.server_error",
            "The model failed",
        ),
        (
            json!({ "object": "response", "status": "failed", "output": [], "error": null }),
            "openai.failed",
            "the response failed",
        ),
        (
            json!({ "type": "response.done", "response": { "status": "failed", "status_details": { "type": "failed", "error": { "type": "server_error", "code": "overloaded", "message": "busy" } } } }),
            "openai.server_error.overloaded",
            "busy",
        ),
        (
            json!({ "type": "error", "code": "server_error", "message": "Try again", "param": null, "sequence_number": 3 }),
            "openai.server_error",
            "Try again",
        ),
        (
            json!({ "type": "error", "error": { "type": "too_many_requests", "message": "Too Many Requests" } }),
            "openai.too_many_requests",
            "Too Many Requests",
        ),
    ] {
        check(&body, kind, message);
    }
}

#[test]
fn an_error_beside_a_part_of_an_answer() {
    for (body, kind, message) in [
        // OpenRouter: in a choice, in a chunk, and only as the reason of the end
        (
            json!({ "choices": [{ "finish_reason": "error", "message": { "content": "Hal" }, "error": { "code": 502, "message": "Upstream" } }] }),
            "openai.502",
            "Upstream",
        ),
        (
            json!({ "error": { "code": "server_error", "message": "disconnected" }, "choices": [{ "delta": { "content": "" }, "finish_reason": "error" }] }),
            "openai.server_error",
            "disconnected",
        ),
        (
            json!({ "choices": [{ "finish_reason": "error", "message": { "content": "Hal" } }] }),
            "openai.error",
            "the provider ended the answer with an error",
        ),
        // Groq
        (
            json!({ "choices": [], "x_groq": { "id": "r", "error": "over capacity" } }),
            "openai",
            "over capacity",
        ),
        // Cohere
        (
            json!({ "type": "message-end", "delta": { "finish_reason": "ERROR", "error": "internal" } }),
            "openai",
            "internal",
        ),
        (
            json!({ "finish_reason": "ERROR_TOXIC", "message": { "content": [] } }),
            "openai.ERROR_TOXIC",
            "the provider ended the answer with an error",
        ),
    ] {
        check(&body, kind, message);
    }
}

#[test]
fn causes_are_sources() {
    let azure = json!({ "error": {
        "message": "The response was filtered", "type": null, "param": "prompt", "code": "content_filter", "status": 400,
        "innererror": { "code": "ResponsibleAIPolicyViolation", "content_filter_result": { "hate": { "filtered": true } } }
    } });
    check(&azure, "openai.content_filter", "The response was filtered");
    assert_eq!(
        read(&azure, "openai").unwrap().sources,
        "ResponsibleAIPolicyViolation"
    );
    let router = json!({ "error": { "code": 429, "message": "Provider returned error",
        "metadata": { "raw": "slow down", "provider_name": "Azure" } } });
    assert_eq!(read(&router, "openai").unwrap().sources, "Azure: slow down");
}

#[test]
fn what_is_right_is_no_error() {
    let answer = json!([{ "message": { "content": "Hi" }, "finish_reason": "stop" }]);
    for body in [
        json!({ "error": null, "choices": answer }),
        json!({ "error": {}, "choices": answer }),
        json!({ "error": "", "choices": answer }),
        json!({ "error": false, "choices": answer }),
        json!({ "error": [], "choices": answer }),
        json!({ "error": { "code": null, "message": null, "type": null }, "choices": answer }),
        json!({ "error": { "code": 0, "message": "" }, "choices": answer }),
        json!({ "error": { "code": 200, "message": "success" }, "choices": answer }),
        json!({ "errors": [], "message": "fine", "choices": answer }),
        json!({ "base_resp": { "status_code": 0, "status_msg": "" }, "choices": answer }),
        json!({ "base_resp": { "status_code": 0, "status_msg": "success" }, "choices": null }),
        json!({ "status_code": 200, "code": "", "message": "", "output": { "text": "Hi" } }),
        json!({ "code": 0, "msg": "ok", "data": { "text": "Hi" } }),
        json!({ "code": 200, "msg": "success" }),
        json!({ "success": true, "errors": [], "messages": [], "result": { "response": "Hi" } }),
        json!({ "object": "response", "status": "completed", "error": null, "output": [] }),
        json!({ "object": "response", "status": "incomplete", "error": null, "incomplete_details": { "reason": "max_output_tokens" }, "output": [] }),
        json!({ "id": "1", "finish_reason": "COMPLETE", "message": { "role": "assistant", "content": [{ "type": "text", "text": "Hi" }] } }),
        json!({ "model": "llama", "message": { "role": "assistant", "content": "Hi" }, "done": true }),
        json!({ "type": "message", "role": "assistant", "content": [], "stop_reason": "refusal" }),
        json!({ "role": "assistant", "message": "Hi" }),
        json!({ "model": "x", "message": "Hi" }),
        json!({ "text": "Hi", "detail": "low" }),
        json!({ "candidates": [], "promptFeedback": { "blockReason": "SAFETY" } }),
        json!({ "title": null, "detail": [] }),
        json!({}),
        json!([]),
        json!([1, "error"]),
        json!("error"),
        json!(null),
    ] {
        assert_eq!(read(&body, "openai"), None, "{body}");
    }
}

#[test]
fn an_event_with_a_type_implies_nothing() {
    let event = |event: Value| of_event(event.as_object().unwrap(), "openai").is_some();
    assert!(!event(
        json!({ "type": "session.created", "message": "hello" })
    ));
    assert!(!event(
        json!({ "type": "response.created", "response": { "status": "in_progress", "error": null } })
    ));
    assert!(event(json!({ "message": "invalid api token" })));
    assert!(event(
        json!({ "type": "response.failed", "response": { "status": "failed", "error": { "code": "server_error", "message": "m" } } })
    ));
}

#[test]
fn the_page_of_a_proxy_is_an_error() {
    let marked = "\u{feff}<!-- a proxy --> <!-- b -->\n<html><title>503</title></html>";
    assert_eq!(of_text(marked, "openai").unwrap().message, "503");
    assert!(of_text("<!-- no end <html>", "openai").is_none());
    let page = "\n<!DOCTYPE html><html><head><TITLE>502 Bad Gateway</TITLE></head></html>";
    let error = of_text(page, "openai").unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("openai.html", "502 Bad Gateway")
    );
    let page =
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Denied</Message></Error>";
    let error = of_text(page, "bedrock").unwrap();
    assert_eq!(
        (error.kind.as_str(), error.message.as_str()),
        ("bedrock.xml.AccessDenied", "Denied")
    );
    assert_eq!(
        of_text("<html>İ</html>", "openai").unwrap().message,
        "<html>İ</html>"
    );
    assert_eq!(of_text("Bonjour", "openai"), None);
}

/// What is empty is no part of an error's kind, and no part of an answer beside it.
#[test]
fn empty_fields_say_nothing_of_an_error() {
    for (body, kind, message) in [
        (
            json!({ "error": { "message": "m", "code": "None" } }),
            "openai",
            "m",
        ),
        (
            json!({ "error": { "message": "m", "code": "" } }),
            "openai",
            "m",
        ),
        (
            json!({ "error": { "message": "m", "status": "BUSY" } }),
            "openai.BUSY",
            "m",
        ),
        (
            json!({ "error": { "message": "m", "status": "503" } }),
            "openai.503",
            "m",
        ),
        (json!({ "message": "m", "text": "" }), "openai", "m"),
        (json!({ "message": "m", "data": [] }), "openai", "m"),
        (json!({ "message": "m", "result": {} }), "openai", "m"),
        (
            json!({ "success": false }),
            "openai.error",
            "{\"success\":false}",
        ),
        (
            json!({ "error": true }),
            "openai.error",
            "an error without a text",
        ),
        (json!({ "error": true, "message": "m" }), "openai", "m"),
    ] {
        check(&body, kind, message);
    }
    for answer in [
        json!({ "message": "m", "text": "Hi" }),
        json!({ "message": "m", "data": [1] }),
        json!({ "message": "m", "result": { "a": 1 } }),
        json!({ "message": "m", "usage": 1 }),
    ] {
        assert_eq!(read(&answer, "openai"), None, "{answer}");
    }
}
