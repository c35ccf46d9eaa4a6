//! What both conventions call a type of observation. Read by `gen_ai` and `openinference`.

use tracefuse_exporter::record::ObservationType;

/// The names of a type; `None` where a convention has no name for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Names {
    /// An operation of OpenTelemetry's conventions (`gen_ai.operation.name`).
    pub(crate) operation: Option<&'static str>,
    /// OpenInference's `openinference.span.kind`.
    pub(crate) span_kind: Option<&'static str>,
}

pub(crate) fn names(kind: ObservationType) -> Names {
    known(kind).unwrap_or(Names {
        operation: None,
        span_kind: None,
    })
}

/// `None` for a type that this table does not have.
fn known(kind: ObservationType) -> Option<Names> {
    let (operation, span_kind) = match kind {
        ObservationType::Generation => (Some("chat"), Some("LLM")),
        ObservationType::Embedding => (Some("embeddings"), Some("EMBEDDING")),
        ObservationType::Agent => (Some("invoke_agent"), Some("AGENT")),
        ObservationType::Tool => (Some("execute_tool"), Some("TOOL")),
        ObservationType::Chain => (Some("invoke_workflow"), Some("CHAIN")),
        ObservationType::Retriever => (Some("retrieval"), Some("RETRIEVER")),
        ObservationType::Evaluator => (None, Some("EVALUATOR")),
        ObservationType::Guardrail => (None, Some("GUARDRAIL")),
        ObservationType::Span | ObservationType::Event => (None, None),
        _ => return None,
    };
    Some(Names {
        operation,
        span_kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_observation_type_is_in_the_table() {
        for kind in ObservationType::ALL {
            assert!(known(kind).is_some(), "{kind}");
        }
    }
}
