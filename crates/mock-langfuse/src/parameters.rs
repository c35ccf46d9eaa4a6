//! Model parameters of an observation (`docs/langfuse.md` 2.5).
//! Called by `mapping`.

use serde_json::{Map, Value};

use crate::js;
use crate::values::{Attributes, filled, text};

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
