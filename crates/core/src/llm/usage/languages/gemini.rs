//! Gemini's language.
//! Read by `usage`, as the other tables.

use super::Table;
use crate::record::Count;

/// The prompt includes what was cached; results of tools and thoughts are counted in addition.
pub(super) const GEMINI: Table = Table {
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
