//! A trace across services: its context is sent with a request (`inject`) and read from one (`continue_from`).
//! W3C Trace Context and Baggage, with the members of Langfuse's official SDKs. Used by applications and `tracefuse-tower`.

mod baggage;
mod carrier;
mod traceparent;

pub use carrier::{Extractor, Injector};

use std::borrow::Cow;
use std::sync::Arc;

use crate::record::{SpanId, TraceAttributes, TraceId, Value};
use crate::span::handle::Span;
use crate::span::unrecorded::Received;
use crate::trace::builder::TraceBuilder;
use crate::trace::handle::Trace;

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";
/// A longer `tracestate` is left out. The specification asks for 512 bytes at least (W3C Trace Context 3.3.1.5).
const MAX_TRACESTATE: usize = 8192;

/// The context of a trace that another service sent with its request.
///
/// ```
/// use std::collections::HashMap;
/// use tracefuse_core::propagation::RemoteContext;
///
/// let headers = HashMap::from([
///     ("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
///     ("baggage".to_owned(), "langfuse_user_id=user%20123,other=1".to_owned()),
/// ]);
/// let remote = RemoteContext::extract(&headers).unwrap();
/// assert_eq!(remote.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
/// assert_eq!(remote.user_id(), Some("user 123"));
/// assert!(remote.is_sampled());
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RemoteContext {
    trace_id: TraceId,
    parent: SpanId,
    flags: u8,
    attributes: TraceAttributes,
    /// An upstream service has the trace's root (`langfuse_trace_id`).
    claimed: bool,
    received: Option<Arc<Received>>,
}

/// `tracestate` (only beside a valid `traceparent`) and `baggage`, to be sent on; `None` if there is neither.
fn received(carrier: &(impl Extractor + ?Sized), with_tracestate: bool) -> Option<Received> {
    let tracestate = carrier.get(TRACESTATE).filter(|state| {
        with_tracestate
            && !state.trim().is_empty()
            && state.len() <= MAX_TRACESTATE
            && state
                .bytes()
                .all(|byte| byte == b'\t' || (0x20..0x7f).contains(&byte))
    });
    let received = Received {
        tracestate: tracestate.map(|state| state.trim().to_owned()),
        baggage: baggage::valid(&carrier.get(BAGGAGE).unwrap_or_default()),
    };
    let is_empty = received.tracestate.is_none() && received.baggage.is_empty();
    (!is_empty).then_some(received)
}

impl RemoteContext {
    /// Reads `traceparent`, `tracestate` and `baggage`; `None` without a valid `traceparent`. A member of the baggage
    /// that cannot be read is left out alone. Members of others and `tracestate` are kept, to be sent on.
    pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<Self> {
        let (trace_id, parent, flags) = traceparent::parse(carrier.get(TRACEPARENT)?.trim())?;
        let mut remote = Self {
            trace_id,
            parent,
            flags,
            attributes: TraceAttributes::default(),
            claimed: false,
            received: received(carrier, true).map(Arc::new),
        };
        if let Some(received) = remote.received.clone() {
            for (key, value) in baggage::parse(&received.baggage) {
                remote.read(&key, value);
            }
        }
        Some(remote)
    }

    pub(crate) fn flags(&self) -> u8 {
        self.flags
    }

    pub(crate) fn received(&self) -> Option<&Arc<Received>> {
        self.received.as_ref()
    }

    /// Reads a member of the official SDKs.
    fn read(&mut self, key: &str, value: String) {
        let Some(key) = key.strip_prefix(baggage::PREFIX) else {
            return;
        };
        let attributes = &mut self.attributes;
        match key {
            "user_id" => attributes.user_id = Some(value),
            "session_id" => attributes.session_id = Some(value),
            "version" => attributes.version = Some(value),
            "environment" => attributes.environment = Some(value),
            "trace_name" => attributes.name = value,
            "tags" => {
                for tag in baggage::tags(&value) {
                    attributes.add_tag(&tag);
                }
            }
            "trace_id" => self.claimed = value == self.trace_id.to_string(),
            _ => {
                if let Some(key) = key.strip_prefix("metadata_") {
                    // Python writes JSON, with quotes around text.
                    let value = serde_json::from_str(&value).unwrap_or(value);
                    attributes.set_metadata(key, Value::Str(value));
                }
            }
        }
    }

    /// The trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The caller's span, the parent of what is recorded here.
    #[must_use]
    pub fn parent_span_id(&self) -> SpanId {
        self.parent
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.flags & traceparent::SAMPLED != 0
    }

    /// The user, if the caller sent one.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.attributes.user_id.as_deref()
    }

    /// The session, if the caller sent one.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.attributes.session_id.as_deref()
    }

    /// The attributes of the trace that the caller sent.
    #[must_use]
    pub fn attributes(&self) -> &TraceAttributes {
        &self.attributes
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.claimed
    }
}

impl Span {
    /// Writes the trace's context into the headers of a request, so that the service that receives them continues the
    /// trace below this span: `traceparent`, `tracestate`, and `baggage` with user, session, version, tags and the root
    /// mark. Members of others that are in the carrier, or came with the request that the trace continues, are kept.
    ///
    /// The decision not to record crosses too: a trace that the sampler left out sends `00-<trace>-<span>-00`. A span
    /// that is not recorded for another reason (a disabled tracer, a tracer that was shut down) forwards what
    /// [`continue_from`](TraceBuilder::continue_from) received; without that, and in a build without the feature
    /// `record`, nothing is written.
    ///
    /// User and session are for your own services: for others call [`inject_traceparent`](Self::inject_traceparent).
    ///
    /// ```
    /// use std::collections::HashMap;
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// let mut headers = HashMap::new();
    /// tracer.trace("client").user_id("user123").run(|trace| {
    ///     trace.span("call").run(|span| span.inject(&mut headers));
    /// });
    /// ```
    pub fn inject(&self, carrier: &mut (impl Injector + Extractor + ?Sized)) {
        self.inject_traceparent(carrier);
        let known = carrier
            .get(BAGGAGE)
            .map(Cow::into_owned)
            .unwrap_or_default();
        if let Some(open) = &self.open {
            let attributes = open.trace.shared.attributes();
            let received = open.trace.received.as_ref();
            let received = received.map_or("", |received| &received.baggage);
            let text = baggage::write(&known, received, open.trace.shared.id, &attributes);
            carrier.set(BAGGAGE, text);
        } else if let Some(forwarded) = self.unrecorded.forwarded()
            && let Some(received) = &forwarded.received
            && !received.baggage.is_empty()
        {
            carrier.set(BAGGAGE, baggage::join(&known, &received.baggage));
        }
    }

    /// [`inject`](Self::inject) without baggage: `traceparent` and `tracestate` alone.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// # let span = trace.generation("answer").start();
    /// use std::collections::HashMap;
    /// let mut headers: HashMap<String, String> = HashMap::new();
    /// span.inject_traceparent(&mut headers);
    /// assert!(headers.contains_key("traceparent"));
    /// ```
    pub fn inject_traceparent(&self, carrier: &mut (impl Injector + ?Sized)) {
        let mut write = |parent, received: Option<&Arc<Received>>| {
            if let Some((trace, span, flags)) = parent {
                carrier.set(TRACEPARENT, traceparent::format(trace, span, flags));
            }
            if let Some(state) = received.and_then(|received| received.tracestate.clone()) {
                carrier.set(TRACESTATE, state);
            }
        };
        if let Some(open) = &self.open {
            let parent = Some((open.trace.shared.id, open.id, traceparent::SAMPLED));
            write(parent, open.trace.received.as_ref());
        } else if let Some(forwarded) = self.unrecorded.forwarded() {
            write(forwarded.parent, forwarded.received.as_ref());
        }
    }
}

impl Trace {
    /// [`Span::inject`] of the root span.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// use std::collections::HashMap;
    /// let mut headers: HashMap<String, String> = HashMap::new();
    /// trace.inject(&mut headers);
    /// assert!(headers.contains_key("traceparent"));
    /// ```
    pub fn inject(&self, carrier: &mut (impl Injector + Extractor + ?Sized)) {
        self.root().inject(carrier);
    }

    /// [`Span::inject_traceparent`] of the root span.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// # let trace = tracer.trace("request").start();
    /// use std::collections::HashMap;
    /// let mut headers: HashMap<String, String> = HashMap::new();
    /// trace.inject_traceparent(&mut headers);
    /// assert!(headers.contains_key("traceparent"));
    /// ```
    pub fn inject_traceparent(&self, carrier: &mut (impl Injector + ?Sized)) {
        self.root().inject_traceparent(carrier);
    }
}

impl TraceBuilder {
    /// Continues the trace of the service that sent these headers; a new trace if they name none. Rates
    /// ([`SampleRate`](crate::SampleRate)) follow the caller's decision whether the trace is recorded; a
    /// [`Sampler`](crate::Sampler) of your own receives it as `remote_sampled`. Foreign baggage and `tracestate` go on
    /// to the services that are called from here, also if the trace is not recorded.
    ///
    /// ```
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// # let headers = std::collections::HashMap::<String, String>::new();
    /// tracer.trace("POST /chat").continue_from(&headers).run(|trace| { /* .. */ });
    /// ```
    pub fn continue_from(self, carrier: &(impl Extractor + ?Sized)) -> Self {
        match RemoteContext::extract(carrier) {
            Some(remote) => self.continue_remote(&remote),
            None => match received(carrier, false) {
                Some(received) => self.received(Arc::new(received)),
                None => self,
            },
        }
    }

    /// [`continue_from`](Self::continue_from) for a context that was extracted before.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// use std::collections::HashMap;
    /// use tracefuse_core::propagation::RemoteContext;
    /// let headers = HashMap::from([("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned())]);
    /// if let Some(remote) = RemoteContext::extract(&headers) {
    ///     tracer.trace("server").continue_remote(&remote).run(|_| {});
    /// }
    /// ```
    pub fn continue_remote(self, remote: &RemoteContext) -> Self {
        self.remote(remote)
    }
}
