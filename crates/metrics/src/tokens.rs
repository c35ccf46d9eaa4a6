//! The tokens of one call: from buckets of usage, which are disjoint, to the counts of the conventions, which include their
//! parts, by modality. Filled by `facts`; read by `series`. A table of buckets.

/// Input, output and their parts.
pub(crate) const TOKEN_KINDS: usize = 5;
pub(crate) const INPUT: usize = 0;
pub(crate) const OUTPUT: usize = 1;
pub(crate) const CACHE_READ: usize = 2;
pub(crate) const CACHE_WRITE: usize = 3;
pub(crate) const REASONING: usize = 4;

/// Modalities, and `unknown`, by their names in `gen_ai.token.modality`.
pub(crate) const MODALITIES: [&str; 5] = ["unknown", "text", "audio", "image", "video"];
const UNKNOWN: usize = 0;
const TEXT: usize = 1;
const AUDIO: usize = 2;
const IMAGE: usize = 3;
const VIDEO: usize = 4;

/// Tokens by kind and modality.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tokens {
    /// Whether the span says anything about tokens.
    pub(crate) known: bool,
    units: [[u64; MODALITIES.len()]; TOKEN_KINDS],
    /// A bit for each kind that is not zero: most spans have two.
    kinds: u8,
}

/// What is counted of one call is less than this, so that sums do not wrap.
const MAX_UNITS: u64 = 1 << 48;

impl Tokens {
    fn add(&mut self, kind: usize, modality: usize, units: u64) {
        let place = self
            .units
            .get_mut(kind)
            .and_then(|row| row.get_mut(modality));
        if let Some(place) = place {
            *place = place.saturating_add(units).min(MAX_UNITS);
            self.kinds |= 1 << kind;
        }
    }

    /// All tokens of a kind.
    pub(crate) fn of(&self, kind: usize) -> u64 {
        self.units.get(kind).into_iter().flatten().sum()
    }

    /// Calls a closure with every count that is not zero.
    pub(crate) fn each(&self, mut show: impl FnMut(usize, usize, u64)) {
        let mut kinds = self.kinds;
        while kinds != 0 {
            let kind = kinds.trailing_zeros() as usize;
            kinds &= kinds - 1;
            for (modality, units) in self.units.get(kind).into_iter().flatten().enumerate() {
                if *units > 0 {
                    show(kind, modality, *units);
                }
            }
        }
    }

    /// Adds a bucket of usage. Buckets are disjoint; the counts of the conventions include their parts.
    pub(crate) fn bucket(&mut self, bucket: &str, units: u64) {
        let (kind, part, modality) = match bucket {
            "input" => (INPUT, None, UNKNOWN),
            "output" => (OUTPUT, None, UNKNOWN),
            "total" => return,
            "input_cached_tokens" | "cache_read_input_tokens" | "input_cache_read" => {
                (INPUT, Some(CACHE_READ), UNKNOWN)
            }
            "input_cache_creation"
            | "input_cache_creation_tokens"
            | "cache_creation_input_tokens"
            | "cache_write_tokens"
            | "input_cache_creation_5m"
            | "input_cache_creation_1h" => (INPUT, Some(CACHE_WRITE), UNKNOWN),
            "input_text_tokens" => (INPUT, None, TEXT),
            "input_audio_tokens" => (INPUT, None, AUDIO),
            "input_image_tokens" => (INPUT, None, IMAGE),
            "input_video_tokens" => (INPUT, None, VIDEO),
            "input_cached_text_tokens" => (INPUT, Some(CACHE_READ), TEXT),
            "input_cached_audio_tokens" => (INPUT, Some(CACHE_READ), AUDIO),
            "input_cached_image_tokens" => (INPUT, Some(CACHE_READ), IMAGE),
            "output_reasoning_tokens" => (OUTPUT, Some(REASONING), UNKNOWN),
            "output_text_tokens" => (OUTPUT, None, TEXT),
            "output_audio_tokens" => (OUTPUT, None, AUDIO),
            "output_image_tokens" => (OUTPUT, None, IMAGE),
            _ if bucket.starts_with("input") || bucket.starts_with("cache_") => {
                (INPUT, None, UNKNOWN)
            }
            _ if bucket.starts_with("output") => (OUTPUT, None, UNKNOWN),
            _ => return,
        };
        self.known = true;
        self.add(kind, modality, units);
        if let Some(part) = part {
            self.add(part, modality, units);
        }
    }

    /// Adds a part that is within a bucket, since its model has no price for it: such parts are metadata.
    pub(crate) fn within(&mut self, key: &str, units: u64) {
        let (kind, modality) = match key {
            "gen_ai.usage.cache_read.input_tokens" => return self.add(CACHE_READ, UNKNOWN, units),
            "gen_ai.usage.cache_write.input_tokens" => {
                return self.add(CACHE_WRITE, UNKNOWN, units);
            }
            "gen_ai.usage.reasoning.output_tokens" => return self.add(REASONING, UNKNOWN, units),
            "gen_ai.usage.text.input_tokens" => (INPUT, TEXT),
            "gen_ai.usage.audio.input_tokens" => (INPUT, AUDIO),
            "gen_ai.usage.image.input_tokens" => (INPUT, IMAGE),
            "gen_ai.usage.text.output_tokens" => (OUTPUT, TEXT),
            "gen_ai.usage.audio.output_tokens" => (OUTPUT, AUDIO),
            "gen_ai.usage.image.output_tokens" => (OUTPUT, IMAGE),
            _ => return,
        };
        // Never more than is there: the sum over the modalities stays what the provider reported.
        let row = self.units.get_mut(kind);
        if let Some([unknown, rest @ ..]) = row
            && let Some(known) = rest.get_mut(modality - 1)
        {
            let moved = units.min(*unknown);
            *unknown -= moved;
            *known = known.saturating_add(moved);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(buckets: &[(&str, u64)], within: &[(&str, u64)]) -> Vec<(usize, &'static str, u64)> {
        let mut tokens = Tokens::default();
        buckets
            .iter()
            .for_each(|(name, units)| tokens.bucket(name, *units));
        within
            .iter()
            .for_each(|(name, units)| tokens.within(name, *units));
        let mut counts = Vec::new();
        tokens.each(|kind, modality, units| counts.push((kind, MODALITIES[modality], units)));
        counts
    }

    #[test]
    fn buckets_add_up_to_the_counts_that_include_them() {
        let anthropic = [
            ("input", 3),
            ("cache_read_input_tokens", 900),
            ("input_cache_creation_5m", 40),
            ("output", 7),
            ("total", 950),
        ];
        let expected = [
            (INPUT, "unknown", 943),
            (OUTPUT, "unknown", 7),
            (CACHE_READ, "unknown", 900),
            (CACHE_WRITE, "unknown", 40),
        ];
        assert_eq!(counts(&anthropic, &[]), expected);
        let audio = [
            ("input", 10),
            ("input_audio_tokens", 40),
            ("input_cached_audio_tokens", 5),
            ("output_reasoning_tokens", 3),
            ("output_text_tokens", 4),
        ];
        let expected = [
            (INPUT, "unknown", 10),
            (INPUT, "audio", 45),
            (OUTPUT, "unknown", 3),
            (OUTPUT, "text", 4),
            (CACHE_READ, "audio", 5),
            (REASONING, "unknown", 3),
        ];
        assert_eq!(counts(&audio, &[]), expected);
    }

    #[test]
    fn a_part_within_a_bucket_changes_no_total() {
        let within = [
            ("gen_ai.usage.cache_read.input_tokens", 4),
            ("gen_ai.usage.audio.input_tokens", 99),
            ("gen_ai.usage.image.output_tokens", 2),
            ("gen_ai.usage.unheard_of", 5),
        ];
        let expected = [
            (INPUT, "audio", 10),
            (OUTPUT, "unknown", 5),
            (OUTPUT, "image", 2),
            (CACHE_READ, "unknown", 4),
        ];
        assert_eq!(counts(&[("input", 10), ("output", 7)], &within), expected);
    }

    #[test]
    fn sums_do_not_wrap() {
        let mut tokens = Tokens::default();
        tokens.bucket("input", u64::MAX);
        tokens.bucket("input", u64::MAX);
        assert_eq!(tokens.of(INPUT), MAX_UNITS);
        assert_eq!(counts(&[("searches", 3), ("total", 9)], &[]), []);
    }
}
