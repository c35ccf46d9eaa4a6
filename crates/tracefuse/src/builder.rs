//! Wiring: configuration and exporters to a `Pipeline`, a pipeline to a `Tracer`.
//! Called by the free functions of the front page; the only place that knows every crate.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use tracefuse_core::{Clock, ExporterStats, Masker, Sampler, SamplingInput, Tracer};
use tracefuse_exporter::Exporter;
use tracefuse_exporter::record::Resource;
use tracefuse_runtime::{Pipeline, PipelineBuilder, PipelineConfig, TailSampler, TailSampling};

use crate::config::{Config, ConfigError, Mode, TracerConfig};

type OnHealth = Box<dyn Fn(&ExporterStats) + Send + Sync>;

/// Builds a [`Tracer`] from any mix of exporters.
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
    hold: Option<TailSampling>,
    on_health: Option<OnHealth>,
    /// Whether Langfuse's rules for names apply.
    to_langfuse: bool,
    /// What was wrong on the way; told by `build`, so that calls can be chained.
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
            hold: None,
            on_health: None,
            to_langfuse: false,
            error: None,
        }
    }

    /// A builder with everything that configuration outside of code asks for: its settings, and an
    /// exporter for each of its modes. What is called on it afterwards wins.
    ///
    /// # Errors
    /// If a setting is malformed, or a mode lacks what it needs.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_config(Config::from_env()?)
    }

    /// [`from_env`](Self::from_env) for configuration that came from elsewhere.
    ///
    /// # Errors
    /// If a mode lacks what it needs.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a configuration is used up by building from it"
    )]
    pub fn from_config(config: Config) -> Result<Self, ConfigError> {
        let mut builder = Self::new();
        builder.config = config.tracer.clone();
        if !config.tracer.enabled {
            return Ok(builder);
        }
        for mode in config.effective_modes() {
            builder.to_langfuse |= *mode == Mode::Langfuse;
            if let Some(exporter) = crate::modes::exporter(*mode, &config)? {
                builder.exporters.push(exporter);
            }
        }
        if config.effective_modes() == [Mode::None] {
            builder.config.enabled = false;
        }
        Ok(builder)
    }

    /// Changes settings of recording and delivery.
    ///
    /// ```
    /// # use std::time::Duration;
    /// let builder = tracefuse::builder().configure(|config| {
    ///     config.batch_size = 50;
    ///     config.flush_interval = Duration::from_secs(1);
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

    /// What takes out of spans what must not leave the process, before any exporter sees them; none by
    /// default. A second one is put in the place of the first: compose them with [`Mask`](crate::Mask).
    ///
    /// ```
    /// let builder = tracefuse::builder().masker(tracefuse::Mask::standard().keys(["diagnosis"]));
    /// ```
    pub fn masker(mut self, masker: impl Masker) -> Self {
        self.masker = Some(Arc::new(masker));
        self
    }

    /// What decides, when a trace begins, whether it is recorded; in the place of the sample rate.
    ///
    /// ```
    /// use tracefuse::SamplingInput;
    ///
    /// let builder = tracefuse::builder().sampler(|trace: &SamplingInput<'_>| trace.attributes.name != "health");
    /// ```
    pub fn sampler(mut self, sampler: impl Sampler) -> Self {
        self.sampler = Some(Box::new(sampler));
        self
    }

    /// Keeps a trace's spans back until the trace has ended, so that attributes set late reach all of
    /// them, and so that what happened decides whether the trace is kept.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use tracefuse::{TailSampling, SampleRate};
    ///
    /// // Every trace that failed or took more than 10 s, and a tenth of the others.
    /// let hold = TailSampling::new().keep_slower_than(Duration::from_secs(10)).rate(SampleRate::new(0.1)?);
    /// let builder = tracefuse::builder().tail_sampling(hold);
    /// # Ok::<(), tracefuse::SampleRateError>(())
    /// ```
    pub fn tail_sampling(mut self, config: TailSampling) -> Self {
        self.hold = Some(config);
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
        self.to_langfuse = true;
        match tracefuse_langfuse::LangfuseExporter::new(config) {
            Ok(exporter) => return self.exporter(exporter),
            Err(error) => self.error = Some(ConfigError::because(error.to_string(), error)),
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
        match tracefuse_otlp::OtlpExporter::new(config) {
            Ok(exporter) => return self.exporter(exporter),
            Err(error) => self.error = Some(ConfigError::because(error.to_string(), error)),
        }
        self
    }

    /// Keeps on disk, below `dir`, what cannot be delivered, and delivers what an earlier run left there.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub fn spool(mut self, dir: impl Into<std::path::PathBuf>) -> Self {
        self.config.spool_dir = Some(dir.into());
        self
    }

    /// Calls `f` whenever the health of an exporter changes, such as when its circuit breaker opens, with
    /// its numbers at that moment. Called on the thread that delivers: it should return at once.
    pub fn on_health_change(mut self, f: impl Fn(&ExporterStats) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Box::new(f));
        self
    }

    /// The tracer. Without exporters, or if recording is switched off, it is one that does nothing.
    ///
    /// # Errors
    /// If an exporter could not be built or a delivery thread not be started.
    pub fn build(self) -> Result<Tracer, ConfigError> {
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.to_langfuse
            && let Some(environment) = &self.config.environment
        {
            crate::modes::check_environment(environment)?;
        }
        if !self.config.enabled || self.exporters.is_empty() {
            return Ok(Tracer::noop());
        }
        if !tracefuse_core::bridge::RECORDS {
            return Err(ConfigError::new(
                "there is an exporter, but this program was built without recording: \
                 enable the cargo feature `record` of tracefuse",
            ));
        }
        let mut pipeline = Pipeline::builder()
            .config(delivery(&self.config))
            .resource(resource(&self.config));
        if let Some(masker) = self.masker {
            pipeline = pipeline.shared_masker(masker);
        }
        let exporters = self.exporters.clone();
        for exporter in self.exporters {
            pipeline = pipeline.shared_exporter(exporter);
        }
        if let Some(dir) = &self.config.spool_dir {
            pipeline = spool(pipeline, dir, &self.config)?;
        }
        if let Some(on_health) = self.on_health {
            pipeline = pipeline.on_health_change(move |stats| on_health(stats));
        }
        let pipeline = pipeline.build().map_err(|error| {
            ConfigError::because(format!("delivery cannot be started: {error}"), error)
        })?;
        for exporter in &exporters {
            crate::say::delivers(&**exporter);
        }
        let mut tracer = match self.hold {
            None => Tracer::builder(pipeline),
            Some(hold) => {
                Tracer::builder(TailSampler::with_clock(pipeline, hold, self.clock.clone()))
            }
        };
        tracer = tracer.sample_rate(self.config.sample_rate);
        if let Some(sampler) = self.sampler {
            tracer = tracer.sampler(move |trace: &SamplingInput<'_>| sampler.should_sample(trace));
        }
        let tracer = tracer
            .clock(self.clock)
            .backtraces(self.config.backtraces)
            .warn_open_longer(self.config.warn_open_longer)
            .warn_open_more(self.config.warn_open_more)
            .capture_content(self.config.capture_content)
            .shutdown_timeout(self.config.shutdown_timeout)
            .flush_timeout(self.config.flush_timeout);
        Ok(tracer.build())
    }
}

#[cfg(feature = "spool")]
#[expect(clippy::unnecessary_wraps, reason = "its twin cannot do it")]
fn spool(
    pipeline: PipelineBuilder,
    dir: &Path,
    config: &TracerConfig,
) -> Result<PipelineBuilder, ConfigError> {
    let mut spool = tracefuse_runtime::spool::SpoolConfig::new(dir);
    spool.max_bytes = config.spool_max_bytes;
    Ok(pipeline.spool(spool, config.spool_mode))
}

#[cfg(not(feature = "spool"))]
fn spool(_: PipelineBuilder, _: &Path, _: &TracerConfig) -> Result<PipelineBuilder, ConfigError> {
    Err(ConfigError::new(
        "`TRACEFUSE_SPOOL_DIR` is set, but this program was built without a spool: \
         add the feature `spool` to `tracefuse` in Cargo.toml",
    ))
}

fn delivery(config: &TracerConfig) -> PipelineConfig {
    let mut delivery = PipelineConfig::default();
    delivery.batch_size = config.batch_size;
    delivery.max_batch_bytes = config.max_batch_bytes;
    delivery.flush_interval = config.flush_interval;
    delivery.max_queue_size = config.max_queue_size;
    delivery.max_queue_bytes = config.max_queue_bytes;
    delivery.max_retries = config.max_retries;
    delivery.circuit_breaker_threshold = config.circuit_breaker_threshold;
    delivery.circuit_breaker_reset = config.circuit_breaker_reset;
    delivery.overload = config.overload;
    delivery.while_open = config.while_open;
    delivery
}

fn resource(config: &TracerConfig) -> Resource {
    let mut resource = Resource::default();
    resource.service_name.clone_from(&config.service_name);
    resource.environment.clone_from(&config.environment);
    resource.release.clone_from(&config.release);
    resource.version.clone_from(&config.version);
    crate::config::describe(&mut resource, &config.resource_attributes);
    resource
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
