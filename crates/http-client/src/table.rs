//! The table of providers: hosts and paths of the requests that call a model.
//! Searched by `routes` after the routes of the user.

use crate::language::Language;
use crate::operation::Operation;
use crate::target::{Target, glob, is_host};

type Row = (
    &'static str,
    &'static str,
    Option<&'static str>,
    Operation,
    Language,
);

/// Host, path, a header that must be there, operation, language. The first row that fits counts.
///
/// A path that is a provider's own fits on any host, as gateways and local servers have it too. A path that others use as
/// well, such as `/api/chat`, is in the table with a host or a header.
const TABLE: &[Row] = {
    use Language::{Anthropic, Bedrock, Cohere, Gemini, Ollama, OpenAi};
    use Operation::{Chat, Completion, Embeddings, Image, Rerank, Speech, Transcription};
    &[
        ("*", "*/chat/completions", None, Chat, OpenAi),
        ("*", "*/v1/responses", None, Chat, OpenAi),
        ("*", "*/v1/responses/compact", None, Chat, OpenAi),
        ("*", "*/v1/completions", None, Completion, OpenAi),
        ("*", "*/fim/completions", None, Completion, OpenAi),
        ("*", "*/v1/embeddings", None, Embeddings, OpenAi),
        ("*", "*/openai/embeddings", None, Embeddings, OpenAi),
        ("*", "*/paas/v4/embeddings", None, Embeddings, OpenAi),
        ("*", "*/v1/multimodalembeddings", None, Embeddings, OpenAi),
        ("*", "*/v1/images/generations", None, Image, OpenAi),
        ("*", "*/v1/images/edits", None, Image, OpenAi),
        ("*", "*/v1/images/variations", None, Image, OpenAi),
        (
            "*",
            "*/v1/audio/transcriptions",
            None,
            Transcription,
            OpenAi,
        ),
        ("*", "*/v1/audio/translations", None, Transcription, OpenAi),
        ("*", "*/v1/audio/speech", None, Speech, OpenAi),
        ("api.anthropic.com", "*/v1/messages", None, Chat, Anthropic),
        (
            "*",
            "*/v1/messages",
            Some("anthropic-version"),
            Chat,
            Anthropic,
        ),
        (
            "*",
            "*/publishers/anthropic/models/*Predict",
            None,
            Chat,
            Anthropic,
        ),
        ("*", "*:generateContent", None, Chat, Gemini),
        ("*", "*:streamGenerateContent", None, Chat, Gemini),
        ("*.googleapis.com", "*/interactions", None, Chat, Gemini),
        ("*", "*:embedContent", None, Embeddings, Gemini),
        ("*", "*:batchEmbedContents", None, Embeddings, Gemini),
        ("*:11434", "/api/chat", None, Chat, Ollama),
        ("*:11434", "/api/generate", None, Completion, Ollama),
        ("*:11434", "/api/embed", None, Embeddings, Ollama),
        ("*:11434", "/api/embeddings", None, Embeddings, Ollama),
        ("api.cohere.*", "/v1/chat", None, Chat, Cohere),
        ("api.cohere.*", "/v2/chat", None, Chat, Cohere),
        ("api.cohere.*", "*/embed", None, Embeddings, Cohere),
        ("api.cohere.*", "*/rerank", None, Rerank, Cohere),
        ("ollama.com", "/api/chat", None, Chat, Ollama),
        ("ollama.com", "/api/generate", None, Completion, Ollama),
        ("*", "*/v1/rerank", None, Rerank, OpenAi),
        (
            "*bedrock-runtime*",
            "/model/*/converse",
            None,
            Chat,
            Bedrock,
        ),
        (
            "*bedrock-runtime*",
            "/model/*/converse-stream",
            None,
            Chat,
            Bedrock,
        ),
        ("*bedrock-runtime*", "/model/*/invoke", None, Chat, Bedrock),
        (
            "*bedrock-runtime*",
            "/model/*/invoke-with-response-stream",
            None,
            Chat,
            Bedrock,
        ),
        // DashScope's own.
        (
            "*.aliyuncs.com",
            "*/services/aigc/*/generation",
            None,
            Chat,
            OpenAi,
        ),
        // watsonx.
        ("*.ml.cloud.ibm.com", "*/text/chat*", None, Chat, OpenAi),
        (
            "*.ml.cloud.ibm.com",
            "*/text/generation*",
            None,
            Completion,
            OpenAi,
        ),
        (
            "*.ml.cloud.ibm.com",
            "*/text/embeddings",
            None,
            Embeddings,
            OpenAi,
        ),
        // Text Generation Inference as Hugging Face runs it; llama.cpp at its own port.
        ("*.huggingface.cloud", "/", None, Completion, OpenAi),
        (
            "*.huggingface.cloud",
            "/generate*",
            None,
            Completion,
            OpenAi,
        ),
        ("*:8080", "/completion", None, Completion, OpenAi),
        // Own paths of Databricks, Cloudflare, Snowflake, Volcengine, MiniMax, Baidu, Writer, GitHub, Mistral's agents, and
        // Mistral's models on Vertex AI.
        ("*", "*/serving-endpoints/*/invocations", None, Chat, OpenAi),
        ("api.cloudflare.com", "*/ai/run/*", None, Chat, OpenAi),
        (
            "gateway.ai.cloudflare.com",
            "*/responses",
            None,
            Chat,
            OpenAi,
        ),
        (
            "*.snowflakecomputing.com",
            "*/cortex/inference:complete",
            None,
            Chat,
            OpenAi,
        ),
        ("*.volces.com", "*/responses", None, Chat, OpenAi),
        ("*.volces.com", "*/embeddings", None, Embeddings, OpenAi),
        (
            "api.minimax*",
            "*/text/chatcompletion_v2",
            None,
            Chat,
            OpenAi,
        ),
        (
            "*.baidubce.com",
            "*/wenxinworkshop/chat/*",
            None,
            Chat,
            OpenAi,
        ),
        ("api.writer.com", "/v1/chat", None, Chat, OpenAi),
        ("models.github.ai", "*/embeddings", None, Embeddings, OpenAi),
        ("*.mistral.ai", "*/agents/completions", None, Chat, OpenAi),
        ("*.mistral.ai", "/v1/conversations", None, Chat, OpenAi),
        (
            "*",
            "*/publishers/mistralai/models/*Predict",
            None,
            Chat,
            OpenAi,
        ),
        (
            "*aiplatform.googleapis.com",
            "*/models/*embedding*:predict",
            None,
            Embeddings,
            Gemini,
        ),
        // Azure, also in other clouds and behind API Management.
        ("*", "*/openai/responses", None, Chat, OpenAi),
        ("*", "*/deployments/*/completions", None, Completion, OpenAi),
        ("*", "*/deployments/*/embeddings", None, Embeddings, OpenAi),
        (
            "*",
            "*/deployments/*/images/generations",
            None,
            Image,
            OpenAi,
        ),
        (
            "*",
            "*/deployments/*/audio/transcriptions",
            None,
            Transcription,
            OpenAi,
        ),
        (
            "*",
            "*/deployments/*/audio/translations",
            None,
            Transcription,
            OpenAi,
        ),
        ("*", "*/deployments/*/audio/speech", None, Speech, OpenAi),
        ("*.azure.com", "*/responses", None, Chat, OpenAi),
        ("*.azure.com", "*/completions", None, Completion, OpenAi),
        ("*.azure.com", "*/embeddings", None, Embeddings, OpenAi),
        ("*.azure.com", "*/images/generations", None, Image, OpenAi),
        ("*.azure.com", "*/images/edits", None, Image, OpenAi),
        (
            "*.azure.com",
            "*/audio/transcriptions",
            None,
            Transcription,
            OpenAi,
        ),
        (
            "*.azure.com",
            "*/audio/translations",
            None,
            Transcription,
            OpenAi,
        ),
        ("*.azure.com", "*/audio/speech", None, Speech, OpenAi),
        (
            "api.deepseek.com",
            "*/completions",
            None,
            Completion,
            OpenAi,
        ),
    ]
};

/// How a request is recorded that is in the table.
pub(crate) fn find(target: &Target<'_>) -> Option<(Operation, Language)> {
    let row = TABLE.iter().find(|(host, path, header, ..)| {
        glob(path, target.path)
            && is_host(host, target.host, target.port)
            && header.is_none_or(|name| target.headers.contains_key(name))
    })?;
    Some((row.3, row.4))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, Uri};

    use super::*;
    use crate::providers::provider_of;

    /// Operation, provider (`-` if OpenTelemetry has no name for it), address. All are in OpenAI's language but those that say so.
    const CALLS: &str = "
        chat ibm.watsonx.ai https://us-south.ml.cloud.ibm.com/ml/v1/text/chat_stream?version=2025-01-01
        text_completion ibm.watsonx.ai https://us-south.ml.cloud.ibm.com/ml/v1/deployments/d/text/generation_stream
        embeddings ibm.watsonx.ai https://eu-de.ml.cloud.ibm.com/ml/v1/text/embeddings
        embeddings azure.ai.openai https://x.openai.azure.us/openai/deployments/d/embeddings
        transcription azure.ai.openai https://x.openai.azure.cn/openai/deployments/d/audio/transcriptions
        embeddings - https://llm.corp.example/openai/deployments/d/embeddings
        chat - https://llm.corp.example/openai/responses?api-version=1
        chat mistral_ai https://api.mistral.ai/v1/agents/completions
        chat mistral_ai https://api.mistral.ai/v1/conversations
        chat gcp.vertex_ai https://x-aiplatform.googleapis.com/v1/projects/p/publishers/mistralai/models/m:streamRawPredict
        chat minimax https://api.minimax.io/v1/text/chatcompletion_v2
        chat - https://dbc-1.cloud.databricks.com/serving-endpoints/llama/invocations
        chat - https://api.cloudflare.com/client/v4/accounts/a/ai/run/@cf/meta/llama-3.1-8b
        chat - https://gateway.ai.cloudflare.com/v1/a/g/openai/responses
        chat - https://gateway.ai.cloudflare.com/v1/a/g/compat/chat/completions
        chat - https://acc.snowflakecomputing.com/api/v2/cortex/inference:complete
        chat - https://ark.cn-beijing.volces.com/api/v3/responses
        embeddings - https://ark.cn-beijing.volces.com/api/v3/embeddings
        chat - https://aip.baidubce.com/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/ernie?access_token=x
        chat - https://api.writer.com/v1/chat
        embeddings - https://models.github.ai/inference/embeddings
        text_completion - https://x.us-east-1.aws.endpoints.huggingface.cloud/generate_stream
        text_completion - https://x.us-east-1.aws.endpoints.huggingface.cloud/
        text_completion - http://localhost:8080/completion
        ollama:chat - https://ollama.com/api/chat
        gemini:embeddings gcp.vertex_ai https://x-aiplatform.googleapis.com/v1/publishers/google/models/text-embedding-005:predict
        bedrock:chat aws.bedrock https://vpce-1.bedrock-runtime.us-east-1.vpce.amazonaws.com/model/m/converse
        bedrock:chat aws.bedrock https://bedrock-runtime-fips.us-east-1.amazonaws.com/model/m/invoke
        none - https://example.com/completion
        none - https://example.com/
        none - https://example.com/deployments/d/status
        none - https://us-south.ml.cloud.ibm.com/ml/v1/foundation_model_specs
        none - https://dbc-1.cloud.databricks.com/api/2.0/serving-endpoints/llama";

    #[test]
    fn own_paths_of_providers_are_known_and_others_are_not() {
        for line in CALLS.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [call, provider, url] = words[..] else {
                panic!("{line}");
            };
            let url: Uri = url.parse().unwrap();
            let headers = HeaderMap::new();
            let target = Target {
                host: url.host().unwrap(),
                port: url.port_u16().unwrap_or(443),
                path: url.path(),
                headers: &headers,
            };
            let found = match find(&target) {
                None => "none".to_owned(),
                Some((operation, Language::OpenAi)) => operation.name().to_owned(),
                Some((operation, language)) => {
                    format!("{language:?}:{}", operation.name()).to_lowercase()
                }
            };
            assert_eq!(found, call, "{url}");
            if call != "none" {
                assert_eq!(provider_of(&target).unwrap_or("-"), provider, "{url}");
            }
        }
    }
}
