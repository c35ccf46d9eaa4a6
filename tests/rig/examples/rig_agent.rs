//! An agent of the rig framework with a tool, recorded as it is: `TRACING_MODE=print cargo run --example rig_agent` in `tests/rig`.
//! The model is a local server, so it needs no key; with `LANGFUSE_*` set the trace goes to Langfuse.

use tracefuse_rig_tests::{OpenAi, agent};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt, registry};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let tracer = tracefuse::from_env()?;
    registry()
        .with(fmt::layer().with_filter(LevelFilter::INFO))
        .with(tracefuse::tracing::layer(&tracer))
        .init();

    let model = OpenAi::start().await?;
    let agent = agent(&model.url());
    let answer = agent.prompt("What is 2 + 5?").max_turns(3).await?;
    tracing::info!("{}", answer.output());

    tracer.shutdown_async().await?;
    Ok(())
}
