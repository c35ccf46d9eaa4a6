//! Sends the scores of a batch: as a list where the server takes lists, else one by one, and says which were taken.
//! Called by `export`. `score` writes the bodies (`docs/langfuse.md` 3.1).

use std::sync::atomic::Ordering;

use tracefuse_exporter::{Advice, Batch, ExportError, ExportReport, Rejection};
use tracefuse_http::{Answer, AnswerClass};
use tracefuse_otlp::verdict::{refusal, unanswered};

use super::{LangfuseExporter, remedy};
use crate::score;

/// The result of a request with several scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListOutcome {
    /// The server took all of them.
    Taken,
    /// Each is to be sent alone, to find out which of them the server takes.
    Partly,
    /// The same, and the server may be one that does not take lists.
    Refused,
}

impl LangfuseExporter {
    /// Sends the scores of a batch, and says of each whether it was taken.
    pub(super) async fn send_scores(
        &self,
        batch: &Batch,
        report: &mut ExportReport,
    ) -> Result<(), ExportError> {
        let mut bodies = Vec::new();
        for (index, record) in batch.records().iter().enumerate() {
            let Some(score) = record.as_score() else {
                continue;
            };
            match score::body(score, batch.resource()) {
                Ok(body) => bodies.push((index, body)),
                Err(reason) => report.rejected.push(Rejection::at(index, reason)),
            }
        }
        for list in score::lists(&bodies) {
            let outcome = match list.len() {
                1 => ListOutcome::Partly,
                _ => self.send_list(list).await?,
            };
            if outcome == ListOutcome::Taken {
                report.accepted += list.len();
                continue;
            }
            let accepted = report.accepted;
            for (index, body) in list {
                match self.send_score(body.clone()).await? {
                    Ok(()) => report.accepted += 1,
                    Err(reason) => report.rejected.push(Rejection::at(*index, reason)),
                }
            }
            if outcome == ListOutcome::Refused && report.accepted > accepted {
                // The server took some of them one by one, so it does not take lists.
                self.one_by_one.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Sends several scores in one request, as servers take them from version 4.59 on (`docs/langfuse.md` 3.1).
    async fn send_list(&self, list: &[(usize, String)]) -> Result<ListOutcome, ExportError> {
        if self.one_by_one.load(Ordering::Relaxed) {
            return Ok(ListOutcome::Partly);
        }
        let request = self
            .scores
            .clone()
            .body("application/json", score::list(list));
        let answer = self.client.send(&request).await.map_err(unanswered)?;
        if answer.class() == AnswerClass::Success {
            // The answer counts the rejected scores and does not say which they are.
            return Ok(match score::has_rejections(answer.body()) {
                true => ListOutcome::Partly,
                false => ListOutcome::Taken,
            });
        }
        let refusal = refusal(&answer, &self.secrets.each_ref(), remedy(answer.status()));
        match refusal.advice() {
            Advice::Reject => Ok(ListOutcome::Refused),
            Advice::Split => Ok(ListOutcome::Partly),
            _ => Err(refusal),
        }
    }

    /// Sends one score. The inner `Err` says why the server refuses this score.
    async fn send_score(&self, body: String) -> Result<Result<(), String>, ExportError> {
        // Not compressed: the JSON endpoints refuse gzip (`docs/langfuse.md` 1.1).
        let request = self.scores.clone().body("application/json", body);
        let answer = self.client.send(&request).await.map_err(unanswered)?;
        if answer.class() == AnswerClass::Success {
            return Ok(Ok(()));
        }
        let refusal = refusal(&answer, &self.secrets.each_ref(), remedy(answer.status()));
        let alone = matches!(refusal.advice(), Advice::Reject | Advice::Split);
        // Older servers answer so, in JSON, when they do not find the score's configuration.
        let not_found = answer.status() == 404 && is_json(&answer);
        if alone || not_found {
            return Ok(Err(answer.describe(&self.secrets.each_ref())));
        }
        Err(refusal)
    }
}

fn is_json(answer: &Answer) -> bool {
    answer
        .content_type()
        .is_some_and(|kind| kind.contains("json"))
}
