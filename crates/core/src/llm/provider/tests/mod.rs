//! The providers' documented example responses, and what must be read out of each.
//! The table is here, its rows are in the files beside.

mod errors;
mod openai;
mod others;

use serde_json::{Value, json};

use super::Facts;

struct Case {
    name: &'static str,
    read: fn(&Value) -> Facts,
    response: Value,
    model: Option<&'static str>,
    buckets: &'static [(&'static str, u64)],
    /// The provider's own sum, or what its documentation says to add up.
    total: u64,
    finish_reason: Value,
    output: Value,
}

fn check(cases: Vec<Case>) {
    for case in cases {
        let name = case.name;
        let facts = (case.read)(&case.response);
        assert_eq!(facts.model.as_deref(), case.model, "{name}");
        let usage = facts.usage.unwrap_or_else(|| panic!("{name}: no usage"));
        // Of a model that is not known: every part is apart.
        let buckets: Vec<_> = usage
            .buckets()
            .filter(|(name, _)| *name != "total")
            .collect();
        assert_eq!(buckets, case.buckets, "{name}");
        assert_eq!(usage.sum(), case.total, "{name}");
        assert_eq!(
            facts.finish_reason.unwrap_or_default(),
            case.finish_reason,
            "{name}"
        );
        assert_eq!(facts.output.unwrap_or_default(), case.output, "{name}");
        assert_eq!(facts.error, None, "{name}");
    }
}

#[test]
fn errors_are_read_in_each_providers_words() {
    for (read, body, kind, message) in [
        (
            super::openai::facts as fn(&Value) -> Facts,
            json!({ "error": { "message": "Rate limit reached", "type": "requests", "param": null, "code": "rate_limit_exceeded" } }),
            "openai.requests.rate_limit_exceeded",
            "Rate limit reached",
        ),
        (
            super::openai::facts,
            json!({ "type": "response.failed", "response": { "status": "failed", "output": [],
                "error": { "code": "server_error", "message": "The model failed" } } }),
            "openai.server_error",
            "The model failed",
        ),
        (
            super::anthropic::facts,
            json!({ "type": "error", "error": { "type": "overloaded_error", "message": "Overloaded" } }),
            "anthropic.overloaded_error",
            "Overloaded",
        ),
        (
            super::gemini::facts,
            json!({ "error": { "code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED" } }),
            "gemini.RESOURCE_EXHAUSTED.429",
            "Quota",
        ),
    ] {
        let error = read(&body).error.unwrap();
        assert_eq!(
            (error.kind.as_str(), error.message.as_str()),
            (kind, message)
        );
    }
}

#[test]
fn what_is_not_a_response_says_nothing() {
    for value in [
        json!(null),
        json!(5),
        json!("text"),
        json!([1, [2]]),
        json!({}),
        json!({ "model": 5, "usage": "none", "choices": { "a": 1 }, "candidates": "x", "content": 7, "error": null }),
        json!({ "model": "", "usage": { "prompt_tokens": -4, "total_tokens": 1.5, "input_tokens": 1e300 } }),
        json!({ "choices": [1, {}, { "delta": { "role": "assistant", "content": "" } }], "output": 3 }),
        json!({ "message": 1, "response": [], "candidates": [{ "content": { "parts": [] } }] }),
    ] {
        for read in [
            super::openai::facts,
            super::anthropic::facts,
            super::gemini::facts,
        ] {
            let facts = read(&value);
            assert!(
                facts.model.is_none()
                    && facts.usage.is_none()
                    && facts.finish_reason.is_none()
                    && facts.output.is_none()
                    && facts.error.is_none(),
                "{value}: {facts:?}"
            );
        }
    }
}
