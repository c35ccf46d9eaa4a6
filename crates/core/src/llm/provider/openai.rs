//! OpenAI: Chat Completions, Responses, Embeddings, Completions; and providers that speak its language.
//! Called by `provider`; `stream` hands it the response it put together from chunks.

use serde_json::{Map, Value};

use super::{Facts, count, error, one_or_all, text, without_nulls};
use crate::record::Usage;

/// Vectors and pictures, of which nothing is recorded.
pub(crate) const SKIP: &[&str] = &["data"];

pub(crate) fn facts(response: &Value) -> Facts {
    // The last event of a Responses stream has the response inside.
    let response = response
        .get("response")
        .filter(|r| r.is_object())
        .unwrap_or(response);
    let choices = response.get("choices").and_then(Value::as_array);
    Facts {
        provider: "openai",
        model: text(response.get("model")).map(str::to_owned),
        usage: response.get("usage").and_then(usage),
        finish_reason: choices.map_or_else(
            || stopped(response),
            |choices| one_or_all(choices.iter().filter_map(finish_reason).collect()),
        ),
        output: match choices {
            Some(choices) => one_or_all(choices.iter().filter_map(message).collect()),
            None => response
                .get("output")
                .and_then(Value::as_array)
                .and_then(|items| one_or_all(items.iter().map(plain).collect())),
        },
        error: error(response, "openai"),
    }
}

fn finish_reason(choice: &Value) -> Option<Value> {
    text(choice.get("finish_reason")).map(Value::from)
}

/// Of the Responses API: why it is incomplete, else its status. Only a response has items.
fn stopped(response: &Value) -> Option<Value> {
    response.get("output")?;
    let incomplete = response.get("incomplete_details");
    text(incomplete.and_then(|details| details.get("reason")))
        .or_else(|| text(response.get("status")))
        .map(Value::from)
}

/// A choice's message; its text if it is of the old Completions API; a chunk's delta if it says something.
fn message(choice: &Value) -> Option<Value> {
    if let Some(message) = choice.get("message") {
        return Some(plain(message));
    }
    if let Some(text) = text(choice.get("text")) {
        return Some(Value::from(text));
    }
    let delta = without_nulls(choice.get("delta")?.as_object()?);
    let says_something = |(key, value): (&String, &Value)| {
        key != "role" && value.as_str().is_none_or(|text| !text.is_empty())
    };
    delta
        .iter()
        .any(says_something)
        .then_some(Value::Object(delta))
}

fn plain(value: &Value) -> Value {
    value.as_object().map_or_else(
        || value.clone(),
        |object| Value::Object(without_nulls(object)),
    )
}

/// Totals include their parts; each part goes into a bucket of its own and out of `input` or `output`.
fn usage(usage: &Value) -> Option<Usage> {
    let get = |names: &[&str]| names.iter().find_map(|name| count(usage.get(*name)));
    let details = |names: &[&str]| names.iter().find_map(|name| usage.get(*name)?.as_object());
    let input = get(&["prompt_tokens", "input_tokens"]);
    let output = get(&["completion_tokens", "output_tokens"]);
    let total = get(&["total_tokens"]);
    if input.is_none() && output.is_none() && total.is_none() {
        return None;
    }
    let of_input = details(&[
        "prompt_tokens_details",
        "input_tokens_details",
        "input_token_details",
    ]);
    let of_output = details(&[
        "completion_tokens_details",
        "output_tokens_details",
        "output_token_details",
    ]);
    let part = |details: Option<&Map<String, Value>>, name: &str| {
        details.and_then(|details| count(details.get(name)))
    };
    let known = input.unwrap_or(0).saturating_add(output.unwrap_or(0));
    let mut buckets = Usage::default();

    let mut rest = input.unwrap_or(0);
    let mut parts = Vec::new();
    let cached = part(of_input, "cached_tokens").or_else(|| get(&["prompt_cache_hit_tokens"]));
    for (name, units) in [
        ("input_cached_tokens", cached),
        (
            "input_cache_creation_tokens",
            part(of_input, "cache_write_tokens"),
        ),
        ("input_audio_tokens", part(of_input, "audio_tokens")),
        ("input_image_tokens", part(of_input, "image_tokens")),
    ] {
        take(&mut rest, name, units, &mut parts);
    }
    if input.is_some() {
        buckets = buckets.bucket("input", rest);
    }
    buckets = add(buckets, parts);

    let mut rest = output.unwrap_or(0);
    let mut parts = Vec::new();
    let reasoning = part(of_output, "reasoning_tokens");
    // Some count reasoning on top of what was completed; only the total tells.
    let on_top = reasoning.filter(|&n| n > 0 && total == known.checked_add(n));
    rest = rest.saturating_add(on_top.unwrap_or(0));
    for (name, units) in [
        ("output_reasoning_tokens", reasoning),
        ("output_audio_tokens", part(of_output, "audio_tokens")),
        ("output_image_tokens", part(of_output, "image_tokens")),
        (
            "output_accepted_prediction_tokens",
            part(of_output, "accepted_prediction_tokens"),
        ),
        (
            "output_rejected_prediction_tokens",
            part(of_output, "rejected_prediction_tokens"),
        ),
    ] {
        take(&mut rest, name, units, &mut parts);
    }
    if output.is_some() {
        buckets = buckets.bucket("output", rest);
    }
    buckets = add(buckets, parts);
    Some(match total {
        Some(total) => buckets.total(total),
        None => buckets,
    })
}

/// Moves a part out of what remains; never more than remains, since parts may overlap (cached audio).
fn take(
    rest: &mut u64,
    name: &'static str,
    units: Option<u64>,
    parts: &mut Vec<(&'static str, u64)>,
) {
    let units = units.unwrap_or(0).min(*rest);
    if units > 0 {
        *rest -= units;
        parts.push((name, units));
    }
}

fn add(usage: Usage, parts: Vec<(&'static str, u64)>) -> Usage {
    parts
        .into_iter()
        .fold(usage, |usage, (name, units)| usage.bucket(name, units))
}
