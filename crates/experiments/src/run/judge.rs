//! Calls the evaluators of an item and of the run, and records their judgements as scores.
//! Called by the parent module.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use serde_json::{Value, json};
use tracefuse_core::{InSpan as _, Level, ScoreBuilder, Span, Status, Trace};

use super::{Run, panic_text};
use crate::evaluation::Evaluation;
use crate::evaluator::{Case, Evaluator};
use crate::item::Item;
use crate::report::{Failure, Results};

const ITEM_EVALUATION: &str = "experiment-item-evaluation";

impl Run<'_> {
    pub(super) async fn judge_item(
        &self,
        trace: &Trace,
        task: &Span,
        item: &Arc<Item>,
        output: &Arc<Value>,
    ) -> (Vec<Evaluation>, Vec<Failure>) {
        let evaluators = &self.settings.evaluators;
        let (mut evaluations, mut failures) = (Vec::new(), Vec::new());
        if evaluators.is_empty() {
            return (evaluations, failures);
        }
        let above = trace.span(ITEM_EVALUATION).start();
        let input = json!({
            "input": item.input, "output": **output,
            "expected_output": item.expected_output, "metadata": item.metadata,
        });
        for (index, evaluator) in evaluators.iter().enumerate() {
            let span = above
                .evaluator(&evaluator.name)
                .input(&input)
                .metadata("evaluator_kind", "item")
                .metadata("evaluator_index", index)
                .start();
            let case = Case {
                item: item.clone(),
                output: output.clone(),
                before: Arc::new(evaluations.clone()),
            };
            match judged(evaluator, case, &span).await {
                Ok(said) => {
                    let shown: Vec<Value> = said.iter().map(Evaluation::to_json).collect();
                    span.set_output(shown);
                    for evaluation in &said {
                        record(
                            task.score(&evaluation.name, evaluation.value.clone()),
                            evaluation,
                        );
                    }
                    evaluations.extend(said);
                }
                Err(error) => {
                    span.set_output(json!({ "error": error }));
                    span.set_status(Status::error(&error));
                    failures.push(Failure {
                        evaluator: evaluator.name.clone(),
                        error,
                    });
                }
            }
            span.end();
        }
        above.set_output(json!({
            "evaluator_count": evaluators.len(),
            "evaluation_count": evaluations.len(),
            "failed_evaluator_count": failures.len(),
        }));
        if !failures.is_empty() {
            above.set_level(Level::Warning);
        }
        (evaluations, failures)
    }

    pub(super) async fn judge_run(&self, results: &Results) -> (Vec<Evaluation>, Vec<Failure>) {
        let (mut evaluations, mut failures) = (Vec::new(), Vec::new());
        for evaluator in &self.settings.run_evaluators {
            match judged(evaluator, results.clone(), &Span::noop()).await {
                Ok(said) => evaluations.extend(said),
                Err(error) => failures.push(Failure {
                    evaluator: evaluator.name.clone(),
                    error,
                }),
            }
        }
        for evaluation in &evaluations {
            let score = self.settings.tracer.score_dataset_run(
                &self.id,
                &evaluation.name,
                evaluation.value.clone(),
            );
            record(score, evaluation);
        }
        (evaluations, failures)
    }
}

/// Asks an evaluator; a panic is an error that says so.
async fn judged<T: 'static>(
    evaluator: &Evaluator<T>,
    case: T,
    span: &Span,
) -> Result<Vec<Evaluation>, String> {
    let judging = async { evaluator.judge(case).await };
    let guarded = AssertUnwindSafe(judging).catch_unwind();
    match guarded.in_span(span.clone()).await {
        Ok(said) => said,
        Err(panic) => Err(format!("it panicked: {}", panic_text(&*panic))),
    }
}

fn record(mut score: ScoreBuilder, evaluation: &Evaluation) {
    if let Some(comment) = &evaluation.comment {
        score = score.comment(comment);
    }
    if let Some(id) = &evaluation.config_id {
        score = score.config_id(id);
    }
    for (key, value) in &evaluation.metadata {
        score = score.metadata(key, value);
    }
    score.record();
}
