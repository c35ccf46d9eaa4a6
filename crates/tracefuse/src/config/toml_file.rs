//! `tracefuse.toml`: its errors in our words, and its tables as values by dotted key.
//! Called by `layers`. Repeats no line of the file, which may contain a secret.

use config::{Map, Value, ValueKind};

use super::ConfigError;
use super::source::TOML;

/// Line, column and reason. The parser's `Display` is not used: it repeats the line, which may contain a secret.
pub(super) fn invalid_toml(text: &str, error: &config::ConfigError) -> ConfigError {
    let cause = match error {
        config::ConfigError::FileParse { cause, .. } => cause.downcast_ref::<toml::de::Error>(),
        _ => None,
    };
    let Some(error) = cause else {
        return ConfigError::new(format!("`{TOML}` is not valid TOML"));
    };
    let place = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        format!(", line {line}, column {column}")
    });
    ConfigError::new(format!(
        "`{TOML}` is not valid TOML{}: {}",
        place.unwrap_or_default(),
        error.message()
    ))
}

/// The values by dotted key. A list becomes a text with commas.
pub(super) fn flatten(prefix: &str, value: Value, into: &mut Map<String, Value>) {
    let origin = value.origin().map(str::to_owned);
    match value.kind {
        ValueKind::Table(inner) => {
            for (key, value) in inner {
                let key = if prefix.is_empty() {
                    key
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&key, value, into);
            }
        }
        ValueKind::Array(items) => {
            let items = items.into_iter().filter_map(|item| item.into_string().ok());
            let text = items.collect::<Vec<_>>().join(",");
            into.insert(prefix.to_owned(), Value::new(origin.as_ref(), text));
        }
        kind => {
            if let Ok(text) = Value::new(origin.as_ref(), kind).into_string() {
                into.insert(prefix.to_owned(), Value::new(origin.as_ref(), text));
            }
        }
    }
}
