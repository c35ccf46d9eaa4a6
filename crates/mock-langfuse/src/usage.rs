//! Model parameters, usage and cost of an observation (`docs/langfuse.md` 1.7, 2.5).
//! Called by `mapping`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::js;
use crate::values::{Attributes, filled, text};

/// The largest cost that the database holds: `Decimal(18, 12)`.
const MAX_COST: f64 = 999_999.999_999;

/// An object, a text or a number, as the program gave it.
pub(crate) fn model_parameters(a: &Attributes) -> Value {
    let given = [
        "langfuse.observation.model.parameters",
        "llm.invocation_parameters",
        "model_config",
    ];
    let parsed = given.iter().enumerate().filter_map(|(at, name)| {
        let value = js::parse(&text(filled(a, &[name])?))?;
        // Of the first alone a value that is nothing is passed over.
        (at > 0 || !js::is_falsy(&value)).then_some(value)
    });
    let parameters = parsed.into_iter().next().unwrap_or_else(|| {
        let prefixes = ["gen_ai.request.", "llm.invocation_parameters."];
        let of = |prefix: &'static str| {
            let below = a
                .iter()
                .filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value)));
            below
                .filter(|(key, _)| *key != "model")
                .map(|(key, value)| (key.to_owned(), value.clone()))
        };
        prefixes
            .into_iter()
            .flat_map(of)
            .collect::<Map<_, _>>()
            .into()
    });
    let plain = |value: Value| match value {
        Value::String(_) | Value::Number(_) => value,
        other => js::stringify(&other).into(),
    };
    match parameters {
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(key, value)| (key, plain(value)));
            fields.collect::<Map<_, _>>().into()
        }
        Value::Array(items) => {
            let items = items.into_iter().enumerate();
            let fields = items.map(|(at, value)| (at.to_string(), plain(value)));
            fields.collect::<Map<_, _>>().into()
        }
        other if js::is_falsy(&other) => Map::new().into(),
        Value::String(text) => js::parse(&text).unwrap_or(Value::String(text)),
        other => other,
    }
}

/// An attribute that holds an object as JSON text; empty if it is something else, `None` if it is not there or no JSON.
fn object(a: &Attributes, name: &str) -> Option<Map<String, Value>> {
    match filled(a, &[name])? {
        Value::String(text) => match js::parse(text)? {
            Value::Object(fields) => Some(fields),
            _ => Some(Map::new()),
        },
        _ => Some(Map::new()),
    }
}

/// Spans of agents repeat the usage of the calls below them, so their own is left out.
pub(crate) fn repeats_usage(a: &Attributes) -> bool {
    let operation = a.get("gen_ai.operation.name").and_then(Value::as_str);
    matches!(operation, Some("invoke_agent" | "agent_step"))
}

/// Integers from 0, everything else is dropped; the total is added up where it is missing.
pub(crate) fn usage(a: &Attributes) -> BTreeMap<String, u64> {
    if repeats_usage(a) {
        return BTreeMap::new();
    }
    let details =
        object(a, "langfuse.observation.usage_details").unwrap_or_else(|| by_conventions(a));
    let mut usage = openai(&details, "prompt_tokens", "completion_tokens")
        .or_else(|| openai(&details, "input_tokens", "output_tokens"))
        .unwrap_or_else(|| {
            let counts = details
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), count(value)?)));
            counts.collect()
        });
    if !usage.is_empty() && !usage.contains_key("total") {
        let total = usage
            .values()
            .fold(0u64, |sum, units| sum.saturating_add(*units));
        usage.insert("total".into(), total);
    }
    usage
}

fn count(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64().filter(|number| number.fract() == 0.0)?,
        Value::String(_) => js::parse_int(value)?,
        _ => return None,
    };
    js::number(number).as_u64()
}

/// The usage object of OpenAI's two APIs, if it has their fields and no others: details are taken out of the whole.
fn openai(
    details: &Map<String, Value>,
    input: &str,
    output: &str,
) -> Option<BTreeMap<String, u64>> {
    let parts = [(input, "input"), (output, "output")];
    let known = |key: &str| {
        key == "total_tokens"
            || parts
                .iter()
                .any(|(name, _)| key == *name || key == format!("{name}_details"))
    };
    let whole = |key: &str| {
        details
            .get(key)
            .filter(|value| value.is_number())
            .and_then(count)
    };
    if !details.keys().all(|key| known(key)) {
        return None;
    }
    let mut usage = BTreeMap::from([("total".to_owned(), whole("total_tokens")?)]);
    for (name, bucket) in parts {
        let mut rest = whole(name)?;
        match details.get(&format!("{name}_details")) {
            None | Some(Value::Null) => {}
            Some(Value::Object(fields)) => {
                for (key, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
                    let units = Some(value)
                        .filter(|value| value.is_number())
                        .and_then(count)?;
                    usage.insert(format!("{bucket}_{key}"), units);
                    rest = rest.saturating_sub(units);
                }
            }
            Some(_) => return None,
        }
        usage.insert(bucket.to_owned(), rest);
    }
    Some(usage)
}

/// A bucket of the server, and what the conventions call it, in the order in which the server looks.
const BUCKETS: &[(&str, &[&str])] = &[
    ("input", &["prompt_tokens", "input_tokens", "prompt"]),
    (
        "output",
        &["completion_tokens", "output_tokens", "completion"],
    ),
    ("total", &["total_tokens", "total"]),
    (
        "input_cached_tokens",
        &[
            "cache_read.input_tokens",
            "cache_read_input_tokens",
            "cache_read_tokens",
            "details.cache_read_tokens",
            "details.cache_read_input_tokens",
            "prompt_details.cache_read",
            "input_cached_tokens",
        ],
    ),
    (
        "input_cache_creation",
        &[
            "cache_creation.input_tokens",
            "cache_creation_input_tokens",
            "cache_write_tokens",
            "details.cache_write_tokens",
            "details.cache_creation_input_tokens",
            "prompt_details.cache_write",
            "input_cache_creation",
        ],
    ),
    (
        "output_reasoning_tokens",
        &["reasoning.output_tokens", "completion_details.reasoning"],
    ),
    ("output_audio_tokens", &["completion_details.audio"]),
];

/// The conventions count cached and reasoning tokens into input and output; the server takes them out again, so that no
/// token is in two buckets. A name that is not known is kept as a bucket.
fn by_conventions(a: &Attributes) -> Map<String, Value> {
    let mut raw: BTreeMap<String, f64> = BTreeMap::new();
    for (key, value) in a {
        let name = key
            .strip_prefix("gen_ai.usage.")
            .filter(|name| *name != "cost")
            .or_else(|| key.strip_prefix("llm.token_count."));
        if let Some((name, number)) = name.zip(js::to_number(value)) {
            raw.insert(name.to_owned(), number);
        }
    }
    let mut buckets: BTreeMap<String, f64> = BTreeMap::new();
    for (bucket, names) in BUCKETS {
        if let Some(units) = names.iter().find_map(|name| raw.get(*name)) {
            buckets.insert((*bucket).to_owned(), *units);
        }
    }
    for (whole, parts) in [
        ("input", ["input_cached_tokens", "input_cache_creation"]),
        ("output", ["output_reasoning_tokens", "output_audio_tokens"]),
    ] {
        let taken: f64 = parts.iter().filter_map(|part| buckets.get(*part)).sum();
        if let Some(units) = buckets.get_mut(whole) {
            *units = (*units - taken).max(0.0);
        }
    }
    let is_known = |name: &String| {
        BUCKETS
            .iter()
            .any(|(_, names)| names.contains(&name.as_str()))
    };
    for (name, units) in raw.into_iter().filter(|(name, _)| !is_known(name)) {
        let name = name.strip_prefix("details.").unwrap_or(&name).to_owned();
        buckets.entry(name).or_insert(units);
    }
    let buckets = buckets.into_iter();
    buckets
        .map(|(bucket, units)| (bucket, js::number(units)))
        .collect()
}

/// A cost as the database stores it: what is no number is 0, and 12 digits after the point are kept.
pub(crate) fn cost(a: &Attributes) -> BTreeMap<String, f64> {
    if repeats_usage(a) {
        return BTreeMap::new();
    }
    let given = object(a, "langfuse.observation.cost_details").unwrap_or_else(|| {
        let total = ["gen_ai.usage.cost", "llm.cost.total"]
            .iter()
            .find_map(|name| {
                let cost = a.get(*name)?;
                (!cost.is_null() && cost != "").then(|| cost.clone())
            });
        total
            .map(|total| ("total".to_owned(), total))
            .into_iter()
            .collect()
    });
    let set: Vec<&String> = given
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, _)| key)
        .collect();
    if set.is_empty() {
        return BTreeMap::new();
    }
    let held = |value: &Value| value.as_f64().map_or(0.0, decimal);
    let mut cost: BTreeMap<String, f64> = given
        .iter()
        .map(|(key, value)| (key.clone(), held(value)))
        .collect();
    let is_summed = set.iter().all(|key| *key == "input" || *key == "output");
    if is_summed && !cost.contains_key("total") {
        // In JavaScript a sum with a text in it is a text, which the database takes for 0.
        let texts = given.values().any(Value::is_string);
        let sum: f64 = given.values().filter_map(Value::as_f64).sum();
        cost.insert("total".into(), if texts { 0.0 } else { decimal(sum) });
    }
    cost
}

/// `Decimal(18, 12)`: what is larger becomes the largest, and more digits are cut.
fn decimal(cost: f64) -> f64 {
    if cost.abs() >= 1e6 {
        return MAX_COST.copysign(cost);
    }
    let text = format!("{cost}");
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let kept = fraction.get(..12).unwrap_or(fraction);
    let number = format!("{whole}.{kept}0").parse::<f64>().unwrap_or(0.0);
    // Not minus zero.
    if number == 0.0 { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn attributes(pairs: &[(&str, Value)]) -> Attributes {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        pairs.collect()
    }

    #[test]
    fn parts_that_the_conventions_count_twice_are_counted_once() {
        let usage = usage(&attributes(&[
            ("gen_ai.usage.input_tokens", json!(100)),
            ("gen_ai.usage.output_tokens", json!(30)),
            ("gen_ai.usage.cache_read.input_tokens", json!(60)),
            ("gen_ai.usage.cache_creation.input_tokens", json!(10)),
            ("gen_ai.usage.reasoning.output_tokens", json!(20)),
            ("gen_ai.usage.details.something", json!("3")),
        ]));
        let wanted = json!({
            "input": 30, "input_cached_tokens": 60, "input_cache_creation": 10, "output": 10,
            "output_reasoning_tokens": 20, "something": 3, "total": 133,
        });
        assert_eq!(json!(usage), wanted);
    }

    #[test]
    fn usage_of_an_agent_is_that_of_the_calls_below_it() {
        let given = attributes(&[
            ("gen_ai.operation.name", json!("invoke_agent")),
            ("gen_ai.usage.input_tokens", json!(100)),
            ("gen_ai.usage.cost", json!(1)),
        ]);
        assert!(usage(&given).is_empty() && cost(&given).is_empty());
    }
}
