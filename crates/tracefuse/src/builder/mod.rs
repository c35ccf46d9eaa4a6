//! Builds a `Tracer` from configuration and exporters: what can be set is here, how it becomes a tracer is in `build`.
//! Called by the functions of the crate's root. With `build` the only module that knows every crate.

mod build;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::{Clock, ExporterStats, Sampler};
use tracefuse_exporter::Exporter;
use tracefuse_mask::Masker;
use tracefuse_runtime::TailSampling;

use crate::config::{Config, ConfigError, Mode, TracerConfig};

type OnHealth = Box<dyn Fn(&ExporterStats) + Send + Sync>;

/// Builds a [`Tracer`](crate::Tracer) from any mix of exporters.
///
/// ```
/// use tracefuse::exporter::InMemoryExporter;
///
/// let kept = InMemoryExporter::new();
/// let tracer = tracefuse::builder().exporter(kept.clone()).build()?;
/// tracer.trace("request").run(|trace| trace.span("work").run(|_| {}));
/// tracer.shutdown()?;
/// assert_eq!(kept.tree(), "request\n  work\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct Builder {
    config: TracerConfig,
    clock: Clock,
    exporters: Vec<Arc<dyn Exporter>>,
    masker: Option<Arc<dyn Masker>>,
    sampler: Option<Box<dyn Sampler>>,
    on_health: Option<OnHealth>,
    #[cfg(feature = "metrics")]
    metrics: Option<tracefuse_metrics::Metrics>,
    /// The longest timeout of the HTTP exporters.
    http_timeout: Duration,
    /// What is unusual about the settings; logged by `build`.
    warnings: Vec<String>,
    /// The first error of a setter; returned by `build`, so that calls can be chained.
    error: Option<ConfigError>,
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            config: TracerConfig::default(),
            clock: Clock::system(),
            exporters: Vec::new(),
            masker: None,
            sampler: None,
            on_health: None,
            #[cfg(feature = "metrics")]
            metrics: None,
            http_timeout: Duration::ZERO,
            warnings: Vec::new(),
            error: None,
        }
    }

    /// A builder from the environment, `.env` and `tracefuse.toml`: with their settings, and an exporter for each of the
    /// modes. What is called on it afterwards wins.
    ///
    /// # Errors
    /// If a setting is malformed, or a mode lacks what it needs.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_config(Config::from_env()?)
    }

    /// A builder from a configuration that code made or changed.
    ///
    /// # Errors
    /// If a mode lacks what it needs.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a configuration is consumed by building from it"
    )]
    pub fn from_config(config: Config) -> Result<Self, ConfigError> {
        let mut builder = Self::new();
        builder.config = config.tracer.clone();
        if !config.tracer.enabled {
            return Ok(builder);
        }
        if config.effective_modes() == [Mode::None] {
            builder.config.enabled = false;
            return Ok(builder);
        }
        for mode in config.effective_modes() {
            if let Some(exporter) = crate::modes::exporter(*mode, &config)? {
                builder.exporters.push(exporter);
            }
            match mode {
                #[cfg(feature = "langfuse")]
                Mode::Langfuse => builder.delivers_to_langfuse(&config.langfuse),
                #[cfg(feature = "langfuse")]
                Mode::Local => builder.waits_for(config.langfuse.http.timeout),
                #[cfg(feature = "otlp")]
                Mode::Otlp => builder.waits_for(config.otlp.transport.http.timeout),
                _ => {}
            }
        }
        Ok(builder)
    }

    #[cfg(feature = "langfuse")]
    fn delivers_to_langfuse(&mut self, config: &crate::LangfuseConfig) {
        self.warnings.extend(config.warnings());
        self.waits_for(config.http.timeout);
    }

    #[cfg(any(feature = "langfuse", feature = "otlp"))]
    fn waits_for(&mut self, timeout: Duration) {
        self.http_timeout = self.http_timeout.max(timeout);
    }

    /// Sets recording and delivery, in place of what was set before.
    ///
    /// ```
    /// use tracefuse::config::TracerConfig;
    /// use tracefuse::config::PipelineConfig;
    ///
    /// let config = TracerConfig::new().environment("staging").delivery(PipelineConfig::new().batch_size(50));
    /// let builder = tracefuse::builder().config(config);
    /// ```
    pub fn config(mut self, config: TracerConfig) -> Self {
        self.config = config;
        self
    }

    /// Changes single settings of recording and delivery, such as after [`from_env`](Self::from_env).
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = tracefuse::builder().configure(|config| {
    ///     config.environment = Some("staging".into());
    ///     config.delivery.batch_size = 50;
    ///     config.delivery.flush_interval = Duration::from_secs(1);
    /// });
    /// ```
    pub fn configure(mut self, change: impl FnOnce(&mut TracerConfig)) -> Self {
        change(&mut self.config);
        self
    }

    /// The clock spans are stamped by; the system's by default.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Masks the texts that must not leave the process, before any exporter sees a span; none by default. A second masker
    /// replaces the first: combine them with [`Mask`](crate::Mask).
    ///
    /// ```
    /// let builder = tracefuse::builder().masker(tracefuse::Mask::standard().keys(["diagnosis"]));
    /// ```
    pub fn masker(mut self, masker: impl Masker) -> Self {
        self.masker = Some(Arc::new(masker));
        self
    }

    /// Decides when a trace begins whether it is recorded; replaces the sample rate.
    ///
    /// ```
    /// use tracefuse::sampling::SamplingInput;
    ///
    /// let builder = tracefuse::builder().sampler(|trace: &SamplingInput<'_>| trace.attributes.name != "health");
    /// ```
    pub fn sampler(mut self, sampler: impl Sampler) -> Self {
        self.sampler = Some(Box::new(sampler));
        self
    }

    /// Tail sampling: keeps the spans of a trace in memory until the trace has ended, so that attributes that are set late
    /// reach all of them, and so that errors, duration and cost can decide whether the trace is delivered.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use tracefuse::{SampleRate, sampling::TailSampling};
    ///
    /// // Every trace that failed or took more than 10 s, and a tenth of the others.
    /// let sampling = TailSampling::new().keep_slower_than(Duration::from_secs(10)).rate(SampleRate::new(0.1)?);
    /// let builder = tracefuse::builder().tail_sampling(sampling);
    /// # Ok::<(), tracefuse::sampling::SampleRateError>(())
    /// ```
    pub fn tail_sampling(mut self, config: TailSampling) -> Self {
        self.config.tail_sampling = Some(config);
        self
    }

    /// Measures every span before sampling, and counts how it is delivered. Read the numbers from `metrics`.
    ///
    /// ```
    /// # use tracefuse::exporter::InMemoryExporter;
    /// let metrics = tracefuse::metrics::Metrics::new();
    /// let tracer = tracefuse::builder().exporter(InMemoryExporter::new()).metrics(&metrics).build()?;
    /// tracer.trace("request").run(|trace| trace.tool("weather").run(|_| {}));
    /// assert!(metrics.prometheus().contains("gen_ai_execute_tool_duration_seconds_count"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "metrics")]
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics")))]
    pub fn metrics(mut self, metrics: &tracefuse_metrics::Metrics) -> Self {
        self.metrics = Some(metrics.clone());
        self
    }

    /// Adds an exporter.
    pub fn exporter(mut self, exporter: impl Exporter) -> Self {
        self.exporters.push(Arc::new(exporter));
        self
    }

    /// Adds a Langfuse server.
    #[cfg(feature = "langfuse")]
    pub fn langfuse(mut self, config: crate::LangfuseConfig) -> Self {
        self.delivers_to_langfuse(&config);
        match tracefuse_langfuse::LangfuseExporter::new(config) {
            Ok(exporter) => return self.exporter(exporter),
            Err(error) => self.fail(&error.to_string()),
        }
        self
    }

    /// Adds the terminal.
    #[cfg(feature = "console")]
    pub fn console(self, config: crate::ConsoleConfig) -> Self {
        self.exporter(tracefuse_console::ConsoleExporter::new(config))
    }

    /// Adds an OpenTelemetry backend.
    #[cfg(feature = "otlp")]
    pub fn otlp(mut self, config: crate::OtlpConfig) -> Self {
        self.waits_for(config.transport.http.timeout);
        match tracefuse_otlp::OtlpExporter::new(config) {
            Ok(exporter) => return self.exporter(exporter),
            Err(error) => self.fail(&error.to_string()),
        }
        self
    }

    /// Whether there is something to record for without an exporter.
    #[cfg_attr(
        not(feature = "metrics"),
        expect(clippy::unused_self, reason = "nothing measures")
    )]
    fn measures(&self) -> bool {
        #[cfg(feature = "metrics")]
        return self.metrics.is_some();
        #[cfg(not(feature = "metrics"))]
        false
    }

    #[cfg(any(feature = "langfuse", feature = "otlp"))]
    fn fail(&mut self, message: &str) {
        self.error.get_or_insert_with(|| ConfigError::new(message));
    }

    /// Keeps on disk, below `dir`, what cannot be delivered, and delivers what an earlier run left there.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub fn spool(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.config.spool_dir = Some(dir.into());
        self
    }

    /// Calls `f` whenever the health of an exporter changes, such as when its circuit breaker opens, with its numbers at
    /// that moment. It is called on the delivery thread and should return at once.
    pub fn on_health_change(mut self, f: impl Fn(&ExporterStats) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Box::new(f));
        self
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exporters: Vec<&str> = self
            .exporters
            .iter()
            .map(|exporter| exporter.name())
            .collect();
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("exporters", &exporters)
            .finish_non_exhaustive()
    }
}
