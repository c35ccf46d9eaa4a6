//! The table of providers: hosts and paths of the requests that call a model, and the names of providers by host.
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
        ("*", "*/v1/rerank", None, Rerank, OpenAi),
        (
            "bedrock-runtime.*",
            "/model/*/converse",
            None,
            Chat,
            Bedrock,
        ),
        (
            "bedrock-runtime.*",
            "/model/*/converse-stream",
            None,
            Chat,
            Bedrock,
        ),
        ("bedrock-runtime.*", "/model/*/invoke", None, Chat, Bedrock),
        (
            "bedrock-runtime.*",
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
