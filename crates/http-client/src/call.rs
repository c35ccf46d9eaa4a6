//! One call of a model: the generation, what the request says, and how it ends.
//! Begun by `model_calls`, driven by `future` until there is a response, and by `reading` after that.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use tracefuse_core::bridge::{end_cancelled, set_provider};
use tracefuse_core::{Exception, Span, SpanId};

use crate::attempts::Attempts;
use crate::capture::Capture;
use crate::request;
use crate::routes::Matched;
use crate::secrets::Secrets;

/// The bytes of a request that were sent so far. The client may send them on any thread.
#[derive(Clone, Debug)]
pub(crate) struct Sent(Arc<Mutex<Capture>>);

impl Sent {
    pub(crate) fn new(capture: Capture) -> Self {
        Self(Arc::new(Mutex::new(capture)))
    }

    /// Nothing that can panic runs under the lock.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Capture> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is recorded.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) span: Span,
    pub(crate) attempts: Arc<Attempts>,
    /// Bytes of the response that are kept.
    pub(crate) max_body: usize,
    pub(crate) matched: Matched,
    pub(crate) sent: Sent,
    pub(crate) secrets: Secrets,
    /// The media type of the request; empty if its body cannot be read.
    pub(crate) content_type: String,
    /// The model that the path names.
    pub(crate) path_model: Option<String>,
    /// The response is a stream because the path says so.
    pub(crate) path_streams: bool,
    pub(crate) parent: Option<SpanId>,
    pub(crate) address: u64,
    /// What the request says is recorded.
    pub(crate) described: bool,
    /// The request asks for a stream.
    pub(crate) streams: bool,
    pub(crate) attempt: u32,
}

impl Call {
    /// Records what the request says, once the whole request was sent. Called while the call waits for its response, so that
    /// the call does not take longer.
    pub(crate) fn describe_early(&mut self) {
        if !self.described && self.sent.lock().complete {
            self.describe();
        }
    }

    /// Records what the request says, as far as it was sent.
    pub(crate) fn describe(&mut self) {
        if std::mem::replace(&mut self.described, true) {
            return;
        }
        self.attempt = self.attempts.number(|| self.hash());
        if self.attempt > 1 {
            self.span.add_metadata("attempt", self.attempt);
        }
        let Matched {
            operation,
            language,
            ..
        } = self.matched;
        let mut asked = {
            let sent = self.sent.lock();
            request::read(&sent, &self.content_type, operation, language)
        };
        self.streams |= asked.stream;
        let model = asked.model.take().or_else(|| self.path_model.take());
        if let Some(model) = model {
            self.span.set_name(&format!("{} {model}", operation.name()));
            self.span.set_model(&model);
        }
        for (name, value) in &asked.parameters {
            self.span.add_model_parameter(name, value);
        }
        if let Some(input) = &asked.input {
            self.span.set_input(input);
        }
    }

    /// Which call this is: the same for an attempt that sends it again.
    fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let sent = self.sent.lock();
        self.parent.map(|id| id.to_bytes()).hash(&mut hasher);
        (self.address, sent.total(), sent.parts()).hash(&mut hasher);
        hasher.finish()
    }

    /// Notes that the call may be sent again.
    pub(crate) fn may_be_retried(&self) {
        self.attempts.failed(self.hash(), self.attempt.max(1));
    }

    /// Records the provider, over what the response shows.
    pub(crate) fn name_provider(&self) {
        if let Some(provider) = &self.matched.provider {
            set_provider(&self.span, provider);
        }
    }

    /// There is no response: the client failed.
    pub(crate) fn fail(mut self, kind: &str, message: &str) {
        self.describe();
        self.name_provider();
        self.span
            .record_exception(Exception::new(kind, self.secrets.hide(message)));
        self.may_be_retried();
        self.span.end();
    }

    /// The call was cancelled before there was a response.
    pub(crate) fn cancel(mut self) {
        self.describe();
        self.name_provider();
        self.may_be_retried();
        end_cancelled(
            &self.span,
            "cancelled: the call was dropped before the response",
        );
    }
}

/// Whether clients send a call again after this status.
pub(crate) fn is_retried(status: StatusCode) -> bool {
    status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 425 | 429)
}
