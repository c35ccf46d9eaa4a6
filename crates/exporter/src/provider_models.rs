//! Tables of models by provider: the beginnings of their names, and gateways that pass them on.
//! Used by `provider`.

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
pub(crate) fn by_model(model: &str) -> Option<&'static str> {
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
