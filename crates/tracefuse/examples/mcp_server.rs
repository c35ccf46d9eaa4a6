//! A tool server that speaks MCP over standard input and output. Each request is a span in the trace of the client.
//! The example `mcp_agent` starts it.

#![expect(clippy::disallowed_methods, reason = "an application has a runtime")]

use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResult, ContentBlock};
use rmcp::{ServiceExt as _, tool, tool_router};
use tracefuse::Span;
use tracefuse_rmcp::traced;

#[derive(Clone)]
struct Weather;

#[derive(serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Place {
    city: String,
}

#[tool_router(server_handler)]
impl Weather {
    #[tool(description = "The weather of a city")]
    async fn forecast(&self, Parameters(place): Parameters<Place>) -> CallToolResult {
        // The span of the request is current here.
        let look_up = Span::current().retriever("look-up").input(&place.city);
        let weather = look_up.run(|span| {
            let weather = (place.city != "Atlantis").then_some("rain");
            span.set_output(weather);
            weather
        });
        match weather {
            Some(_) => CallToolResult::success(vec![ContentBlock::text(format!(
                "It rains in {}.",
                place.city
            ))]),
            None => CallToolResult::error(vec![ContentBlock::text("there is no such city")]),
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    // Standard output belongs to the protocol: traces go to Langfuse, or nowhere.
    let tracer = tracefuse::from_env_or_noop();
    let server = traced(Weather, &tracer)
        .serve(rmcp::transport::stdio())
        .await?;
    server.waiting().await?;
    tracer.shutdown_async().await?;
    Ok(())
}
