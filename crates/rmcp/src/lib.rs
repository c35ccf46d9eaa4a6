//! Traces of the Model Context Protocol (MCP) for [`rmcp`]: one tree across clients and servers.
//!
//! Each side needs one line. The client sends the context of the current span with each request, in `params._meta`
//! (SEP-414); the server continues that trace.
//!
//! ```no_run
//! # #[cfg(all(feature = "client", feature = "server"))]
//! # async fn example(tracer: tracefuse_core::Tracer, to_client: tokio::io::DuplexStream, to_server: tokio::io::DuplexStream) {
//! use rmcp::ServiceExt as _;
//! use rmcp::model::CallToolRequestParams;
//! # #[derive(Clone)] struct Weather;
//! # impl rmcp::ServerHandler for Weather {}
//!
//! // The server: the handler is wrapped.
//! let server = tracefuse_rmcp::traced(Weather, &tracer).serve(to_client);
//!
//! // The client: the running client is wrapped.
//! let client = ().serve(to_server).await.unwrap();
//! let client = tracefuse_rmcp::traced_client(client);
//! tracer.trace("agent").run_async(async |_| {
//!     client.call_tool(CallToolRequestParams::new("forecast")).await
//! }).await.unwrap();
//! # drop(server);
//! # }
//! ```
//!
//! # What is recorded
//! * **Name**: the method and the tool or prompt, such as `tools/call forecast`, by OpenTelemetry's conventions for MCP.
//! * **Type**: `tool` for `tools/call`, `span` for all others.
//! * **Input and output**: the arguments and the result of a tool, the arguments and messages of a prompt, the contents of
//!   a resource; unless `capture_content` is off.
//! * **Metadata**: `mcp.method.name`, `gen_ai.tool.name` or `gen_ai.prompt.name`, `mcp.resource.uri`,
//!   `mcp.protocol.version`; at the server also `jsonrpc.request.id`, and with streamable HTTP `mcp.session.id`,
//!   `network.transport`, `network.protocol.name`.
//! * **Errors**: a result with `isError` is level ERROR with the type `tool_error`; an error of JSON-RPC has its code as the
//!   type.
//!
//! # Parents
//! A span of a client is below the current span. A span of a server continues the trace in `_meta`. Without one it is
//! below the current span, then below the caller in the HTTP headers (`traceparent`); without those, a request that does
//! work (a tool, a prompt, a resource, a completion, a message, a question) begins a trace, and one that does not
//! (`initialize`, `tools/list`, ..) is not recorded. If the trace is in `_meta`, the caller in the HTTP headers is
//! linked. Notifications and pings have no spans.
//!
//! # What is not recorded
//! Calls through a [`Peer`](rmcp::Peer) that is not wrapped, as some frameworks keep one: `rmcp` sends each request from a
//! task that does not know its caller. In your own code call through [`TracedPeer`]. `rmcp` does not show the id that the
//! client gives to a request, nor the client's session id, so spans of the client do not have them.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic
    )
)]

mod call;
mod meta;
mod outcome;

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod client_handler;
#[cfg(any(feature = "client", feature = "server"))]
mod delegate;
mod handler;
#[cfg(feature = "client")]
mod peer;
#[cfg(feature = "server")]
mod server_handler;

#[cfg(feature = "client")]
pub use client::{TracedClient, traced_client};
pub use handler::{Traced, traced};
#[cfg(feature = "client")]
pub use peer::TracedPeer;
