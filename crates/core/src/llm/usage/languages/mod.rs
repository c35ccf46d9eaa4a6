//! The names of counts in each provider's language, and their places. Support for a provider is added here.
//! Read by `usage`; the places are relative to the report, and written as `path` has them.
//!
//! Sources: the providers' API references and the SDKs' types, as of 2026-11; the compatible providers' own
//! references. Each shape is a file in `crates/core/tests/data/usage/`.

mod openai;

use serde_json::Value;

use crate::record::{Convention, Count};
use openai::OPENAI;

/// A language that providers answer in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// OpenAI's, and that of all compatible providers and gateways.
    OpenAi,
    Anthropic,
    Gemini,
    /// Bedrock's Converse.
    Bedrock,
    Cohere,
    /// Ollama's own.
    Ollama,
}

type Counts = &'static [(Count, &'static [&'static str])];

pub(super) struct Table {
    /// Where reports are in an answer. Of several at one place the last one counts.
    pub(super) places: &'static [&'static str],
    pub(super) counts: Counts,
    /// Input and output are always stated, and left out when they are zero.
    pub(super) has_both: bool,
    /// Buckets of units that are no tokens.
    pub(super) others: &'static [(&'static str, &'static [&'static str])],
    /// If this is there, the total alone counts the audio that went in.
    pub(super) audio_in_total: Option<&'static str>,
    /// If one of these is there, text is counted beside audio.
    pub(super) text_apart: &'static [&'static str],
    /// Lists in the answer of what was searched for.
    pub(super) searches: &'static [&'static str],
    /// Model parameters, and where the answer states them.
    pub(super) parameters: &'static [(&'static str, &'static [&'static str])],
}

impl Language {
    pub(super) fn table(self) -> &'static Table {
        match self {
            Self::OpenAi => &OPENAI,
            Self::Anthropic => &ANTHROPIC,
            Self::Gemini => &GEMINI,
            Self::Bedrock => &BEDROCK,
            Self::Cohere => &COHERE,
            Self::Ollama => &OLLAMA,
        }
    }

    /// The language of an answer: what Bedrock runs without Converse answers in the language of its maker.
    pub(crate) fn spoken_in(self, answer: &Value) -> Self {
        let list = |key: &str| answer.get(key).and_then(Value::as_array);
        let has = |key: &str| {
            answer.get("output").is_none()
                && list(key).is_some_and(|list| list.iter().any(Value::is_object))
        };
        match self {
            Self::Bedrock if has("choices") => Self::OpenAi,
            Self::Bedrock if has("content") => Self::Anthropic,
            other => other,
        }
    }

    /// Which counts of a report include which other counts.
    pub(super) fn convention(self, report: &Value) -> Convention {
        match self {
            Self::OpenAi if is_research(report) => Convention::Disjoint,
            // A gateway that gives Anthropic's counts as they are.
            Self::OpenAi if is_anthropics(report) => Convention::Anthropic,
            Self::OpenAi | Self::Cohere | Self::Ollama => Convention::OpenAi,
            Self::Anthropic | Self::Bedrock => Convention::Anthropic,
            Self::Gemini => Convention::Gemini,
        }
    }
}

/// Whether a report is of Perplexity's research: reasoning and citations are billed beside the output, and are in no total.
fn is_research(report: &Value) -> bool {
    let number = |place: &str| report.pointer(place).and_then(Value::as_f64);
    let has_citations = number("/citation_tokens").is_some_and(|n| n > 0.0);
    let is_larger = number("/reasoning_tokens") > number("/completion_tokens");
    let is_billed = number("/cost/reasoning_tokens_cost").is_some_and(|dollars| dollars > 0.0);
    has_citations && (is_larger || is_billed)
}

/// Whether a report has Anthropic's counts of the cache and nothing of OpenAI's.
fn is_anthropics(report: &Value) -> bool {
    let has = |name: &str| report.get(name).is_some_and(|value| !value.is_null());
    has("input_tokens")
        && (has("cache_read_input_tokens") || has("cache_creation_input_tokens"))
        && ![
            "prompt_tokens",
            "total_tokens",
            "prompt_tokens_details",
            "input_tokens_details",
        ]
        .iter()
        .any(|name| has(name))
}

/// Input excludes what the cache gave and took.
const ANTHROPIC: Table = Table {
    places: &[
        "usage",
        // The first event of a stream.
        "message.usage",
        // Bedrock's addition to the last event.
        "amazon-bedrock-invocationMetrics",
    ],
    counts: &[
        // After a compaction the totals are those of the last iteration; each was billed.
        (
            Count::Input,
            &[
                "iterations.*.input_tokens",
                "input_tokens",
                "inputTokenCount",
            ],
        ),
        (
            Count::Output,
            &[
                "iterations.*.output_tokens",
                "output_tokens",
                "outputTokenCount",
            ],
        ),
        (
            Count::Cached,
            &[
                "iterations.*.cache_read_input_tokens",
                "cache_read_input_tokens",
                "cacheReadInputTokenCount",
            ],
        ),
        (
            Count::CacheWrite,
            &[
                "iterations.*.cache_creation_input_tokens",
                "cache_creation_input_tokens",
                "cacheWriteInputTokenCount",
            ],
        ),
        (
            Count::CacheWrite5m,
            &[
                "iterations.*.cache_creation.ephemeral_5m_input_tokens",
                "cache_creation.ephemeral_5m_input_tokens",
            ],
        ),
        (
            Count::CacheWrite1h,
            &[
                "iterations.*.cache_creation.ephemeral_1h_input_tokens",
                "cache_creation.ephemeral_1h_input_tokens",
            ],
        ),
        (
            Count::Reasoning,
            &[
                "output_tokens_details.thinking_tokens",
                "output_tokens_details.reasoning_tokens",
            ],
        ),
        (Count::Searches, &["server_tool_use.web_search_requests"]),
    ],
    has_both: true,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[
        (
            "service_tier",
            &[
                "usage.service_tier",
                "message.usage.service_tier",
                "service_tier",
            ],
        ),
        ("speed", &["usage.speed", "message.usage.speed"]),
        // Where the model runs changes the price.
        (
            "inference_geo",
            &["usage.inference_geo", "message.usage.inference_geo"],
        ),
    ],
};

/// The prompt includes what was cached; results of tools and thoughts come on top.
const GEMINI: Table = Table {
    places: &[
        "usageMetadata",
        // The Interactions API.
        "usage",
        // Vertex AI's `predict`, for embeddings.
        "",
    ],
    counts: &[
        (
            Count::Input,
            &[
                "promptTokenCount",
                "total_input_tokens",
                "predictions.*.embeddings.statistics.token_count",
            ],
        ),
        (
            Count::Output,
            // The second is of the Live API.
            &[
                "candidatesTokenCount",
                "responseTokenCount",
                "total_output_tokens",
            ],
        ),
        (Count::Total, &["totalTokenCount", "total_tokens"]),
        (
            Count::Cached,
            &["cachedContentTokenCount", "total_cached_tokens"],
        ),
        (
            Count::CachedAudio,
            &[
                "cacheTokensDetails.modality=AUDIO.tokenCount",
                "cached_tokens_by_modality.modality=audio.tokens",
            ],
        ),
        (
            Count::CachedImage,
            &[
                "cacheTokensDetails.modality=IMAGE.tokenCount",
                "cached_tokens_by_modality.modality=image.tokens",
            ],
        ),
        (
            Count::InputAudio,
            &[
                "promptTokensDetails.modality=AUDIO.tokenCount",
                "input_tokens_by_modality.modality=audio.tokens",
            ],
        ),
        (
            Count::InputImage,
            &[
                "promptTokensDetails.modality=IMAGE.tokenCount",
                "input_tokens_by_modality.modality=image.tokens",
            ],
        ),
        (
            Count::ToolUse,
            &["toolUsePromptTokenCount", "total_tool_use_tokens"],
        ),
        (
            Count::Reasoning,
            &[
                "thoughtsTokenCount",
                "total_thought_tokens",
                "total_reasoning_tokens",
            ],
        ),
        (
            Count::OutputAudio,
            &[
                "candidatesTokensDetails.modality=AUDIO.tokenCount",
                "responseTokensDetails.modality=AUDIO.tokenCount",
                "output_tokens_by_modality.modality=audio.tokens",
            ],
        ),
        (
            Count::OutputImage,
            &[
                "candidatesTokensDetails.modality=IMAGE.tokenCount",
                "responseTokensDetails.modality=IMAGE.tokenCount",
                "output_tokens_by_modality.modality=image.tokens",
            ],
        ),
    ],
    has_both: true,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &["candidates.*.groundingMetadata.webSearchQueries.*"],
    parameters: &[
        (
            "service_tier",
            &["usageMetadata.serviceTier", "serviceTier"],
        ),
        ("traffic_type", &["usageMetadata.trafficType"]),
    ],
};

/// As Anthropic's; the total includes what the cache gave and took.
const BEDROCK: Table = Table {
    places: &[
        "usage",
        // The last event of a stream.
        "metadata.usage",
        "amazon-bedrock-invocationMetrics",
        // Titan and Llama without Converse.
        "",
    ],
    counts: &[
        (
            Count::Input,
            &[
                "inputTokens",
                "inputTokenCount",
                "inputTextTokenCount",
                "prompt_token_count",
            ],
        ),
        (
            Count::Output,
            &[
                "outputTokens",
                "outputTokenCount",
                "results.*.tokenCount",
                // The last chunk of a stream of Titan.
                "totalOutputTextTokenCount",
                "generation_token_count",
            ],
        ),
        (Count::Total, &["totalTokens"]),
        (
            Count::Cached,
            &[
                "cacheReadInputTokens",
                "cacheReadInputTokensCount",
                "cacheReadInputTokenCount",
            ],
        ),
        (
            Count::CacheWrite,
            &[
                "cacheWriteInputTokens",
                "cacheWriteInputTokensCount",
                "cacheWriteInputTokenCount",
            ],
        ),
        (Count::CacheWrite5m, &["cacheDetails.ttl=5m.inputTokens"]),
        (Count::CacheWrite1h, &["cacheDetails.ttl=1h.inputTokens"]),
    ],
    has_both: true,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[
        (
            "service_tier",
            &["serviceTier.type", "metadata.serviceTier.type"],
        ),
        (
            "latency",
            &[
                "performanceConfig.latency",
                "metadata.performanceConfig.latency",
            ],
        ),
    ],
};

/// What is billed is stated beside what was counted.
const COHERE: Table = Table {
    places: &[
        "usage",
        // The last event of a stream.
        "delta.usage",
        // Version 1, embeddings and ranking.
        "meta",
    ],
    counts: &[
        (
            Count::Input,
            &["billed_units.input_tokens", "tokens.input_tokens"],
        ),
        (
            Count::Output,
            &["billed_units.output_tokens", "tokens.output_tokens"],
        ),
        (Count::Cached, &["cached_tokens"]),
        (Count::InputImage, &["billed_units.image_tokens"]),
    ],
    has_both: false,
    others: &[
        ("search_units", &["billed_units.search_units"]),
        ("classifications", &["billed_units.classifications"]),
        ("images", &["billed_units.images"]),
    ],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[],
};

/// The counts are in the answer itself.
const OLLAMA: Table = Table {
    places: &[""],
    counts: &[
        (Count::Input, &["prompt_eval_count"]),
        (Count::Output, &["eval_count"]),
    ],
    has_both: false,
    others: &[],
    audio_in_total: None,
    text_apart: &[],
    searches: &[],
    parameters: &[],
};
