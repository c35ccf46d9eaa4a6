//! Which spans of the SDK are recorded.
//! Called by `exporter` for each span that starts or ends.

use std::fmt;
use std::sync::Arc;

use opentelemetry::Value;
use opentelemetry_sdk::trace::SpanData;
use tracefuse_semconv::{is_llm_attribute, is_llm_library, is_own, is_transport};

/// Whether a span is about a language model, the default of what is recorded: it has an attribute whose
/// name begins with `gen_ai.` or `langfuse.`, or the scope (or, from `tracing`, the target) of a known LLM library.
#[must_use]
pub fn is_llm(span: &SpanData) -> bool {
    let says = |name: &str| is_llm_attribute(name);
    is_from(span, is_llm_library) || span.attributes.iter().any(|known| says(known.key.as_str()))
}

/// Which spans the user chose.
#[derive(Clone, Default)]
pub(crate) enum Spans {
    #[default]
    Llm,
    All,
    Chosen(Arc<dyn Fn(&SpanData) -> bool + Send + Sync>),
}

impl Spans {
    pub(crate) fn records(&self, span: &SpanData) -> bool {
        if is_from(span, is_own) {
            return false;
        }
        match self {
            Self::Llm => is_llm(span),
            Self::All => !is_from(span, is_transport) || is_llm(span),
            Self::Chosen(predicate) => predicate(span),
        }
    }
}

impl Spans {
    /// Whether a span that starts like this is recorded whatever is set on it later. Attributes are only added, so that
    /// an LLM span stays one; what a predicate of the user answers later is not known.
    pub(crate) fn certainly_records(&self, span: &SpanData) -> bool {
        !matches!(self, Self::Chosen(_)) && self.records(span)
    }
}

/// Whether its scope is one of these, or its target: all spans of `tracing` have the scope of their bridge.
fn is_from(span: &SpanData, these: fn(&str) -> bool) -> bool {
    these(span.instrumentation_scope.name())
        || span.attributes.iter().any(|known| {
            matches!(&known.value, Value::String(target) if known.key.as_str() == "target" && these(target.as_str()))
        })
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Llm => "llm",
            Self::All => "all",
            Self::Chosen(_) => "chosen",
        })
    }
}
