//! Settings of recording and delivery, the same for every exporter.
//! Filled by the table of settings and by code, read by `builder`. Knows neither files nor variables.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tracefuse_core::SampleRate;
use tracefuse_runtime::{PipelineConfig, SpoolMode, TailSampling};

use super::ConfigError;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const WAIT: RangeInclusive<Duration> = Duration::ZERO..=DAY;
pub(super) const OPEN_LONGER: RangeInclusive<Duration> =
    Duration::ZERO..=Duration::from_secs(30 * 24 * 60 * 60);
pub(super) const OPEN_MORE: RangeInclusive<u64> = 1..=1_000_000_000_000;
pub(super) const SPOOL_BYTES: RangeInclusive<u64> = 1..=1 << 50;
pub(super) const SPOOL_FILES: RangeInclusive<usize> = 2..=1_000_000;
pub(super) const SPOOL_AGE: RangeInclusive<Duration> =
    Duration::from_millis(1)..=Duration::from_secs(365 * 24 * 60 * 60);

/// Settings of recording and delivery, the same for every exporter.
///
/// ```
/// use std::time::Duration;
/// use tracefuse::config::PipelineConfig;
/// use tracefuse::{SampleRate, config::TracerConfig};
///
/// let delivery = PipelineConfig::new().batch_size(50).flush_interval(Duration::from_secs(1));
/// let config = TracerConfig::new()
///     .sample_rate(SampleRate::new(0.5)?)
///     .environment("staging")
///     .delivery(delivery);
/// let tracer = tracefuse::builder().config(config).build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TracerConfig {
    /// Whether anything is recorded; `true` by default.
    pub enabled: bool,
    /// Batches, queue, retries and circuit breaker.
    pub delivery: PipelineConfig,
    /// Directory for spans that cannot be delivered, with the feature `spool`; none by default. It contains prompts in
    /// clear text, readable by this user alone.
    pub spool_dir: Option<PathBuf>,
    /// When records go to disk; when they cannot be delivered by default.
    pub spool_mode: SpoolMode,
    /// Most bytes on disk; 256 MiB by default. Beyond, the oldest batch is dropped and counted.
    pub spool_max_bytes: u64,
    /// Most files on disk, one for each batch; 10,000 by default. Beyond, the oldest batch is dropped and counted.
    pub spool_max_files: usize,
    /// How long a batch is kept on disk; 7 days by default. Then it is dropped and counted.
    pub spool_max_age: Duration,
    /// Which failures a batch on disk survives; the end of the process by default.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub spool_durability: super::Durability,
    /// What is dropped when a bound of the spool is reached; the oldest batch by default.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub spool_when_full: super::WhenFull,
    /// The longest a shutdown may take, also the one when the last tracer is dropped; 5 s by default.
    pub shutdown_timeout: Duration,
    /// The longest a flush may take; 5 s by default.
    pub flush_timeout: Duration,
    /// How long a trace may be open before a log line names it, once; 10 minutes by default.
    pub warn_open_longer: Duration,
    /// How many spans may be open before a log line says so; 10,000 by default.
    pub warn_open_more: u64,
    /// The share of traces that is recorded, from 0 to 1; all by default.
    pub sample_rate: SampleRate,
    /// Tail sampling: whether a trace waits for its end, and which traces are kept then; none by default.
    pub tail_sampling: Option<TailSampling>,
    /// Whether a stack trace is captured with each recorded error; `false` by default.
    pub backtraces: bool,
    /// Whether inputs and outputs are recorded; `true` by default.
    pub capture_content: bool,
    /// Deployment environment, such as `production`.
    pub environment: Option<String>,
    /// Release of the application, such as a git commit.
    pub release: Option<String>,
    /// Version of the application.
    pub version: Option<String>,
    /// Name of the service.
    pub service_name: Option<String>,
    /// Further attributes of the service (OpenTelemetry's resource), by key. `service.name` is used if `service_name`
    /// is not set.
    pub resource_attributes: Vec<(String, String)>,
}

impl Default for TracerConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            delivery: PipelineConfig::default(),
            spool_dir: None,
            spool_mode: SpoolMode::OnFailure,
            spool_max_bytes: 256 * 1024 * 1024,
            spool_max_files: 10_000,
            spool_max_age: Duration::from_secs(7 * 24 * 60 * 60),
            #[cfg(feature = "spool")]
            spool_durability: super::Durability::default(),
            #[cfg(feature = "spool")]
            spool_when_full: super::WhenFull::default(),
            shutdown_timeout: Duration::from_secs(5),
            flush_timeout: Duration::from_secs(5),
            warn_open_longer: Duration::from_secs(10 * 60),
            warn_open_more: 10_000,
            sample_rate: SampleRate::ALL,
            tail_sampling: None,
            backtraces: false,
            capture_content: true,
            environment: None,
            release: None,
            version: None,
            service_name: None,
            resource_attributes: Vec::new(),
        }
    }
}

/// One setter by value for each field.
macro_rules! setters {
    ($($(#[$when:meta])* $field:ident($type:ty) = $value:expr;)*) => {
        impl TracerConfig {
            $(
                $(#[$when])*
                #[doc = concat!("Sets [`", stringify!($field), "`](Self#structfield.", stringify!($field), ").")]
                #[must_use]
                pub fn $field(mut self, $field: $type) -> Self {
                    self.$field = $value;
                    self
                }
            )*
        }
    };
}

setters! {
    enabled(bool) = enabled;
    delivery(PipelineConfig) = delivery;
    spool_dir(impl Into<PathBuf>) = Some(spool_dir.into());
    spool_mode(SpoolMode) = spool_mode;
    spool_max_bytes(u64) = spool_max_bytes;
    spool_max_files(usize) = spool_max_files;
    spool_max_age(Duration) = spool_max_age;
    #[cfg(feature = "spool")] #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    spool_durability(super::Durability) = spool_durability;
    #[cfg(feature = "spool")] #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    spool_when_full(super::WhenFull) = spool_when_full;
    shutdown_timeout(Duration) = shutdown_timeout;
    flush_timeout(Duration) = flush_timeout;
    warn_open_longer(Duration) = warn_open_longer;
    warn_open_more(u64) = warn_open_more;
    sample_rate(SampleRate) = sample_rate;
    tail_sampling(TailSampling) = Some(tail_sampling);
    backtraces(bool) = backtraces;
    capture_content(bool) = capture_content;
    environment(impl Into<String>) = Some(environment.into());
    release(impl Into<String>) = Some(release.into());
    version(impl Into<String>) = Some(version.into());
    service_name(impl Into<String>) = Some(service_name.into());
}

impl TracerConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute of the service.
    #[must_use]
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource_attributes.push((key.into(), value.into()));
        self
    }

    /// Refuses values outside of their range. The table checks what it reads; this checks what code sets.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let delivery = self.delivery.check();
        delivery.map_err(|error| ConfigError::new(error.to_string()))?;
        if let Some(sampling) = &self.tail_sampling {
            let checked = sampling.check();
            checked.map_err(|error| ConfigError::new(format!("tail sampling: {error}")))?;
        }
        for (name, value, range) in [
            ("shutdown_timeout", self.shutdown_timeout, &WAIT),
            ("flush_timeout", self.flush_timeout, &WAIT),
            ("warn_open_longer", self.warn_open_longer, &OPEN_LONGER),
            ("spool_max_age", self.spool_max_age, &SPOOL_AGE),
        ] {
            if !range.contains(&value) {
                let seconds = |time: &Duration| time.as_secs_f64();
                return Err(ConfigError::new(format!(
                    "`{name}` is {} s: expected a time from {} s to {} s",
                    seconds(&value),
                    seconds(range.start()),
                    seconds(range.end())
                )));
            }
        }
        whole("warn_open_more", self.warn_open_more, &OPEN_MORE)?;
        whole("spool_max_bytes", self.spool_max_bytes, &SPOOL_BYTES)?;
        whole("spool_max_files", self.spool_max_files, &SPOOL_FILES)
    }
}

/// Refuses a number outside of its range.
fn whole<T: PartialOrd + Display + Copy>(
    name: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::new(format!(
        "`{name}` is {value}: expected a whole number from {} to {}",
        range.start(),
        range.end()
    )))
}
