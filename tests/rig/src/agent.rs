//! An agent of rig with one tool, as an application would write it. Used by tests and the example, also with the newest rig
//! (`newest/`).

use rig::prelude::*;
use rig::providers::openai::{OpenAI, OpenAIConfig};
use rig::tool::ToolContext;
use serde::Deserialize;
use serde_json::{Value, json};

/// The tool: it adds.
#[derive(Debug)]
#[non_exhaustive]
pub struct Add;

/// What it adds.
#[derive(Debug, Deserialize)]
#[non_exhaustive]
pub struct Numbers {
    /// The first.
    pub x: i64,
    /// The second.
    pub y: i64,
}

/// What can go wrong.
#[derive(Debug)]
#[non_exhaustive]
pub struct MathError;

impl std::fmt::Display for MathError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the sum is too large")
    }
}

impl std::error::Error for MathError {}

impl Tool for Add {
    const NAME: &'static str = "add";
    type Error = MathError;
    type Args = Numbers;
    type Output = i64;

    fn description(&self) -> String {
        "Adds x and y".to_owned()
    }

    fn parameters(&self) -> Value {
        json!({
            "type": "object",
            "properties": { "x": { "type": "integer" }, "y": { "type": "integer" } },
            "required": ["x", "y"],
        })
    }

    async fn call(&self, _: &mut ToolContext, numbers: Numbers) -> Result<i64, MathError> {
        // Work of the application's own inside of a tool of rig's.
        tracefuse::Span::current()
            .span("arithmetic")
            .run(|_| numbers.x.checked_add(numbers.y).ok_or(MathError))
    }
}

/// The agent, on a server that answers as OpenAI does.
pub fn agent(url: &str) -> Agent {
    of_model(OpenAIConfig::new("sk-test").with_base_url(url).client())
}

/// The agent over the client of a provider.
pub(crate) fn of_model(client: OpenAI) -> Agent {
    AgentBuilder::new(client.chat("gpt-4o"))
        .name("calculator")
        .preamble("Use the tool to add.")
        .temperature(0.2)
        // rig leaves prompts and answers out unless it is asked for them.
        .record_content_telemetry(true)
        .tool(Add)
        .build()
}
