//! The handle that applications have: settings, the tables of series, and the numbers in each format.
//! Made by applications; given to the tracer as a processor (`processor`); read at each scrape and each export.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tracefuse_core::bridge::WeakStats;
use tracefuse_core::record::{Resource, ValueRef};
use tracefuse_core::{Processor, Stats, Tracer};

use crate::accounting;
use crate::collect::{Labels, Picture};
use crate::error::MetricsError;
use crate::facts::{Facts, Operation};
use crate::instrument as i;
use crate::processor::Measured;
use crate::prometheus;
#[cfg(feature = "otlp")]
use crate::push::{OtlpMetricsConfig, Push};
use crate::series::Table;

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
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    calls: Table,
    tools: Table,
    agents: Table,
    older_names: bool,
    /// Spans of unsampled traces that ended.
    unsampled: AtomicU64,
    /// The largest number of started spans that was given out: a counter must not go down.
    started: AtomicU64,
    source: Mutex<Source>,
    #[cfg(feature = "otlp")]
    push: Option<Push>,
}

/// Where the numbers of delivery come from.
#[derive(Default)]
struct Source {
    processor: Option<Arc<dyn Processor>>,
    tracer: Option<WeakStats>,
    resource: Arc<Resource>,
}

impl Metrics {
    /// Metrics with default settings, for Prometheus.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shared: Arc::new(Shared::new(&MetricsBuilder::default())),
        }
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
        self.shared
            .source(|source| source.processor = Some(processor));
        Measured::new(self.clone(), inner)
    }

    /// Takes what a tracer itself counts, such as open spans, from this tracer. Without it, [`prometheus`](Self::prometheus)
    /// has the numbers of delivery alone. It does not keep the tracer open.
    pub fn watch(&self, tracer: &Tracer) {
        let stats = WeakStats::new(tracer);
        self.shared.source(|source| source.tracer = Some(stats));
    }

    /// What describes the process in each export, and in Prometheus' `target_info`: service, environment, version.
    pub fn set_resource(&self, resource: Resource) {
        let resource = Arc::new(resource);
        self.shared.source(|source| source.resource = resource);
    }

    /// All numbers in Prometheus' text format (0.0.4, content type `text/plain; version=0.0.4`), for an endpoint of yours.
    ///
    /// Names follow OpenTelemetry's rules for Prometheus: `gen_ai.client.inference.duration` is
    /// `gen_ai_client_inference_duration_seconds`, counters end with `_total`. It takes some milliseconds for thousands of
    /// series; threads that end spans do not wait for it.
    #[must_use]
    pub fn prometheus(&self) -> String {
        let picture = self.shared.picture();
        prometheus::text(&picture, &target(&self.shared.resource()))
    }

    /// Sets of attributes in memory.
    #[must_use]
    pub fn series(&self) -> usize {
        self.shared.tables().iter().map(|table| table.len()).sum()
    }

    /// Spans that were counted in a series with `otel.metric.overflow`, because there were too many sets of attributes.
    #[must_use]
    pub fn overflowed(&self) -> u64 {
        self.shared
            .tables()
            .iter()
            .map(|table| table.overflowed())
            .sum()
    }

    pub(crate) fn add(&self, facts: &Facts<'_>) {
        let table = match facts.operation {
            Operation::Tool => &self.shared.tools,
            Operation::Agent => &self.shared.agents,
            _ => &self.shared.calls,
        };
        table.add(facts);
    }

    pub(crate) fn note_unsampled(&self) {
        self.shared.unsampled.fetch_add(1, Ordering::Relaxed);
    }

    /// Exports what is there, if metrics are exported; `close` ends the export.
    pub(crate) fn flush(&self, within: Duration, close: bool) {
        #[cfg(feature = "otlp")]
        if let Some(push) = &self.shared.push {
            push.flush(within, close);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = (within, close);
    }

    /// [`flush`](Self::flush) without blocking the thread.
    pub(crate) async fn flush_async(&self, within: Duration, close: bool) {
        #[cfg(feature = "otlp")]
        if let Some(push) = &self.shared.push {
            push.flush_async(within, close).await;
        }
        #[cfg(not(feature = "otlp"))]
        let _ = (within, close);
    }
}

impl Shared {
    fn new(settings: &MetricsBuilder) -> Self {
        Self {
            // Model calls, embeddings and retrievals share instruments, so they share a limit.
            calls: Table::new(settings.max_series, 3),
            tools: Table::new(settings.max_series, 1),
            agents: Table::new(settings.max_series, 1),
            older_names: settings.older_names,
            unsampled: AtomicU64::new(0),
            started: AtomicU64::new(0),
            source: Mutex::default(),
            #[cfg(feature = "otlp")]
            push: None,
        }
    }

    fn tables(&self) -> [&Table; 3] {
        [&self.calls, &self.tools, &self.agents]
    }

    fn source<R>(&self, f: impl FnOnce(&mut Source) -> R) -> R {
        f(&mut self.source.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn resource(&self) -> Arc<Resource> {
        self.source(|source| source.resource.clone())
    }

    fn stats(&self) -> Option<Stats> {
        let (processor, tracer) =
            self.source(|source| (source.processor.clone(), source.tracer.clone()));
        tracer
            .and_then(|tracer| tracer.read())
            .or_else(|| Some(processor?.stats()))
    }

    /// All numbers now.
    pub(crate) fn picture(&self) -> Picture {
        let mut picture = Picture::default();
        for table in self.tables() {
            picture.table(table, self.older_names);
        }
        if let Some(stats) = self.stats() {
            let measured = self.unsampled.load(Ordering::Relaxed);
            let started = stats.recorded + measured + stats.open + stats.not_recorded;
            let started = started.max(self.started.fetch_max(started, Ordering::Relaxed));
            accounting::add(&mut picture, &stats, started, measured);
        }
        let series: usize = self.tables().iter().map(|table| table.len()).sum();
        let overflowed: u64 = self.tables().iter().map(|table| table.overflowed()).sum();
        picture.number(i::SERIES, Labels::new(), series as u64);
        picture.number(i::OVERFLOWED, Labels::new(), overflowed);
        #[cfg(feature = "otlp")]
        if let Some(push) = &self.push {
            push.add_to(&mut picture);
        }
        picture
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

    /// Also gives out `gen_ai.client.operation.duration` of model calls and `gen_ai.client.token.usage`, the names before
    /// version 0.1.0 of the conventions. Off by default.
    pub fn older_names(mut self, older_names: bool) -> Self {
        self.older_names = older_names;
        self
    }

    /// Exports to an OpenTelemetry backend, by OTLP over HTTP, from a thread of its own.
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
        #[cfg_attr(
            not(feature = "otlp"),
            expect(unused_mut, reason = "the exporter is set here")
        )]
        let mut shared = Shared::new(&self);
        #[cfg(feature = "otlp")]
        if let Some(config) = self.otlp {
            let (push, worker) = Push::new(&config)?;
            shared.push = Some(push);
            let shared = Arc::new(shared);
            worker.start(Arc::downgrade(&shared))?;
            return Ok(Metrics { shared });
        }
        Ok(Metrics {
            shared: Arc::new(shared),
        })
    }
}
