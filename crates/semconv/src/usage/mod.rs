//! Turns counts and costs, which attributes state under the names of each convention, into a usage and a cost.
//! Filled by `gen_ai`, `openinference` and `traceloop`, read by `observation` at the end of a span.

mod names;

use serde_json::{Map, Value as Json};
use tracefuse_core::bridge::{Convention, Count};
use tracefuse_core::{Cost, Usage};

use crate::value::Value;
use names::{COSTS, NAMES};

/// Counts that are read of a span. Further ones are metadata, whose keys the span limits.
const MAX_COUNTS: usize = 128;

/// What was reported so far; a count reported again replaces the one before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tokens {
    /// Each under the name of its attribute.
    reported: Vec<Reported>,
    costs: Vec<(&'static str, f64)>,
}

#[derive(Clone, Debug, PartialEq)]
struct Reported {
    attribute: String,
    count: Option<Count>,
    units: u64,
}

impl Tokens {
    /// Takes a count by its attribute, and by its name in there; `false` if it is no count.
    pub(crate) fn take(&mut self, attribute: &str, name: &str, value: &Value<'_>) -> bool {
        if let Value::Str(text) = value
            && let Ok(details) = serde_json::from_str::<Map<String, Json>>(text)
        {
            return self.take_details(attribute, name, details);
        }
        let Some(units) = value.count() else {
            return false;
        };
        let is_full = self.reported.len() >= MAX_COUNTS;
        let known = self
            .reported
            .iter_mut()
            .find(|known| known.attribute == attribute);
        match known {
            Some(known) => known.units = units,
            None if is_full => return false,
            None => {
                let count = NAMES.iter().find(|(_, names)| names.contains(&name));
                self.reported.push(Reported {
                    attribute: attribute.to_owned(),
                    count: count.map(|(count, _)| *count),
                    units,
                });
            }
        }
        true
    }

    /// Takes counts that are in one attribute, as JSON: LangSmith's `gen_ai.usage.input_token_details`; without a name all
    /// counts, MLflow's `mlflow.chat.tokenUsage`.
    fn take_details(&mut self, attribute: &str, name: &str, details: Map<String, Json>) -> bool {
        let mut any = false;
        for (key, value) in details {
            let value = match value {
                Json::Number(number) => number.as_f64().map(Value::F64),
                Json::String(text) => Some(Value::Str(text.into())),
                _ => None,
            };
            let attribute = format!("{attribute}.{key}");
            let name = match name {
                "" => key,
                name => format!("{name}.{key}"),
            };
            any |= value.is_some_and(|value| self.take(&attribute, &name, &value));
        }
        any
    }

    /// Takes an amount of dollars by its name; `false` if it is none.
    pub(crate) fn take_cost(&mut self, name: &str, value: &Value<'_>) -> bool {
        let known = COSTS.iter().find(|(_, names)| names.contains(&name));
        let amount = value
            .number()
            .filter(|dollars| dollars.is_finite() && *dollars >= 0.0);
        let (Some((bucket, _)), Some(dollars)) = (known, amount) else {
            return false;
        };
        self.costs.retain(|(known, _)| known != bucket);
        self.costs.push((bucket, dollars));
        true
    }

    /// Whether anything was used: frameworks report zeros where the provider stated nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.reported.iter().all(|reported| reported.units == 0)
    }

    /// Every count as it was reported, for a span above those that are counted.
    pub(crate) fn reported(&self) -> impl Iterator<Item = (&str, u64)> {
        let reported = self.reported.iter();
        reported.map(|reported| (reported.attribute.as_str(), reported.units))
    }

    /// What it cost, as far as that was stated.
    pub(crate) fn cost(&self) -> Option<Cost> {
        let total = self.costs.iter().find(|(bucket, _)| *bucket == "total");
        if let Some((_, dollars)) = total {
            return Some(Cost::total(*dollars));
        }
        let parts = self.costs.iter();
        parts.fold(None, |cost, (bucket, dollars)| {
            Some(cost.unwrap_or_default().bucket(*bucket, *dollars))
        })
    }

    /// The usage, and the counts that are not in it: it is not known what they count, so a total may include them. Without any total an unknown count is a bucket.
    pub(crate) fn to_usage(&self) -> (Option<Usage>, Vec<(&str, u64)>) {
        let mut usage = Usage::counted(Convention::Attributes);
        let mut any = false;
        let mut has_total = false;
        for (count, _) in NAMES {
            // Several names of one count are one count; some are filled with zeros.
            let named = self
                .reported
                .iter()
                .filter(|reported| reported.count == Some(*count));
            if let Some(units) = named.map(|reported| reported.units).max() {
                usage = usage.count(*count, units);
                any = true;
                has_total |=
                    units > 0 && matches!(count, Count::Input | Count::Output | Count::Total);
            }
        }
        let mut left = Vec::new();
        for reported in self
            .reported
            .iter()
            .filter(|reported| reported.count.is_none() && reported.units > 0)
        {
            if has_total {
                left.push((reported.attribute.as_str(), reported.units));
            } else {
                let name = reported.attribute.trim_start_matches("gen_ai.usage.");
                usage = usage.bucket(name, reported.units);
                any = true;
            }
        }
        (any.then_some(usage), left)
    }
}

#[cfg(test)]
mod tests;
