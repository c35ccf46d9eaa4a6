//! Which requests call a model: the table of hosts and paths, and the routes that a user adds.
//! Asked by `model_calls` for each request. Must not know bodies.

use std::borrow::Cow;

use http::HeaderMap;
use tracefuse_core::ObservationType;

use crate::language::Language;

/// What is asked of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// An answer in a conversation: chat completions, responses, messages, `generateContent`.
    Chat,
    /// The continuation of a text.
    Completion,
    /// Vectors of texts.
    Embeddings,
    /// A picture.
    Image,
    /// The text of a recording.
    Transcription,
    /// A text as sound.
    Speech,
    /// An order of documents.
    Rerank,
}

impl Operation {
    /// OpenTelemetry's name (`gen_ai.operation.name`), with which the observation's name begins.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "text_completion",
            Self::Embeddings => "embeddings",
            Self::Image => "image_generation",
            Self::Transcription => "transcription",
            Self::Speech => "audio_generation",
            Self::Rerank => "rerank",
        }
    }

    /// The type of the observation that a call is recorded as.
    #[must_use]
    pub const fn observation_type(self) -> ObservationType {
        match self {
            Self::Embeddings => ObservationType::Embedding,
            Self::Rerank => ObservationType::Retriever,
            _ => ObservationType::Generation,
        }
    }

    /// Whether most of a response is of no interest: vectors and pictures.
    pub(crate) const fn answers_with_numbers(self) -> bool {
        matches!(self, Self::Embeddings | Self::Image)
    }
}

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

/// Where a request goes.
#[derive(Clone, Copy)]
pub(crate) struct Target<'a> {
    pub(crate) host: &'a str,
    /// Zero if the port is not known.
    pub(crate) port: u16,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a HeaderMap,
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
            None if self.with_table => (in_table(target)?, None),
            None => return None,
        };
        Some(Matched {
            operation: call.0,
            language: call.1,
            provider: provider.or_else(|| provider_of(target).map(Cow::Borrowed)),
        })
    }
}

/// Whether a host fits a pattern.
pub(crate) fn is_host(pattern: &str, host: &str, port: u16) -> bool {
    glob(pattern, host) || pattern.contains(':') && glob(pattern, &format!("{host}:{port}"))
}

/// Whether `text` fits `pattern`, in which `*` is any text. Letters of ASCII are compared without regard to case.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on if a character does not fit: after the last `*`, with one more byte of text for it.
    let mut retry = None;
    while t < text.len() {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((p + 1, t));
                p += 1;
            }
            (Some(a), Some(b)) if a.eq_ignore_ascii_case(b) => {
                p += 1;
                t += 1;
            }
            _ => match retry {
                Some((after, from)) => {
                    retry = Some((after, from + 1));
                    p = after;
                    t = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

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
/// well, such as `/api/chat`, needs a host or a header that tells.
const TABLE: &[Row] = {
    use Language::{Anthropic, Cohere, Gemini, Ollama, OpenAi};
    use Operation::{Chat, Completion, Embeddings, Image, Rerank, Speech, Transcription};
    &[
        ("*", "*/chat/completions", None, Chat, OpenAi),
        ("*", "*/v1/responses", None, Chat, OpenAi),
        ("*", "*/v1/completions", None, Completion, OpenAi),
        ("*", "*/fim/completions", None, Completion, OpenAi),
        ("*", "*/v1/embeddings", None, Embeddings, OpenAi),
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
        ("*", "*:embedContent", None, Embeddings, Gemini),
        ("*", "*:batchEmbedContents", None, Embeddings, Gemini),
        ("*:11434", "/api/chat", None, Chat, Ollama),
        ("*:11434", "/api/generate", None, Completion, Ollama),
        ("*:11434", "/api/embed", None, Embeddings, Ollama),
        ("*:11434", "/api/embeddings", None, Embeddings, Ollama),
        ("api.cohere.*", "/v2/chat", None, Chat, Cohere),
        ("api.cohere.*", "*/embed", None, Embeddings, Cohere),
        ("api.cohere.*", "*/rerank", None, Rerank, Cohere),
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

fn in_table(target: &Target<'_>) -> Option<(Operation, Language)> {
    let row = TABLE.iter().find(|(host, path, header, ..)| {
        glob(path, target.path)
            && is_host(host, target.host, target.port)
            && header.is_none_or(|name| target.headers.contains_key(name))
    })?;
    Some((row.3, row.4))
}

/// Providers by host, by OpenTelemetry's names; those it has no name for by the names they have for themselves.
const PROVIDERS: &[(&str, &str)] = &[
    ("api.openai.com", "openai"),
    ("*.openai.azure.com", "azure.ai.openai"),
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
    ("*:11434", "ollama"),
];

fn provider_of(target: &Target<'_>) -> Option<&'static str> {
    let known = PROVIDERS
        .iter()
        .find(|(host, _)| is_host(host, target.host, target.port));
    known.map(|(_, provider)| *provider)
}

/// The model that a path names: `/models/gemini-2.5-flash:generateContent`, `/deployments/gpt-4o/chat/completions`.
pub(crate) fn model_in_path(path: &str) -> Option<&str> {
    let after = ["/models/", "/deployments/"];
    let rest = after
        .iter()
        .find_map(|mark| path.split_once(mark).map(|(_, rest)| rest))?;
    rest.split(['/', ':'])
        .next()
        .filter(|model| !model.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
        use Language::{Anthropic, Cohere, Gemini, Ollama, OpenAi};
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

    #[test]
    fn a_path_may_name_the_model() {
        for (path, model) in [
            (
                "/v1beta/models/gemini-2.5-flash:generateContent",
                Some("gemini-2.5-flash"),
            ),
            (
                "/openai/deployments/gpt-4o/chat/completions",
                Some("gpt-4o"),
            ),
            ("/v1/chat/completions", None),
            ("/v1/models/", None),
        ] {
            assert_eq!(model_in_path(path), model);
        }
    }

    proptest! {
        #[test]
        fn a_pattern_of_pieces_fits_what_it_was_made_of(pieces in prop::collection::vec("[a-c/]{0,4}", 1..5), between in prop::collection::vec("[a-c/]{0,4}", 5)) {
            let pattern = pieces.join("*");
            let mut text = String::new();
            for (at, piece) in pieces.iter().enumerate() {
                if at > 0 { text.push_str(&between[at]); }
                text.push_str(piece);
            }
            prop_assert!(glob(&pattern, &text));
            let other = format!("{text}x");
            prop_assert_eq!(glob(&pattern, &other), pattern.ends_with('*'));
        }
    }
}
