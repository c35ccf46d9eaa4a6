//! What a pipeline is built of, and how it starts: a queue, a worker and perhaps a disk for every exporter.
//! Called by the facade and by applications that build a pipeline themselves.

use std::fmt;
use std::io;
use std::sync::Arc;

use tracefuse_core::ExporterStats;
use tracefuse_exporter::record::Resource;
use tracefuse_exporter::{Exporter, plain_text};
use tracefuse_mask::Masker;

use super::{Pipeline, Shared};
use crate::config::PipelineConfig;
#[cfg(feature = "spool")]
use crate::config::SpoolMode;
use crate::contain::contained;
use crate::delivery::disk::Disk;
use crate::delivery::masking::Masking;
use crate::delivery::{Delivery, HealthCallback};
use crate::queue::ExporterQueue;
use crate::queue::buffers::SpanBuffers;
#[cfg(feature = "spool")]
use crate::spool::SpoolConfig;
use crate::worker;

/// Settings of a [`Pipeline`].
///
/// ```
/// use tracefuse_core::Tracer;
/// use tracefuse_exporter::InMemoryExporter;
/// use tracefuse_runtime::Pipeline;
///
/// let exporter = InMemoryExporter::new();
/// let pipeline = Pipeline::builder().exporter(exporter.clone()).build()?;
/// let tracer = Tracer::builder(pipeline).build();
/// tracer.trace("request").run(|_| {});
/// tracer.shutdown().unwrap();
/// assert_eq!(exporter.tree(), "request\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "a builder does nothing until `build`"]
pub struct PipelineBuilder {
    config: PipelineConfig,
    resource: Resource,
    exporters: Vec<Arc<dyn Exporter>>,
    masker: Option<Arc<dyn Masker>>,
    on_health: Option<HealthCallback>,
    #[cfg(feature = "spool")]
    spool: Option<(SpoolConfig, SpoolMode)>,
}

impl Pipeline {
    /// A pipeline without exporters and with default settings.
    pub fn builder() -> PipelineBuilder {
        PipelineBuilder {
            config: PipelineConfig::default(),
            resource: Resource::default(),
            exporters: Vec::new(),
            masker: None,
            on_health: None,
            #[cfg(feature = "spool")]
            spool: None,
        }
    }
}

impl PipelineBuilder {
    /// Bounds, batches and times.
    pub fn config(mut self, config: PipelineConfig) -> Self {
        self.config = config;
        self
    }

    /// Who records.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self
    }

    /// Adds an exporter.
    pub fn exporter(self, exporter: impl Exporter) -> Self {
        self.shared_exporter(Arc::new(exporter))
    }

    /// Adds an exporter that is used at other places too.
    pub fn shared_exporter(mut self, exporter: Arc<dyn Exporter>) -> Self {
        self.exporters.push(exporter);
        self
    }

    /// Removes from spans what must not leave the process; none by default. Each exporter's worker
    /// calls it, before anything else is done with a span.
    pub fn masker(self, masker: impl Masker) -> Self {
        self.shared_masker(Arc::new(masker))
    }

    /// [`masker`](Self::masker) for one that is used at other places too.
    pub fn shared_masker(mut self, masker: Arc<dyn Masker>) -> Self {
        self.masker = Some(masker);
        self
    }

    /// Calls `f` whenever the health of an exporter changes, with its numbers at that moment: on the thread
    /// that delivers, so it should return at once. A panic in it is contained.
    pub fn on_health_change(mut self, f: impl Fn(&ExporterStats) + Send + Sync + 'static) -> Self {
        self.on_health = Some(Arc::new(f));
        self
    }

    /// Keeps on disk what cannot be delivered, for every exporter that has a
    /// [`destination`](Exporter::destination), and delivers what an earlier process left there. It holds
    /// prompts in clear text, after masking, readable by this user alone; never credentials.
    #[cfg(feature = "spool")]
    #[cfg_attr(docsrs, doc(cfg(feature = "spool")))]
    pub fn spool(mut self, config: SpoolConfig, mode: SpoolMode) -> Self {
        self.spool = Some((config, mode));
        self
    }

    #[cfg(feature = "spool")]
    fn disk(
        &self,
        queue: &Arc<ExporterQueue>,
        exporter: &dyn Exporter,
    ) -> io::Result<Option<Disk>> {
        let Some((config, mode)) = &self.spool else {
            return Ok(None);
        };
        let destination = contained(|| exporter.destination())
            .map_err(|panic| panicked("destination", &panic))?;
        let Some(destination) = destination else {
            return Ok(None);
        };
        let (queue, config) = (queue.clone(), config.clone());
        Disk::open(queue, config, *mode, &destination, &self.resource).map(Some)
    }

    #[cfg(not(feature = "spool"))]
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "the twin of the one with a spool"
    )]
    fn disk(&self, _: &Arc<ExporterQueue>, _: &dyn Exporter) -> io::Result<Option<Disk>> {
        Ok(None)
    }

    /// Starts the workers.
    ///
    /// # Errors
    /// If a thread or its async runtime cannot be started, or the spool's directory not be used.
    pub fn build(self) -> io::Result<Pipeline> {
        let config = self.config.clone().bounded();
        let resource = Arc::new(self.resource.clone());
        let mut queues = Vec::new();
        let mut at_once = false;
        for exporter in &self.exporters {
            let name = contained(|| plain_text(exporter.name()).into_owned())
                .map_err(|panic| panicked("name", &panic))?;
            let interval = contained(|| exporter.flush_interval())
                .map_err(|panic| panicked("flush_interval", &panic))?;
            let mut config = config.clone();
            if let Some(interval) = interval {
                config.flush_interval = config.flush_interval.min(interval);
                at_once = true;
            }
            queues.push(Arc::new(ExporterQueue::new(name, config)));
        }
        let buffers = SpanBuffers::new(queues, &config);
        let buffers = Arc::new(if at_once { buffers.unused() } else { buffers });
        for (queue, exporter) in buffers.queues().iter().zip(&self.exporters) {
            let disk = self.disk(queue, exporter)?;
            let (resource, queue, buffers) = (resource.clone(), queue.clone(), buffers.clone());
            let (exporter, on_health) = (exporter.clone(), self.on_health.clone());
            let masking = Masking::new(self.masker.clone());
            worker::start(queue.clone(), move || {
                Delivery::new(queue, exporter, resource, disk, on_health)
                    .masking(masking)
                    .watching(buffers)
            })?;
        }
        Ok(Pipeline {
            shared: Arc::new(Shared {
                buffers,
                // A span is masked before it is cut: half a secret, or half an object, looks like none.
                max_span_bytes: match self.masker {
                    Some(_) => usize::MAX,
                    None => config.max_batch_bytes,
                },
            }),
        })
    }
}

fn panicked(method: &str, panic: &str) -> io::Error {
    io::Error::other(format!("`{method}` of an exporter panicked: {panic}"))
}

impl fmt::Debug for PipelineBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PipelineBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
