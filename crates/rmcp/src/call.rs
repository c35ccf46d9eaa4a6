//! A request of MCP as a span has it: its name, its type, and its attributes by OpenTelemetry's conventions for MCP.
//! Used by both sides; knows no handler and no transport.

use std::borrow::Cow;

use tracefuse_core::{ObservationType, Span};

/// The tool, prompt or resource of a request.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    None,
    Tool(String),
    Prompt(String),
    /// Not part of the span's name: there may be very many.
    Resource(String),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Cow<'static, str>,
    target: Target,
}

impl Call {
    pub(crate) const fn new(method: &'static str) -> Self {
        Self::with(method, Target::None)
    }

    pub(crate) const fn with(method: &'static str, target: Target) -> Self {
        Self {
            method: Cow::Borrowed(method),
            target,
        }
    }

    pub(crate) fn tool(name: &str) -> Self {
        Self::with("tools/call", Target::Tool(name.to_owned()))
    }

    pub(crate) fn prompt(name: &str) -> Self {
        Self::with("prompts/get", Target::Prompt(name.to_owned()))
    }

    pub(crate) fn resource(method: &'static str, uri: &str) -> Self {
        Self::with(method, Target::Resource(uri.to_owned()))
    }

    /// A method that the specification does not have.
    pub(crate) fn custom(method: &str) -> Self {
        Self {
            method: Cow::Owned(method.to_owned()),
            target: Target::None,
        }
    }

    pub(crate) fn name(&self) -> Cow<'_, str> {
        match &self.target {
            Target::Tool(name) | Target::Prompt(name) => format!("{} {name}", self.method).into(),
            Target::None | Target::Resource(_) => Cow::Borrowed(&self.method),
        }
    }

    pub(crate) fn kind(&self) -> ObservationType {
        match self.target {
            Target::Tool(_) => ObservationType::Tool,
            _ => ObservationType::Span,
        }
    }

    /// Whether it does work of the application. Such a request begins a trace if it has none.
    pub(crate) fn does_work(&self) -> bool {
        match &*self.method {
            "completion/complete"
            | "sampling/createMessage"
            | "elicitation/create"
            | "resources/read" => true,
            _ => {
                matches!(self.target, Target::Tool(_) | Target::Prompt(_))
                    || matches!(self.method, Cow::Owned(_))
            }
        }
    }

    /// Adds the attributes that both sides know.
    pub(crate) fn describe(&self, span: &Span, protocol_version: Option<&str>) {
        span.add_metadata("mcp.method.name", &*self.method);
        match &self.target {
            Target::None => {}
            Target::Tool(name) => span.add_metadata("gen_ai.tool.name", name),
            Target::Prompt(name) => span.add_metadata("gen_ai.prompt.name", name),
            Target::Resource(uri) => span.add_metadata("mcp.resource.uri", uri),
        }
        if let Some(version) = protocol_version {
            span.add_metadata("mcp.protocol.version", version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_method_and_target_without_uris() {
        for (call, name, works) in [
            (Call::tool("add"), "tools/call add", true),
            (Call::prompt("greet"), "prompts/get greet", true),
            (
                Call::resource("resources/read", "file:///a"),
                "resources/read",
                true,
            ),
            (
                Call::resource("resources/subscribe", "file:///a"),
                "resources/subscribe",
                false,
            ),
            (Call::new("tools/list"), "tools/list", false),
            (
                Call::new("sampling/createMessage"),
                "sampling/createMessage",
                true,
            ),
            (Call::custom("acme/reindex"), "acme/reindex", true),
        ] {
            assert_eq!(call.name(), name);
            assert_eq!(call.does_work(), works, "{name}");
        }
        assert_eq!(Call::tool("add").kind(), ObservationType::Tool);
        assert_eq!(Call::prompt("greet").kind(), ObservationType::Span);
    }
}
