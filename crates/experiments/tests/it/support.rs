//! A tracer that delivers to a local server, and what the server has afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use mock_langfuse::{MockLangfuse, Observation};
use serde_json::Value;
use tracefuse_core::Tracer;
use tracefuse_experiments::{DatasetClient, LangfuseConfig};
use tracefuse_langfuse::LangfuseExporter;
use tracefuse_runtime::Pipeline;

/// Far longer than any wait that is expected: a machine may be busy.
pub(crate) const LONG: Duration = Duration::from_secs(30);

pub(crate) fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

pub(crate) fn datasets(server: &MockLangfuse) -> DatasetClient {
    DatasetClient::new(&config(server)).unwrap()
}

/// `shutdown`: the longest its end may take.
pub(crate) fn tracer(server: &MockLangfuse, shutdown: Duration) -> Tracer {
    let exporter = LangfuseExporter::new(config(server)).unwrap();
    let pipeline = Pipeline::builder().exporter(exporter).build().unwrap();
    Tracer::builder(pipeline).shutdown_timeout(shutdown).build()
}

/// The rows with this name, in the order of their start.
pub(crate) fn rows(server: &MockLangfuse, name: &str) -> Vec<Observation> {
    let mut rows = server.observations();
    rows.retain(|row| row.name == name);
    rows.sort_by_key(|row| row.start_ns);
    rows
}

/// The attributes `langfuse.experiment.*` of a row, without that prefix.
pub(crate) fn experiment(row: &Observation) -> BTreeMap<String, Value> {
    let own = row.attributes.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("langfuse.experiment.")?;
        Some((key.to_owned(), value.clone()))
    });
    own.collect()
}
