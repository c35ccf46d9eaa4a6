//! How a layer is made. Called by applications; gives `layer` behind its `filter`.

use std::sync::Arc;

use tracefuse_core::Tracer;
use tracefuse_core::bridge::WeakTracer;
use tracing_core::metadata::LevelFilter;
use tracing_core::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

use crate::filter::{Admission, Spans};
use crate::layer::Observe;

/// A layer that records the LLM spans of `tracing` through this tracer, see [`builder`] for others.
///
/// It does not keep the tracer open: keep the tracer, and shut it down, as without `tracing`. A
/// subscriber takes one such layer.
pub fn layer<S>(tracer: &Tracer) -> impl Layer<S> + Send + Sync + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    builder(tracer).layer()
}

/// Describes a [`layer`].
pub fn builder(tracer: &Tracer) -> LayerBuilder {
    LayerBuilder {
        tracer: WeakTracer::new(tracer),
        admission: Admission {
            enabled: tracer.is_enabled(),
            spans: Spans::Llm,
            events: LevelFilter::WARN,
        },
    }
}

/// Describes a layer: which spans and which events it records.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
///
/// let tracer = tracefuse_core::Tracer::noop();
/// let layer = tracefuse_tracing::builder(&tracer).filter(|span| span.target().starts_with("my_app")).layer();
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `layer`"]
pub struct LayerBuilder {
    tracer: WeakTracer,
    admission: Admission,
}

impl LayerBuilder {
    /// Records every span of level `INFO` and above, except those of HTTP clients, and LLM spans of any level.
    pub fn all(mut self) -> Self {
        self.admission.spans = Spans::All;
        self
    }

    /// Records the spans this says yes to, in place of those of [`is_llm`](crate::is_llm). It is
    /// asked about a span's level, target, name and names of fields, never about values.
    pub fn filter(
        mut self,
        predicate: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.admission.spans = Spans::Chosen(Arc::new(predicate));
        self
    }

    /// The least severe event that is recorded; `WARN` by default, since Langfuse counts each event as
    /// an observation. `OFF` records none, and then no event marks a span as failed.
    pub fn events(mut self, level: LevelFilter) -> Self {
        self.admission.events = level;
        self
    }

    /// The layer.
    pub fn layer<S>(self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let admission = self.admission.clone();
        Observe::new(self.tracer, self.admission).with_filter(admission)
    }
}
