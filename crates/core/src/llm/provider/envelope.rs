//! The answer within what an event, a batch or a gateway puts around it.
//! Called by the readers of answers, of usage and of errors. Must not know languages.

use serde_json::{Map, Value};

/// Fields whose object has the answer: events of Responses and realtime, Code Assist (`response`), results of batches
/// (`response.body`, `result`; `modelOutput` of Bedrock), Cloudflare (`result`), events of Gemini's Interactions (`interaction`).
const WRAPPERS: &[&str] = &["response", "result", "body", "interaction", "modelOutput"];

/// Fields of an answer itself. Where one of these is, nothing is wrapped.
const OWN: &[&str] = &[
    "choices",
    "candidates",
    "output",
    "outputs",
    "content",
    "message",
    "steps",
    "usage",
];

/// Wrappers around wrappers, beyond which no answer is looked for.
const DEPTH: usize = 4;

/// What `object` wraps, if it wraps something.
pub(crate) fn inner(object: &Map<String, Value>) -> Option<&Value> {
    let is_answer = OWN
        .iter()
        .any(|key| object.get(*key).is_some_and(|value| !value.is_null()));
    if is_answer {
        return None;
    }
    let mut wrapped = WRAPPERS.iter().filter_map(|key| object.get(*key));
    wrapped.find(|value| value.is_object())
}

/// The innermost answer; the value itself if nothing is around it.
pub(crate) fn unwrapped(answer: &Value) -> &Value {
    let mut answer = answer;
    for _ in 0..DEPTH {
        match answer.as_object().and_then(inner) {
            Some(next) => answer = next,
            None => break,
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_found_in_what_is_around_it() {
        let answer = json!({ "choices": [], "response": { "not": "this" } });
        for wrapped in [
            answer.clone(),
            json!({ "type": "response.completed", "response": answer }),
            json!({ "custom_id": "1", "response": { "status_code": 200, "body": answer }, "error": null }),
            json!({ "result": answer, "success": true, "errors": [] }),
            json!({ "event_type": "interaction.completed", "interaction": answer }),
            json!({ "message": null, "result": { "response": { "body": answer } } }),
        ] {
            assert_eq!(unwrapped(&wrapped), &answer, "{wrapped}");
        }
        for plain in [
            json!({ "model": "llama3", "response": "Hi", "done": true }),
            json!({ "message": { "role": "assistant" }, "result": {} }),
            json!({ "response": { "city": "Delhi" }, "usage": { "total_tokens": 3 } }),
            json!([{ "response": {} }]),
            json!(null),
        ] {
            assert_eq!(unwrapped(&plain), &plain);
        }
        let mut deep = json!({});
        for _ in 0..100 {
            deep = json!({ "result": deep });
        }
        assert!(unwrapped(&deep)["result"].is_object(), "there is a bound");
    }
}
