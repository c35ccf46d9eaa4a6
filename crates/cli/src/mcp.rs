//! `tracefuse mcp`: a Model Context Protocol server over stdin and stdout, so that a coding agent can read traces.

use anyhow::Context as _;
use rmcp::handler::server::router::tool::ToolRouter;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::JsonSchema;
use rmcp::{ServerHandler, ServiceExt as _, tool, tool_handler, tool_router};
use serde::Deserialize;
use tracefuse_server::{Store, TraceQuery};

use crate::{draw, list, view};

/// Longest answer, in bytes: an agent's context is small.
const MAX_ANSWER: usize = 100_000;

pub(crate) fn run(store: Store) -> anyhow::Result<()> {
    view::run(async {
        let server = Traces::new(store)
            .serve(rmcp::transport::stdio())
            .await
            .context("the client did not begin the protocol")?;
        server.waiting().await?;
        Ok(())
    })
}

#[derive(Clone)]
struct Traces {
    store: Store,
    tool_router: ToolRouter<Self>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(crate = "rmcp::schemars")]
struct Filter {
    /// Text that the trace contains
    text: Option<String>,
    /// Name of the trace
    name: Option<String>,
    /// User
    user: Option<String>,
    /// Session
    session: Option<String>,
    /// Model
    model: Option<String>,
    /// Only traces with errors
    errors: bool,
    /// Started at this time or later: RFC 3339, or before now such as -24h
    from: Option<String>,
    /// newest, oldest, slowest, costliest or tokens
    order: Option<String>,
    /// How many traces at most; 20 if it is not given, 200 at most
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Wanted {
    /// The id of the trace, or `latest`
    trace: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Observation {
    /// The id of the trace
    trace: String,
    /// The id of the observation
    observation: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Two {
    /// The id of one trace
    a: String,
    /// The id of the other
    b: String,
}

#[tool_router(router = tool_router)]
impl Traces {
    fn new(store: Store) -> Self {
        Self {
            store,
            tool_router: Self::tool_router(),
        }
    }

    #[tool(
        description = "List or search traces of LLM applications: one JSON object a line with id, name, time, latency in seconds, tokens, cost in US dollars, errors."
    )]
    async fn list_traces(&self, Parameters(filter): Parameters<Filter>) -> Result<String, String> {
        self.read(move |store| {
            let mut query = TraceQuery::default();
            let given = [
                ("q", filter.text),
                ("name", filter.name),
                ("user", filter.user),
                ("session", filter.session),
                ("model", filter.model),
                ("from", filter.from),
                ("order", filter.order),
            ];
            for (name, value) in given {
                query.set(name, value.as_deref().unwrap_or_default(), store.now_ns())?;
            }
            query.errors = filter.errors;
            let mut lines = String::new();
            list::each(store, query, filter.limit.unwrap_or(20).min(200), |row| {
                lines.push_str(&list::trace(row).to_string());
                lines.push('\n');
                Ok(())
            })?;
            Ok(lines)
        })
        .await
    }

    #[tool(
        description = "Show a trace as a tree: each observation with its duration, model, tokens, cost, errors, input and output (shortened)."
    )]
    async fn show_trace(&self, Parameters(wanted): Parameters<Wanted>) -> Result<String, String> {
        self.read(move |store| {
            let trace = draw::find(store, &wanted.trace)?;
            draw::tree(store, &trace, false)
        })
        .await
    }

    #[tool(
        description = "Show a trace or its observations as JSON, with their ids and whole inputs and outputs. Large traces are truncated: read single observations then."
    )]
    async fn trace_json(&self, Parameters(wanted): Parameters<Wanted>) -> Result<String, String> {
        self.read(move |store| {
            let trace = draw::find(store, &wanted.trace)?;
            Ok(draw::document(store, &trace)?.to_string())
        })
        .await
    }

    #[tool(
        description = "Show one observation with its whole input, output, metadata and errors, as JSON."
    )]
    async fn show_observation(
        &self,
        Parameters(wanted): Parameters<Observation>,
    ) -> Result<String, String> {
        self.read(move |store| {
            let row = store.observation(&wanted.trace, &wanted.observation)?;
            let row = row.context("there is no such observation")?;
            let bodies = store.bodies(&wanted.trace, &wanted.observation)?;
            let mut line = list::observation(&row);
            line["bodies"] = serde_json::to_value(bodies.unwrap_or_default())?;
            Ok(line.to_string())
        })
        .await
    }

    #[tool(
        description = "Compare two traces: both as trees, one after the other, and the differences of their totals."
    )]
    async fn compare_traces(&self, Parameters(two): Parameters<Two>) -> Result<String, String> {
        self.read(move |store| {
            let (a, b) = (draw::find(store, &two.a)?, draw::find(store, &two.b)?);
            let seconds = |nanos: Option<i64>| nanos.unwrap_or_default() as f64 / 1e9;
            let (first, second) = (&a.trace, &b.trace);
            Ok(format!(
                "{}\n{}\nB compared with A: latency {:+.3} s, tokens {:+}, cost {:+.6} US dollars, observations {:+}, errors {:+}\n",
                draw::tree(store, &a, false)?,
                draw::tree(store, &b, false)?,
                seconds(second.latency_ns()) - seconds(first.latency_ns()),
                second.total_tokens as i64 - first.total_tokens as i64,
                second.cost.unwrap_or_default() - first.cost.unwrap_or_default(),
                second.spans as i64 - first.spans as i64,
                second.errors as i64 - first.errors as i64,
            ))
        })
        .await
    }

    /// Reads off the async threads; an error becomes the tool's error.
    async fn read(
        &self,
        read: impl FnOnce(&Store) -> anyhow::Result<String> + Send + 'static,
    ) -> Result<String, String> {
        let store = self.store.clone();
        let answer = tokio::task::spawn_blocking(move || read(&store)).await;
        let mut text = answer
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("{error:#}"))?;
        if text.len() > MAX_ANSWER {
            let cut = (0..=MAX_ANSWER).rev().find(|at| text.is_char_boundary(*at));
            let cut = cut.unwrap_or_default();
            text.truncate(cut);
            text.push_str("\n.. truncated");
        }
        Ok(text)
    }
}

#[tool_handler(router = self.tool_router, name = "tracefuse")]
impl ServerHandler for Traces {}
