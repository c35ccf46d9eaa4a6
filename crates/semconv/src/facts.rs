//! What is known about an observation until its span ends, and how clearly.
//! Part of `observation`; knows no span.

use serde::de::IgnoredAny;
use serde_json::{Map, Value as Json, json};
use tracefuse_core::{Cost, Usage};

use crate::flat::Flat;
use crate::usage::Tokens;

/// How clearly a field shows the observation's type; the clearest wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Certainty {
    #[default]
    None,
    /// It belongs to an agent.
    Agent,
    /// A model is named.
    Model,
    /// A tool is named.
    Tool,
    /// The operation is named.
    Operation,
    /// The user states it.
    Explicit,
}

/// Facts that are written together when the span ends.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) kind: Certainty,
    pub(crate) operation: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) tool: Option<String>,
    pub(crate) workflow: Option<String>,
    pub(crate) request_model: Option<String>,
    /// The model that answered, or the one the user named, is already set.
    pub(crate) model_is_final: bool,
    pub(crate) renamed: bool,
    pub(crate) system: Option<String>,
    /// The tools that the model may call, as JSON.
    pub(crate) tools: Option<String>,
    pub(crate) messages: Option<String>,
    /// Messages that come in parts, an attribute each.
    pub(crate) input_parts: Flat,
    pub(crate) output_parts: Flat,
    /// An answer that comes in several attributes: a text, reasoning, tool calls.
    pub(crate) answer: Map<String, Json>,
    /// Records of a memory that were found, or that are to be stored.
    pub(crate) memory: Option<String>,
    pub(crate) input: Rank,
    pub(crate) output: Rank,
    pub(crate) tokens: Tokens,
    /// What the user gave, over the tokens.
    pub(crate) usage: Option<Usage>,
    pub(crate) cost: Option<Cost>,
    /// The name of a prompt, its number, and a version that is no number.
    pub(crate) prompt: (Option<String>, Option<u32>),
    pub(crate) prompt_version: Option<String>,
    pub(crate) status_message: Option<String>,
    pub(crate) failed: bool,
}

/// Which of several fields an input or output is from; the highest wins, whatever the order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    #[default]
    None,
    Tool,
    Text,
    Messages,
    Explicit,
}

impl Facts {
    /// A span that is called by its operation alone, since `tracing` has names that are fixed at compile time,
    /// gets the name the conventions give it, such as `execute_tool add`.
    pub(crate) fn name_for(&self, span: &str) -> Option<String> {
        let operation = self.operation.as_deref().filter(|name| *name == span)?;
        let subject = match operation {
            "execute_tool" => &self.tool,
            "invoke_agent" | "create_agent" | "plan" => &self.agent,
            // Releases before 0.1.0 have `gen_ai.workflow.name`.
            "invoke_workflow" if self.workflow.is_some() => &self.workflow,
            "invoke_workflow" => &self.agent,
            _ => &self.request_model,
        };
        Some(format!("{operation} {}", subject.as_deref()?))
    }
}

impl Facts {
    /// The answer that came in several attributes, as a message; its text if it is nothing else.
    pub(crate) fn take_answer(&mut self) -> Option<String> {
        let mut answer = std::mem::take(&mut self.answer);
        if answer.len() == 1
            && let Some(Json::String(text)) = answer.remove("content")
        {
            return Some(text);
        }
        if answer.is_empty() {
            return None;
        }
        answer.entry("role").or_insert_with(|| json!("assistant"));
        Some(Json::Object(answer).to_string())
    }
}

/// The messages with the instructions as the first of them, unless they have such a message already;
/// instructions that are not taken come back.
pub(crate) fn with_system(messages: String, system: Option<String>) -> (String, Option<String>) {
    let Some(system) = system else {
        return (messages, None);
    };
    // A quote inside of a text is escaped, so this is found in the structure only.
    let has_own = [r#""role":"system""#, r#""role": "system""#];
    if has_own.iter().any(|role| messages.contains(role)) {
        return (messages, Some(system));
    }
    let (Some(rest), Ok(quoted)) = (
        messages.trim_start().strip_prefix('['),
        serde_json::to_string(&system),
    ) else {
        return (messages, Some(system));
    };
    // Instructions are text or, as the conventions have it, an array of parts.
    let content = if system.trim_start().starts_with('[') {
        &system
    } else {
        &quoted
    };
    let comma = if rest.trim_start().starts_with(']') {
        ""
    } else {
        ","
    };
    let merged = format!(r#"[{{"role":"system","content":{content}}}{comma}{rest}"#);
    (merged, None)
}

/// The messages beside the tools, `{"messages": [..], "tools": [..]}`, as a request to a model has them; tools that are not
/// taken come back.
pub(crate) fn with_tools(messages: String, tools: Option<String>) -> (String, Option<String>) {
    let is_list = |text: &str| serde_json::from_str::<Vec<IgnoredAny>>(text).is_ok();
    match tools {
        Some(tools) if is_list(&messages) && is_list(&tools) => (
            format!(r#"{{"messages":{messages},"tools":{tools}}}"#),
            None,
        ),
        tools => (messages, tools),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_become_the_first_message() {
        let merge = |messages: &str, system: &str| {
            with_system(messages.to_owned(), Some(system.to_owned()))
        };
        for (messages, system, merged) in [
            (
                r#"[{"role":"user"}]"#,
                "be \"brief\"",
                r#"[{"role":"system","content":"be \"brief\""},{"role":"user"}]"#,
            ),
            (
                "[]",
                r#"[{"type":"text"}]"#,
                r#"[{"role":"system","content":[{"type":"text"}]}]"#,
            ),
        ] {
            assert_eq!(merge(messages, system), (merged.to_owned(), None));
        }
        for messages in ["plain", r#"[{"role":"system","content":"be brief"}]"#] {
            assert_eq!(
                merge(messages, "be brief"),
                (messages.to_owned(), Some("be brief".to_owned()))
            );
        }
    }

    #[test]
    fn tools_are_beside_the_messages() {
        let beside =
            |messages: &str, tools: &str| with_tools(messages.to_owned(), Some(tools.to_owned()));
        assert_eq!(
            beside(r#"[{"role":"user"}]"#, r#"[{"name":"add"}]"#),
            (
                r#"{"messages":[{"role":"user"}],"tools":[{"name":"add"}]}"#.to_owned(),
                None
            )
        );
        for (messages, tools) in [("plain", "[]"), ("[]", "add, subtract"), ("[]", "[")] {
            assert_eq!(
                beside(messages, tools),
                (messages.to_owned(), Some(tools.to_owned()))
            );
        }
        assert_eq!(with_tools("[]".to_owned(), None), ("[]".to_owned(), None));
    }

    #[test]
    fn a_span_named_by_its_operation_is_named_by_its_subject_too() {
        let facts = Facts {
            operation: Some("execute_tool".to_owned()),
            tool: Some("add".to_owned()),
            ..Facts::default()
        };
        assert_eq!(
            facts.name_for("execute_tool").as_deref(),
            Some("execute_tool add")
        );
        assert_eq!(facts.name_for("my own name"), None);
    }
}
