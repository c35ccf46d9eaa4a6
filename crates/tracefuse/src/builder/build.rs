//! How a builder becomes a tracer: the settings are checked, the exporters get their queues and workers, the tracer its processor.
//! Called by `Builder::build`.

use std::path::Path;
use std::time::Duration;

use tracefuse_core::{Processor, SamplingInput, Tracer, TracerBuilder};
use tracefuse_exporter::record::Resource;
use tracefuse_runtime::{Pipeline, PipelineBuilder, PipelineConfig, TailSampler};

use super::Builder;
use crate::config::{ConfigError, TracerConfig};

impl Builder {
    /// The tracer. Without exporters and metrics, or if recording is switched off, it is one that does nothing.
    ///
    /// # Errors
    /// If an exporter could not be built, a setting is outside of its range, or a delivery thread cannot be started.
    /// A tracer that is switched off never fails.
    pub fn build(self) -> Result<Tracer, ConfigError> {
        if !self.config.enabled {
            return Ok(Tracer::noop());
        }
        if let Some(error) = self.error {
            return Err(error);
        }
        self.config.check()?;
        if self.exporters.is_empty() && !self.measures() {
            return Ok(Tracer::noop());
        }
        let environment = self.config.environment.as_deref();
        let environment = environment.and_then(crate::modes::environment_warning);
        for warning in self.warnings.iter().chain(&environment) {
            crate::say::warning(warning);
        }
        if !tracefuse_core::bridge::RECORDS {
            return Err(ConfigError::new(
                "there is an exporter, but this program was built without recording: \
                 enable the cargo feature `record` of tracefuse",
            ));
        }
        let mut pipeline = Pipeline::builder()
            .config(delivery(self.config.delivery.clone(), self.http_timeout))
            .resource(resource(&self.config));
        if let Some(masker) = self.masker {
            pipeline = pipeline.shared_masker(masker);
        }
        let exporters = self.exporters.clone();
        for exporter in self.exporters {
            pipeline = pipeline.shared_exporter(crate::repeat::repeating(exporter));
        }
        if let Some(dir) = &self.config.spool_dir {
            pipeline = spool(pipeline, dir, &self.config)?;
        }
        let (on_health, failures) = (self.on_health, crate::repeat::Failures::default());
        pipeline = pipeline.on_health_change(move |stats| {
            failures.on_health(stats);
            if let Some(on_health) = &on_health {
                on_health(stats);
            }
        });
        let pipeline = pipeline
            .build()
            .map_err(|error| ConfigError::because("delivery cannot be started", error))?;
        for exporter in &exporters {
            crate::say::delivers(&**exporter);
        }
        let clock = self.clock.clone();
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            metrics.set_resource(resource(&self.config));
        }
        let wiring = Wiring {
            #[cfg(feature = "metrics")]
            metrics: self.metrics.clone(),
        };
        let mut tracer = match self.config.tail_sampling {
            None => wiring.tracer(pipeline),
            Some(sampling) => wiring.tracer(TailSampler::with_clock(pipeline, sampling, clock)),
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
        let tracer = tracer.build();
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            metrics.watch(&tracer);
        }
        Ok(tracer)
    }
}

/// What goes around the processor that delivers.
struct Wiring {
    #[cfg(feature = "metrics")]
    metrics: Option<tracefuse_metrics::Metrics>,
}

impl Wiring {
    #[cfg_attr(
        not(feature = "metrics"),
        expect(clippy::unused_self, reason = "nothing goes around it")
    )]
    fn tracer(&self, processor: impl Processor) -> TracerBuilder {
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            return Tracer::builder(metrics.processor(processor));
        }
        Tracer::builder(processor)
    }
}

#[cfg(feature = "spool")]
#[expect(clippy::unnecessary_wraps, reason = "its twin cannot do it")]
fn spool(
    pipeline: PipelineBuilder,
    dir: &Path,
    config: &TracerConfig,
) -> Result<PipelineBuilder, ConfigError> {
    Ok(pipeline.spool(spool_config(dir, config), config.spool_mode))
}

#[cfg(feature = "spool")]
fn spool_config(dir: &Path, config: &TracerConfig) -> tracefuse_runtime::spool::SpoolConfig {
    let mut spool = tracefuse_runtime::spool::SpoolConfig::new(dir);
    spool.max_bytes = config.spool_max_bytes;
    spool.max_files = config.spool_max_files;
    spool.max_age = config.spool_max_age;
    spool.durability = config.spool_durability;
    spool.full = config.spool_when_full;
    spool
}

#[cfg(not(feature = "spool"))]
fn spool(_: PipelineBuilder, _: &Path, _: &TracerConfig) -> Result<PipelineBuilder, ConfigError> {
    Err(ConfigError::new(
        "`TRACEFUSE_SPOOL_DIR` is set, but this program was built without a spool: \
         add the feature `spool` to `tracefuse` in Cargo.toml",
    ))
}

/// The settings of delivery for exporters whose HTTP attempts may take `http_timeout`. The limit of one call is longer, so
/// that the HTTP client ends a slow attempt and can say why.
fn delivery(mut delivery: PipelineConfig, http_timeout: Duration) -> PipelineConfig {
    const LONGER: Duration = Duration::from_secs(5);
    if !http_timeout.is_zero() {
        let least = http_timeout.saturating_add(LONGER);
        delivery.attempt_timeout = delivery.attempt_timeout.max(least);
        delivery.batch_timeout = delivery.batch_timeout.max(least);
    }
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

#[cfg(all(test, feature = "spool"))]
mod tests {
    use tracefuse_runtime::spool::SpoolConfig;

    use super::*;
    use crate::config::{Durability, WhenFull};

    #[test]
    fn every_setting_of_the_spool_reaches_it() {
        let dir = Path::new("/spool");
        let config = TracerConfig::new()
            .spool_max_bytes(1 << 30)
            .spool_max_files(7)
            .spool_max_age(Duration::from_secs(60))
            .spool_durability(Durability::Disk)
            .spool_when_full(WhenFull::DropNewest);
        let spool = spool_config(dir, &config);
        assert_eq!((spool.max_bytes, spool.max_files), (1 << 30, 7));
        assert_eq!(spool.max_age, Duration::from_secs(60));
        assert_eq!(spool.durability, Durability::Disk);
        assert_eq!(spool.full, WhenFull::DropNewest);
        // The defaults are the spool's own.
        let (ours, own) = (
            spool_config(dir, &TracerConfig::new()),
            SpoolConfig::new(dir),
        );
        assert_eq!(format!("{ours:?}"), format!("{own:?}"));
    }
}
