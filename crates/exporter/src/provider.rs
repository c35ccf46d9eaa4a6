//! Which provider a model call went to, by the names of OpenTelemetry's conventions (`gen_ai.provider.name`).
//! Called by `tracefuse-otlp` and `tracefuse-metrics`, which have to name a provider that no caller names. A table of
//! models; knows no records.

use crate::provider_models::by_model;

/// What the conventions have for a provider that is not known.
pub const OTHER: &str = "_OTHER";

/// The provider of a call, as far as anything says it: the text of the older attribute `gen_ai.system`, the model's name,
/// the language of the recorded response. Compatible providers answer in OpenAI's language, so there the model's name
/// goes first.
#[must_use]
pub fn of<'a>(
    system: Option<&'a str>,
    model: Option<&str>,
    language: Option<&'a str>,
) -> Option<&'a str> {
    let model = model.and_then(by_model);
    let hosted = model.filter(|name| matches!(*name, "aws.bedrock" | "gcp.vertex_ai"));
    system
        .map(by_older_name)
        .or(hosted)
        .or_else(|| language.filter(|name| *name != "openai"))
        .or(model)
        .or(language)
}

/// A value of `gen_ai.system` as `gen_ai.provider.name` has it.
fn by_older_name(name: &str) -> &str {
    match name {
        "az.ai.openai" | "azure_openai" => "azure.ai.openai",
        "az.ai.inference" => "azure.ai.inference",
        "gemini" | "google" => "gcp.gemini",
        "vertex_ai" => "gcp.vertex_ai",
        "bedrock" => "aws.bedrock",
        "mistral" => "mistral_ai",
        "xai" => "x_ai",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_models_name_says_whose_it_is() {
        for (model, provider) in [
            ("gpt-4o-2024-08-06", Some("openai")),
            ("o3-mini", Some("openai")),
            ("text-embedding-3-small", Some("openai")),
            ("claude-sonnet-4-20250514", Some("anthropic")),
            ("anthropic/claude-sonnet-4", Some("anthropic")),
            ("openrouter/anthropic/claude-sonnet-4", Some("anthropic")),
            (
                "us.anthropic.claude-sonnet-4-20250514-v1:0",
                Some("aws.bedrock"),
            ),
            ("amazon.nova-pro-v1:0", Some("aws.bedrock")),
            (
                "arn:aws:bedrock:us-east-1:1:inference-profile/x",
                Some("aws.bedrock"),
            ),
            ("bedrock/anthropic.claude-3", Some("aws.bedrock")),
            ("models/gemini-2.5-flash", Some("gcp.gemini")),
            ("vertex_ai/gemini-2.5-pro", Some("gcp.vertex_ai")),
            ("azure/my-deployment", Some("azure.ai.openai")),
            ("Mistral-Large-2411", Some("mistral_ai")),
            ("deepseek-chat", Some("deepseek")),
            ("grok-4", Some("x_ai")),
            ("command-r-plus", Some("cohere")),
            ("kimi-k2", Some("moonshot_ai")),
            ("groq/llama-3.3-70b", Some("groq")),
            ("sonar-pro", Some("perplexity")),
            ("llama-3.3-70b", None),
            ("meta-llama/llama-3.3-70b", None),
            ("asked", None),
            ("", None),
            ("ü", None),
        ] {
            assert_eq!(by_model(model), provider, "{model}");
        }
    }
}
