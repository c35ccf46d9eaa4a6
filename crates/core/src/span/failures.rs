//! The last errors of a trace, to recognise an error that is returned from span to span.
//! Called by `open` when an error is recorded. Must not know who counts errors.

use std::sync::Mutex;

use crate::record::prefix::prefix;
use crate::record::{Exception, SpanId};
use crate::span::shared::lock;

/// How many errors are kept. The oldest is removed first.
const MAX_FAILURES: usize = 64;

/// Bytes of a message that are compared.
const COMPARED: usize = 256;

/// The last errors of one trace.
#[derive(Default)]
pub(crate) struct Failures(Mutex<Vec<Failure>>);

struct Failure {
    span: SpanId,
    parent: Option<SpanId>,
    message: String,
    /// The message of the original error, if this one was propagated.
    origin: String,
}

impl Failures {
    /// Stores an error of `span`. `true` if a child of it recorded the same error, or, where the
    /// span's work ends with the error (`returned`), the span itself. Each error is propagated once.
    pub(crate) fn note(
        &self,
        span: SpanId,
        parent: Option<SpanId>,
        exception: &Exception,
        returned: bool,
    ) -> bool {
        let mut failures = lock(&self.0);
        let same = |known: &Failure| {
            (known.parent == Some(span) || returned && known.span == span)
                && (exception.repeats(&known.message) || exception.repeats(&known.origin))
        };
        let known = failures.iter().rposition(same);
        let known = known.map(|at| failures.remove(at));
        if failures.len() == MAX_FAILURES {
            failures.remove(0);
        }
        let message = prefix(&exception.message, COMPARED).to_owned();
        let propagated = known.is_some();
        failures.push(Failure {
            span,
            parent,
            origin: known.map_or_else(|| message.clone(), |known| known.origin),
            message,
        });
        propagated
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the second of two errors is the first one again; the first is of the span below.
    fn returned(first: &Exception, second: &Exception, third: &Exception) -> [bool; 3] {
        let failures = Failures::default();
        let [root, parent, child] = [(); 3].map(|()| SpanId::random());
        [
            failures.note(child, Some(parent), first, false),
            failures.note(parent, Some(root), second, false),
            failures.note(root, None, third, false),
        ]
    }

    #[test]
    fn an_error_is_known_by_its_message_or_by_its_first_cause() {
        let new = |message: &str| Exception::new("E", message);
        let caused = |message: &str, sources: &str| Exception {
            sources: sources.into(),
            ..new(message)
        };
        let cause = new("no connection");
        for (second, third, known) in [
            (
                new("no connection"),
                new("no connection"),
                [false, true, true],
            ),
            (
                new("get: no connection"),
                new("load: get: no connection"),
                [false, true, true],
            ),
            // The third has the message of the second alone, or that of the first alone.
            (
                caused("outer", "no connection"),
                new("wraps outer"),
                [false, true, true],
            ),
            (
                new("get: no connection"),
                new("load: no connection"),
                [false, true, true],
            ),
            (new("other"), new("no connection"), [false, false, false]),
        ] {
            assert_eq!(returned(&cause, &second, &third), known, "{second} {third}");
        }
    }

    #[test]
    fn the_last_errors_of_a_trace_are_known() {
        let failures = Failures::default();
        let parent = SpanId::random();
        let error = |n: usize| Exception::new("E", format!("error {n:03}"));
        for n in 0..=MAX_FAILURES {
            assert!(!failures.note(SpanId::random(), Some(parent), &error(n), false));
        }
        assert!(
            !failures.note(parent, None, &error(0), false),
            "the first is forgotten"
        );
        assert!(failures.note(parent, None, &error(MAX_FAILURES), false));
    }

    #[test]
    fn a_span_that_returns_its_own_error_counts_it_once() {
        for returned in [true, false] {
            let (failures, span) = (Failures::default(), SpanId::random());
            let error = Exception::new("E", "an error");
            assert!(!failures.note(span, None, &error, false));
            assert_eq!(failures.note(span, None, &error, returned), returned);
        }
    }
}
