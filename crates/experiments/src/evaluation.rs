//! The judgements of evaluators, which become scores.
//! Made by evaluators; recorded by `run`.

use serde::Serialize;
use serde_json::{Map, Value, json};
use tracefuse_core::ScoreValue;

use crate::item::value;

/// A judgement on an output or on a whole run; becomes a score in Langfuse.
///
/// ```
/// use tracefuse_experiments::Evaluation;
///
/// let evaluation = Evaluation::new("tone", "friendly").comment("greets by name");
/// assert_eq!(evaluation.value.data_type(), "CATEGORICAL");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// What is judged.
    pub name: String,
    /// The judgement.
    pub value: ScoreValue,
    /// The reason, free text.
    pub comment: Option<String>,
    /// Metadata by key.
    pub metadata: Map<String, Value>,
    /// The score configuration of the project it belongs to.
    pub config_id: Option<String>,
}

impl Evaluation {
    /// A judgement without comment and metadata.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<ScoreValue>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            comment: None,
            metadata: Map::new(),
            config_id: None,
        }
    }

    /// The reason, free text.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = Some(comment.into());
        self
    }

    /// Adds metadata.
    #[must_use]
    pub fn metadata<T: Serialize>(mut self, key: &str, metadata: T) -> Self {
        self.metadata.insert(key.to_owned(), value(metadata));
        self
    }

    /// The id of the project's score configuration it belongs to.
    #[must_use]
    pub fn config_id(mut self, id: impl Into<String>) -> Self {
        self.config_id = Some(id.into());
        self
    }

    /// The value as a number: 1 and 0 for yes and no; `None` for a text.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self.value {
            ScoreValue::Numeric(number) => Some(number),
            ScoreValue::Boolean(yes) => Some(f64::from(u8::from(yes))),
            _ => None,
        }
    }

    /// As the official SDKs write it into the output of an evaluator.
    pub(crate) fn to_json(&self) -> Value {
        let value = match &self.value {
            ScoreValue::Numeric(number) => json!(number),
            ScoreValue::Boolean(yes) => json!(yes),
            other => json!(other.to_string()),
        };
        let shown = [
            ("name", Some(json!(self.name))),
            ("value", Some(value)),
            (
                "comment",
                self.comment.as_ref().map(|comment| json!(comment)),
            ),
            (
                "metadata",
                (!self.metadata.is_empty()).then(|| json!(self.metadata)),
            ),
            ("data_type", Some(json!(self.value.data_type()))),
            ("config_id", self.config_id.as_ref().map(|id| json!(id))),
        ];
        let shown = shown
            .into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Value::Object(shown.collect())
    }
}
