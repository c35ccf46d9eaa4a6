//! The settings of the layer, and the decision for each request: recorded or not, and whether it carries the trace.
//! Built by users; called by `reqwest` and `tower`.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use http::{HeaderMap, Method};
use tracefuse_core::bridge::observation_type;
use tracefuse_core::{ObservationType, Span};

use crate::attempts::Attempts;
use crate::call::{Call, Sent};
use crate::capture::Capture;
use crate::head::{Head, content_type};
use crate::routes::{Route, Routes};
use crate::secrets::Secrets;
use crate::target::{is_host, model_in_path};

/// Bytes of each body that are kept, unless [`ModelCalls::max_body`] says otherwise.
const MAX_BODY: usize = 1024 * 1024;
/// The largest value of [`ModelCalls::max_body`].
const MAX_BODY_MOST: usize = 64 * 1024 * 1024;

/// Records the model calls of an HTTP client: a middleware for `reqwest-middleware` (feature `reqwest`) and a layer for
/// `tower` (feature `tower`).
///
/// Put it closest to the client, inside of retries, so that each attempt is recorded. Clones share their settings.
///
/// ```
/// use tracefuse_http_client::ModelCalls;
///
/// let calls = ModelCalls::new().max_body(256 * 1024).inject_to(["llm-gateway.internal:8080"]);
/// # drop(calls);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ModelCalls {
    settings: Arc<Settings>,
}

#[derive(Clone, Debug)]
struct Settings {
    routes: Routes,
    max_body: usize,
    inside_generations: bool,
    inject: Vec<Cow<'static, str>>,
    baggage: Vec<Cow<'static, str>>,
    attempts: Arc<Attempts>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            routes: Routes::default(),
            max_body: MAX_BODY,
            inside_generations: false,
            inject: Vec::new(),
            baggage: Vec::new(),
            attempts: Arc::default(),
        }
    }
}

impl ModelCalls {
    /// Records the calls that the table has (see the crate's documentation), with bodies up to 1 MiB, and sends no
    /// `traceparent`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, f: impl FnOnce(&mut Settings)) -> Self {
        f(Arc::make_mut(&mut self.settings));
        self
    }

    /// Adds a route. The first route that fits a request is used, in the order in which they were added; the table is
    /// searched last.
    #[must_use]
    pub fn route(self, route: Route) -> Self {
        self.with(|settings| settings.routes.add(route))
    }

    /// Leaves out the table, so that only the routes that were added are recorded.
    #[must_use]
    pub fn without_table(self) -> Self {
        self.with(|settings| settings.routes.with_table = false)
    }

    /// Bytes of a request and of a response that are kept until they are recorded; 1 MiB by default, at most 64 MiB: a larger
    /// value means 64 MiB. Of a larger body its size is recorded in place of its content, and its model and usage if they
    /// are in these bytes or in the last 16 KiB.
    ///
    /// It is set in code: this crate reads no environment. Take the number from the settings of your application.
    #[must_use]
    pub fn max_body(self, bytes: usize) -> Self {
        self.with(|settings| settings.max_body = bytes.min(MAX_BODY_MOST))
    }

    /// Whether a call is recorded if the current span is a generation or an embedding already; `false` by default.
    ///
    /// Such a span is the record of this call: of a framework such as rig, of another layer, or started by you. A second one
    /// would count its tokens twice. Turn it on for generations of yours around several calls that record no usage.
    #[must_use]
    pub fn inside_generations(self, record: bool) -> Self {
        self.with(|settings| settings.inside_generations = record)
    }

    /// Sends `traceparent` and `tracestate` to these hosts, with all requests of the client; to no host by default.
    ///
    /// OpenTelemetry's HTTP instrumentation sends them to every host. A model provider cannot continue the trace, and the ids
    /// show it which calls belong together (W3C Trace Context, "Privacy Considerations"). So name the hosts that continue the
    /// trace: a gateway such as LiteLLM, your own services. Patterns are those of [`Route`]. A `traceparent` that the request
    /// has already stays.
    ///
    /// ```
    /// use tracefuse_http_client::ModelCalls;
    ///
    /// let calls = ModelCalls::new().inject_to(["*.internal.example", "localhost:4000"]);
    /// # drop(calls);
    /// ```
    #[must_use]
    pub fn inject_to(self, hosts: impl IntoIterator<Item = impl Into<Cow<'static, str>>>) -> Self {
        self.with(|settings| settings.inject.extend(hosts.into_iter().map(Into::into)))
    }

    /// [`inject_to`](Self::inject_to) with `baggage`, which has the user and the session: for your own services.
    #[must_use]
    pub fn inject_baggage_to(
        self,
        hosts: impl IntoIterator<Item = impl Into<Cow<'static, str>>>,
    ) -> Self {
        self.with(|settings| settings.baggage.extend(hosts.into_iter().map(Into::into)))
    }

    #[cfg(feature = "reqwest")]
    pub(crate) fn max_kept(&self) -> usize {
        self.settings.max_body
    }

    /// Starts to record a request; `None` if it is not recorded.
    pub(crate) fn begin(&self, request: &Head<'_>) -> Option<Box<Call>> {
        if request.method != Method::POST {
            return None;
        }
        let target = request.target();
        let matched = self.settings.routes.find(&target)?;
        let current = Span::current();
        if !self.settings.inside_generations
            && let Some(ObservationType::Generation | ObservationType::Embedding) =
                observation_type(&current)
        {
            return None;
        }
        let operation = matched.operation;
        let span = current
            .observation(operation.name(), operation.observation_type())
            .start();
        if !span.is_recording() {
            return None;
        }
        span.add_metadata("server.address", request.host);
        let mut address = DefaultHasher::new();
        (request.host, request.port, request.path).hash(&mut address);
        Some(Box::new(Call {
            span,
            attempts: self.settings.attempts.clone(),
            max_body: self.settings.max_body,
            matched,
            sent: Sent::new(Capture::new(self.settings.max_body)),
            secrets: Secrets::of(request.headers, request.query, &request.user),
            content_type: content_type(request.headers),
            path_model: model_in_path(request.path),
            path_streams: request.path.ends_with(":streamGenerateContent"),
            parent: current.id(),
            address: address.finish(),
            described: false,
            streams: false,
            attempt: 1,
        }))
    }

    /// Writes the context of `span` into the headers, if the host is one of those that continue the trace.
    pub(crate) fn inject(
        &self,
        span: Option<&Span>,
        host: &str,
        port: u16,
        headers: &mut HeaderMap,
    ) {
        let Settings {
            inject, baggage, ..
        } = &*self.settings;
        if inject.is_empty() && baggage.is_empty() || headers.contains_key("traceparent") {
            return;
        }
        let has = |hosts: &[Cow<'_, str>]| hosts.iter().any(|known| is_host(known, host, port));
        let current;
        let span = match span {
            Some(span) => span,
            None => {
                current = Span::current();
                &current
            }
        };
        if has(baggage) {
            span.inject(headers);
        } else if has(inject) {
            span.inject_traceparent(headers);
        }
    }
}
