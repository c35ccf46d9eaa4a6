//! The language of Bedrock's Converse.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// As Anthropic's; the total includes what the cache gave and took.
pub(super) const BEDROCK: Table = Table {
    places: &[
        "usage",
        // The last event of a stream.
        "metadata.usage",
        "amazon-bedrock-invocationMetrics",
        // Nova Sonic; its counts grow with the session.
        "usageEvent",
        "event.usageEvent",
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
                "totalInputTokens",
                "details.total.input.*",
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
                "totalOutputTokens",
                "details.total.output.*",
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
        (Count::InputAudio, &["details.total.input.speechTokens"]),
        (Count::OutputAudio, &["details.total.output.speechTokens"]),
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
