//! An agent of swiftide with one tool, as an application would write it. Used by the tests.

use ::swiftide::agents::Agent;
use ::swiftide::chat_completion::{ToolOutput, errors::ToolError};
use ::swiftide::integrations::openai::OpenAI;
use ::swiftide::traits::AgentContext;
use async_openai::Client;
use async_openai::config::OpenAIConfig;

/// The tool: it adds.
#[::swiftide::tool(
    description = "Adds x and y",
    param(name = "x", description = "The first"),
    param(name = "y", description = "The second")
)]
async fn add(_context: &dyn AgentContext, x: i64, y: i64) -> Result<ToolOutput, ToolError> {
    // Work of the application's own inside of a tool of swiftide's.
    let sum = tracefuse::Span::current()
        .span("arithmetic")
        .run(|_| x.saturating_add(y));
    Ok(ToolOutput::text(sum.to_string()))
}

/// The agent, on a server that answers as OpenAI does; `streamed` if the model answers as a stream.
///
/// # Panics
/// If a setting is missing.
pub fn swiftide_agent(url: &str, streamed: bool) -> Agent {
    let config = OpenAIConfig::new()
        .with_api_base(url)
        .with_api_key("sk-test");
    let model = OpenAI::builder()
        .client(Client::with_config(config))
        .default_prompt_model("gpt-4o")
        .build()
        .expect("all settings are there");
    let mut agent = Agent::builder();
    agent
        .llm(&model)
        .without_default_stop_tool()
        .tools([add()])
        .limit(4);
    if streamed {
        agent.on_stream(|_, _| Box::pin(async { Ok(()) }));
    }
    agent.build().expect("all settings are there")
}
