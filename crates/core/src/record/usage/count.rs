//! The counts that a report of usage can have, whichever provider or framework wrote it.
//! Named by the tables of `llm::usage` and of the bridges; `buckets` does the arithmetic.

/// What a number in a report of usage counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Count {
    /// All input, or the input that no other count covers: see `Convention`.
    Input,
    /// All output, or the output that no other count covers.
    Output,
    /// All tokens of the call.
    Total,
    /// Input that was read from the provider's cache.
    Cached,
    /// Text among `Cached`.
    CachedText,
    /// Audio among `Cached`.
    CachedAudio,
    /// Images among `Cached`.
    CachedImage,
    /// Input that was written to the provider's cache.
    CacheWrite,
    /// Of `CacheWrite`, what stays five minutes.
    CacheWrite5m,
    /// Of `CacheWrite`, what stays an hour.
    CacheWrite1h,
    /// Text that went in.
    InputText,
    /// Audio that went in.
    InputAudio,
    /// Images that went in.
    InputImage,
    /// Results of tools that the provider ran itself; they are priced as input.
    ToolUse,
    /// Output that the model wrote to itself before the answer, also called thoughts.
    Reasoning,
    /// Text that came out.
    OutputText,
    /// Audio that came out.
    OutputAudio,
    /// Images that came out.
    OutputImage,
    /// Predicted output that was used.
    AcceptedPrediction,
    /// Predicted output that was not used.
    RejectedPrediction,
    /// Searches of the web. These are no tokens.
    Searches,
    /// Sources that a search read and that the provider bills each. These are no tokens, and no model of the price table
    /// has a price for them.
    Sources,
}

impl Count {
    /// The name of the same count in OpenTelemetry's conventions for generative AI (release 0.1.0), after
    /// `gen_ai.usage.`; where the conventions have none, the name that frameworks use. A part that has no separate
    /// bucket is kept in the metadata under this name.
    pub(crate) const fn attribute(self) -> &'static str {
        match self {
            Self::Input => "gen_ai.usage.input_tokens",
            Self::Output => "gen_ai.usage.output_tokens",
            Self::Total => "gen_ai.usage.total_tokens",
            Self::Cached => "gen_ai.usage.cache_read.input_tokens",
            Self::CachedText => "gen_ai.usage.text.cache_read.input_tokens",
            Self::CachedAudio => "gen_ai.usage.audio.cache_read.input_tokens",
            Self::CachedImage => "gen_ai.usage.image.cache_read.input_tokens",
            Self::CacheWrite => "gen_ai.usage.cache_write.input_tokens",
            Self::CacheWrite5m => "gen_ai.usage.cache_write.5m.input_tokens",
            Self::CacheWrite1h => "gen_ai.usage.cache_write.1h.input_tokens",
            Self::InputText => "gen_ai.usage.text.input_tokens",
            Self::InputAudio => "gen_ai.usage.audio.input_tokens",
            Self::InputImage => "gen_ai.usage.image.input_tokens",
            Self::ToolUse => "gen_ai.usage.tool_use_prompt_tokens",
            Self::Reasoning => "gen_ai.usage.reasoning.output_tokens",
            Self::OutputText => "gen_ai.usage.text.output_tokens",
            Self::OutputAudio => "gen_ai.usage.audio.output_tokens",
            Self::OutputImage => "gen_ai.usage.image.output_tokens",
            Self::AcceptedPrediction => "gen_ai.usage.accepted_prediction_tokens",
            Self::RejectedPrediction => "gen_ai.usage.rejected_prediction_tokens",
            Self::Searches => "gen_ai.usage.web_search_queries",
            Self::Sources => "gen_ai.usage.num_sources_used",
        }
    }
}

/// Which counts of a report include which other counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Convention {
    /// No count includes another one.
    #[default]
    Disjoint,
    /// OpenAI: input includes what was cached, output includes reasoning.
    OpenAi,
    /// Anthropic and Bedrock: input excludes what the cache gave and took; output includes thinking.
    Anthropic,
    /// Gemini: input includes what was cached; thoughts and results of tools are counted beside it.
    Gemini,
    /// OpenTelemetry's attributes, written by frameworks: as `OpenAi`, but a part larger than its whole is
    /// counted apart, and input may include results of tools.
    Attributes,
}
