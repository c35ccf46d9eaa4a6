//! A server and a tracer that delivers to it.

use mock_langfuse::{MockLangfuse, Observation, Scenario};
use tracefuse::{LangfuseConfig, Tracer, config::TracerConfig};

pub(crate) fn config(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

pub(crate) fn tracer_with(server: &MockLangfuse, change: impl FnOnce(&mut TracerConfig)) -> Tracer {
    tracefuse::builder()
        .langfuse(config(server))
        .configure(change)
        .build()
        .unwrap()
}

pub(crate) fn tracer(server: &MockLangfuse) -> Tracer {
    tracer_with(server, |_| {})
}

pub(crate) fn failing(scenario: Scenario) -> MockLangfuse {
    MockLangfuse::builder().scenario(scenario).start().unwrap()
}

pub(crate) fn row(server: &MockLangfuse, name: &str) -> Observation {
    server
        .observations()
        .into_iter()
        .find(|row| row.name == name)
        .unwrap_or_else(|| panic!("no row {name}"))
}

pub(crate) fn record(tracer: &Tracer, numbers: std::ops::Range<usize>) {
    for n in numbers {
        tracer.trace(&n.to_string()).run(|_| {});
    }
}
