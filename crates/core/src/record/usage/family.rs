//! Which parts of a usage have a separate price, by family of models.
//! Asked by `buckets`; knows no prices, and nothing of how a provider counts.
//!
//! From the bucket names in Langfuse's price table (`worker/src/constants/default-model-prices.json` of the
//! repository langfuse/langfuse, 167 models, 2026-08-22). Langfuse's server prices a bucket by its name and a bucket
//! without a price costs nothing, so a part that a family has no price for stays in the whole it belongs to.

/// The parts that are separate buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family(u16);

impl Family {
    const CACHED: Self = Self(1);
    const CACHE_WRITE: Self = Self(1 << 1);
    const REASONING: Self = Self(1 << 2);
    const AUDIO: Self = Self(1 << 3);
    const IMAGE: Self = Self(1 << 4);
    /// Audio has a price going in, and none coming out.
    const AUDIO_IN: Self = Self(1 << 5);
    /// Text is a separate bucket, and plain `input` and `output` have no price.
    const TEXT: Self = Self(1 << 6);
    /// Cached text and cached audio have different prices.
    const CACHED_KINDS: Self = Self(1 << 7);
    /// Buckets of text, audio and images are named without `_tokens`.
    const SHORT_NAMES: Self = Self(1 << 8);
    /// Text is a separate bucket if the report counts it beside audio.
    const TEXT_AS_REPORTED: Self = Self(1 << 9);

    /// No model is known, or the price table does not have it: every part is kept apart.
    pub(crate) fn unknown() -> Self {
        Self::with(ALL)
    }

    fn with(parts: &[Self]) -> Self {
        Self(parts.iter().fold(0, |all, part| all | part.0))
    }

    /// The family of a model, by the name that a request or an answer has for it, in the spelling of any provider.
    pub(crate) fn of(model: &str) -> Self {
        let model = model.to_ascii_lowercase();
        let base = model.rsplit('/').next().unwrap_or_default();
        let base = base.strip_prefix("ft:").unwrap_or(base);
        let row = FAMILIES.iter().find(|row| row.has(base));
        Self::with(row.map_or(ALL, |row| row.parts))
    }

    pub(crate) fn cached(self) -> bool {
        self.has(Self::CACHED)
    }

    pub(crate) fn cache_write(self) -> bool {
        self.has(Self::CACHE_WRITE)
    }

    pub(crate) fn reasoning(self) -> bool {
        self.has(Self::REASONING)
    }

    pub(crate) fn input_audio(self) -> bool {
        self.has(Self::AUDIO) || self.has(Self::AUDIO_IN)
    }

    pub(crate) fn output_audio(self) -> bool {
        self.has(Self::AUDIO)
    }

    pub(crate) fn image(self) -> bool {
        self.has(Self::IMAGE)
    }

    pub(crate) fn cached_kinds(self) -> bool {
        self.has(Self::CACHED_KINDS)
    }

    pub(crate) fn short_names(self) -> bool {
        self.has(Self::SHORT_NAMES)
    }

    /// Whether text is a separate bucket, for a report that counts it beside audio, or not.
    pub(crate) fn text(self, reported_apart: bool) -> bool {
        self.has(Self::TEXT) || (reported_apart && self.has(Self::TEXT_AS_REPORTED))
    }

    fn has(self, part: Self) -> bool {
        self.0 & part.0 != 0
    }
}

/// A row of the table. The first that has a model decides.
struct Row {
    /// What the name begins with, up to the end of a word.
    prefix: &'static str,
    /// A word that the name has after that; empty for any name.
    word: &'static str,
    parts: &'static [Family],
}

impl Row {
    fn has(&self, model: &str) -> bool {
        // Bedrock and Vertex AI put regions and makers before the name: `us.anthropic.claude-..`.
        let Some(at) = model.find(self.prefix) else {
            return false;
        };
        let (before, after) = model.split_at(at);
        let after = after.strip_prefix(self.prefix).unwrap_or_default();
        let ends_word = |c: char| !c.is_ascii_alphanumeric();
        (before.is_empty() || before.ends_with('.'))
            && after.chars().next().is_none_or(ends_word)
            && (self.word.is_empty() || after.split(ends_word).any(|word| word == self.word))
    }
}

const fn row(prefix: &'static str, word: &'static str, parts: &'static [Family]) -> Row {
    Row {
        prefix,
        word,
        parts,
    }
}

const FAMILIES: &[Row] = &[
    row("claude", "", &[Family::CACHED, Family::CACHE_WRITE]),
    // Audio and realtime models.
    row("gpt-4o", "audio", &[Family::TEXT, Family::AUDIO]),
    row("gpt-audio", "", &[Family::TEXT, Family::AUDIO]),
    row("gpt-4o", "realtime", REALTIME),
    row("gpt-realtime", "", REALTIME),
    row(
        "gemini-live-2.5-flash-native-audio",
        "",
        &[
            Family::TEXT,
            Family::AUDIO,
            Family::IMAGE,
            Family::SHORT_NAMES,
        ],
    ),
    // Of the same names, but not in the table.
    row("gpt-4o", "transcribe", ALL),
    row("gpt-4o", "tts", ALL),
    row("gemini-2.5-flash", "image", ALL),
    row("gemini-2.5-flash", "tts", ALL),
    row("gemini-2.5-pro", "tts", ALL),
    row("gemini-3-pro", "image", ALL),
    row("gemini-3.1-flash", "image", ALL),
    row("gpt-5", "image", ALL),
    // OpenAI: reasoning.
    row("gpt-5.4", "mini", &[Family::CACHED]),
    row("gpt-5.4", "nano", &[Family::CACHED]),
    row(
        "gpt-5.6",
        "",
        &[Family::CACHED, Family::CACHE_WRITE, Family::REASONING],
    ),
    row("gpt-5", "pro", &[Family::REASONING]),
    row("o1", "pro", &[Family::REASONING]),
    row("o3", "pro", &[Family::REASONING]),
    row("gpt-5", "", REASONERS),
    row("o1", "", REASONERS),
    row("o3", "", REASONERS),
    row("o4", "", REASONERS),
    // OpenAI: no reasoning.
    row("gpt-4o-2024-05-13", "", &[]),
    row("gpt-4o", "", &[Family::CACHED]),
    row("gpt-4.1", "", &[Family::CACHED]),
    row("gpt-4.5", "", &[Family::CACHED]),
    row("chatgpt-4o", "", &[]),
    row("gpt-4", "", &[]),
    row("gpt-3.5", "", &[]),
    // Google.
    row("gemini-2.5-flash", "", AUDIO_REASONERS),
    row("gemini-3.1-flash-lite", "", AUDIO_REASONERS),
    row("gemini-2.5", "", REASONERS),
    row("gemini-3", "", REASONERS),
    row("gemini-2.0", "", &[]),
    row("gemini-1.5", "", &[]),
    row("gemini-1.0", "", &[]),
];

const ALL: &[Family] = &[
    Family::CACHED,
    Family::CACHE_WRITE,
    Family::REASONING,
    Family::AUDIO,
    Family::IMAGE,
    Family::CACHED_KINDS,
    Family::TEXT_AS_REPORTED,
];
const REALTIME: &[Family] = &[
    Family::TEXT,
    Family::AUDIO,
    Family::CACHED,
    Family::CACHED_KINDS,
];
const REASONERS: &[Family] = &[Family::CACHED, Family::REASONING];
const AUDIO_REASONERS: &[Family] = &[Family::CACHED, Family::REASONING, Family::AUDIO_IN];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_in_the_spelling_of_any_provider() {
        for model in [
            "claude-sonnet-4-20250514",
            "anthropic/claude-sonnet-4",
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "claude-3-5-sonnet@20240620",
            "openrouter/anthropic/claude-opus-4.1",
            "arn:aws:bedrock:us-east-1:1:inference-profile/us.anthropic.claude-opus-4-v1:0",
            "Claude-Opus-5",
        ] {
            let family = Family::of(model);
            assert!(family.cached() && family.cache_write(), "{model}");
            assert!(!family.reasoning(), "{model}");
        }
        for model in [
            "o3",
            "openai/o4-mini",
            "gpt-5.1-2025-11-13",
            "gpt-5",
            "models/gemini-2.5-pro",
        ] {
            let family = Family::of(model);
            assert!(family.reasoning() && !family.input_audio(), "{model}");
        }
        for model in [
            "gpt-5.4-mini-2026-03-17",
            "gpt-4o-mini",
            "ft:gpt-4o-mini:org::id",
        ] {
            let family = Family::of(model);
            assert!(family.cached() && !family.reasoning(), "{model}");
        }
        assert!(!Family::of("gpt-5.2-pro-2025-12-11").cached());
        assert!(Family::of("gemini-2.5-flash-lite").input_audio());
        assert!(!Family::of("gemini-2.0-flash").cached());
        assert!(Family::of("gpt-4o-realtime-preview-2024-10-01").text(false));
    }

    #[test]
    fn a_model_of_no_family_has_every_part() {
        for model in [
            "",
            "/",
            "asked",
            "deepseek-reasoner",
            "grok-3-mini",
            "gpt-image-1",
            "gpt-50",
            "my-gpt-4o",
            "gpt-4o-transcribe",
            "gemini-2.5-flash-image",
            "o1x",
            "kimi-k2",
        ] {
            assert_eq!(Family::of(model), Family::unknown(), "{model}");
        }
    }

    /// The buckets that Langfuse's price table has for a model.
    #[test]
    fn a_family_has_the_parts_with_a_price() {
        type Part = (&'static str, fn(Family) -> bool);
        const PARTS: [Part; 9] = [
            ("cached", Family::cached),
            ("write", Family::cache_write),
            ("reasoning", Family::reasoning),
            ("audio in", Family::input_audio),
            ("audio out", Family::output_audio),
            ("image", Family::image),
            ("cached kinds", Family::cached_kinds),
            ("short", Family::short_names),
            ("text", |family| family.text(false)),
        ];
        for (model, expected) in [
            ("claude-opus-5", &["cached", "write"][..]),
            ("gpt-4o", &["cached"]),
            ("gpt-4o-2024-05-13", &[]),
            ("gpt-4", &[]),
            ("gpt-4o-audio-preview", &["audio in", "audio out", "text"]),
            (
                "gpt-realtime",
                &["cached", "audio in", "audio out", "cached kinds", "text"],
            ),
            (
                "gemini-live-2.5-flash-native-audio",
                &["audio in", "audio out", "image", "short", "text"],
            ),
            ("gpt-5.6", &["cached", "write", "reasoning"]),
            ("o1-pro", &["reasoning"]),
            ("gemini-2.5-flash", &["cached", "reasoning", "audio in"]),
            ("gemini-2.5-pro", &["cached", "reasoning"]),
            (
                "not known",
                &[
                    "cached",
                    "write",
                    "reasoning",
                    "audio in",
                    "audio out",
                    "image",
                    "cached kinds",
                ],
            ),
        ] {
            let family = Family::of(model);
            let found: Vec<_> = PARTS
                .iter()
                .filter(|(_, has)| has(family))
                .map(|(name, _)| *name)
                .collect();
            assert_eq!(found, expected, "{model}");
        }
        assert!(Family::unknown().text(true) && !Family::of("gpt-4o").text(true));
    }
}
