//! A server with a few tools, a client that is connected to it, and what both recorded.

use std::future::Future;
use std::time::Duration;

use rmcp::handler::server::ServerHandler;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ContentBlock, GetPromptRequestParams, GetPromptResponse,
    GetPromptResult, ListResourcesResult, PaginatedRequestParams, PromptMessage,
    ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, Role,
    ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer, RunningService};
use rmcp::{ErrorData, ServiceExt as _, tool, tool_handler, tool_router};
use serde_json::{Value, json};
use tracefuse_core::record::SpanRecord;
use tracefuse_core::testing::Recorder;
use tracefuse_core::{InSpan as _, Span, Tracer};
use tracefuse_rmcp::{Traced, TracedClient, traced, traced_client};

#[derive(Clone, Debug)]
pub(crate) struct Tools;

#[derive(Debug, serde::Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(crate) struct Terms {
    pub(crate) a: i64,
    pub(crate) b: i64,
}

#[tool_router]
impl Tools {
    #[tool(description = "Adds two numbers")]
    async fn add(&self, Parameters(Terms { a, b }): Parameters<Terms>) -> String {
        Span::current()
            .span("in the tool")
            .run(|_| (a + b).to_string())
    }

    #[tool(description = "Fails with a text for the model")]
    async fn fail(&self) -> CallToolResult {
        CallToolResult::error(vec![ContentBlock::text("no such city")])
    }

    #[tool(description = "Answers with structured content")]
    async fn structured(&self) -> CallToolResult {
        CallToolResult::structured(json!({ "celsius": 12 }))
    }

    #[tool(description = "Answers with several blocks")]
    async fn blocks(&self) -> CallToolResult {
        CallToolResult::success(vec![ContentBlock::text("a"), ContentBlock::text("b")])
    }

    #[tool(description = "Fails as a request")]
    async fn refuse(&self) -> Result<String, ErrorData> {
        Err(ErrorData::invalid_params("no city was given", None))
    }

    #[tool(description = "Panics")]
    async fn panic(&self) -> String {
        panic!("the tool is broken")
    }

    #[tool(description = "Spawns work")]
    async fn spawn(&self) -> String {
        let work = async { Span::current().span("spawned").run(|_| "done") };
        let work = tokio::spawn(work.in_current_span());
        work.await.unwrap().to_owned()
    }

    #[tool(description = "Never answers")]
    async fn wait(&self) -> String {
        std::future::pending().await
    }

    #[tool(description = "What came in `_meta`, as JSON")]
    async fn meta(&self, context: RequestContext<RoleServer>) -> String {
        serde_json::to_string(&context.meta).unwrap()
    }
}

#[tool_handler(router = Self::tool_router())]
impl ServerHandler for Tools {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools();
        ServerConfig::new(capabilities.enable_prompts().enable_resources().build())
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let text = format!("Greet {}", request.arguments.unwrap()["name"]);
        let message = PromptMessage::new_text(Role::User, text);
        Ok(GetPromptResult::new(vec![message]).into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Ok(ListResourcesResult::default())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let contents = ResourceContents::text("It rains.", request.uri);
        Ok(ReadResourceResult::new(vec![contents]).into())
    }
}

/// A client and a server that record with one tracer.
pub(crate) struct Pair {
    pub(crate) recorder: Recorder,
    pub(crate) tracer: Tracer,
    pub(crate) client: TracedClient<()>,
    _server: RunningService<RoleServer, Traced<Tools>>,
}

pub(crate) async fn pair() -> Pair {
    let recorder = Recorder::new();
    let tracer = recorder.tracer();
    pair_with(recorder, &tracer, &tracer).await
}

/// Over an in-memory pipe, with the protocol as on any other transport.
pub(crate) async fn pair_with(recorder: Recorder, ours: &Tracer, theirs: &Tracer) -> Pair {
    let (to_server, to_client) = tokio::io::duplex(64 * 1024);
    let server = traced(Tools, theirs).serve(to_client);
    let client = ().serve(to_server);
    let (server, client) = tokio::join!(server, client);
    Pair {
        recorder,
        tracer: ours.clone(),
        client: traced_client(client.unwrap()),
        _server: server.unwrap(),
    }
}

pub(crate) fn call(tool: &'static str, arguments: Value) -> CallToolRequestParams {
    let call = CallToolRequestParams::new(tool);
    match arguments {
        Value::Object(arguments) => call.with_arguments(arguments),
        _ => call,
    }
}

/// The text of the only block.
pub(crate) fn text(result: &CallToolResult) -> &str {
    match &result.content[..] {
        [ContentBlock::Text(text)] => &text.text,
        other => panic!("expected one text, found {other:?}"),
    }
}

/// The value of a key of a span's metadata, as text.
pub(crate) fn metadata(span: &SpanRecord, key: &str) -> Option<String> {
    let found = span.metadata().find(|(known, _)| *known == key);
    found.map(|(_, value)| value.to_string())
}

/// The span of the client and the span of the server of this name: the server's is below the client's.
pub(crate) fn both(recorder: &Recorder, name: &str) -> (SpanRecord, SpanRecord) {
    let spans = recorder.spans();
    let of_name: Vec<_> = spans.iter().filter(|span| span.name() == name).collect();
    let [first, second] = of_name[..] else {
        panic!(
            "expected two spans, found {}:\n{}",
            of_name.len(),
            recorder.tree()
        );
    };
    let (client, server) = match second.parent_span_id() == Some(first.span_id()) {
        true => (first, second),
        false => (second, first),
    };
    assert_eq!(server.parent_span_id(), Some(client.span_id()));
    assert_eq!(server.trace_id(), client.trace_id());
    (client.clone(), server.clone())
}

/// Waits until this many spans have ended.
pub(crate) async fn spans(recorder: &Recorder, count: usize) {
    within(recorder.until(|kept| kept.spans().len() == count)).await;
}

pub(crate) async fn within<F: Future>(work: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(30), work)
        .await
        .expect("it takes less than 30 seconds")
}
