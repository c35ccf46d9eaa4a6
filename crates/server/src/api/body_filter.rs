//! Conditions of the parameter `filter` on metadata, input and output: they are in bodies, so each row is checked by itself.
//! Made by `filter`, called through `observations`. Knows no SQL.

use std::borrow::Cow;

use serde_json::Value;

use super::fields::{Groups, metadata};
use super::filter::MOST_VALUES;
use crate::store::Full;

/// One condition.
#[derive(Clone, Debug)]
pub(crate) struct OfBody {
    part: Part,
    test: Test,
}

/// What is compared.
#[derive(Clone, Debug)]
enum Part {
    Input,
    Output,
    /// The value of a key.
    Metadata(String),
}

/// How it is compared. Each text operator has the values that it looks for, of which one must fit.
#[derive(Clone, Debug)]
enum Test {
    Is(Vec<String>),
    IsNot(Vec<String>),
    Contains(String),
    ContainsNot(String),
    StartsWith(String),
    EndsWith(String),
    /// A search for the text in any case.
    Matches(String),
    /// The known number is compared with this one.
    Number(fn(&f64, &f64) -> bool, f64),
    Exists(bool),
}

/// Columns that are in bodies.
pub(crate) const COLUMNS: &[&str] = &["metadata", "input", "output"];

impl OfBody {
    /// Reads a condition whose column is one of [`COLUMNS`]; what cannot be read is named.
    pub(crate) fn read(column: &str, operator: &str, given: &Value) -> Result<Self, String> {
        let key = given.get("key").and_then(Value::as_str).unwrap_or_default();
        let part = match column {
            "input" => Part::Input,
            "output" => Part::Output,
            _ if key.is_empty() => {
                return Err("a filter of \"metadata\" needs the \"key\" of the value".to_owned());
            }
            _ => Part::Metadata(key.to_owned()),
        };
        let value = given.get("value").unwrap_or(&Value::Null);
        let text = || match value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(_) | Value::Bool(_) => Ok(value.to_string()),
            _ => Err(format!("the operator {operator:?} takes one value")),
        };
        let texts = || {
            let values = value
                .as_array()
                .map_or_else(|| std::slice::from_ref(value), |values| values.as_slice());
            if values.len() > MOST_VALUES {
                return Err(format!(
                    "Too big: expected at most {MOST_VALUES} values for {column:?}"
                ));
            }
            Ok(values
                .iter()
                .map(|value| plain(value).into_owned())
                .collect())
        };
        let test = match operator {
            "=" if value.is_number() => Test::Number(PartialEq::eq, number(value, column)?),
            "=" => Test::Is(vec![text()?]),
            "<>" | "!=" => Test::IsNot(vec![text()?]),
            ">" => Test::Number(PartialOrd::gt, number(value, column)?),
            ">=" => Test::Number(PartialOrd::ge, number(value, column)?),
            "<" => Test::Number(PartialOrd::lt, number(value, column)?),
            "<=" => Test::Number(PartialOrd::le, number(value, column)?),
            "contains" => Test::Contains(text()?),
            "does not contain" => Test::ContainsNot(text()?),
            "starts with" => Test::StartsWith(text()?),
            "ends with" => Test::EndsWith(text()?),
            // Langfuse looks at the case of metadata alone.
            "matches" => match part {
                Part::Metadata(_) => Test::Contains(text()?),
                Part::Input | Part::Output => Test::Matches(text()?.to_lowercase()),
            },
            "any of" => Test::Is(texts()?),
            "none of" => Test::IsNot(texts()?),
            "is null" => Test::Exists(false),
            "is not null" => Test::Exists(true),
            _ => {
                return Err(format!(
                    "the operator {operator:?} is not known for {column:?}"
                ));
            }
        };
        Ok(Self { part, test })
    }

    /// Whether an observation fulfils it. As on Langfuse, a value that is missing is the empty text.
    pub(crate) fn fits(&self, full: &Full) -> bool {
        let known = match &self.part {
            Part::Input => full.bodies.input.as_deref().map(Cow::Borrowed),
            Part::Output => full.bodies.output.as_deref().map(Cow::Borrowed),
            Part::Metadata(key) => {
                value_at(full, key).map(|value| Cow::Owned(plain(&value).into_owned()))
            }
        };
        let is_there = known.is_some();
        let text = known.unwrap_or_default();
        match &self.test {
            Test::Is(values) => values.iter().any(|value| is_same(value, &text)),
            Test::IsNot(values) => !values.iter().any(|value| is_same(value, &text)),
            Test::Contains(part) => text.contains(part.as_str()),
            Test::ContainsNot(part) => !text.contains(part.as_str()),
            Test::StartsWith(part) => text.starts_with(part.as_str()),
            Test::EndsWith(part) => text.ends_with(part.as_str()),
            Test::Matches(part) => text.to_lowercase().contains(part.as_str()),
            Test::Number(compare, wanted) => {
                let known = text.trim().parse();
                known.is_ok_and(|known| compare(&known, wanted))
            }
            Test::Exists(wanted) => is_there == *wanted,
        }
    }
}

/// A text is the same with and without the quotes of JSON: Python's SDK sends texts with them.
fn is_same(wanted: &str, known: &str) -> bool {
    let bare = || serde_json::from_str::<String>(wanted).ok();
    wanted == known || (wanted.starts_with('"') && bare().as_deref() == Some(known))
}

/// The value of a key of the metadata as the read API shows it: the whole key, or a path of keys with points between them.
fn value_at(full: &Full, key: &str) -> Option<Value> {
    let all = metadata(
        full,
        &Groups {
            names: vec!["io".to_owned()],
            expand: Vec::new(),
        },
    );
    if let Some(value) = all.get(key) {
        return Some(value.clone());
    }
    let mut keys = key.split('.');
    let first = all.get(keys.next()?)?;
    keys.try_fold(first, |value, key| value.get(key)).cloned()
}

/// A text as it is, any other value as JSON.
fn plain(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

fn number(value: &Value, column: &str) -> Result<f64, String> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number
        .filter(|number| number.is_finite())
        .ok_or_else(|| format!("the value for {column:?} cannot be read"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn full() -> Full {
        let mut full = Full::default();
        full.bodies.input = Some("Order 66".to_owned());
        full.bodies.metadata = serde_json::from_value(json!({
            "plan": "pro", "tries": 3, "config": {"timeout": 30}, "a.b": "whole", "empty": ""
        }))
        .unwrap();
        full.bodies
            .resource
            .insert("service.name".to_owned(), json!("shop"));
        full
    }

    #[test]
    fn values_of_bodies_are_compared() {
        let full = full();
        for (column, key, operator, value, wanted) in [
            ("metadata", "plan", "=", json!("pro"), true),
            ("metadata", "plan", "=", json!("\"pro\""), true),
            ("metadata", "plan", "=", json!("Pro"), false),
            ("metadata", "plan", "<>", json!("free"), true),
            ("metadata", "plan", "contains", json!("r"), true),
            ("metadata", "plan", "does not contain", json!("r"), false),
            ("metadata", "none", "does not contain", json!("r"), true),
            ("metadata", "none", "=", json!(""), true),
            ("metadata", "plan", "starts with", json!("p"), true),
            ("metadata", "plan", "ends with", json!("p"), false),
            ("metadata", "plan", "matches", json!("PRO"), false),
            ("metadata", "plan", "any of", json!(["free", "pro"]), true),
            ("metadata", "plan", "none of", json!(["free", "pro"]), false),
            ("metadata", "tries", "=", json!("3"), true),
            ("metadata", "tries", "=", json!(3), true),
            ("metadata", "tries", ">", json!(2.5), true),
            ("metadata", "tries", "<", json!("2.5"), false),
            ("metadata", "plan", ">", json!(0), false),
            ("metadata", "config.timeout", ">=", json!(30), true),
            ("metadata", "config.none", "is null", json!(null), true),
            ("metadata", "config", "contains", json!("timeout"), true),
            ("metadata", "a.b", "=", json!("whole"), true),
            ("metadata", "empty", "is not null", json!(null), true),
            (
                "metadata",
                "resourceAttributes.service.name",
                "=",
                json!("shop"),
                true,
            ),
            ("input", "", "contains", json!("order"), false),
            ("input", "", "matches", json!("order"), true),
            ("output", "", "is null", json!(null), true),
        ] {
            let given = json!({ "key": key, "value": value });
            let condition = OfBody::read(column, operator, &given).unwrap();
            assert_eq!(condition.fits(&full), wanted, "{column} {operator} {given}");
        }
    }

    #[test]
    fn what_cannot_be_read_of_a_body_filter_is_named() {
        for (column, operator, given, said) in [
            ("metadata", "=", json!({"value": "x"}), "key"),
            ("metadata", "~", json!({"key": "k", "value": "x"}), "~"),
            (
                "metadata",
                ">",
                json!({"key": "k", "value": "x"}),
                "cannot be read",
            ),
            (
                "metadata",
                ">",
                json!({"key": "k", "value": "NaN"}),
                "cannot be read",
            ),
            (
                "metadata",
                "=",
                json!({"key": "k", "value": []}),
                "one value",
            ),
            ("input", "contains", json!({}), "one value"),
            (
                "input",
                "any of",
                json!({"value": vec![1; 501]}),
                "at most 500",
            ),
        ] {
            let error = OfBody::read(column, operator, &given).unwrap_err();
            assert!(error.contains(said), "{given}: {error}");
        }
    }
}
