//! A server's answer: the few parts of it that decide what happens next.
//! Made by `client`, read by exporters. Decides nothing itself and knows no retry policy.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION, RETRY_AFTER};
use http::{StatusCode, Uri};

use super::answer_class::{AnswerClass, classify};
use super::retry_after;
use super::secret::{Secret, sanitize_server_text};

/// A whole answer, whatever its status. Its body is at most 1 MiB, or what the request allows.
///
/// `Debug` shows the body's length only.
#[derive(Clone)]
pub struct Answer {
    status: StatusCode,
    origin: String,
    content_type: Option<String>,
    retry_after: Option<Duration>,
    location_origin: Option<String>,
    body: Bytes,
}

impl Answer {
    pub(super) fn new(
        origin: String,
        status: StatusCode,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Self {
        let retry_after = text(headers, &RETRY_AFTER)
            .and_then(|value| retry_after::parse(value, text(headers, &DATE)));
        let location_origin = text(headers, &LOCATION)
            .map(|location| origin_of(location).unwrap_or_else(|| origin.clone()));
        Self {
            status,
            origin,
            content_type: text(headers, &CONTENT_TYPE).map(str::to_ascii_lowercase),
            retry_after,
            location_origin,
            body,
        }
    }

    /// The status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// What the answer means for what was sent. As [`classify`], but a success that carries HTML is
    /// [`AnswerClass::Intercepted`].
    #[must_use]
    pub fn class(&self) -> AnswerClass {
        match classify(self.status()) {
            AnswerClass::Success if self.is_html() => AnswerClass::Intercepted,
            class => class,
        }
    }

    /// The content type in lower case, parameters included.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Whether the answer is an HTML page: no API of ours answers so, a captive portal or a
    /// proxy's error page does.
    #[must_use]
    pub fn is_html(&self) -> bool {
        let media_type = self
            .content_type()
            .and_then(|value| value.split(';').next());
        matches!(
            media_type.map(str::trim),
            Some("text/html" | "application/xhtml+xml")
        )
    }

    /// How long the server asks us to wait: at most [`retry_after::LONGEST`], a date read against
    /// the answer's own clock. The caller caps it further.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Scheme, host and port that a redirect points to; the asked origin for a relative one. Path
    /// and query are dropped, as they may hold a secret.
    #[must_use]
    pub fn location_origin(&self) -> Option<&str> {
        self.location_origin.as_deref()
    }

    /// The body. Hostile text: show it through [`Answer::describe`] or [`sanitize_server_text`].
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The answer in one line for a person: origin, status, and what the server said or what to do,
    /// safe to print and without `secrets`.
    #[must_use]
    pub fn describe(&self, secrets: &[&Secret]) -> String {
        let mut line = format!("{} answered {}", self.origin, self.status());
        if let Some(reason) = self.status.canonical_reason() {
            line = format!("{line} {reason}");
        }
        match self.class() {
            AnswerClass::Redirect => {
                let to = self.location_origin().unwrap_or("nowhere");
                format!(
                    "{line} and points to {to}: redirects are not followed, \
                     set the base URL to the server's own address"
                )
            }
            AnswerClass::Intercepted => format!(
                "{line} with an HTML page: a proxy, a login page or the wrong base URL, \
                 not the API, answered"
            ),
            _ if self.body.is_empty() || self.is_html() => line,
            _ => {
                let said = sanitize_server_text(&String::from_utf8_lossy(&self.body), secrets);
                format!("{line}: {said}")
            }
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status())
            .field("origin", &self.origin)
            .field("content_type", &self.content_type)
            .field("retry_after", &self.retry_after)
            .field("location_origin", &self.location_origin)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// `None` for a relative reference and for what is no URL.
fn origin_of(location: &str) -> Option<String> {
    let uri: Uri = match location.strip_prefix("//") {
        // A reference without a scheme: which one it inherits does not matter to a reader.
        Some(rest) => format!("https://{rest}").parse().ok()?,
        None => location.parse().ok()?,
    };
    let (scheme, authority) = (uri.scheme_str()?, uri.authority()?);
    Some(match authority.port_u16() {
        Some(port) => format!("{scheme}://{}:{port}", authority.host()),
        None => format!("{scheme}://{}", authority.host()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(HeaderName, &str)], body: &'static str) -> Answer {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.parse().unwrap()))
            .collect();
        let status = StatusCode::from_u16(status).unwrap();
        Answer::new(
            "https://host".to_owned(),
            status,
            &headers,
            Bytes::from_static(body.as_bytes()),
        )
    }

    #[test]
    fn every_status_has_a_class() {
        for (class, statuses) in [
            (AnswerClass::Success, vec![200, 201, 202, 204, 207]),
            (
                AnswerClass::Redirect,
                vec![300, 301, 302, 303, 304, 307, 308],
            ),
            (AnswerClass::BadRequest, vec![400, 422]),
            (AnswerClass::Unauthorized, vec![401, 403]),
            (AnswerClass::NotFound, vec![404, 405, 410]),
            (AnswerClass::TooLarge, vec![413]),
            (AnswerClass::RateLimited, vec![429]),
            (
                AnswerClass::Retry,
                vec![408, 425, 500, 502, 503, 504, 507, 520, 529, 599],
            ),
            (
                AnswerClass::Refused,
                vec![402, 406, 411, 415, 431, 451, 501, 505, 600, 999, 0],
            ),
        ] {
            for status in statuses {
                assert_eq!(classify(status), class, "{status}");
            }
        }
    }

    #[test]
    fn a_page_with_status_200_is_nobodys_success() {
        let page = answer(
            200,
            &[(CONTENT_TYPE, "Text/HTML; charset=utf-8")],
            "<h1>Wi-Fi</h1>",
        );
        assert_eq!(page.class(), AnswerClass::Intercepted);
        assert_eq!(
            page.describe(&[]),
            "https://host answered 200 OK with an HTML page: a proxy, a login page or the wrong \
             base URL, not the API, answered"
        );
        let json = answer(200, &[(CONTENT_TYPE, "application/json")], "{}");
        assert_eq!(json.class(), AnswerClass::Success);
    }

    #[test]
    fn a_redirect_names_the_origin_it_points_to_and_nothing_more() {
        for (location, expected) in [
            (
                "https://evil.example:8443/steal?token=CANARY",
                "https://evil.example:8443",
            ),
            ("http://u:CANARY@evil.example/", "http://evil.example"),
            ("//evil.example/CANARY", "https://evil.example"),
            ("/login?next=CANARY", "https://host"),
            ("%%CANARY", "https://host"),
        ] {
            let answer = answer(302, &[(LOCATION, location)], "CANARY");
            assert_eq!(answer.location_origin(), Some(expected), "{location}");
            assert!(!format!("{answer:?} {}", answer.describe(&[])).contains("CANARY"));
        }
    }

    #[test]
    fn a_refusal_has_the_servers_text_without_our_secrets() {
        let answer = answer(401, &[], "no such key: sk-CANARY\n\u{1b}[2J");
        assert_eq!(
            answer.describe(&[&Secret::new("sk-CANARY")]),
            r"https://host answered 401 Unauthorized: no such key: ***\n\u{1b}[2J"
        );
    }

    #[test]
    fn a_wait_is_read_against_the_answers_own_clock() {
        let headers = [
            (RETRY_AFTER, "Sun, 06 Nov 1994 08:49:47 GMT"),
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        ];
        assert_eq!(
            answer(429, &headers, "").retry_after(),
            Some(Duration::from_secs(10))
        );
        assert_eq!(answer(429, &[], "").retry_after(), None);
    }
}
