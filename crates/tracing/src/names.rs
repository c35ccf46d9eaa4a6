//! The prefixes of field names and the targets that the layer knows. They stand nowhere else.
//! Used by `filter` and `mapping`.

/// OpenTelemetry's conventions for generative AI.
pub(crate) const GEN_AI: &str = "gen_ai.";
/// What Langfuse reads.
pub(crate) const LANGFUSE: &str = "langfuse.";

/// Targets of libraries whose spans are LLM spans even where they have no `gen_ai.` field. Not
/// `rig_core`: what rig marks so are its functions, some of which end before the work begins.
pub(crate) const LLM_TARGETS: [&str; 4] = ["rig", "async_openai", "genai", "swiftide"];

/// Ours: log lines of delivery.
pub(crate) const OWN_TARGETS: [&str; 8] = [
    "tracefuse",
    "tracefuse_core",
    "tracefuse_runtime",
    "tracefuse_otlp",
    "tracefuse_langfuse",
    "tracefuse_console",
    "tracefuse_exporter",
    "tracefuse_tracing",
];

/// What HTTP clients, ours among them, say of their connections.
pub(crate) const TRANSPORT_TARGETS: [&str; 8] = [
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "h2",
    "rustls",
    "reqwest",
    "tonic",
    "tower",
];
