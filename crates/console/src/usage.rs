//! Tokens and cost of many buckets as the few numbers that a row has room for.
//! Used by `model`, `convert` and `units`.

/// Tokens as a row shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Everything that went in, cached or not.
    pub(crate) input: u64,
    /// Of which were read from a cache.
    pub(crate) cached: u64,
    /// Everything that came out, reasoning included.
    pub(crate) output: u64,
    /// What is neither, or only known as a total.
    pub(crate) other: u64,
}

impl Tokens {
    pub(crate) fn of<'a>(buckets: impl IntoIterator<Item = (&'a str, u64)>) -> Self {
        let (mut tokens, mut total) = (Self::default(), 0);
        for (name, units) in buckets {
            let bucket = match name {
                "total" => {
                    total = units;
                    continue;
                }
                // `cache_read_input_tokens` is input too.
                name if name.contains("input") => &mut tokens.input,
                name if name.contains("output") => &mut tokens.output,
                _ => &mut tokens.other,
            };
            *bucket = bucket.saturating_add(units);
            if name.contains("cached") || name.contains("cache_read") {
                tokens.cached = tokens.cached.saturating_add(units);
            }
        }
        if tokens == Self::default() {
            tokens.other = total;
        }
        tokens
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.input = self.input.saturating_add(more.input);
        self.cached = self.cached.saturating_add(more.cached);
        self.output = self.output.saturating_add(more.output);
        self.other = self.other.saturating_add(more.other);
    }

    pub(crate) fn is_zero(self) -> bool {
        self == Self::default()
    }
}

/// The whole cost of buckets that add up, or of a `total` among them.
pub(crate) fn total_cost<'a>(buckets: impl IntoIterator<Item = (&'a str, f64)>) -> Option<f64> {
    let (mut sum, mut total) = (None, None);
    for (name, dollars) in buckets {
        if !dollars.is_finite() || dollars < 0.0 {
            continue;
        }
        if name == "total" {
            total = Some(dollars);
        } else {
            sum = Some(sum.unwrap_or(0.0) + dollars);
        }
    }
    total.or(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_of_every_provider_are_counted_once() {
        for (buckets, input, cached, output, other) in [
            (
                &[
                    ("input", 600),
                    ("input_cached_tokens", 400),
                    ("output", 50),
                    ("total", 1050),
                ][..],
                1000,
                400,
                50,
                0,
            ),
            (
                &[
                    ("input", 1),
                    ("cache_read_input_tokens", 2),
                    ("cache_creation_input_tokens", 4),
                ],
                7,
                2,
                0,
                0,
            ),
            (
                &[
                    ("output", 1),
                    ("output_reasoning_tokens", 2),
                    ("characters", 9),
                ],
                0,
                0,
                3,
                9,
            ),
            (&[("total", 7)], 0, 0, 0, 7),
            (&[], 0, 0, 0, 0),
        ] {
            let tokens = Tokens {
                input,
                cached,
                output,
                other,
            };
            assert_eq!(Tokens::of(buckets.iter().copied()), tokens, "{buckets:?}");
        }
    }

    #[test]
    fn a_stated_total_cost_wins_and_nonsense_does_not_count() {
        assert_eq!(total_cost([("input", 0.5), ("output", 0.25)]), Some(0.75));
        assert_eq!(total_cost([("input", 0.5), ("total", 0.6)]), Some(0.6));
        assert_eq!(total_cost([("input", f64::NAN), ("output", -1.0)]), None);
    }
}
