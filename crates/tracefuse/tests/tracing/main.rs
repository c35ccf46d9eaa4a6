//! The layer for `tracing`, from an application's spans to what a Langfuse server has, over real sockets.

mod delivery;
mod scale;
mod wire;

use mock_langfuse::{MockLangfuse, Observation};
use tracefuse::{LangfuseConfig, Tracer, config::TracerConfig};

fn receiver(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

fn tracer(server: &MockLangfuse, change: impl FnOnce(&mut TracerConfig)) -> Tracer {
    tracefuse::builder()
        .langfuse(receiver(server))
        .configure(change)
        .build()
        .unwrap()
}

fn row(server: &MockLangfuse, name: &str) -> Observation {
    server
        .observations()
        .into_iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}
