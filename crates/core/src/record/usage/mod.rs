//! Tokens and money, each in a bucket that is counted once.
//! Built by users, by `llm::usage` and by the bridges; written into the record; read by exporters as name and number.

mod buckets;
mod count;
mod family;
mod names;
mod report;

pub(crate) use buckets::Settled;
pub use count::{Convention, Count};
use family::Family;

/// Tokens (or other units) a model used, in disjoint buckets.
///
/// Langfuse adds buckets up and prices each by its own name, so `input` must not include cached tokens and `output`
/// must not include reasoning tokens (`docs/langfuse.md` 1.7). Providers count differently: use the constructor of
/// yours and give it the parts, in any order. It takes each part out of the total that includes it, so that the
/// buckets add up to what the provider bills.
///
/// A usage that was read from an answer ([`from_openai_response`](Self::from_openai_response) and its siblings) has
/// on a span only the buckets that its model has prices for in Langfuse: a part without a separate price, such as the
/// reasoning of Claude, stays in `input` or `output`, and its count is in the span's metadata.
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
    /// It was read from a report: which parts are separate buckets depends on the model.
    reported: bool,
    /// Buckets of a cache have the names that every provider's have, and not Anthropic's.
    plain_names: bool,
    /// The report counts text beside audio: text may be a separate bucket.
    text_apart: bool,
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    parts: Vec<(Count, u64)>,
    other: Vec<(String, u64)>,
    /// Buckets that there was no room for.
    dropped: u64,
}

/// Buckets with a name given by the caller that a usage, and a cost, may have.
const MAX_BUCKETS: usize = 128;

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
    /// the Responses API). Cached and reasoning tokens are subtracted from them.
    pub fn openai(prompt_tokens: u64, completion_tokens: u64) -> Self {
        Self::new(prompt_tokens, completion_tokens).counted_as(Convention::OpenAi)
    }

    /// Anthropic's `input_tokens` and `output_tokens`; cache reads and writes are counted beside them.
    pub fn anthropic(input_tokens: u64, output_tokens: u64) -> Self {
        Self::new(input_tokens, output_tokens).counted_as(Convention::Anthropic)
    }

    /// Gemini's `promptTokenCount` and `candidatesTokenCount`. Cached tokens are subtracted from the
    /// prompt's; thoughts (`reasoning_tokens`) are counted beside them.
    pub fn gemini(prompt_token_count: u64, candidates_token_count: u64) -> Self {
        Self::new(prompt_token_count, candidates_token_count).counted_as(Convention::Gemini)
    }

    /// Tokens read from the provider's cache.
    pub fn cached_tokens(self, tokens: u64) -> Self {
        self.count(Count::Cached, tokens)
    }

    /// Tokens written to the provider's cache.
    pub fn cache_write_tokens(self, tokens: u64) -> Self {
        self.count(Count::CacheWrite, tokens)
    }

    /// Tokens spent on reasoning.
    pub fn reasoning_tokens(self, tokens: u64) -> Self {
        self.count(Count::Reasoning, tokens)
    }

    /// The total as the provider states it. Left out, Langfuse adds the buckets up. A total that no reading of the
    /// other counts gives is sent only if it is larger than they are.
    pub fn total(mut self, tokens: u64) -> Self {
        self.total = Some(tokens);
        self
    }

    /// A bucket of any name. With [`new`](Self::new) it is disjoint from the others. With a provider's constructor a
    /// bucket whose name begins with `input_`, `cache_` or `output_`, such as `input_audio_tokens`, is part of that
    /// provider's input or output and is subtracted from it. Units of a name that was given before are added to it. A
    /// usage has at most 128 names; further ones are counted in the span's metadata as `_dropped.keys`.
    pub fn bucket(mut self, name: impl Into<String>, units: u64) -> Self {
        let name = name.into();
        let has_room = self.other.len() < MAX_BUCKETS;
        match self.other.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(units),
            None if has_room => self.other.push((name, units)),
            None => self.dropped += 1,
        }
        self
    }

    /// Buckets that there was no room for.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The buckets that are sent: name and units, `total` last if it was stated. Of a model that has no price for a
    /// part, a span has fewer.
    pub fn buckets(&self) -> impl Iterator<Item = (&str, u64)> {
        self.settle(None).buckets.into_iter()
    }

    /// The sum of all tokens: of all buckets but `total` and `web_search_queries`.
    #[must_use]
    pub fn sum(&self) -> u64 {
        buckets::sum(&self.settle(None).buckets)
    }

    /// The buckets that a model has prices for, and what stays within them.
    pub(crate) fn settle(&self, model: Option<&str>) -> Settled<'_> {
        let model = model.filter(|_| self.reported);
        Settled::new(self, model.map_or_else(Family::unknown, Family::of))
    }

    /// Input, output and total as they are sent, if there is nothing to decide: no model has other names for them.
    pub(crate) fn plain(&self) -> Option<impl Iterator<Item = (&'static str, u64)> + use<>> {
        let sum = self.input?.saturating_add(self.output?);
        let simple = self.convention == Convention::Disjoint
            && self.parts.is_empty()
            && self.other.is_empty()
            && self.total.is_none_or(|total| total == sum && total > 0);
        let buckets = [
            ("input", self.input),
            ("output", self.output),
            ("total", self.total),
        ];
        simple.then(|| {
            buckets
                .into_iter()
                .filter_map(|(name, units)| Some((name, units?)))
        })
    }
}

/// For readers of reports, which know a count by its place. Not covered by semantic versioning.
impl Usage {
    /// A report of nothing yet, counted by these rules.
    #[doc(hidden)]
    pub fn counted(convention: Convention) -> Self {
        Self {
            reported: true,
            ..Self::default().counted_as(convention)
        }
    }

    fn counted_as(mut self, convention: Convention) -> Self {
        self.convention = convention;
        self
    }

    /// A count, over what was given for it before.
    #[doc(hidden)]
    pub fn count(mut self, count: Count, units: u64) -> Self {
        match count {
            Count::Input => self.input = Some(units),
            Count::Output => self.output = Some(units),
            Count::Total => self.total = Some(units),
            _ => match self.parts.iter_mut().find(|(known, _)| *known == count) {
                Some((_, known)) => *known = units,
                None => self.parts.push((count, units)),
            },
        }
        self
    }

    /// The buckets of a cache have the names that models of every provider have prices for.
    pub(crate) fn with_plain_names(mut self) -> Self {
        self.plain_names = true;
        self
    }

    /// Text is a separate bucket, unless the model is known to have no price for it.
    pub(crate) fn with_text_apart(mut self) -> Self {
        self.text_apart = true;
        self
    }

    /// Whether a count was given.
    pub(crate) fn has(&self, count: Count) -> bool {
        match count {
            Count::Input => self.input.is_some(),
            Count::Output => self.output.is_some(),
            Count::Total => self.total.is_some(),
            count => self.part(count).is_some(),
        }
    }

    fn part(&self, count: Count) -> Option<u64> {
        let known = self.parts.iter().find(|(known, _)| *known == count);
        known.map(|(_, units)| *units)
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
    /// Buckets that there was no room for.
    dropped: u64,
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

    /// The cost of a bucket of any name; what is negative, NaN or infinite is not sent by the server's rule. A name that
    /// was given before gets the new cost. A cost has at most 128 names; further ones are counted in the span's metadata
    /// as `_dropped.keys`.
    pub fn bucket(mut self, name: impl Into<String>, dollars: f64) -> Self {
        let name = name.into();
        let has_room = self.buckets.len() < MAX_BUCKETS;
        match self.buckets.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = dollars,
            None if has_room => self.buckets.push((name, dollars)),
            None => self.dropped += 1,
        }
        self
    }

    /// Buckets that there was no room for.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The buckets, in the order they were given.
    pub fn buckets(&self) -> impl Iterator<Item = (&str, f64)> {
        self.buckets
            .iter()
            .map(|(name, dollars)| (name.as_str(), *dollars))
    }
}

#[cfg(test)]
mod tests;
