//! Tokens and money, each in a bucket that is counted once.
//! Built by users from a provider's answer; written into the record; read by exporters as name and number.

/// Tokens (or other units) a model used, in disjoint buckets.
///
/// Langfuse adds buckets up and prices each by its own name, so `input` must not include cached
/// tokens and `output` must not include reasoning tokens (`docs/langfuse.md` 1.7). Providers count
/// differently: use the constructor of yours, and tell it the parts; it subtracts what the
/// provider's total includes.
///
/// ```
/// use tracefuse_core::Usage;
///
/// let usage = Usage::openai(1_000, 200).cached_tokens(400).reasoning_tokens(150);
/// assert_eq!(usage.buckets().collect::<Vec<_>>(), [
///     ("input", 600), ("input_cached_tokens", 400), ("output", 50), ("output_reasoning_tokens", 150),
/// ]);
/// assert_eq!(usage.sum(), 1_200);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Usage {
    convention: Convention,
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
    other: Vec<(String, u64)>,
}

/// Whose words and whose arithmetic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Convention {
    /// Buckets are disjoint as given.
    #[default]
    Disjoint,
    /// `prompt_tokens` includes cached tokens, `completion_tokens` includes reasoning tokens.
    Inclusive,
    /// `input_tokens` excludes cache reads and writes, which have names of their own.
    Anthropic,
    /// `promptTokenCount` includes cached tokens; `candidatesTokenCount` excludes thoughts.
    Gemini,
}

impl Usage {
    /// Input and output tokens, disjoint from every other bucket.
    pub fn new(input: u64, output: u64) -> Self {
        Self {
            input: Some(input),
            output: Some(output),
            ..Self::default()
        }
    }

    /// OpenAI's `prompt_tokens` and `completion_tokens` (or `input_tokens` and `output_tokens` of
    /// the Responses API). Cached and reasoning tokens given afterwards are subtracted from them.
    pub fn openai(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self {
            convention: Convention::Inclusive,
            ..Self::new(prompt_tokens, completion_tokens)
        }
    }

    /// Anthropic's `input_tokens` and `output_tokens`; cache reads and writes come on top.
    pub fn anthropic(input_tokens: u64, output_tokens: u64) -> Self {
        Self {
            convention: Convention::Anthropic,
            ..Self::new(input_tokens, output_tokens)
        }
    }

    /// Gemini's `promptTokenCount` and `candidatesTokenCount`. Cached tokens given afterwards are
    /// subtracted from the prompt's; thoughts (`reasoning_tokens`) come on top.
    pub fn gemini(prompt_token_count: u64, candidates_token_count: u64) -> Self {
        Self {
            convention: Convention::Gemini,
            ..Self::new(prompt_token_count, candidates_token_count)
        }
    }

    /// Tokens read from the provider's cache.
    pub fn cached_tokens(mut self, tokens: u64) -> Self {
        self.cached = Some(tokens);
        self
    }

    /// Tokens written to the provider's cache.
    pub fn cache_write_tokens(mut self, tokens: u64) -> Self {
        self.cache_write = Some(tokens);
        self
    }

    /// Tokens spent on reasoning.
    pub fn reasoning_tokens(mut self, tokens: u64) -> Self {
        self.reasoning = Some(tokens);
        self
    }

    /// The total as the provider states it. Left out, Langfuse adds the buckets up.
    pub fn total(mut self, tokens: u64) -> Self {
        self.total = Some(tokens);
        self
    }

    /// A bucket of any name, such as `input_audio_tokens`, disjoint from the others.
    pub fn bucket(mut self, name: impl Into<String>, units: u64) -> Self {
        self.other.push((name.into(), units));
        self
    }

    /// The buckets that are sent: name and units, `total` last if it was stated.
    pub fn buckets(&self) -> impl Iterator<Item = (&str, u64)> {
        let (cached, reasoning) = (self.cached.unwrap_or(0), self.reasoning.unwrap_or(0));
        let (less_input, less_output) = match self.convention {
            Convention::Disjoint | Convention::Anthropic => (0, 0),
            Convention::Inclusive => (cached, reasoning),
            Convention::Gemini => (cached, 0),
        };
        let (cached_name, write_name) = match self.convention {
            Convention::Anthropic => ("cache_read_input_tokens", "cache_creation_input_tokens"),
            _ => ("input_cached_tokens", "input_cache_creation_tokens"),
        };
        let known = [
            ("input", self.input.map(|n| n.saturating_sub(less_input))),
            (cached_name, self.cached),
            (write_name, self.cache_write),
            ("output", self.output.map(|n| n.saturating_sub(less_output))),
            ("output_reasoning_tokens", self.reasoning),
        ];
        let known = known
            .into_iter()
            .filter_map(|(name, units)| Some((name, units?)));
        let other = self
            .other
            .iter()
            .map(|(name, units)| (name.as_str(), *units));
        known
            .chain(other)
            .chain(self.total.map(|units| ("total", units)))
    }

    /// The sum of all buckets but `total`.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.buckets()
            .filter(|(name, _)| *name != "total")
            .fold(0, |sum, (_, units)| sum.saturating_add(units))
    }
}

/// What a call cost, in US dollars. Given cost wins over what Langfuse would compute from its price table.
///
/// ```
/// use tracefuse_core::Cost;
/// assert_eq!(Cost::new(0.01, 0.03).buckets().collect::<Vec<_>>(), [("input", 0.01), ("output", 0.03)]);
/// assert_eq!(Cost::total(0.0015).buckets().collect::<Vec<_>>(), [("total", 0.0015)]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[must_use]
pub struct Cost {
    buckets: Vec<(String, f64)>,
}

impl Cost {
    /// The cost of input and output.
    pub fn new(input: f64, output: f64) -> Self {
        Self::default()
            .bucket("input", input)
            .bucket("output", output)
    }

    /// The cost of the whole call.
    pub fn total(total: f64) -> Self {
        Self::default().bucket("total", total)
    }

    /// The cost of a bucket of any name; what is negative, NaN or infinite is not sent by the server's rule.
    pub fn bucket(mut self, name: impl Into<String>, dollars: f64) -> Self {
        self.buckets.push((name.into(), dollars));
        self
    }

    /// The buckets, in the order they were given.
    pub fn buckets(&self) -> impl Iterator<Item = (&str, f64)> {
        self.buckets
            .iter()
            .map(|(name, dollars)| (name.as_str(), *dollars))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_buckets_of_each_provider_add_up_to_its_total() {
        for (usage, total) in [
            (
                Usage::openai(2006, 300)
                    .cached_tokens(1920)
                    .reasoning_tokens(64),
                2306,
            ),
            (
                Usage::anthropic(50, 503)
                    .cached_tokens(100_000)
                    .cache_write_tokens(248),
                100_801,
            ),
            (
                Usage::gemini(1000, 200)
                    .cached_tokens(800)
                    .reasoning_tokens(90),
                1290,
            ),
            (Usage::new(3, 4).bucket("input_audio_tokens", 5), 12),
        ] {
            assert_eq!(usage.sum(), total, "{usage:?}");
        }
    }

    #[test]
    fn a_provider_that_contradicts_itself_gives_zero_and_not_a_wrap() {
        let usage = Usage::openai(10, 5).cached_tokens(20).total(15);
        assert_eq!(
            usage.buckets().collect::<Vec<_>>(),
            [
                ("input", 0),
                ("input_cached_tokens", 20),
                ("output", 5),
                ("total", 15),
            ]
        );
    }
}
