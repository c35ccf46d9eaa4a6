//! Describes a trace and begins it: sampling, inherited attributes, and what came from another service.
//! Created by `tracer`; returns a `Trace`. `setters` has what an application sets before.

mod setters;

use std::fmt;
use std::sync::Arc;

use crate::propagation::remote::RemoteContext;
use crate::record::{
    Link, ObservationType, Role, SpanId, Timestamp, TraceAttributes, TraceId, Value,
};
use crate::span::feature::{RECORDS, Recorded, recorded, unwrap};
use crate::span::handle::Span;
use crate::span::open::{OpenSpan, TraceState};
use crate::span::unrecorded::{ForwardGuard, Forwarded, Received, Unrecorded};
use crate::trace::guard::TracerGuard;
use crate::trace::handle::Trace;
use crate::trace::sampler::SamplingInput;
use crate::trace::scope;

/// Describes a trace that has not begun.
///
/// ```
/// # let tracer = tracefuse_core::Tracer::noop();
/// let answer = tracer
///     .trace("chat")
///     .user_id("user123")
///     .tag("beta")
///     .input("What is the weather?")
///     .run(|trace| trace.generation("answer").run(|_| "It rains."));
/// ```
#[must_use = "nothing is recorded until `run`, `run_async` or `start`"]
pub struct TraceBuilder {
    draft: Option<Draft>,
    /// Forwarded also if nothing is recorded.
    context: Option<Recorded<Box<Context>>>,
    /// Why nothing is recorded, where `draft` is `None`.
    reason: Unrecorded,
}

/// What another service sent, and links to other traces.
#[derive(Default)]
struct Context {
    /// Ids and flags of its `traceparent`.
    parent: Option<(TraceId, SpanId, u8)>,
    received: Option<Arc<Received>>,
    attributes: TraceAttributes,
    /// The other service has the trace's root.
    claimed: bool,
    /// Links of the root, as many as a span may have.
    links: Vec<Link>,
    dropped_links: u64,
}

impl Context {
    /// For a trace that is not recorded here: the next service continues below the nearest span that is.
    fn forwarded(&self) -> Option<Forwarded> {
        (self.parent.is_some() || self.received.is_some()).then(|| Forwarded {
            parent: self.parent,
            received: self.received.clone(),
        })
    }
}

struct Draft {
    owner: Recorded<Arc<TracerGuard>>,
    id: TraceId,
    /// Whether the caller records the trace, if it said so.
    sampled: Option<bool>,
    attributes: TraceAttributes,
    kind: ObservationType,
    input: Option<Value>,
}

impl TraceBuilder {
    #[cfg_attr(not(feature = "record"), inline)]
    pub(crate) fn new(owner: Option<&Recorded<Arc<TracerGuard>>>, name: &str) -> Self {
        let draft = owner
            .filter(|owner| owner.shared.admits())
            .map(|owner| Draft {
                owner: owner.clone(),
                id: TraceId::random(),
                sampled: None,
                attributes: {
                    let mut attributes = TraceAttributes::default();
                    name.clone_into(&mut attributes.name);
                    attributes
                },
                kind: ObservationType::Span,
                input: None,
            });
        let reason = match owner {
            // Spans below it must not be counted as spans outside of a trace.
            Some(_) if draft.is_none() => Unrecorded::OFF,
            _ => Unrecorded::NOOP,
        };
        Self {
            draft,
            context: None,
            reason,
        }
    }

    pub(crate) fn remote(self, remote: &RemoteContext) -> Self {
        let (trace, parent) = (remote.trace_id(), remote.parent_span_id());
        let sampled = remote.is_sampled();
        let this = self.with(|draft| {
            draft.id = trace;
            draft.sampled = Some(sampled);
        });
        this.with_context(|context| {
            *context = Context {
                parent: Some((trace, parent, remote.flags())),
                received: remote.received().cloned(),
                attributes: remote.attributes().clone(),
                claimed: remote.is_claimed(),
                links: std::mem::take(&mut context.links),
                dropped_links: context.dropped_links,
            };
        })
    }

    pub(crate) fn received(self, received: Arc<Received>) -> Self {
        self.with_context(|context| context.received = Some(received))
    }

    /// [`start`](Self::start) at a moment in the past, for imports and batch jobs. Give children their times by
    /// [`SpanBuilder::start_at`](crate::SpanBuilder::start_at) and [`Span::end_at`], and end the trace by [`Trace::end_at`].
    ///
    /// ```
    /// use tracefuse_core::Timestamp;
    /// # let tracer = tracefuse_core::Tracer::noop();
    /// // Read from a log: seconds since 1970.
    /// let at = |seconds: u64| Timestamp::from_unix_nanos(seconds * 1_000_000_000);
    /// let trace = tracer.trace("imported").start_at(at(1_767_225_600));
    /// trace.generation("answer").start_at(at(1_767_225_601)).end_at(at(1_767_225_603));
    /// trace.end_at(at(1_767_225_604));
    /// ```
    #[must_use = "dropping the last handle ends the trace"]
    pub fn start_at(self, time: Timestamp) -> Trace {
        let trace = self.start();
        trace.root.write(|buffer| buffer.head.set_start(time));
        trace
    }

    /// A trace that is not recorded and forwards what was received.
    pub(crate) fn start_unrecorded(self) -> Trace {
        let forwarded = self.context.and_then(|context| context.forwarded());
        Trace::unrecorded(Unrecorded::OFF, forwarded, None)
    }

    /// Begins it and returns the handle. It ends by [`Trace::end`] or with its last handle.
    ///
    /// ```
    /// # let recorder = tracefuse_core::testing::Recorder::new();
    /// # let tracer = recorder.tracer();
    /// let trace = tracer.trace("chat").start();
    /// trace.set_output("done");
    /// trace.end();
    /// ```
    #[must_use = "dropping the last handle ends the trace"]
    #[cfg_attr(not(feature = "record"), inline)]
    pub fn start(self) -> Trace {
        let context = self.context;
        let Some(mut draft) = self.draft else {
            return match context.and_then(|context| context.forwarded()) {
                Some(forwarded) => Trace::unrecorded(Unrecorded::OFF, Some(forwarded), None),
                None => Trace::unrecorded(self.reason, None, None),
            };
        };
        let context = context.map(|context| *unwrap(context)).unwrap_or_default();
        let core = &draft.owner.shared;
        scope::inherit(&mut draft.attributes);
        let name = draft.attributes.name.clone();
        // The service that has the root names the trace.
        if context.claimed || !context.attributes.name.is_empty() {
            draft.attributes.name.clear();
        }
        scope::fill(&mut draft.attributes, &context.attributes);
        let parent = context.parent.map(|(_, parent, _)| parent);
        let mut unsampled = None;
        if !draft.is_sampled(parent) {
            core.note_unsampled();
            // The caller's span stays the parent, because a span that is not recorded must not be the parent of one that is.
            let (id, received) = (draft.id, context.received.clone());
            let forwarded = Forwarded {
                parent: Some((id, parent.unwrap_or_else(SpanId::random), 0)),
                received,
            };
            if !core.measures {
                return Trace::unrecorded(
                    Unrecorded::UNSAMPLED,
                    Some(forwarded),
                    Some(draft.owner),
                );
            }
            draft.input = None;
            unsampled = Some(ForwardGuard::new(Unrecorded::UNSAMPLED, forwarded));
        }
        let id = SpanId::random();
        let mut state = TraceState::new(
            core.clone(),
            draft.id,
            id,
            core.clock.anchor(),
            draft.attributes,
        );
        state.received = context.received;
        state.unsampled = unsampled;
        let shared = Arc::new(state);
        draft.owner.leaks.look(core, shared.now());
        let (root, mut buffer) = OpenSpan::draft(&shared, || id, draft.kind);
        buffer.begin_name(&name);
        buffer.head.set_parent(parent);
        buffer.head.set_claimed(context.claimed);
        buffer.head.set_remote_parent(parent.is_some());
        for link in context.links {
            buffer.add_link(link);
        }
        buffer.note_dropped_links(context.dropped_links);
        if let Some(input) = draft.input {
            buffer.put_owned(Role::Input, "", input);
        }
        let root = OpenSpan::open(root, buffer);
        shared.set_root(&root);
        Trace {
            root: Span {
                open: recorded(root),
                unrecorded: Unrecorded::NOOP,
            },
            _owner: Some(draft.owner),
            _forward: None,
        }
    }

    fn with(mut self, f: impl FnOnce(&mut Draft)) -> Self {
        if let Some(draft) = &mut self.draft {
            f(draft);
        }
        self
    }

    fn with_context(mut self, f: impl FnOnce(&mut Context)) -> Self {
        if !RECORDS {
            return self;
        }
        if self.context.is_none() {
            self.context = recorded(Box::default());
        }
        if let Some(context) = &mut self.context {
            f(context);
        }
        self
    }
}

impl Draft {
    fn is_sampled(&self, remote_parent: Option<SpanId>) -> bool {
        let sampler = &self.owner.shared.sampler;
        let trace = SamplingInput {
            trace_id: self.id,
            attributes: &self.attributes,
            observation_type: self.kind,
            remote_parent,
            remote_sampled: self.sampled,
        };
        sampler.should_sample(&trace)
    }
}

impl fmt::Debug for TraceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .draft
            .as_ref()
            .map(|draft| draft.attributes.name.as_str());
        f.debug_struct("TraceBuilder")
            .field("name", &name)
            .finish_non_exhaustive()
    }
}
