//! Says what a failed attempt means for delivery. The rules are the same for every receiver that is reached by HTTP.
//! Called by exporters with the answer, or with the reason that there is none.

use std::sync::atomic::{AtomicBool, Ordering};

use tracefuse_exporter::ExportError;

use tracefuse_http::{Answer, AnswerClass, HttpError, Secret};

/// What an answer that is no success means. `remedy` is added where a person has to act: a wrong key or address.
#[must_use]
pub fn refusal(answer: &Answer, secrets: &[&Secret], remedy: &str) -> ExportError {
    let words = answer.describe(secrets);
    match answer.class() {
        AnswerClass::RateLimited => ExportError::pause(answer.retry_after(), words),
        AnswerClass::TooLarge => ExportError::split(words),
        // No receiver of traces answers in HTML or XML: this is another kind of server, so the address is wrong and no
        // span is wrong.
        AnswerClass::BadRequest if is_markup(answer) => {
            ExportError::stop(format!("{words}; {remedy}"))
        }
        AnswerClass::BadRequest => ExportError::reject(words),
        // A web page with status 200, as a captive portal sends it: this is not the receiver's answer.
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

/// What a missing answer means.
#[must_use]
pub fn unanswered(error: HttpError) -> ExportError {
    let maybe_delivered = error.maybe_delivered();
    ExportError::retry(error.to_string())
        .with_maybe_delivered(maybe_delivered)
        .with_source(error)
}

/// The error for an answer that refuses a compressed body (415): the batch is sent again without compression, and `gzip` is
/// switched off for later requests. `None` if the answer says something else.
#[must_use]
pub fn compression_refused(answer: &Answer, gzip: &AtomicBool) -> Option<ExportError> {
    (answer.status() == 415 && gzip.swap(false, Ordering::Relaxed)).then(|| {
        ExportError::retry("the receiver refuses gzip: from now on requests are not compressed")
    })
}
