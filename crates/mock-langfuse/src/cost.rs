//! The cost of an observation as the database stores it (`docs/langfuse.md` 1.7).
//! Called by `mapping`.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::usage::{object, repeats_usage};
use crate::values::Attributes;

/// The largest cost that the database holds: `Decimal(18, 12)`.
const MAX_COST: f64 = 999_999.999_999;

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
