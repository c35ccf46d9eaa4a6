//! Which requests call a model: the routes that a user adds, then the table.
//! Searched by `model_calls` for each request. Must not know bodies.

use std::borrow::Cow;

use crate::language::Language;
use crate::operation::Operation;
use crate::target::{Target, glob, is_host};
use crate::{providers, table};

/// A kind of request that calls a model: a pattern of the host, a pattern of the path, and how the call is read.
///
/// In both patterns `*` is any text, also none. A pattern of a host without a `:` is compared with the host alone, one with
/// a `:` with host and port. Hosts are compared without regard to case. Only requests of the method POST are compared.
///
/// ```
/// use tracefuse_http_client::{Language, ModelCalls, Operation, Route};
///
/// let calls = ModelCalls::new()
///     .route(Route::new("llm.internal.example", "/generate", Operation::Chat, Language::OpenAi).provider("vllm"))
///     .route(Route::ignore("api.openai.com", "*/embeddings"));
/// # drop(calls);
/// ```
#[derive(Clone, Debug)]
#[must_use = "give it to `ModelCalls::route`"]
pub struct Route {
    host: Cow<'static, str>,
    path: Cow<'static, str>,
    /// A header that the request must have.
    header: Option<&'static str>,
    /// `None` for requests that are left out.
    call: Option<(Operation, Language)>,
    provider: Option<Cow<'static, str>>,
}

impl Route {
    /// Requests to `host` and `path`, recorded as `operation` and read as `language`.
    pub fn new(
        host: impl Into<Cow<'static, str>>,
        path: impl Into<Cow<'static, str>>,
        operation: Operation,
        language: Language,
    ) -> Self {
        Self {
            host: host.into(),
            path: path.into(),
            header: None,
            call: Some((operation, language)),
            provider: None,
        }
    }

    /// Requests that are not recorded, although the table has them.
    pub fn ignore(host: impl Into<Cow<'static, str>>, path: impl Into<Cow<'static, str>>) -> Self {
        Self {
            host: host.into(),
            path: path.into(),
            header: None,
            call: None,
            provider: None,
        }
    }

    /// The provider, by OpenTelemetry's name (`gen_ai.provider.name`). Without it the host decides, then what the response
    /// shows.
    pub fn provider(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.provider = Some(name.into());
        self
    }

    fn matches(&self, target: &Target<'_>) -> bool {
        let header = |name| target.headers.contains_key(name);
        glob(&self.path, target.path)
            && is_host(&self.host, target.host, target.port)
            && self.header.is_none_or(header)
    }
}

/// How a call is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matched {
    pub(crate) operation: Operation,
    pub(crate) language: Language,
    pub(crate) provider: Option<Cow<'static, str>>,
}

/// The routes of the user, then the table.
#[derive(Clone, Debug)]
pub(crate) struct Routes {
    own: Vec<Route>,
    pub(crate) with_table: bool,
}

impl Default for Routes {
    fn default() -> Self {
        Self {
            own: Vec::new(),
            with_table: true,
        }
    }
}

impl Routes {
    pub(crate) fn add(&mut self, route: Route) {
        self.own.push(route);
    }

    /// The first route that fits; `None` if the request is not recorded.
    pub(crate) fn find(&self, target: &Target<'_>) -> Option<Matched> {
        let own = self.own.iter().find(|route| route.matches(target));
        let (call, provider) = match own {
            Some(route) => (route.call?, route.provider.clone()),
            None if self.with_table => (table::find(target)?, None),
            None => return None,
        };
        Some(Matched {
            operation: call.0,
            language: call.1,
            provider: provider.or_else(|| providers::provider_of(target).map(Cow::Borrowed)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;

    fn find(url: &str) -> Option<(Operation, Language, Option<String>)> {
        find_with(url, &HeaderMap::new(), &Routes::default())
    }

    fn find_with(
        url: &str,
        headers: &HeaderMap,
        routes: &Routes,
    ) -> Option<(Operation, Language, Option<String>)> {
        let uri: http::Uri = url.parse().unwrap();
        let target = Target {
            host: uri.host().unwrap(),
            port: uri.port_u16().unwrap_or(443),
            path: uri.path(),
            headers,
        };
        let found = routes.find(&target)?;
        Some((
            found.operation,
            found.language,
            found.provider.map(Cow::into_owned),
        ))
    }

    #[test]
    fn the_table_knows_each_provider_by_host_and_path() {
        use Language::{Anthropic, Bedrock, Cohere, Gemini, Ollama, OpenAi};
        use Operation::{Chat, Completion, Embeddings, Image, Rerank, Speech, Transcription};
        for (url, operation, language, provider) in [
            (
                "https://api.openai.com/v1/chat/completions",
                Chat,
                OpenAi,
                "openai",
            ),
            (
                "https://API.OpenAI.com/v1/responses",
                Chat,
                OpenAi,
                "openai",
            ),
            (
                "https://api.openai.com/v1/embeddings",
                Embeddings,
                OpenAi,
                "openai",
            ),
            (
                "https://api.openai.com/v1/images/generations",
                Image,
                OpenAi,
                "openai",
            ),
            (
                "https://api.openai.com/v1/audio/transcriptions",
                Transcription,
                OpenAi,
                "openai",
            ),
            (
                "https://api.openai.com/v1/audio/speech",
                Speech,
                OpenAi,
                "openai",
            ),
            (
                "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1",
                Chat,
                OpenAi,
                "azure.ai.openai",
            ),
            (
                "https://x.openai.azure.com/openai/responses",
                Chat,
                OpenAi,
                "azure.ai.openai",
            ),
            (
                "https://openrouter.ai/api/v1/chat/completions",
                Chat,
                OpenAi,
                "openrouter",
            ),
            (
                "https://api.groq.com/openai/v1/chat/completions",
                Chat,
                OpenAi,
                "groq",
            ),
            (
                "https://codestral.mistral.ai/v1/fim/completions",
                Completion,
                OpenAi,
                "mistral_ai",
            ),
            (
                "https://api.mistral.ai/v1/chat/completions",
                Chat,
                OpenAi,
                "mistral_ai",
            ),
            (
                "https://api.deepseek.com/chat/completions",
                Chat,
                OpenAi,
                "deepseek",
            ),
            (
                "https://api.moonshot.cn/v1/chat/completions",
                Chat,
                OpenAi,
                "moonshot_ai",
            ),
            (
                "https://api.anthropic.com/v1/messages",
                Chat,
                Anthropic,
                "anthropic",
            ),
            (
                "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/anthropic/models/claude:streamRawPredict",
                Chat,
                Anthropic,
                "gcp.vertex_ai",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
                Chat,
                Gemini,
                "gcp.gemini",
            ),
            ("http://localhost:11434/api/chat", Chat, Ollama, "ollama"),
            (
                "http://localhost:11434/v1/chat/completions",
                Chat,
                OpenAi,
                "ollama",
            ),
            ("https://api.cohere.com/v2/rerank", Rerank, Cohere, "cohere"),
            ("https://api.cohere.com/v1/rerank", Rerank, Cohere, "cohere"),
            ("https://api.jina.ai/v1/rerank", Rerank, OpenAi, "jina_ai"),
            (
                "https://api.voyageai.com/v1/rerank",
                Rerank,
                OpenAi,
                "voyage_ai",
            ),
            (
                "https://bedrock-runtime.us-east-1.amazonaws.com/model/us.anthropic.claude-opus-4-v1%3A0/converse-stream",
                Chat,
                Bedrock,
                "aws.bedrock",
            ),
            (
                "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1:0/invoke",
                Chat,
                Bedrock,
                "aws.bedrock",
            ),
            (
                "https://bedrock-runtime.eu-west-1.amazonaws.com/model/meta.llama3-8b-instruct-v1%3A0/invoke-with-response-stream",
                Chat,
                Bedrock,
                "aws.bedrock",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/interactions",
                Chat,
                Gemini,
                "gcp.gemini",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai/embeddings",
                Embeddings,
                OpenAi,
                "gcp.gemini",
            ),
            (
                "https://dashscope-intl.aliyuncs.com/api/v1/services/aigc/text-generation/generation",
                Chat,
                OpenAi,
                "dashscope",
            ),
            (
                "https://api.cerebras.ai/v1/chat/completions",
                Chat,
                OpenAi,
                "cerebras",
            ),
            (
                "https://api.openai.com/v1/responses/compact",
                Chat,
                OpenAi,
                "openai",
            ),
        ] {
            let expected = Some((operation, language, Some(provider.to_owned())));
            assert_eq!(find(url), expected, "{url}");
        }
        let local = find("http://127.0.0.1:8000/v1/chat/completions");
        assert_eq!(local, Some((Chat, OpenAi, None)), "vLLM, LiteLLM");
    }

    #[test]
    fn requests_that_call_no_model_are_not_in_the_table() {
        for url in [
            "https://api.openai.com/v1/models",
            "https://api.openai.com/v1/files",
            "https://api.anthropic.com/v1/messages/count_tokens",
            "https://example.com/api/chat",
            "https://example.com/v1/messages",
            "https://example.com/responses",
        ] {
            assert_eq!(find(url), None, "{url}");
        }
        let headers = HeaderMap::from_iter([(
            http::HeaderName::from_static("anthropic-version"),
            http::HeaderValue::from_static("2023-06-01"),
        )]);
        let gateway = "https://gateway.example.com/v1/messages";
        assert!(find_with(gateway, &headers, &Routes::default()).is_some());
    }

    #[test]
    fn routes_of_the_user_come_before_the_table() {
        let mut routes = Routes::default();
        routes.add(Route::ignore("api.openai.com", "*/embeddings"));
        routes.add(
            Route::new(
                "llm.example",
                "/ask",
                Operation::Completion,
                Language::Ollama,
            )
            .provider("ours"),
        );
        let find = |url, routes: &Routes| find_with(url, &HeaderMap::new(), routes);
        assert_eq!(find("https://api.openai.com/v1/embeddings", &routes), None);
        let ours = (
            Operation::Completion,
            Language::Ollama,
            Some("ours".to_owned()),
        );
        assert_eq!(find("https://LLM.example/ask", &routes), Some(ours));
        assert!(find("https://api.openai.com/v1/chat/completions", &routes).is_some());
        routes.with_table = false;
        assert_eq!(
            find("https://api.openai.com/v1/chat/completions", &routes),
            None
        );
    }
}
