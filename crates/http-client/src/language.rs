//! The APIs of providers ("languages"), each with the core's reader of its responses and of its streams.
//! Used by `routes` to say how a call is read, by `reading` and by `folding`. Must not know HTTP.

use serde_json::Value;
use tracefuse_core::Span;
use tracefuse_core::stream::{Anthropic, Bedrock, Cohere, Fold, Gemini, Ollama, OpenAi};

/// The API of a provider: the form of its responses and of its streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Language {
    /// OpenAI's: chat completions, responses, embeddings, images, transcriptions; also of vLLM, LiteLLM and many others.
    OpenAi,
    /// Anthropic's messages, also on Vertex AI.
    Anthropic,
    /// Gemini's `generateContent`, `embedContent` and interactions, also on Vertex AI.
    Gemini,
    /// Ollama's own API.
    Ollama,
    /// Cohere's chat, embeddings and ranking.
    Cohere,
    /// Amazon Bedrock's Converse, and what its models answer without it.
    Bedrock,
}

impl Language {
    /// Begins the kind of an error, such as `openai.rate_limit_exceeded`.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Ollama => "ollama",
            Self::Cohere => "cohere",
            Self::Bedrock => "bedrock",
        }
    }

    /// Records a response: its text, or what is known of it.
    pub(crate) fn record(self, span: &Span, response: &Value) {
        match self {
            Self::OpenAi => span.record_openai(response),
            Self::Anthropic => span.record_anthropic(response),
            Self::Gemini => span.record_gemini(response),
            Self::Ollama => span.record_ollama(response),
            Self::Cohere => span.record_cohere(response),
            Self::Bedrock => span.record_bedrock(response),
        }
    }

    pub(crate) fn fold(self) -> AnyFold {
        match self {
            Self::OpenAi => AnyFold::OpenAi(OpenAi::default()),
            Self::Anthropic => AnyFold::Anthropic(Anthropic::default()),
            Self::Gemini => AnyFold::Gemini(Gemini::default()),
            Self::Ollama => AnyFold::Ollama(Ollama::default()),
            Self::Cohere => AnyFold::Cohere(Cohere::default()),
            Self::Bedrock => AnyFold::Bedrock(Bedrock::default()),
        }
    }
}

/// The core's fold of one language.
#[derive(Debug)]
pub(crate) enum AnyFold {
    OpenAi(OpenAi),
    Anthropic(Anthropic),
    Gemini(Gemini),
    Ollama(Ollama),
    Cohere(Cohere),
    Bedrock(Bedrock),
}

/// Calls a method of the fold inside.
macro_rules! each {
    ($self:expr, $fold:ident => $call:expr) => {
        match $self {
            AnyFold::OpenAi($fold) => $call,
            AnyFold::Anthropic($fold) => $call,
            AnyFold::Gemini($fold) => $call,
            AnyFold::Ollama($fold) => $call,
            AnyFold::Cohere($fold) => $call,
            AnyFold::Bedrock($fold) => $call,
        }
    };
}

impl AnyFold {
    pub(crate) fn push(&mut self, piece: &str) {
        each!(self, fold => fold.push(piece));
    }

    pub(crate) fn has_content(&self) -> bool {
        each!(self, fold => Fold::<str>::has_content(fold))
    }

    pub(crate) fn is_complete(&self) -> bool {
        each!(self, fold => Fold::<str>::is_complete(fold))
    }

    pub(crate) fn record(self, span: &Span) {
        each!(self, fold => Fold::<str>::record(fold, span));
    }
}
