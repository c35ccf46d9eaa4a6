//! Reads an exporter's answer: what to do with the batch, what it says about the receiver, what to log. Pure.
//! Called by `delivery` after every attempt. The table is in the header of `delivery`.

use std::error::Error as _;
use std::time::Duration;

use tracefuse_core::DropReason;
use tracefuse_exporter::{Advice, ExportError, ExportReport};

use crate::contain::contained;
use crate::delivery::attempt::Failure;
use crate::delivery::breaker::Outcome;

/// The most causes of an error that are shown.
const MAX_CAUSES: usize = 8;

/// What delivery does with a part of a batch after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// The receiver took it, except what the report names.
    Accept(ExportReport),
    /// Send it again after a wait.
    Retry {
        after: Option<Duration>,
        reason: DropReason,
    },
    /// Keep it, and send nothing for a while.
    Pause(Option<Duration>),
    /// Too large: send the halves.
    Split(String),
    /// Something in it is bad: send the halves until that record is found.
    Reject(String),
    /// Its retries are used up: other batches are sent first.
    Park(DropReason),
    /// Keep it: the receiver refuses us.
    Stop,
}

/// An answer, read for the batch, for the breaker and for the log.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) action: Action,
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<String>,
    pub(crate) maybe_delivered: bool,
    /// We ended the attempt ourselves, so it says nothing of the receiver.
    pub(crate) cut_off: bool,
}

impl Answer {
    pub(crate) fn of(result: Result<ExportReport, Failure>) -> Self {
        let retry = |after, reason| Action::Retry { after, reason };
        let tries = DropReason::RetriesExhausted;
        let (action, outcome, error, maybe_delivered, cut_off) = match result {
            Ok(report) => (Action::Accept(report), Outcome::Alive, None, false, false),
            Err(Failure::Error(error)) => {
                let text = contained(|| text_of(&error))
                    .unwrap_or_else(|panic| format!("an error whose text panicked: {panic}"));
                let (action, outcome) = match error.advice() {
                    Advice::Split => (Action::Split(text.clone()), Outcome::Alive),
                    Advice::Reject => (Action::Reject(text.clone()), Outcome::Alive),
                    Advice::Stop => (Action::Stop, Outcome::Refused),
                    Advice::Pause(after) => (Action::Pause(after), Outcome::Neutral),
                    // `Advice` may get new values: the batch is sent again for one that is not known.
                    _ => (retry(error.retry_after(), tries), Outcome::Failed),
                };
                let maybe = error.maybe_delivered();
                // Its source is a type of the exporter's, whose `Drop` may panic.
                let _ = contained(|| drop(error));
                (action, outcome, Some(text), maybe, false)
            }
            Err(Failure::TimedOut(within)) => {
                let text = format!("no answer within {within:?}: the call was cut off");
                (retry(None, tries), Outcome::Failed, Some(text), true, false)
            }
            Err(Failure::CutOff(after)) => {
                let text = format!("no answer after {after:?}, when the shutdown's time was over");
                (retry(None, tries), Outcome::Neutral, Some(text), true, true)
            }
            Err(Failure::Panicked(words)) => {
                let text = format!("the exporter panicked: {words}");
                let action = retry(None, DropReason::ExporterPanic);
                (action, Outcome::Failed, Some(text), true, false)
            }
        };
        Self {
            action,
            outcome,
            error,
            maybe_delivered,
            cut_off,
        }
    }
}

/// An error with its causes: the exporter's text says what failed, the causes are the system's texts. A cause that is in
/// the text already is not repeated.
fn text_of(error: &ExportError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(error) = cause else { break };
        let words = error.to_string();
        if !words.is_empty() && !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_is_shown_with_its_causes() {
        let system = io::Error::other("Too many open files (os error 24)");
        let shown = |error| Answer::of(Err(Failure::Error(error))).error.unwrap();
        assert_eq!(
            shown(ExportError::retry("cannot be reached").with_source(system)),
            "cannot be reached: Too many open files (os error 24)"
        );
        assert_eq!(
            shown(ExportError::retry("no: it is full").with_source(io::Error::other("full"))),
            "no: it is full"
        );
    }

    #[derive(Debug)]
    struct PanicsAsText;

    impl std::fmt::Display for PanicsAsText {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("in the text")
        }
    }

    impl std::error::Error for PanicsAsText {}

    #[test]
    fn an_error_whose_text_panics_is_still_shown() {
        let error = ExportError::retry("503").with_source(PanicsAsText);
        let answer = Answer::of(Err(Failure::Error(error)));
        assert_eq!(
            answer.error.as_deref(),
            Some("an error whose text panicked: in the text")
        );
        assert_eq!(answer.outcome, Outcome::Failed);
    }

    #[test]
    fn every_advice_has_its_action_and_outcome() {
        let second = Some(Duration::from_secs(1));
        let tries = DropReason::RetriesExhausted;
        for (error, action, outcome) in [
            (
                ExportError::retry("x"),
                Action::Retry {
                    after: None,
                    reason: tries,
                },
                Outcome::Failed,
            ),
            (
                ExportError::retry("x").with_retry_after(Duration::from_secs(1)),
                Action::Retry {
                    after: second,
                    reason: tries,
                },
                Outcome::Failed,
            ),
            (
                ExportError::pause(second, "x"),
                Action::Pause(second),
                Outcome::Neutral,
            ),
            (
                ExportError::split("x"),
                Action::Split("x".into()),
                Outcome::Alive,
            ),
            (
                ExportError::reject("x"),
                Action::Reject("x".into()),
                Outcome::Alive,
            ),
            (ExportError::stop("x"), Action::Stop, Outcome::Refused),
        ] {
            let answer = Answer::of(Err(Failure::Error(error.with_maybe_delivered(true))));
            assert_eq!((answer.action, answer.outcome), (action, outcome));
            assert_eq!(answer.error.as_deref(), Some("x"));
            assert!(answer.maybe_delivered && !answer.cut_off);
        }
    }

    #[test]
    fn calls_without_an_answer_may_have_delivered() {
        for (failure, outcome, cut_off, words) in [
            (
                Failure::TimedOut(Duration::from_secs(9)),
                Outcome::Failed,
                false,
                "9s",
            ),
            (
                Failure::CutOff(Duration::from_secs(9)),
                Outcome::Neutral,
                true,
                "shutdown",
            ),
            (
                Failure::Panicked("boom".into()),
                Outcome::Failed,
                false,
                "panicked: boom",
            ),
        ] {
            let answer = Answer::of(Err(failure));
            assert_eq!((answer.outcome, answer.cut_off), (outcome, cut_off));
            assert!(answer.maybe_delivered && answer.error.unwrap().contains(words));
        }
        let answer = Answer::of(Ok(ExportReport::accepted(1)));
        assert_eq!(answer.action, Action::Accept(ExportReport::accepted(1)));
        assert!(answer.error.is_none() && !answer.maybe_delivered);
    }
}
