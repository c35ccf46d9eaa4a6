//! Runs work whose spans of `tracing` are recorded, and gives what a Langfuse server has afterwards. Used by tests.
#![expect(clippy::print_stdout, reason = "shows the tree")]

use mock_langfuse::{MockLangfuse, Observation};
use tracefuse::{LangfuseConfig, Tracer};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry;

use crate::OpenAi;

/// Runs `work` with the layer, prints the tree that the server has, and gives its observations.
///
/// # Panics
/// If a part cannot be started, or the server has no trace or more than one.
pub async fn recorded(work: impl AsyncFnOnce(&Tracer, &OpenAi)) -> Vec<Observation> {
    let server = MockLangfuse::start();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let tracer = tracefuse::langfuse(config.base_url(server.url())).unwrap();
    let model = OpenAi::start().await.unwrap();
    let subscriber = registry().with(tracefuse::tracing::layer(&tracer));
    // The runtime of each test is on its thread alone.
    let guard = tracing::subscriber::set_default(subscriber);
    work(&tracer, &model).await;
    drop(guard);
    tracer.shutdown_async().await.unwrap();
    println!("{}", server.trees());
    assert_eq!(server.trace_ids().len(), 1, "{}", server.trees());
    server.observations()
}
