//! A trace across services: where it stands goes out with a request and comes in with one.
//! W3C Trace Context and Baggage, with the entries of Langfuse's official SDKs. Used by applications and `tracefuse-tower`.

mod baggage;
mod carrier;
mod traceparent;

pub use carrier::{Extractor, Injector};

use crate::record::{SpanId, TraceAttributes, TraceId, Value};
use crate::span::handle::Span;
use crate::trace::handle::{Trace, TraceBuilder};

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const BAGGAGE: &str = "baggage";

/// What a service that calls us says of the trace it is in.
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
    sampled: bool,
    attributes: TraceAttributes,
    /// An upstream service has the trace's root (`langfuse_trace_id`).
    claimed: bool,
}

impl RemoteContext {
    /// Reads `traceparent` and `baggage`; `None` without a valid `traceparent`. Baggage that cannot be
    /// read is left out, and entries of others are nothing to us.
    pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<Self> {
        let (trace_id, parent, sampled) = traceparent::parse(carrier.get(TRACEPARENT)?.trim())?;
        let mut remote = Self {
            trace_id,
            parent,
            sampled,
            attributes: TraceAttributes::default(),
            claimed: false,
        };
        for (key, value) in baggage::parse(&carrier.get(BAGGAGE).unwrap_or_default()) {
            remote.read(&key, value);
        }
        Some(remote)
    }

    /// An entry of the official SDKs.
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

    /// The span of the caller's that we are below.
    #[must_use]
    pub fn parent_span_id(&self) -> SpanId {
        self.parent
    }

    /// Whether the caller records the trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// The user, if the caller says.
    #[must_use]
    pub fn user_id(&self) -> Option<&str> {
        self.attributes.user_id.as_deref()
    }

    /// The session, if the caller says.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.attributes.session_id.as_deref()
    }

    /// What the caller says of the trace as a whole.
    #[must_use]
    pub fn attributes(&self) -> &TraceAttributes {
        &self.attributes
    }

    pub(crate) fn is_claimed(&self) -> bool {
        self.claimed
    }
}

impl Span {
    /// Writes where the trace stands into the headers of a request, so that the service that gets it goes on
    /// below this span: `traceparent`, and `baggage` with user, session, version, tags and the root mark.
    /// Entries of others that are there are kept. Does nothing for a span that is not recorded.
    ///
    /// User and session are for your own services: for others call [`inject_traceparent`](Self::inject_traceparent).
    pub fn inject(&self, carrier: &mut (impl Injector + Extractor + ?Sized)) {
        self.inject_traceparent(carrier);
        if let Some(open) = &self.open {
            let attributes = open.trace.attributes(Clone::clone);
            let known = carrier.get(BAGGAGE).map(std::borrow::Cow::into_owned);
            let text = baggage::write(&known.unwrap_or_default(), open.trace.id, &attributes);
            carrier.set(BAGGAGE, text);
        }
    }

    /// [`inject`](Self::inject) without baggage.
    pub fn inject_traceparent(&self, carrier: &mut (impl Injector + ?Sized)) {
        if let Some(open) = &self.open {
            carrier.set(
                TRACEPARENT,
                traceparent::format(open.trace.id, open.id, true),
            );
        }
    }
}

impl Trace {
    /// [`Span::inject`] of the root span.
    pub fn inject(&self, carrier: &mut (impl Injector + Extractor + ?Sized)) {
        self.root().inject(carrier);
    }
}

impl TraceBuilder {
    /// Goes on with the trace of whoever sent these headers; a new trace if they name none. Whether it is
    /// recorded is the caller's decision, where the caller says so.
    ///
    /// ```
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// # let headers = std::collections::HashMap::<String, String>::new();
    /// tracer.trace("POST /chat").continue_from(&headers).run(|trace| { /* .. */ });
    /// ```
    pub fn continue_from(self, carrier: &(impl Extractor + ?Sized)) -> Self {
        match RemoteContext::extract(carrier) {
            Some(remote) => self.continue_remote(&remote),
            None => self,
        }
    }

    /// [`continue_from`](Self::continue_from) for a context that was extracted before.
    pub fn continue_remote(self, remote: &RemoteContext) -> Self {
        self.remote_parent(remote.trace_id, remote.parent)
            .remote_sampled(remote.sampled)
            .remote_attributes(remote.attributes.clone(), remote.is_claimed())
    }
}
