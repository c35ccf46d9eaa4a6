//! Anthropic's language.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// Input excludes what the cache gave and took.
pub(super) const ANTHROPIC: Table = Table {
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
