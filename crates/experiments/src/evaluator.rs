//! An evaluator, and the case that it judges.
//! Made by `experiment`, called by `run`.

use std::future::ready;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::evaluation::Evaluation;
use crate::into_evaluations::IntoEvaluations;
use crate::item::Item;

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
