//! What a failed attempt means for delivery: the same for every receiver that is reached by HTTP.
//! Called by exporters with the answer, or with the reason that there is none.

use std::sync::atomic::{AtomicBool, Ordering};

use tracefuse_exporter::ExportError;

use crate::http::{Answer, AnswerClass, HttpError, Secret};

/// What an answer that is no success means. `remedy` says what to do about a server that does not want us.
#[must_use]
pub fn refusal(answer: &Answer, secrets: &[&Secret], remedy: &str) -> ExportError {
    let words = answer.describe(secrets);
    match answer.class() {
        AnswerClass::RateLimited => ExportError::pause(answer.retry_after(), words),
        AnswerClass::TooLarge => ExportError::split(words),
        // No receiver of traces answers in a language of pages and documents: this is another server, and what it says
        // is about no span.
        AnswerClass::BadRequest if is_markup(answer) => {
            ExportError::stop(format!("{words}; {remedy}"))
        }
        AnswerClass::BadRequest => ExportError::reject(words),
        // A web page with status 200: whoever answered, it was not the receiver.
        AnswerClass::Intercepted => ExportError::retry(words),
        AnswerClass::Retry => {
            let error = ExportError::retry(words).with_maybe_delivered(true);
            match answer.retry_after() {
                Some(after) => error.with_retry_after(after),
                None => error,
            }
        }
        _ => ExportError::stop(format!("{words}; {remedy}")),
    }
}

/// Whether an answer is HTML or XML, by its type or by its beginning.
fn is_markup(answer: &Answer) -> bool {
    let is = |kind: &str| ["xml", "html"].iter().any(|markup| kind.contains(markup));
    answer.content_type().is_some_and(is) || answer.body().trim_ascii_start().starts_with(b"<")
}

/// What it means that there was no answer.
#[must_use]
pub fn unanswered(error: HttpError) -> ExportError {
    let maybe_delivered = error.maybe_delivered();
    ExportError::retry(error.to_string())
        .with_maybe_delivered(maybe_delivered)
        .with_source(error)
}

/// What it means that a compressed body was refused as such (415): the same again, not compressed. `gzip` is
/// switched off for what follows; `None` if that was not it.
#[must_use]
pub fn compression_refused(answer: &Answer, gzip: &AtomicBool) -> Option<ExportError> {
    (answer.status() == 415 && gzip.swap(false, Ordering::Relaxed)).then(|| {
        ExportError::retry(
            "the receiver does not take gzip: it gets its requests without from now on",
        )
    })
}
