//! Anthropic: the Messages API.
//! Called by `provider`; `stream` hands it the message it put together from events.

use serde_json::{Map, Value, json};

use super::{Facts, count, error, text, without_nulls};
use crate::record::Usage;

pub(crate) fn facts(response: &Value) -> Facts {
    // The first event of a stream has the message inside.
    let message = response
        .get("message")
        .filter(|m| m.is_object())
        .unwrap_or(response);
    // Its last event but one has the reason inside `delta`.
    let reason = message
        .get("stop_reason")
        .or_else(|| response.get("delta")?.get("stop_reason"));
    Facts {
        provider: "anthropic",
        model: text(message.get("model")).map(str::to_owned),
        usage: message.get("usage").and_then(usage),
        finish_reason: text(reason).map(Value::from),
        output: message
            .get("content")
            .and_then(|content| output(message, content)),
        error: error(response, "anthropic"),
    }
}

/// The message as it would be sent back: its role and its blocks, or its text if it is nothing else.
fn output(message: &Value, content: &Value) -> Option<Value> {
    let blocks = content.as_array().filter(|blocks| !blocks.is_empty())?;
    let role = text(message.get("role")).unwrap_or("assistant");
    let plain = |block: &Value| {
        let text = block
            .get("text")
            .filter(|_| text(block.get("type")) == Some("text"))?;
        // Citations belong to the block and not to its text.
        block
            .get("citations")
            .is_none_or(Value::is_null)
            .then(|| text.clone())
    };
    let content = match blocks.as_slice() {
        [only] => plain(only),
        _ => None,
    };
    let content = content.unwrap_or_else(|| {
        blocks
            .iter()
            .map(|block| {
                block
                    .as_object()
                    .map_or_else(|| block.clone(), |b| Value::Object(without_nulls(b)))
            })
            .collect()
    });
    Some(json!({ "role": role, "content": content }))
}

/// `input_tokens` excludes what was read from and written to the cache; `output_tokens` includes thinking.
fn usage(usage: &Value) -> Option<Usage> {
    let get = |name: &str| count(usage.get(name));
    let (input, output) = (get("input_tokens"), get("output_tokens"));
    if input.is_none() && output.is_none() {
        return None;
    }
    let mut buckets = Usage::anthropic(input.unwrap_or(0), output.unwrap_or(0));
    if let Some(cached) = get("cache_read_input_tokens") {
        buckets = buckets.cached_tokens(cached);
    }
    let by_age = |name: &str| {
        let ages = usage.get("cache_creation").and_then(Value::as_object);
        ages.and_then(|ages: &Map<String, Value>| count(ages.get(name)))
            .unwrap_or(0)
    };
    let (short, long) = (
        by_age("ephemeral_5m_input_tokens"),
        by_age("ephemeral_1h_input_tokens"),
    );
    let stated = get("cache_creation_input_tokens");
    let written = stated.unwrap_or(0).max(short.saturating_add(long));
    // A write that stays an hour has a price of its own, so it needs a bucket of its own.
    if long > 0 {
        let rest = written - long;
        if rest > 0 {
            buckets = buckets.bucket("input_cache_creation_5m", rest);
        }
        buckets = buckets.bucket("input_cache_creation_1h", long);
    } else if stated.is_some() || written > 0 {
        buckets = buckets.cache_write_tokens(written);
    }
    Some(buckets)
}
