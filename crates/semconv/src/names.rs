//! The prefixes of attributes, and the targets, scopes and spans of libraries, that the bridges know. No other file has them.
//! Used by the bridges' filters and by `observation`.

use tracefuse_core::ObservationType;

/// OpenTelemetry's conventions for generative AI.
pub(crate) const GEN_AI: &str = "gen_ai.";
/// What Langfuse reads.
pub(crate) const LANGFUSE: &str = "langfuse.";

/// The event of a span whose time is that of the first token, in OpenInference's instrumentations.
pub const FIRST_TOKEN_EVENT: &str = "First Token Stream Event";

/// Marks the first span of a trace in this application, also below a parent of another service.
pub const APP_ROOT: &str = "langfuse.internal.is_app_root";
/// The name of the trace, on each of its spans.
pub const TRACE_NAME: &str = "langfuse.trace.name";
/// What the resource says where a span does not.
pub const ENVIRONMENT: &str = "langfuse.environment";
/// As [`ENVIRONMENT`].
pub const RELEASE: &str = "langfuse.release";
/// As [`ENVIRONMENT`].
pub const VERSION: &str = "langfuse.version";

/// Targets of libraries whose spans are LLM spans even without a `gen_ai.` field. Not `rig_core`: rig gives this
/// target to functions, some of which end before the work begins.
const LLM_TARGETS: [&str; 3] = ["rig", "async_openai", "genai"];

/// Spans of agents that have no attribute at their start: the library, the name of the span, what it is. Other spans of these
/// libraries are left out: they are one for each message and each hook.
const AGENT_SPANS: [(&str, &str, ObservationType); 6] = [
    ("swiftide_agents", "agent.query", ObservationType::Agent),
    (
        "swiftide_agents",
        "agent.query_once",
        ObservationType::Agent,
    ),
    ("swiftide_agents", "agent.run", ObservationType::Agent),
    ("swiftide_agents", "agent.run_once", ObservationType::Agent),
    ("swiftide_agents", "step", ObservationType::Chain),
    ("swiftide_agents", "tool", ObservationType::Tool),
];

/// Our targets: log lines of delivery.
const OWN_TARGETS: [&str; 13] = [
    "tracefuse",
    "tracefuse_core",
    "tracefuse_runtime",
    "tracefuse_http",
    "tracefuse_mask",
    "tracefuse_spool",
    "tracefuse_otlp",
    "tracefuse_langfuse",
    "tracefuse_console",
    "tracefuse_exporter",
    "tracefuse_tracing",
    "tracefuse_semconv",
    "tracefuse_opentelemetry",
];

/// Targets of HTTP clients, ours among them.
const TRANSPORT_TARGETS: [&str; 8] = [
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "h2",
    "rustls",
    "reqwest",
    "tonic",
    "tower",
];

/// Vercel's AI SDK.
pub(crate) const VERCEL: &str = "ai.";
/// Names of Vercel's that show a span of its SDK: others may begin with `ai.` too.
const VERCEL_OWN: [&str; 5] = [
    "ai.operationId",
    "ai.model.",
    "ai.usage.",
    "ai.toolCall.",
    "ai.telemetry.",
];

/// Traceloop's own.
pub(crate) const TRACELOOP: &str = "traceloop.";
/// Of OpenInference and Traceloop.
const LLM: &str = "llm.";
const OPEN_INFERENCE: &str = "openinference.";

/// Of MLflow and Google's Agent Development Kit.
const FRAMEWORKS: [&str; 2] = ["mlflow.span", "gcp.vertex.agent."];

/// Whether an attribute of this name shows that its span is about a language model.
#[must_use]
pub fn is_llm_attribute(name: &str) -> bool {
    [GEN_AI, LANGFUSE, LLM, OPEN_INFERENCE, TRACELOOP]
        .iter()
        .chain(&VERCEL_OWN)
        .chain(&FRAMEWORKS)
        .any(|prefix| name.starts_with(prefix))
}

/// Whether a target or scope is of a known LLM library.
#[must_use]
pub fn is_llm_library(target: &str) -> bool {
    is_of(target, &LLM_TARGETS)
}

/// What a span is that a known library names instead of giving it attributes; `None` for all others. `target` is the
/// library's crate, or a module of it.
#[must_use]
pub fn agent_span(target: &str, name: &str) -> Option<ObservationType> {
    let known = AGENT_SPANS
        .iter()
        .find(|(library, known, _)| *known == name && is_of(target, &[library]));
    known.map(|(_, _, kind)| *kind)
}

/// Whether an attribute of this name is one that Langfuse reads.
#[must_use]
pub fn is_langfuse_attribute(name: &str) -> bool {
    name.starts_with(LANGFUSE)
}

/// Whether a target or scope is ours.
#[must_use]
pub fn is_own(target: &str) -> bool {
    is_of(target, &OWN_TARGETS)
}

/// Whether a target or scope is of an HTTP client or what is below it.
#[must_use]
pub fn is_transport(target: &str) -> bool {
    is_of(target, &TRANSPORT_TARGETS)
}

/// Whether a target is one of these crates or within one.
fn is_of(target: &str, crates: &[&str]) -> bool {
    let name = target.split_once("::").map_or(target, |(name, _)| name);
    crates.contains(&name)
}
