//! Values for variables: anything that is `Serialize` and is a map, a struct, or a list of pairs.
//! Used by `prompt`. Knows no template.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// Values by name.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    texts: BTreeMap<String, String>,
    lists: BTreeMap<String, Vec<Value>>,
}

impl Variables {
    /// Text as it is, numbers and booleans in decimal, `null` as nothing, lists and maps as JSON text.
    pub(crate) fn read<T: Serialize + ?Sized>(values: &T) -> Result<Self, String> {
        let values = serde_json::to_value(values)
            .map_err(|error| format!("the values cannot be read: {error}"))?;
        let mut read = Self::default();
        match values {
            Value::Null => {}
            Value::Object(map) => map
                .into_iter()
                .for_each(|(name, value)| read.put(name, value)),
            Value::Array(pairs) => {
                for pair in pairs {
                    let Value::Array(pair) = pair else {
                        return Err(SHAPE.to_owned());
                    };
                    let Ok([Value::String(name), value]) = <[Value; 2]>::try_from(pair) else {
                        return Err(SHAPE.to_owned());
                    };
                    read.put(name, value);
                }
            }
            _ => return Err(SHAPE.to_owned()),
        }
        Ok(read)
    }

    fn put(&mut self, name: String, value: Value) {
        let text = match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            Value::Array(list) => {
                let text = Value::from(list.clone()).to_string();
                self.lists.insert(name.clone(), list);
                text
            }
            other => other.to_string(),
        };
        self.texts.insert(name, text);
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The messages for a placeholder.
    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        self.lists.get(name).map(Vec::as_slice)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }
}

const SHAPE: &str = "values are expected as pairs such as [(\"city\", \"Lyon\")], as a map, or as a struct with a field for each variable";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pairs_maps_and_structs_are_values() {
        #[derive(Serialize)]
        struct Weather<'a> {
            city: &'a str,
            days: u8,
        }
        let weather = Weather {
            city: "Lyon",
            days: 3,
        };
        for values in [
            Variables::read(&weather),
            Variables::read(&json!({ "city": "Lyon", "days": 3 })),
            Variables::read(&[("city", "Lyon"), ("days", "3")]),
            Variables::read(&vec![("city", json!("Lyon")), ("days", json!(3))]),
        ] {
            let values = values.unwrap();
            assert_eq!(
                (values.text("city"), values.text("days")),
                (Some("Lyon"), Some("3"))
            );
            assert_eq!(values.text("other"), None);
        }
        let odd = json!({ "none": null, "yes": true, "list": [1, "a"], "map": { "k": 0.5 } });
        let odd = Variables::read(&odd).unwrap();
        let texts = ["none", "yes", "list", "map"].map(|name| odd.text(name).unwrap());
        assert_eq!(texts, ["", "true", "[1,\"a\"]", "{\"k\":0.5}"]);
    }

    #[test]
    fn what_has_no_names_is_refused() {
        assert!(Variables::read(&()).is_ok() && Variables::read::<[(&str, &str); 0]>(&[]).is_ok());
        for values in [
            json!("Lyon"),
            json!(["Lyon"]),
            json!([["a", 1, 2]]),
            json!([[1, 2]]),
        ] {
            let error = Variables::read(&values).unwrap_err();
            assert!(error.contains("expected as pairs"), "{error}");
        }
    }
}
