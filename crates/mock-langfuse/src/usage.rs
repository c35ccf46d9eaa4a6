//! Model parameters, usage and cost of an observation (`docs/langfuse.md` 1.7, 2.5).
//! Called by `mapping`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::values::Attributes;

pub(crate) fn object(value: Option<&Value>) -> Option<Map<String, Value>> {
    match value? {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(map) => Some(map.clone()),
        _ => None,
    }
}

pub(crate) fn model_parameters(a: &Attributes) -> BTreeMap<String, Value> {
    let own = object(a.get("langfuse.observation.model.parameters"))
        .or_else(|| object(a.get("llm.invocation_parameters")));
    if let Some(parameters) = own.or_else(|| object(a.get("model_config"))) {
        return parameters
            .into_iter()
            .map(|(key, value)| {
                if value.is_string() || value.is_number() {
                    (key, value)
                } else {
                    (key, Value::from(value.to_string()))
                }
            })
            .collect();
    }
    a.iter()
        .filter_map(|(key, value)| {
            Some((
                key.strip_prefix("gen_ai.request.")
                    .filter(|key| *key != "model")?
                    .to_owned(),
                value.clone(),
            ))
        })
        .collect()
}

/// 1.7: integers from 0, everything else is dropped; the total is added up when it is missing.
pub(crate) fn usage(a: &Attributes) -> BTreeMap<String, u64> {
    let whole = |value: &Value| value.as_u64().or_else(|| value.as_str()?.parse().ok());
    let mut usage: BTreeMap<String, u64> = match object(a.get("langfuse.observation.usage_details"))
    {
        Some(details) => details
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), whole(value)?)))
            .collect(),
        None => by_conventions(|names| names.iter().find_map(|name| whole(a.get(*name)?))),
    };
    if !usage.is_empty() && !usage.contains_key("total") {
        let total = usage.values().sum();
        usage.insert("total".into(), total);
    }
    usage
}

/// 2.5: the conventions count cached and reasoning tokens into input and output; the server takes them
/// out again, so that no token is in two buckets.
fn by_conventions(read: impl Fn(&[&str]) -> Option<u64>) -> BTreeMap<String, u64> {
    let cached = read(&[
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_read_input_tokens",
        "llm.token_count.prompt_details.cache_read",
    ]);
    let written = read(&[
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.cache_creation_input_tokens",
        "llm.token_count.prompt_details.cache_write",
    ]);
    let reasoning = read(&[
        "gen_ai.usage.reasoning.output_tokens",
        "gen_ai.usage.reasoning_tokens",
        "llm.token_count.completion_details.reasoning",
    ]);
    let input = read(&[
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.prompt_tokens",
        "llm.token_count.prompt",
    ]);
    let output = read(&[
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.completion_tokens",
        "llm.token_count.completion",
    ]);
    let without = |all: Option<u64>, part: u64| all.map(|all| all.saturating_sub(part));
    let buckets = [
        (
            "input",
            without(
                input,
                cached.unwrap_or(0).saturating_add(written.unwrap_or(0)),
            ),
        ),
        ("input_cached_tokens", cached),
        ("input_cache_creation", written),
        ("output", without(output, reasoning.unwrap_or(0))),
        ("output_reasoning_tokens", reasoning),
        (
            "total",
            read(&["gen_ai.usage.total_tokens", "llm.token_count.total"]),
        ),
    ];
    buckets
        .into_iter()
        .filter_map(|(bucket, units)| Some((bucket.to_owned(), units?)))
        .collect()
}

pub(crate) fn cost(a: &Attributes) -> BTreeMap<String, f64> {
    let number = |value: &Value| value.as_f64().filter(|cost| *cost >= 0.0);
    let mut cost: BTreeMap<String, f64> = match object(a.get("langfuse.observation.cost_details")) {
        Some(details) => details
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), number(value)?)))
            .collect(),
        None => a
            .get("gen_ai.usage.cost")
            .and_then(number)
            .map(|total| ("total".to_owned(), total))
            .into_iter()
            .collect(),
    };
    let summable = cost.keys().all(|key| key == "input" || key == "output");
    if !cost.is_empty() && summable {
        let total = cost.values().sum();
        cost.insert("total".into(), total);
    }
    cost
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_the_conventions_count_twice_are_counted_once() {
        let given = [
            ("gen_ai.usage.input_tokens", 100u64),
            ("gen_ai.usage.output_tokens", 30),
            ("gen_ai.usage.cache_read.input_tokens", 60),
            ("gen_ai.usage.cache_creation.input_tokens", 10),
            ("gen_ai.usage.reasoning.output_tokens", 20),
        ];
        let usage = usage(
            &given
                .into_iter()
                .map(|(key, units)| (key.to_owned(), Value::from(units)))
                .collect(),
        );
        let parts = [
            "input",
            "input_cached_tokens",
            "input_cache_creation",
            "output",
            "output_reasoning_tokens",
            "total",
        ];
        assert_eq!(parts.map(|bucket| usage[bucket]), [30, 60, 10, 10, 20, 130]);
    }
}
