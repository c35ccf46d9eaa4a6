//! What evaluators judge, and their judgements. Used by `experiment`, which has the evaluators, and by `run`, which calls them.

use std::fmt;
use std::future::ready;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracefuse_core::ScoreValue;

use crate::item::{Item, value};

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

/// What an evaluator judges. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Case {
    pub(crate) item: Arc<Item>,
    pub(crate) output: Arc<Value>,
    pub(crate) before: Arc<Vec<Evaluation>>,
}

impl Case {
    /// The item.
    #[must_use]
    pub fn item(&self) -> &Item {
        &self.item
    }

    /// The input of the item.
    #[must_use]
    pub fn input(&self) -> &Value {
        &self.item.input
    }

    /// The output of the function.
    #[must_use]
    pub fn output(&self) -> &Value {
        &self.output
    }

    /// The output as a text: a text as it is, any other value as JSON.
    #[must_use]
    pub fn output_text(&self) -> String {
        crate::item::text(&self.output)
    }

    /// The output as a type.
    ///
    /// # Errors
    /// If the type cannot be made of it.
    pub fn output_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        T::deserialize(&*self.output)
    }

    /// The expected output.
    #[must_use]
    pub fn expected(&self) -> Option<&Value> {
        self.item.expected_output.as_ref()
    }

    /// The judgements of the earlier evaluators on the same output, for an evaluator that combines them.
    #[must_use]
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.before
    }
}

/// What an evaluator may return: a number, a boolean, a text, a [`ScoreValue`], an [`Evaluation`], several of them,
/// none, or an error.
pub trait IntoEvaluations {
    /// The judgements. `name` is the evaluator's, for a value without a name.
    ///
    /// # Errors
    /// Why there is no judgement.
    fn into_evaluations(self, name: &str) -> Result<Vec<Evaluation>, String>;
}

macro_rules! values {
    ($($value:ty),*) => {$(
        impl IntoEvaluations for $value {
            fn into_evaluations(self, name: &str) -> Result<Vec<Evaluation>, String> {
                Evaluation::new(name, self).into_evaluations(name)
            }
        }
    )*};
}

values!(
    ScoreValue, f64, f32, i32, i64, u32, u64, usize, bool, String, &str
);

impl IntoEvaluations for Evaluation {
    fn into_evaluations(self, _: &str) -> Result<Vec<Evaluation>, String> {
        match self.value {
            ScoreValue::Numeric(number) if !number.is_finite() => Err(format!(
                "the score \"{}\" is {number}: a score is a finite number",
                self.name
            )),
            _ => Ok(vec![self]),
        }
    }
}

impl<T: IntoEvaluations> IntoEvaluations for Vec<T> {
    fn into_evaluations(self, name: &str) -> Result<Vec<Evaluation>, String> {
        let all: Result<Vec<_>, _> = self
            .into_iter()
            .map(|one| one.into_evaluations(name))
            .collect();
        Ok(all?.into_iter().flatten().collect())
    }
}

impl<T: IntoEvaluations> IntoEvaluations for Option<T> {
    fn into_evaluations(self, name: &str) -> Result<Vec<Evaluation>, String> {
        self.map_or_else(|| Ok(Vec::new()), |one| one.into_evaluations(name))
    }
}

impl<T: IntoEvaluations, E: fmt::Display> IntoEvaluations for Result<T, E> {
    fn into_evaluations(self, name: &str) -> Result<Vec<Evaluation>, String> {
        self.map_err(|error| error.to_string())?
            .into_evaluations(name)
    }
}

type Judged = Result<Vec<Evaluation>, String>;
type Judge<T> = Box<dyn Fn(T) -> BoxFuture<'static, Judged> + Send + Sync>;

/// A function that judges cases (`T` is [`Case`]) or runs (`T` is a list of results).
pub(crate) struct Evaluator<T> {
    pub(crate) name: String,
    judge: Judge<T>,
}

impl<T: 'static> Evaluator<T> {
    pub(crate) fn sync<R: IntoEvaluations>(
        name: String,
        judge: impl Fn(&T) -> R + Send + Sync + 'static,
    ) -> Self {
        let own = name.clone();
        Self {
            name,
            judge: Box::new(move |case| Box::pin(ready(judge(&case).into_evaluations(&own)))),
        }
    }

    pub(crate) fn asynchronous<R: IntoEvaluations, F: Future<Output = R> + Send + 'static>(
        name: String,
        judge: impl Fn(T) -> F + Send + Sync + 'static,
    ) -> Self {
        let own: Arc<str> = name.as_str().into();
        Self {
            name,
            judge: Box::new(move |case| {
                let (judging, own) = (judge(case), own.clone());
                Box::pin(async move { judging.await.into_evaluations(&own) })
            }),
        }
    }

    pub(crate) async fn judge(&self, case: T) -> Judged {
        (self.judge)(case).await
    }
}
