//! The layer itself: spans of `tracing` become observations with the right parents.
//! Called by `tracing-subscriber`; starts and ends spans of the core, and makes them current.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracefuse_core::bridge::{WeakTracer, is_suppressed, is_unsampled};
use tracefuse_core::{ObservationType, Span, Trace};
use tracefuse_semconv::{Observation, Value, agent_span};
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::fields::Fields;
use crate::filter::{Admission, describes_its_span};
use crate::{entered, event};

/// What the layer keeps with a span of `tracing`.
enum Kept {
    /// It became an observation.
    Own(Arc<Own>),
    /// It is not recorded; what is below it belongs to this.
    Passed(Span),
}

struct Own {
    observation: Observation,
    /// Keeps the tracer open as long as the root of the trace.
    _trace: Option<Trace>,
    /// Whether tokens were counted below.
    counted: AtomicBool,
}

impl Kept {
    fn span(&self) -> &Span {
        match self {
            Self::Own(own) => own.observation.span(),
            Self::Passed(span) => span,
        }
    }
}

/// Where a new span belongs.
enum Place {
    /// Below this, which may belong to a trace that is not recorded.
    Below(Span),
    Root,
}

/// The layer; its filter decides for which spans and events it is called.
#[derive(Debug)]
pub(crate) struct Observe {
    tracer: WeakTracer,
    admission: Admission,
}

impl Observe {
    pub(crate) fn new(tracer: WeakTracer, admission: Admission) -> Self {
        Self { tracer, admission }
    }

    /// What a span with these attributes is below.
    fn place<S>(attributes: &Attributes<'_>, ctx: &Context<'_, S>) -> Place
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        // Where `tracing` has no current span, `parent: None` says no more than leaving it out, and
        // rig does say it; an observation of the core's is a parent all the same.
        if attributes.is_root() && ctx.current_span().id().is_some() {
            return Place::Root;
        }
        let contextual = attributes.parent().is_none();
        if contextual {
            // The innermost of both kinds: an entered span of `tracing` is on the core's stack too.
            let current = Span::current();
            if current.id().is_some() || is_unsampled(&current) {
                return Place::Below(current);
            }
        }
        let parent = match attributes.parent() {
            Some(id) => ctx.span(id),
            None => ctx.lookup_current(),
        };
        match parent.and_then(|parent| inherited(&parent)) {
            None => Place::Root,
            // Current for `tracing` but not for the core: a span that is not recorded is between them.
            Some(_) if contextual => Place::Below(Span::noop()),
            Some(span) => Place::Below(span),
        }
    }

    /// Starts the observation; `None` if there is no tracer any more.
    fn start(&self, place: Place, name: &'static str) -> Option<(Span, Option<Trace>)> {
        match place {
            Place::Below(parent) => {
                let span = parent.observation(name, ObservationType::Span).start();
                Some((span, None))
            }
            Place::Root => {
                let trace = self.tracer.upgrade()?.trace(name).start();
                Some((trace.root().clone(), Some(trace)))
            }
        }
    }
}

impl<S> Layer<S> for Observe
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id).filter(|_| !is_suppressed()) else {
            return;
        };
        let metadata = attributes.metadata();
        let place = Self::place(attributes, &ctx);
        let kept = if self.admission.records(metadata) {
            let is_root = matches!(place, Place::Root);
            let Some((observed, trace)) = self.start(place, metadata.name()) else {
                return;
            };
            let recording = observed.is_recording();
            let own = Arc::new(Own {
                observation: Observation::new(observed, is_root, metadata.name()),
                _trace: trace,
                counted: AtomicBool::new(false),
            });
            if recording {
                if let Some(kind) = agent_span(metadata.target(), metadata.name()) {
                    own.observation.begin_as(kind);
                }
                own.record(|visitor| attributes.record(visitor));
                own.observation.started();
            }
            Kept::Own(own)
        } else {
            match place {
                Place::Below(span) => Kept::Passed(span),
                Place::Root => return,
            }
        };
        span.extensions_mut().replace(kept);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        if let Some(own) = own(id, &ctx)
            && own.observation.span().is_recording()
        {
            own.record(|visitor| values.record(visitor));
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, ctx: Context<'_, S>) {
        let Some(own) = own(id, &ctx).filter(|_| !is_suppressed()) else {
            return;
        };
        // A span that is not recorded is linked by the observation that it passes on.
        if let Some(followed) = ctx.span(follows).and_then(|span| inherited(&span)) {
            own.observation.span().add_link(&followed);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let detached = event.is_root() && ctx.current_span().id().is_some();
        if detached || is_suppressed() {
            return;
        }
        if describes_its_span(event.metadata())
            && let Some(span) = ctx.event_span(event).map(|span| span.id())
            && let Some(own) = own(&span, &ctx)
            && own.observation.span().is_recording()
        {
            own.record(|visitor| event.record(visitor));
        }
        if !self.admission.hears(event.metadata()) {
            return;
        }
        let span = match event.parent() {
            None => Some(Span::current()),
            Some(id) => ctx.span(id).and_then(|span| inherited(&span)),
        };
        if let Some(span) = span.filter(Span::is_recording) {
            event::record(&span, event);
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        let kept = ctx
            .span(id)
            .and_then(|span| Some(span.extensions().get::<Kept>()?.span().clone()));
        if let Some(span) = kept {
            entered::enter(id, span);
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        entered::exit(id);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(&id) else { return };
        // Taken out first: the end of an observation may use this span again.
        let kept = span.extensions_mut().remove::<Kept>();
        let Some(Kept::Own(own)) = kept else { return };
        if own.observation.finish(own.counted.load(Ordering::Relaxed))
            && let Some(above) = nearest_own(&span)
        {
            above.counted.store(true, Ordering::Relaxed);
        }
    }
}

impl Own {
    fn record(&self, values: impl FnOnce(&mut dyn tracing_core::field::Visit)) {
        values(&mut Fields(|name: &'static str, value: Value<'_>| {
            self.observation.record(name, value);
        }));
    }
}

/// The observation of a span, or the one it passes on; also of a trace that is not recorded.
pub(crate) fn inherited<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Option<Span> {
    Some(span.extensions().get::<Kept>()?.span().clone())
}

fn own<S>(id: &Id, ctx: &Context<'_, S>) -> Option<Arc<Own>>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    match ctx.span(id)?.extensions().get::<Kept>()? {
        Kept::Own(own) => Some(own.clone()),
        Kept::Passed(_) => None,
    }
}

/// The next span above that became an observation.
fn nearest_own<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Option<Arc<Own>> {
    span.scope()
        .skip(1)
        .find_map(|above| match above.extensions().get::<Kept>()? {
            Kept::Own(own) => Some(own.clone()),
            Kept::Passed(_) => None,
        })
}
