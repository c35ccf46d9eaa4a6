//! Mode `local`: the viewer on this machine (`tracefuse view`), which needs no keys. A failure to reach it says how to start it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tracefuse_exporter::record::Record;
use tracefuse_exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse_langfuse::LangfuseExporter;

use super::Shared;
use crate::config::{Config, ConfigError};

/// Where `tracefuse view` listens.
const ADDRESS: &str = "http://127.0.0.1:4318";

pub(crate) fn exporter(_: &str, config: &Config) -> Result<Shared, ConfigError> {
    at(ADDRESS, config)
}

fn at(address: &str, config: &Config) -> Result<Shared, ConfigError> {
    let mut langfuse = config.langfuse.clone().base_url(address);
    // The viewer accepts any keys. Those of a real project are not sent to another program.
    langfuse.public_key = "pk-lf-local".to_owned();
    langfuse.secret_key = "sk-lf-local".into();
    let inner =
        LangfuseExporter::new(langfuse).map_err(|error| super::langfuse::named(config, &error))?;
    Ok(Arc::new(Local { inner }))
}

struct Local {
    inner: LangfuseExporter,
}

#[async_trait]
impl Exporter for Local {
    fn name(&self) -> &str {
        "local"
    }

    fn destination(&self) -> Option<String> {
        self.inner.destination()
    }

    fn size_hint(&self, record: &Record) -> usize {
        self.inner.size_hint(record)
    }

    fn flush_interval(&self) -> Option<Duration> {
        self.inner.flush_interval()
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.inner.export(batch).await.map_err(explained)
    }

    async fn flush(&self) -> Result<(), ExportError> {
        self.inner.flush().await
    }

    async fn shutdown(&self) -> Result<(), ExportError> {
        self.inner.shutdown().await
    }
}

fn explained(error: ExportError) -> ExportError {
    if format!("{error:?}").contains("nothing listens") {
        return error
            .with_hint("start the viewer with `tracefuse view` (`cargo install tracefuse-cli`)");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_project_do_not_reach_the_viewer() {
        let server = mock_langfuse::MockLangfuse::builder()
            .keys("pk-lf-local", "sk-lf-local")
            .start()
            .unwrap();
        let mut config = Config::default();
        config.langfuse = crate::LangfuseConfig::new("pk-real", "sk-real");
        let exporter = at(&server.url(), &config).unwrap();
        let tracer = crate::builder().exporter(exporter).build().unwrap();
        drop(tracer.trace("local").start());
        tracer.shutdown().unwrap();
        assert_eq!(server.deliveries().len(), 1);
    }

    #[test]
    fn a_viewer_that_does_not_run_is_explained() {
        let exporter = at("http://127.0.0.1:9", &Config::default()).unwrap();
        let tracer = crate::builder().exporter(exporter).build().unwrap();
        drop(tracer.trace("local").start());
        let lost = tracer.shutdown_within(Duration::from_secs(1)).unwrap_err();
        let error = lost.report().stats.exporters[0].last_error.clone().unwrap();
        assert!(error.contains("tracefuse view"), "{error}");
    }
}
