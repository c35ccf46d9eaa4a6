//! A trace across services: its context is sent with a request (`inject`) and read from one (`continue_from`).
//! W3C Trace Context and Baggage, with the members of Langfuse's official SDKs. Used by applications and `tracefuse-tower`.

mod baggage;
mod carrier;
mod python;
pub(crate) mod remote;
mod traceparent;
mod tracestate;

pub use carrier::{Extractor, Injector};
pub use remote::RemoteContext;

pub use crate::record::Link;

use std::borrow::Cow;
use std::sync::Arc;

use crate::span::handle::Span;
use crate::span::unrecorded::Received;
use crate::trace::builder::TraceBuilder;
use crate::trace::handle::Trace;

pub(crate) const TRACEPARENT: &str = "traceparent";
pub(crate) const TRACESTATE: &str = "tracestate";
pub(crate) const BAGGAGE: &str = "baggage";

impl Span {
    /// Writes the trace's context into the headers of a request, so that the service that receives them continues the
    /// trace below this span: `traceparent`, `tracestate`, and `baggage` with user, session, version, tags and the root
    /// mark. Members of others that are in the carrier, or came with the request that the trace continues, are kept.
    ///
    /// The decision not to record is sent too: a trace that the sampler left out sends `00-<trace>-<span>-00`. A span
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
        if let Some(open) = self.sampled() {
            let attributes = open.trace.shared.attributes();
            let received = open.trace.received.as_ref();
            let received = received.map_or("", |received| &received.baggage);
            let text = baggage::write(&known, received, open.trace.shared.id, &attributes);
            carrier.set(BAGGAGE, text);
        } else if let Some(forwarded) = self.reason().forwarded()
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
        if let Some(open) = self.sampled() {
            let parent = Some((open.trace.shared.id, open.id, traceparent::SAMPLED));
            write(parent, open.trace.received.as_ref());
        } else if let Some(forwarded) = self.reason().forwarded() {
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
    /// [`Sampler`](crate::Sampler) of your own receives it as `remote_sampled`. Foreign baggage and `tracestate` are
    /// sent on to the services that are called from here, also if the trace is not recorded.
    ///
    /// ```
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// # let headers = std::collections::HashMap::<String, String>::new();
    /// tracer.trace("POST /chat").continue_from(&headers).run(|trace| { /* .. */ });
    /// ```
    pub fn continue_from(self, carrier: &(impl Extractor + ?Sized)) -> Self {
        match RemoteContext::extract(carrier) {
            Some(remote) => self.continue_remote(&remote),
            None => match remote::received(carrier, false) {
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
