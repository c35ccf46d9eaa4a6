//! OpenAI's language, and what gateways, compatible providers and servers of open models add to it.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// Input and output include their parts, unless the total shows otherwise.
pub(super) const OPENAI: Table = Table {
    places: &[
        "usage",
        // Groq's last chunk.
        "x_groq.usage",
        // Moonshot's last chunk.
        "choices.*.usage",
        "message.usage",
        // sglang's own `generate`.
        "meta_info",
        // Mistral's recognition of documents.
        "usage_info",
    ],
    counts: &[
        // The names in camel case are of Vercel's AI SDK.
        (
            Count::Input,
            &[
                "prompt_tokens",
                "input_tokens",
                "promptTokens",
                "inputTokens",
            ],
        ),
        (
            Count::Output,
            &[
                "completion_tokens",
                "output_tokens",
                "completionTokens",
                "outputTokens",
            ],
        ),
        (Count::Total, &["total_tokens", "totalTokens"]),
        (
            Count::Cached,
            &[
                "prompt_tokens_details.cached_tokens",
                // Mistral, and routers before vLLM, beside the name above or in its place.
                "prompt_token_details.cached_tokens",
                "input_tokens_details.cached_tokens",
                // Realtime.
                "input_token_details.cached_tokens",
                // DeepSeek.
                "prompt_cache_hit_tokens",
                // Moonshot, sglang, Together.
                "cached_tokens",
                // LiteLLM, and others before Claude.
                "cache_read_input_tokens",
                "prompt_tokens_details.cache_read_tokens",
                "prompt_tokens_details.cache_read_input_tokens",
                // LangChain.
                "input_token_details.cache_read",
                // vLLM, Mistral.
                "num_cached_tokens",
                // Vercel; in snake case Codex and rig.
                "cachedInputTokens",
                "inputTokenDetails.cacheReadTokens",
            ],
        ),
        (
            Count::CachedText,
            &["input_token_details.cached_tokens_details.text_tokens"],
        ),
        (
            Count::CachedAudio,
            &["input_token_details.cached_tokens_details.audio_tokens"],
        ),
        (
            Count::CachedImage,
            &["input_token_details.cached_tokens_details.image_tokens"],
        ),
        (
            Count::CacheWrite,
            &[
                // OpenRouter, OpenAI.
                "prompt_tokens_details.cache_write_tokens",
                "input_tokens_details.cache_write_tokens",
                // LiteLLM, and others before Claude.
                "prompt_tokens_details.cache_creation_tokens",
                "input_tokens_details.cache_creation_tokens",
                "cache_creation_input_tokens",
                // DashScope.
                "prompt_tokens_details.cache_creation_input_tokens",
                // LangChain.
                "input_token_details.cache_creation",
                "inputTokenDetails.cacheWriteTokens",
                // Codex, in snake case.
                "cacheWriteInputTokens",
            ],
        ),
        (
            Count::CacheWrite5m,
            &[
                "cache_creation.ephemeral_5m_input_tokens",
                "prompt_tokens_details.cache_creation.ephemeral_5m_input_tokens",
                "prompt_tokens_details.cache_creation_token_details.ephemeral_5m_input_tokens",
            ],
        ),
        (
            Count::CacheWrite1h,
            &[
                "cache_creation.ephemeral_1h_input_tokens",
                "prompt_tokens_details.cache_creation.ephemeral_1h_input_tokens",
                "prompt_tokens_details.cache_creation_token_details.ephemeral_1h_input_tokens",
            ],
        ),
        (
            Count::InputText,
            &[
                "prompt_tokens_details.text_tokens",
                "input_tokens_details.text_tokens",
                "input_token_details.text_tokens",
            ],
        ),
        (
            Count::InputAudio,
            &[
                "prompt_tokens_details.audio_tokens",
                "input_tokens_details.audio_tokens",
                "input_token_details.audio_tokens",
                "input_token_details.audio",
            ],
        ),
        (
            Count::InputImage,
            &[
                "prompt_tokens_details.image_tokens",
                "input_tokens_details.image_tokens",
                "input_token_details.image_tokens",
            ],
        ),
        // What Mistral's connectors found is read as input.
        (Count::ToolUse, &["connector_tokens"]),
        (
            Count::Reasoning,
            &[
                "completion_tokens_details.reasoning_tokens",
                "output_tokens_details.reasoning_tokens",
                "output_token_details.reasoning_tokens",
                // sglang, Perplexity.
                "reasoning_tokens",
                // LangChain.
                "output_token_details.reasoning",
                // Codex.
                "reasoning_output_tokens",
                "reasoningTokens",
                "outputTokenDetails.reasoningTokens",
            ],
        ),
        (
            Count::OutputText,
            &[
                "completion_tokens_details.text_tokens",
                "output_tokens_details.text_tokens",
                "output_token_details.text_tokens",
            ],
        ),
        (
            Count::OutputAudio,
            &[
                "completion_tokens_details.audio_tokens",
                "output_tokens_details.audio_tokens",
                "output_token_details.audio_tokens",
                "output_token_details.audio",
            ],
        ),
        (
            Count::OutputImage,
            &[
                "completion_tokens_details.image_tokens",
                "output_tokens_details.image_tokens",
            ],
        ),
        (
            Count::AcceptedPrediction,
            &["completion_tokens_details.accepted_prediction_tokens"],
        ),
        (
            Count::RejectedPrediction,
            &["completion_tokens_details.rejected_prediction_tokens"],
        ),
        (
            Count::Searches,
            &[
                // OpenRouter, LiteLLM.
                "server_tool_use.web_search_requests",
                "prompt_tokens_details.web_search_requests",
                // Perplexity.
                "num_search_queries",
                // xAI.
                "server_side_tool_usage_details.web_search_calls",
                // Mistral.
                "connectors.web_search",
            ],
        ),
        // xAI's Live Search.
        (Count::Sources, &["num_sources_used"]),
    ],
    has_both: false,
    others: &[
        // Transcription by models that are priced by time.
        ("audio_seconds", &["seconds", "prompt_audio_seconds"]),
        ("pages", &["pages_processed"]),
        // DashScope's pictures.
        ("images", &["image_count"]),
    ],
    audio_in_total: Some("prompt_audio_seconds"),
    // Realtime: its plain names have no price.
    text_apart: &[
        "input_token_details.cached_tokens_details.text_tokens",
        "output_token_details.text_tokens",
    ],
    searches: &["output.type=web_search_call"],
    parameters: &[("service_tier", &["service_tier", "usage.service_tier"])],
};
