//! The classes of answers by status: what RFC 9110 says about each.
//! Used by `answer` and by the exporters, which decide what delivery does.

/// What a status means for what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AnswerClass {
    /// 2xx: taken. A 207 has a status for each part in its body.
    Success,
    /// 2xx with an HTML page: another server or a proxy answered, nothing was taken. Worth trying again.
    Intercepted,
    /// 3xx: the base URL is not the server's own. Not followed.
    Redirect,
    /// 400 and 422: the server works, and what was sent is not valid.
    BadRequest,
    /// 401 and 403: the credentials are not taken.
    Unauthorized,
    /// 404, 405 and 410: nothing takes what was sent at this URL.
    NotFound,
    /// 413: send less at once.
    TooLarge,
    /// 429: send less often.
    RateLimited,
    /// 408, 425 and every 5xx but 501 and 505: the server or a proxy before it failed, or had
    /// no time. Worth trying again. Wider than OTLP's list: Langfuse answers 500 when its storage
    /// fails for a moment, and 520 to 530 come from the network before a hosted server.
    Retry,
    /// Everything else: refused for good.
    Refused,
}

/// The class of a status alone.
#[must_use]
pub fn classify(status: u16) -> AnswerClass {
    match status {
        200..=299 => AnswerClass::Success,
        300..=399 => AnswerClass::Redirect,
        400 | 422 => AnswerClass::BadRequest,
        401 | 403 => AnswerClass::Unauthorized,
        404 | 405 | 410 => AnswerClass::NotFound,
        413 => AnswerClass::TooLarge,
        429 => AnswerClass::RateLimited,
        501 | 505 => AnswerClass::Refused,
        408 | 425 | 500..=599 => AnswerClass::Retry,
        _ => AnswerClass::Refused,
    }
}
