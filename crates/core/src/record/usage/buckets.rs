//! From the counts of a report to disjoint buckets, whose sum is what the provider bills.
//! Called by `Usage`; asks `report` which counts include which others, and `family` which parts are buckets.
//!
//! A part never takes more out of its whole than the whole has.

use super::Usage;
use super::count::{Convention, Count};
use super::family::Family;
use super::names::{Names, SEARCHES, side_of, whole_of};
use super::report::{Part, Report};

/// A usage in buckets.
#[derive(Debug, Default)]
pub(crate) struct Settled<'a> {
    /// Name and units, in the order they are sent; `total` last if it is known.
    pub(crate) buckets: Vec<(&'a str, u64)>,
    /// Parts that stay within a bucket, since the model has no separate price for them.
    pub(crate) within: Vec<(Count, u64)>,
    /// Tokens written to the cache that are split by how long they stay there.
    timed: u64,
}

impl<'a> Settled<'a> {
    pub(super) fn new(usage: &'a Usage, family: Family) -> Self {
        let report = Report::of(usage);
        let mut settled = Self::default();
        settled.input(&report, usage, family);
        settled.output(&report, usage, family);
        settled.lifetimes(usage);
        settled.others(&report, usage);
        settled.total(&report, usage);
        settled
    }

    fn input(&mut self, report: &Report, usage: &Usage, family: Family) {
        let names = Names::of(family, family.text(usage.text_apart));
        let part = |count| usage.part(count).unwrap_or(0);
        let whole = report.input.unwrap_or(0);
        let mut rest = whole;
        let mut cached = report.cached.taken_from(&mut rest);
        let mut written = report.write.taken_from(&mut rest);
        rest = rest.saturating_add(report.tool_use.on_top());
        if !family.cached() {
            self.keep(Count::Cached, &mut cached, &mut rest);
        }
        if !family.cache_write() {
            self.keep(Count::CacheWrite, &mut written, &mut rest);
        }
        if report.tool_use.units > 0 {
            self.within.push((Count::ToolUse, report.tool_use.units));
        }
        // Cached audio and images are part of the counts of audio and images too.
        let cached_audio = part(Count::CachedAudio).min(cached);
        let cached_image = part(Count::CachedImage).min(cached - cached_audio);
        let kinds = [
            (
                Count::InputAudio,
                names.input_audio,
                cached_audio,
                family.input_audio(),
            ),
            (
                Count::InputImage,
                names.input_image,
                cached_image,
                family.image(),
            ),
        ]
        .map(|(count, name, cached, priced)| {
            let mut units = part(count);
            if !report.kinds_on_top {
                units = Part::inside(units.saturating_sub(cached)).taken_from(&mut rest);
            }
            if !priced {
                self.keep(count, &mut units, &mut rest);
            }
            (name, units)
        });
        if report.input.is_some() || rest > 0 {
            self.whole(names.input, rest);
        }
        self.cached(
            cached,
            [part(Count::CachedText), cached_audio, cached_image],
            usage,
            family,
        );
        self.written(written, usage);
        for (name, units) in kinds {
            self.part(name, units);
        }
        if Self::splits_cached(usage, family) {
            self.part("input_cached_audio_tokens", cached_audio);
            self.part("input_cached_image_tokens", cached_image);
        }
    }

    /// Whether cached tokens are split into text, audio and images.
    fn splits_cached(usage: &Usage, family: Family) -> bool {
        family.cached_kinds() && family.text(usage.text_apart)
    }

    /// Adds cached tokens; split into text, audio and images where the report does so and the model has prices for them.
    fn cached(
        &mut self,
        cached: u64,
        [text, audio, image]: [u64; 3],
        usage: &Usage,
        family: Family,
    ) {
        let mut rest = cached;
        if Self::splits_cached(usage, family) {
            rest = rest.saturating_sub(audio).saturating_sub(image);
            let text = Part::inside(text).taken_from(&mut rest);
            self.part("input_cached_text_tokens", text);
        }
        let name = match usage.convention {
            Convention::Anthropic if !usage.plain_names => "cache_read_input_tokens",
            _ => "input_cached_tokens",
        };
        self.part(name, rest);
    }

    /// Adds tokens written to the cache, unless `lifetimes` adds them.
    fn written(&mut self, written: u64, usage: &Usage) {
        let name = match usage.convention {
            Convention::Anthropic if !usage.plain_names => "cache_creation_input_tokens",
            _ => "input_cache_creation",
        };
        if usage.part(Count::CacheWrite1h).is_none_or(|long| long == 0) {
            self.part(name, written);
        } else {
            self.timed = written;
        }
    }

    /// A cache write that stays an hour has a separate price. One without a stated lifetime stays five minutes.
    fn lifetimes(&mut self, usage: &Usage) {
        let written = std::mem::take(&mut self.timed);
        let long = usage.part(Count::CacheWrite1h).unwrap_or(0).min(written);
        self.part("input_cache_creation_5m", written - long);
        self.part("input_cache_creation_1h", long);
    }

    fn output(&mut self, report: &Report, usage: &Usage, family: Family) {
        let names = Names::of(family, family.text(usage.text_apart));
        let part = |count| usage.part(count).unwrap_or(0);
        let mut rest = report.output.unwrap_or(0);
        let mut reasoning = report
            .reasoning
            .taken_from(&mut rest)
            .saturating_add(report.excess);
        if !family.reasoning() {
            self.keep(Count::Reasoning, &mut reasoning, &mut rest);
        }
        let kinds = [
            (
                Count::OutputAudio,
                names.output_audio,
                family.output_audio(),
            ),
            (Count::OutputImage, names.output_image, family.image()),
        ]
        .map(|(count, name, priced)| {
            let mut units = part(count);
            if !report.kinds_on_top {
                units = Part::inside(units).taken_from(&mut rest);
            }
            if !priced {
                self.keep(count, &mut units, &mut rest);
            }
            (name, units)
        });
        // No model of the price table has a price for predictions.
        for count in [Count::AcceptedPrediction, Count::RejectedPrediction] {
            let units = part(count);
            if units > 0 {
                self.within.push((count, units));
            }
        }
        if report.output.is_some() || rest > 0 {
            self.whole(names.output, rest);
        }
        self.part(names.reasoning, reasoning);
        for (name, units) in kinds {
            self.part(name, units);
        }
    }

    /// Adds the buckets that have a name given by the caller. One that may be part of a total is not added to it.
    fn others(&mut self, report: &Report, usage: &'a Usage) {
        for (name, units) in &usage.other {
            if report.others_inside
                && let Some(whole) = whole_of(name)
            {
                let whole = self.buckets.iter_mut().find(|(known, _)| *known == whole);
                let mut none = 0;
                let rest = whole.map_or(&mut none, |(_, units)| units);
                let units = Part::inside(*units).taken_from(rest);
                self.part(name, units);
            } else {
                self.add(name, *units);
            }
        }
        let searches = usage.part(Count::Searches).unwrap_or(0);
        self.part(SEARCHES, searches);
        if let Some(sources) = usage.part(Count::Sources).filter(|sources| *sources > 0) {
            self.within.push((Count::Sources, sources));
        }
    }

    fn total(&mut self, report: &Report, usage: &Usage) {
        let tokens = self
            .buckets
            .iter()
            .filter(|(name, _)| side_of(name).is_some());
        let tokens = tokens.fold(0u64, |sum, (_, units)| sum.saturating_add(*units));
        let total = match report.total {
            // A total below its parts is wrong: it is left out, and the server adds the parts up.
            Some(total) if total >= tokens => Some(total),
            // The server would add searches to the tokens.
            _ if usage.part(Count::Searches).is_some_and(|n| n > 0) && tokens > 0 => Some(tokens),
            _ => None,
        };
        if let Some(total) = total {
            self.buckets.push(("total", total));
        }
    }

    /// Leaves a part in its whole, and notes it in `within`.
    fn keep(&mut self, count: Count, units: &mut u64, rest: &mut u64) {
        if *units > 0 {
            self.within.push((count, *units));
            *rest = rest.saturating_add(*units);
            *units = 0;
        }
    }

    fn whole(&mut self, name: &'static str, units: u64) {
        // Text that is counted apart is a part like others.
        if units > 0 || matches!(name, "input" | "output") {
            self.add(name, units);
        }
    }

    fn part(&mut self, name: &'a str, units: u64) {
        if units > 0 {
            self.add(name, units);
        }
    }

    fn add(&mut self, name: &'a str, units: u64) {
        match self.buckets.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = known.saturating_add(units),
            None => self.buckets.push((name, units)),
        }
    }
}

/// All tokens in these buckets.
pub(super) fn sum(buckets: &[(&str, u64)]) -> u64 {
    buckets
        .iter()
        .filter(|(name, _)| !matches!(*name, "total" | SEARCHES))
        .fold(0, |sum, (_, units)| sum.saturating_add(*units))
}
