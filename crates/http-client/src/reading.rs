//! A response as it passes: what of it is kept, and what is recorded at its end.
//! Begun by `future` with the head of the response, driven by `body`.

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;
use tracefuse_core::bridge::{dollars, end_cancelled, error_in, now, record_exception_at};
use tracefuse_core::{Cost, Exception, Level, Timestamp};

use crate::asked::{media_type, summary};
use crate::call::{Call, is_retried};
use crate::capture::Capture;
use crate::folding::Folding;

/// What is kept of the beginning of a response of vectors or pictures: its counts are at its end.
const MAX_NUMBERS: usize = 4 * 1024;

/// What is kept of the body of an error.
const MAX_ERROR: usize = 64 * 1024;

/// How much of a text that is no known error is its message.
const MAX_MESSAGE: usize = 1_000;

/// The header in which LiteLLM states the cost of a call, in US dollars.
const LITELLM_COST: &str = "x-litellm-response-cost";

/// A response that is being received.
#[derive(Debug)]
pub(crate) struct Reading {
    call: Box<Call>,
    status: StatusCode,
    content_type: String,
    how: How,
    /// Bytes until the body is complete; `None` if its size is not known before.
    missing: Option<u64>,
    /// When the head of a refusal arrived.
    refused: Option<Timestamp>,
}

#[derive(Debug)]
enum How {
    /// Events, or lines, put together as they arrive.
    Stream(Box<Folding>),
    /// One text, read at its end.
    Whole(Capture),
    /// Sound, a picture or compressed bytes, which are counted.
    Counted(u64),
}

/// How a body ended.
#[derive(Debug)]
pub(crate) enum End<'a> {
    Complete,
    /// An error of the client: the name of its type and its text.
    Failed(&'a str, &'a str),
    Dropped,
}

impl Reading {
    pub(crate) fn new(
        mut call: Box<Call>,
        status: StatusCode,
        headers: &HeaderMap,
        size: Option<u64>,
    ) -> Self {
        let mut refused = None;
        if is_failure(status) {
            call.describe();
            refused = now(&call.span);
            // Noted now: a client may keep this response until it has the answer of the next attempt.
            if is_retried(status) {
                call.may_be_retried();
            }
        }
        call.describe_early();
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let kind = text(header::CONTENT_TYPE.as_str()).unwrap_or_default();
        let kind = media_type(kind).to_ascii_lowercase();
        let encoding = text(header::CONTENT_ENCODING.as_str());
        let encoding = encoding.filter(|encoding| *encoding != "identity");
        if let Some(encoding) = encoding {
            call.span
                .add_metadata("http.response.content_encoding", encoding);
        }
        // A cost that the body states is recorded later, and replaces this one.
        let cost = text(LITELLM_COST).and_then(|cost| dollars(&Value::from(cost)));
        if let Some(cost) = cost {
            call.span.set_cost(Cost::total(cost));
        }
        let how = Self::how(&call, status, &kind, encoding.is_some());
        Self {
            call,
            status,
            content_type: kind,
            how,
            missing: size,
            refused,
        }
    }

    fn how(call: &Call, status: StatusCode, kind: &str, is_compressed: bool) -> How {
        let max = call.max_body;
        let is_json = kind.ends_with("json");
        let is_text =
            is_json || kind.is_empty() || kind.starts_with("text/") || kind.ends_with("xml");
        if is_compressed {
            return How::Counted(0);
        }
        if is_failure(status) {
            return match is_text {
                true => How::Whole(Capture::new(max.min(MAX_ERROR))),
                false => How::Counted(0),
            };
        }
        if kind == "application/vnd.amazon.eventstream" {
            let folding = Folding::of_frames(call.matched.language, max);
            return How::Stream(Box::new(folding));
        }
        let of_events = [
            "text/event-stream",
            "application/x-ndjson",
            "application/jsonl",
        ];
        let is_stream = of_events.contains(&kind)
            || is_text && call.path_streams
            || is_text && call.streams && !is_json;
        if is_stream {
            return How::Stream(Box::new(Folding::new(call.matched.language, max)));
        }
        match is_text {
            true if call.matched.operation.answers_with_numbers() => {
                How::Whole(Capture::new(max.min(MAX_NUMBERS)))
            }
            true => How::Whole(Capture::new(max)),
            false => How::Counted(0),
        }
    }

    /// Takes in bytes that have arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(bytes.len() as u64);
        }
        match &mut self.how {
            How::Stream(folding) => folding.push(&self.call.span, bytes),
            How::Whole(capture) => capture.push(bytes),
            How::Counted(count) => *count = count.saturating_add(bytes.len() as u64),
        }
    }

    /// Whether all bytes that were announced have arrived.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing == Some(0)
    }

    /// Records what arrived and ends the generation.
    pub(crate) fn finish(mut self, end: &End<'_>) {
        self.call.describe();
        let complete = matches!(end, End::Complete) || self.is_complete();
        if is_failure(self.status) {
            return self.fail(end);
        }
        let Self {
            call,
            status,
            content_type,
            how,
            ..
        } = self;
        let span = &call.span;
        let is_whole = match how {
            How::Stream(folding) => folding.record(span) || complete,
            How::Whole(capture) => {
                if complete {
                    record_whole(&call, &content_type, &capture);
                }
                complete
            }
            How::Counted(0) => complete,
            How::Counted(bytes) => {
                span.set_output(summary(&content_type, bytes));
                complete
            }
        };
        call.name_provider();
        if status.is_redirection() {
            span.set_level(Level::Warning);
            span.set_status_message(&format!("answered with status {status}"));
        }
        match end {
            End::Failed(kind, message) => {
                let message = call.secrets.hide(message);
                span.record_exception(Exception::new(*kind, message));
                call.may_be_retried();
                span.end();
            }
            _ if is_whole => span.end(),
            _ => end_cancelled(
                span,
                "cancelled: the body of the response was dropped before it ended",
            ),
        }
    }

    /// Records a response of a status of 400 and more. Its body may be missing: a client that retries does not read it.
    fn fail(self, end: &End<'_>) {
        let Self {
            call,
            status,
            how,
            refused,
            ..
        } = self;
        // A body that is not read takes no time of the call.
        let at = match end {
            End::Dropped => refused,
            _ => now(&call.span),
        };
        let text = match &how {
            How::Whole(capture) => String::from_utf8_lossy(capture.head()).into_owned(),
            _ => String::new(),
        };
        let text = call.secrets.hide(text.trim());
        let name = call.matched.language.name();
        let mut error = error_in(&text, name).unwrap_or_else(|| {
            let message: String = text.chars().take(MAX_MESSAGE).collect();
            Exception::new(format!("http.{}", status.as_u16()), message)
        });
        error.message = match error.message.as_str() {
            "" => status.to_string(),
            message => format!("{status}: {message}"),
        };
        call.span
            .add_metadata("http.response.status_code", status.as_u16());
        call.name_provider();
        if let Some(at) = at {
            record_exception_at(&call.span, at, error);
            call.span.end_at(at);
        }
    }
}

fn is_failure(status: StatusCode) -> bool {
    status.is_client_error() || status.is_server_error()
}

/// Records a response that is one text.
fn record_whole(call: &Call, content_type: &str, capture: &Capture) {
    let (span, language) = (&call.span, call.matched.language);
    match capture.whole() {
        Some([]) => {}
        Some(bytes) => {
            let text = String::from_utf8_lossy(bytes).into_owned();
            language.record(span, &Value::String(text));
        }
        None => {
            if !call.matched.operation.answers_with_numbers() {
                span.set_output(summary(content_type, capture.total()));
            }
            language.record(span, &Value::Object(capture.fields()));
        }
    }
}
