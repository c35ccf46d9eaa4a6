//! The names of providers by host, as OpenTelemetry's conventions have them.
//! Used by `routes` where no route names the provider.

use crate::target::{Target, is_host};

/// Providers by host, with OpenTelemetry's names. A provider that OpenTelemetry has no name for has its own name.
const PROVIDERS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("*.openai.azure.*", "azure.ai.openai"),
    ("*.azure.com", "azure.ai.inference"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("*aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.cohere.*", "cohere"),
    ("api.groq.com", "groq"),
    ("*.mistral.ai", "mistral_ai"),
    ("api.deepseek.com", "deepseek"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("openrouter.ai", "openrouter"),
    ("api.moonshot.*", "moonshot_ai"),
    ("api.together.*", "together_ai"),
    ("api.fireworks.ai", "fireworks_ai"),
    ("*bedrock-runtime*", "aws.bedrock"),
    ("*.ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("api.cerebras.ai", "cerebras"),
    ("integrate.api.nvidia.com", "nvidia"),
    ("api.sambanova.ai", "sambanova"),
    ("open.bigmodel.cn", "zhipu_ai"),
    ("api.z.ai", "zhipu_ai"),
    ("api.minimax*", "minimax"),
    ("dashscope*.aliyuncs.com", "dashscope"),
    ("api.voyageai.com", "voyage_ai"),
    ("api.jina.ai", "jina_ai"),
    ("api.deepinfra.com", "deepinfra"),
    ("*:11434", "ollama"),
];

/// The provider whose host this is.
pub(crate) fn provider_of(target: &Target<'_>) -> Option<&'static str> {
    let known = PROVIDERS
        .iter()
        .find(|(host, _)| is_host(host, target.host, target.port));
    known.map(|(_, provider)| *provider)
}
