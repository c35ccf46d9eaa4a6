//! The handle that applications have: settings, the tables of series, and the numbers in each format.
//! Made by applications; given to the tracer as a processor (`processor`); read at each scrape and each export.

use std::fmt;
use std::sync::Arc;

use tracefuse_core::bridge::WeakStats;
use tracefuse_core::record::{Resource, ValueRef};
use tracefuse_core::{Processor, Tracer};

use crate::error::MetricsError;
#[cfg(feature = "otlp")]
use crate::otlp::OtlpMetricsConfig;
use crate::processor::{Exporter, Measured};
use crate::prometheus;
#[cfg(feature = "otlp")]
use crate::push::Push;
use crate::registry::Registry;

/// Metrics of the spans that end, before sampling. Cheap to clone; clones share their numbers.
///
/// Give it to the tracer, and read it where your metrics are read:
///
/// ```
/// use tracefuse_core::{Tracer, testing::Recorder};
/// use tracefuse_metrics::Metrics;
///
/// let metrics = Metrics::new();
/// let tracer = Tracer::builder(metrics.processor(Recorder::new())).build();
/// tracer.trace("request").run(|trace| trace.generation("answer").model("gpt-4o").run(|_| {}));
///
/// let text = metrics.prometheus();
/// assert!(text.contains("gen_ai_client_inference_duration_seconds_count"));
/// ```
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    exporter: Exporter,
}

impl Metrics {
    /// Metrics with default settings, for Prometheus.
    #[must_use]
    pub fn new() -> Self {
        MetricsBuilder::default().without_export()
    }

    /// Settings of metrics.
    pub fn builder() -> MetricsBuilder {
        MetricsBuilder::default()
    }

    /// The processor that measures spans and passes them on to `inner`. Give it to [`Tracer::builder`]; it must be the
    /// outermost one. Metrics belong to one tracer: a second call takes the numbers of delivery from the new `inner`.
    pub fn processor<P: Processor>(&self, inner: P) -> Measured<P> {
        let inner = Arc::new(inner);
        let processor: Arc<dyn Processor> = inner.clone();
        self.registry
            .source(|source| source.processor = Some(processor));
        Measured::new(self.registry.clone(), self.exporter.clone(), inner)
    }

    /// Takes what a tracer itself counts, such as open spans, from this tracer. Without it, [`prometheus`](Self::prometheus)
    /// has the numbers of delivery alone. It does not keep the tracer open.
    pub fn watch(&self, tracer: &Tracer) {
        let stats = WeakStats::new(tracer);
        self.registry.source(|source| source.tracer = Some(stats));
    }

    /// What describes the process in each export, and in Prometheus' `target_info`: service, environment, version.
    pub fn set_resource(&self, resource: Resource) {
        let resource = Arc::new(resource);
        self.registry.source(|source| source.resource = resource);
    }

    /// All numbers in Prometheus' text format (0.0.4, content type `text/plain; version=0.0.4`), for an endpoint of yours.
    ///
    /// Names follow OpenTelemetry's rules for Prometheus: `gen_ai.client.inference.duration` is
    /// `gen_ai_client_inference_duration_seconds`, counters end with `_total`. It takes some milliseconds for thousands of
    /// series; threads that end spans do not wait for it.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let snapshot = self.registry.snapshot();
        prometheus::text(&snapshot, &target(&self.registry.resource()))
    }

    /// Sets of attributes in memory.
    #[must_use]
    pub fn series(&self) -> usize {
        self.registry.series()
    }

    /// Spans that were counted in a series with `otel.metric.overflow`, because there were too many sets of attributes.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.registry.overflowed()
    }
}

/// The labels of `target_info`; none if nothing describes the process.
fn target(resource: &Resource) -> Vec<(String, String)> {
    let version = resource.version.as_ref().or(resource.release.as_ref());
    let mut target = Vec::new();
    for (key, value) in [
        ("service.name", resource.service_name.as_ref()),
        ("deployment.environment.name", resource.environment.as_ref()),
        ("service.version", version),
    ] {
        target.extend(value.map(|value| (key.to_owned(), value.clone())));
    }
    for (key, value) in &resource.attributes {
        let value = match value.as_ref() {
            ValueRef::Str(text) | ValueRef::Json(text) => text.to_owned(),
            ValueRef::Bool(value) => value.to_string(),
            ValueRef::I64(value) => value.to_string(),
            ValueRef::U64(value) => value.to_string(),
            ValueRef::F64(value) => value.to_string(),
            // No other kind of value exists yet.
            _ => continue,
        };
        target.retain(|(known, _)| known != key);
        target.push((key.clone(), value));
    }
    target
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("series", &self.series())
            .finish_non_exhaustive()
    }
}

/// Settings of [`Metrics`].
///
/// ```
/// use tracefuse_metrics::Metrics;
///
/// let metrics = Metrics::builder().max_series(500).older_names(true).build()?;
/// # drop(metrics);
/// # Ok::<(), tracefuse_metrics::MetricsError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct MetricsBuilder {
    max_series: usize,
    older_names: bool,
    #[cfg(feature = "otlp")]
    otlp: Option<OtlpMetricsConfig>,
}

impl Default for MetricsBuilder {
    fn default() -> Self {
        Self {
            max_series: 2000,
            older_names: false,
            #[cfg(feature = "otlp")]
            otlp: None,
        }
    }
}

impl MetricsBuilder {
    /// How many sets of attributes are kept, for model calls, embeddings and retrievals together, for tools and for agents:
    /// 2,000 by default, the limit of OpenTelemetry's SDKs; 10 to 100,000. Spans with further sets are counted in a
    /// series that has the attribute `otel.metric.overflow=true` alone. A counter of tokens has up to five points for each
    /// set, one a modality.
    pub fn max_series(mut self, series: usize) -> Self {
        self.max_series = series;
        self
    }

    /// Adds `gen_ai.client.operation.duration` of model calls and `gen_ai.client.token.usage`, the names before
    /// version 0.1.0 of the conventions. Off by default.
    pub fn older_names(mut self, older_names: bool) -> Self {
        self.older_names = older_names;
        self
    }

    /// Exports to an OpenTelemetry backend, by OTLP over HTTP, from its own thread.
    #[cfg(feature = "otlp")]
    #[cfg_attr(docsrs, doc(cfg(feature = "otlp")))]
    pub fn otlp(mut self, config: OtlpMetricsConfig) -> Self {
        self.otlp = Some(config);
        self
    }

    /// The metrics.
    ///
    /// # Errors
    /// If a setting is outside of its range, an address or a header cannot be used, or the thread that exports cannot be
    /// started.
    pub fn build(self) -> Result<Metrics, MetricsError> {
        if !(10..=100_000).contains(&self.max_series) {
            let message = format!("`max_series` is {}: expected 10 to 100000", self.max_series);
            return Err(MetricsError::new(message));
        }
        #[cfg(feature = "otlp")]
        if let Some(config) = &self.otlp {
            let (push, worker) = Push::new(config)?;
            let mut metrics = self.without_export();
            let _ = metrics.registry.exports.set(push.exports.clone());
            metrics.exporter.push = Some(Arc::new(push));
            worker.start(Arc::downgrade(&metrics.registry))?;
            return Ok(metrics);
        }
        Ok(self.without_export())
    }

    fn without_export(&self) -> Metrics {
        Metrics {
            registry: Arc::new(Registry::new(self.max_series, self.older_names)),
            exporter: Exporter::default(),
        }
    }
}
