//! Which spans are recorded, which pass their parent on, and which events are recorded.
//! Called once per callsite by `tracing-subscriber`, and by `layer` for each span.

use std::fmt;
use std::sync::Arc;

use tracefuse_semconv::{
    agent_span, is_langfuse_attribute, is_llm_attribute, is_llm_library, is_own, is_transport,
};
use tracing_core::metadata::LevelFilter;
use tracing_core::subscriber::Interest;
use tracing_core::{Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

type Predicate = Arc<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>;

/// Whether a span is about a language model, the default of what is recorded: it has a field whose
/// name begins with `gen_ai.` or `langfuse.`, the target of a known LLM library, or target and name of a known agent's span.
///
/// Of use in a predicate of your own:
///
/// ```
/// # let tracer = tracefuse_core::Tracer::noop();
/// # type S = tracing_subscriber::Registry;
/// let layer = tracefuse_tracing::builder(&tracer)
///     .filter(|span| tracefuse_tracing::is_llm(span) || span.target().starts_with("my_app"))
///     .layer();
/// # let layer: Box<dyn tracing_subscriber::Layer<S> + Send + Sync> = tracing_subscriber::Layer::<S>::boxed(layer);
/// ```
#[must_use]
pub fn is_llm(span: &Metadata<'_>) -> bool {
    is_llm_library(span.target())
        || agent_span(span.target(), span.name()).is_some()
        || span
            .fields()
            .iter()
            .any(|field| is_llm_attribute(field.name()))
}

/// The spans that the user chose.
#[derive(Clone)]
pub(crate) struct Admission {
    /// Whether there is anything to record for.
    pub(crate) enabled: bool,
    pub(crate) spans: Spans,
    /// The least severe event that is recorded.
    pub(crate) events: LevelFilter,
}

#[derive(Clone)]
pub(crate) enum Spans {
    Llm,
    All,
    Chosen(Predicate),
}

impl Admission {
    /// Whether a span becomes an observation.
    pub(crate) fn records(&self, span: &Metadata<'_>) -> bool {
        if is_own(span.target()) {
            return false;
        }
        match &self.spans {
            Spans::Llm => is_llm(span),
            Spans::All => is_passed(span) || is_llm(span),
            Spans::Chosen(predicate) => predicate(span),
        }
    }

    /// Whether an event is recorded.
    pub(crate) fn hears(&self, event: &Metadata<'_>) -> bool {
        *event.level() <= self.events && !is_own(event.target()) && !is_transport(event.target())
    }

    /// Whether the layer is called for it.
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let wanted = if metadata.is_span() {
            is_passed(metadata) || self.records(metadata)
        } else {
            metadata.is_event() && (self.hears(metadata) || describes_its_span(metadata))
        };
        wanted && self.enabled
    }
}

impl<S> Filter<S> for Admission {
    /// Always `true`. What `callsite_enabled` refused comes here only if another layer could not decide in
    /// advance. A refusal here would stay in the thread's filter state if no span or event follows, as
    /// after `tracing::enabled!`, and the next span would be missed. The layer asks again.
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        // An LLM span may have any level.
        (!self.enabled).then_some(LevelFilter::OFF)
    }
}

/// Whether an event, of any level, has fields for its span: swiftide writes model, messages and tokens of a call in an event
/// at its end.
pub(crate) fn describes_its_span(event: &Metadata<'_>) -> bool {
    let mut fields = event.fields().iter();
    !is_own(event.target()) && fields.any(|field| is_langfuse_attribute(field.name()))
}

/// Whether a span is of the application's own doing, so that it may carry a parent into a task.
fn is_passed(span: &Metadata<'_>) -> bool {
    *span.level() <= Level::INFO && !is_transport(span.target())
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let spans = match self.spans {
            Spans::Llm => "llm",
            Spans::All => "all",
            Spans::Chosen(_) => "chosen",
        };
        f.debug_struct("Admission")
            .field("spans", &spans)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
