//! Reads the context of a trace from the headers of a request.
//! Called by `TraceBuilder::continue_from`; must not know traces and spans that are open.

use std::sync::Arc;

use super::{BAGGAGE, Extractor, TRACEPARENT, TRACESTATE, baggage, traceparent, tracestate};
use crate::record::{Link, SpanId, TraceAttributes, TraceId, Value};
use crate::span::unrecorded::Received;

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
pub(super) fn received(
    carrier: &(impl Extractor + ?Sized),
    with_tracestate: bool,
) -> Option<Received> {
    let tracestate = carrier.get(TRACESTATE).filter(|_| with_tracestate);
    let received = Received {
        tracestate: tracestate.and_then(|state| tracestate::valid(&state)),
        baggage: baggage::valid(&carrier.get(BAGGAGE).unwrap_or_default()),
    };
    let is_empty = received.tracestate.is_none() && received.baggage.is_empty();
    (!is_empty).then_some(received)
}

impl RemoteContext {
    /// Reads `traceparent`, `tracestate` and `baggage`; `None` without a valid `traceparent`. Of the baggage
    /// only the members that cannot be read are left out. Members of others and `tracestate` are kept, to be sent on: a `tracestate`
    /// of up to 32 members and 512 bytes, a `baggage` of up to 64 members and 8,192 bytes, the limits up to which W3C
    /// asks each party to send them on. What is beyond them is left out by whole members.
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

/// A link to the span of the service that called.
impl From<&RemoteContext> for Option<Link> {
    fn from(remote: &RemoteContext) -> Self {
        Some(Link::remote(remote.trace_id, remote.parent, remote.flags))
    }
}
