//! The usage of an observation (`docs/langfuse.md` 1.7).
//! Called by `mapping` and `cost`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::js;
use crate::usage_names::by_conventions;
use crate::values::{Attributes, filled};

/// An attribute that holds an object as JSON text; empty if it is something else, `None` if it is not there or no JSON.
pub(crate) fn object(a: &Attributes, name: &str) -> Option<Map<String, Value>> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::cost;
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
