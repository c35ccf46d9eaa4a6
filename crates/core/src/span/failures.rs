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
