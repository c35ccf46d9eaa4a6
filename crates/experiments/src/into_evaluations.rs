//! What an evaluator may return: numbers, booleans, texts, judgements, several of them, none, or an error.
//! Used by `evaluator`, which turns each return value into judgements.

use std::fmt;

use tracefuse_core::ScoreValue;

use crate::evaluation::Evaluation;

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
