//! Reads an exporter's answer three ways: for the breaker, for the batch, for people. Pure.
//! Asked by `delivery` after every attempt.

use std::time::Duration;

use tracefuse_core::{DropReason, RejectReason};
use tracefuse_exporter::{Advice, ExportReport};

use crate::delivery::attempt::Failure;
use crate::delivery::breaker::Outcome;

/// What to do with a part of a batch after an attempt.
pub(crate) enum Verdict {
    Accepted(ExportReport),
    /// Too large, or something in it is bad: try the halves.
    Halve {
        reason: RejectReason,
        message: String,
    },
    /// Its tries are used up.
    Exhausted {
        reason: DropReason,
    },
    /// Not now: the breaker is open, the receiver asked for a pause, or time is up.
    Hold,
}

/// An answer, read three ways: by the breaker, by the batch, by people.
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) step: Step,
    pub(crate) error: Option<String>,
    pub(crate) maybe_delivered: bool,
}

pub(crate) enum Step {
    Done(Verdict),
    Retry {
        after: Option<Duration>,
        reason: DropReason,
    },
    Pause(Option<Duration>),
}

impl Judged {
    pub(crate) fn accepted(report: ExportReport) -> Self {
        let step = Step::Done(Verdict::Accepted(report));
        Self {
            outcome: Outcome::Alive,
            step,
            error: None,
            maybe_delivered: false,
        }
    }

    pub(crate) fn failed(failure: Failure) -> Self {
        let (error, reason) = match failure {
            Failure::Error(error) => {
                let message = error.to_string();
                let halve = |reason| {
                    Step::Done(Verdict::Halve {
                        reason,
                        message: message.clone(),
                    })
                };
                let (outcome, step) = match error.advice() {
                    Advice::Split => (Outcome::Alive, halve(RejectReason::TooLarge)),
                    Advice::Reject => (Outcome::Alive, halve(RejectReason::Invalid)),
                    Advice::Stop => (Outcome::Refused, Step::Done(Verdict::Hold)),
                    Advice::Pause(after) => (Outcome::Neutral, Step::Pause(after)),
                    // Advice may grow: what is not known is worth another try.
                    _ => {
                        let (after, reason) = (error.retry_after(), DropReason::RetriesExhausted);
                        (Outcome::Failed, Step::Retry { after, reason })
                    }
                };
                return Self {
                    outcome,
                    step,
                    error: Some(message),
                    maybe_delivered: error.maybe_delivered(),
                };
            }
            Failure::TimedOut(within) => (
                format!("no answer within {within:?}: the call was cut off"),
                DropReason::RetriesExhausted,
            ),
            Failure::Panicked(message) => (
                format!("the exporter panicked: {message}"),
                DropReason::ExporterPanic,
            ),
        };
        let step = Step::Retry {
            after: None,
            reason,
        };
        Self {
            outcome: Outcome::Failed,
            step,
            error: Some(error),
            maybe_delivered: true,
        }
    }
}
