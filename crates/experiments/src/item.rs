//! An item of a dataset: an input, and what is expected of it. Made by applications and by `dataset`.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An input for the function under test, with what a good output is compared to.
///
/// ```
/// use tracefuse_experiments::Item;
///
/// let item = Item::new("What is the capital of France?").expected("Paris").metadata("region", "Europe");
/// assert_eq!(item.input_text(), Some("What is the capital of France?"));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Item {
    /// Its id in Langfuse; `None` for a local item, whose id is made of its input.
    pub id: Option<String>,
    /// The input.
    pub input: Value,
    /// The expected output.
    pub expected_output: Option<Value>,
    /// Metadata, any JSON. Of an object, each field becomes metadata of the item's observations.
    pub metadata: Option<Value>,
    /// Id of the dataset in Langfuse; `None` for a local item.
    pub dataset_id: Option<String>,
}

impl Item {
    /// An item with an input: text, a number, or anything that is `Serialize`. A value that cannot be serialized is `null`.
    #[must_use]
    pub fn new<T: Serialize>(input: T) -> Self {
        Self {
            id: None,
            input: value(input),
            expected_output: None,
            metadata: None,
            dataset_id: None,
        }
    }

    /// The expected output.
    #[must_use]
    pub fn expected<T: Serialize>(mut self, output: T) -> Self {
        self.expected_output = Some(value(output));
        self
    }

    /// Adds a field to its metadata.
    #[must_use]
    pub fn metadata<T: Serialize>(mut self, key: &str, metadata: T) -> Self {
        let mut fields = match self.metadata.take() {
            Some(Value::Object(fields)) => fields,
            _ => serde_json::Map::new(),
        };
        fields.insert(key.to_owned(), value(metadata));
        self.metadata = Some(Value::Object(fields));
        self
    }

    /// The input, if it is a text.
    #[must_use]
    pub fn input_text(&self) -> Option<&str> {
        self.input.as_str()
    }

    /// The input as a type.
    ///
    /// # Errors
    /// If the type cannot be made of it.
    pub fn input_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&self.input)
    }

    /// The expected output as a type; an absent one is read as `null`.
    ///
    /// # Errors
    /// If the type cannot be made of it.
    pub fn expected_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(self.expected_output.as_ref().unwrap_or(&Value::Null))
    }
}

pub(crate) fn value<T: Serialize>(value: T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// Text as it is, any other value as JSON: how the official SDKs write values into attributes.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
