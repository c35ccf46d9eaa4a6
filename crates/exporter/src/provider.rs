//! Which provider a model call went to, by the names of OpenTelemetry's conventions (`gen_ai.provider.name`).
//! Called by `tracefuse-otlp` and `tracefuse-metrics`, which have to name a provider that no caller names. A table of
//! models; knows no records.

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

/// What a gateway puts before a model's name, with a slash.
const GATEWAYS: &[(&str, &str)] = &[
    ("anthropic", "anthropic"),
    ("azure", "azure.ai.openai"),
    ("azure_ai", "azure.ai.inference"),
    ("bedrock", "aws.bedrock"),
    ("cohere", "cohere"),
    ("deepseek", "deepseek"),
    ("deepseek-ai", "deepseek"),
    ("gemini", "gcp.gemini"),
    ("google", "gcp.gen_ai"),
    ("groq", "groq"),
    ("mistral", "mistral_ai"),
    ("mistralai", "mistral_ai"),
    ("moonshot", "moonshot_ai"),
    ("moonshotai", "moonshot_ai"),
    ("openai", "openai"),
    ("perplexity", "perplexity"),
    ("vertex_ai", "gcp.vertex_ai"),
    ("watsonx", "ibm.watsonx.ai"),
    ("x-ai", "x_ai"),
    ("xai", "x_ai"),
];

/// The vendors in the ids of Bedrock's models, such as `us.anthropic.claude-sonnet-4-20250514-v1:0`.
const ON_BEDROCK: &[&str] = &[
    "ai21.",
    "amazon.",
    "anthropic.",
    "cohere.",
    "deepseek.",
    "meta.",
    "mistral.",
    "openai.",
    "qwen.",
    "stability.",
    "writer.",
];

/// How the names of a provider's models begin.
const MODELS: &[(&str, &str)] = &[
    ("chatgpt-", "openai"),
    ("claude-", "anthropic"),
    ("codestral", "mistral_ai"),
    ("command", "cohere"),
    ("dall-e", "openai"),
    ("deepseek-", "deepseek"),
    ("embed-", "cohere"),
    ("ft:gpt", "openai"),
    ("gemini-", "gcp.gemini"),
    ("gpt-", "openai"),
    ("grok-", "x_ai"),
    ("kimi-", "moonshot_ai"),
    ("magistral", "mistral_ai"),
    ("ministral", "mistral_ai"),
    ("mistral", "mistral_ai"),
    ("mixtral", "mistral_ai"),
    ("moonshot-", "moonshot_ai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("open-mi", "mistral_ai"),
    ("pixtral", "mistral_ai"),
    ("rerank-", "cohere"),
    ("sonar", "perplexity"),
    ("text-embedding-3", "openai"),
    ("text-embedding-ada", "openai"),
    ("tts-", "openai"),
    ("whisper-", "openai"),
];

/// The provider whose models have such names.
fn by_model(model: &str) -> Option<&'static str> {
    let begins = |prefix: &str| {
        model
            .get(..prefix.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(prefix))
    };
    if begins("arn:aws:bedrock:") {
        return Some("aws.bedrock");
    }
    let after_region = ["us.", "eu.", "apac.", "global."]
        .iter()
        .find_map(|region| model.strip_prefix(region));
    let id = after_region.unwrap_or(model);
    if ON_BEDROCK.iter().any(|vendor| id.starts_with(vendor)) {
        return Some("aws.bedrock");
    }
    if let Some((gateway, rest)) = model.split_once('/') {
        let known = GATEWAYS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(gateway));
        // `openrouter/anthropic/claude-..`, `models/gemini-..`
        return known.map_or_else(|| by_model(rest), |(_, provider)| Some(*provider));
    }
    let known = MODELS.iter().find(|(prefix, _)| begins(prefix));
    known.map(|(_, provider)| *provider)
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
