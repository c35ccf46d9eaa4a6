//! What a server said: status, the few headers that matter, the beginning of its body.
//! Made by `client`; judged by exporters.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Uri};

use super::endpoint::origin;
use super::retry_after::parse_retry_after;

/// An answer, read to its end or to its limit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// How long the server asks to wait.
    pub retry_after: Option<Duration>,
    /// Where a redirect would lead: scheme, host and port only.
    pub location_origin: Option<String>,
    /// The body, at most 1 MiB.
    pub body: Bytes,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            content_type: text(CONTENT_TYPE).map(str::to_owned),
            retry_after: text(RETRY_AFTER).and_then(|value| parse_retry_after(value, text(DATE))),
            location_origin: text(LOCATION)
                .and_then(|value| value.parse::<Uri>().ok())
                .and_then(|uri| origin(&uri)),
            body,
        }
    }

    /// What kind of answer it is.
    #[must_use]
    pub fn class(&self) -> AnswerClass {
        classify(self.status)
    }

    /// Whether it is a page for people: a proxy or a captive portal answered in the server's place.
    #[must_use]
    pub fn is_html(&self) -> bool {
        self.content_type.as_deref().is_some_and(|kind| {
            kind.trim_start()
                .to_ascii_lowercase()
                .starts_with("text/html")
        })
    }

    /// The body as text, for messages.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// What an answer means for what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerClass {
    /// Taken.
    Success,
    /// The server or the way to it failed; the same request may go through later.
    Retry,
    /// The server asks for a pause.
    RateLimited,
    /// The request is too large.
    TooLarge,
    /// Something in the request is wrong.
    Invalid,
    /// The server does not want us: wrong key, wrong address.
    Refused,
}

/// What a status means. 500 counts as passing, against the OTLP specification: Langfuse answers it when
/// its queue or storage is down (`docs/langfuse.md` 2.2).
#[must_use]
pub fn classify(status: u16) -> AnswerClass {
    match status {
        200..=299 => AnswerClass::Success,
        413 => AnswerClass::TooLarge,
        429 => AnswerClass::RateLimited,
        400 | 415 | 422 => AnswerClass::Invalid,
        // 501 and 505 will not mend themselves.
        501 | 505 | 300..=399 | 401..=407 | 409..=499 => AnswerClass::Refused,
        _ => AnswerClass::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_meaning() {
        for (status, class) in [
            (200, AnswerClass::Success),
            (207, AnswerClass::Success),
            (301, AnswerClass::Refused),
            (400, AnswerClass::Invalid),
            (401, AnswerClass::Refused),
            (403, AnswerClass::Refused),
            (404, AnswerClass::Refused),
            (408, AnswerClass::Retry),
            (413, AnswerClass::TooLarge),
            (422, AnswerClass::Invalid),
            (429, AnswerClass::RateLimited),
            (500, AnswerClass::Retry),
            (501, AnswerClass::Refused),
            (503, AnswerClass::Retry),
            (599, AnswerClass::Retry),
        ] {
            assert_eq!(classify(status), class, "{status}");
        }
    }
}
