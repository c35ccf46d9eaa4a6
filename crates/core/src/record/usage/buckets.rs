//! The arithmetic from the counts of a report to disjoint buckets whose sum is what the provider bills.
//! Called by `Usage`; asks `family` which parts are buckets of their own.
//!
//! Reports differ in which counts include which others, also within one provider's language. So each convention has
//! an assumption, and where the report states a total, the total decides. A part never takes more out of its whole
//! than the whole has.

use super::Usage;
use super::count::{Convention, Count};
use super::family::Family;

/// A usage in buckets.
#[derive(Debug, Default)]
pub(crate) struct Settled<'a> {
    /// Name and units, in the order they are sent; `total` last if it is known.
    pub(crate) buckets: Vec<(&'a str, u64)>,
    /// Parts that are within a bucket, since the model has no price for them.
    pub(crate) within: Vec<(Count, u64)>,
    /// What was written to the cache and is to be told apart by how long it stays.
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
        // What was cached is counted among audio and images as well.
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
        if family.cached_kinds() && usage.text_apart {
            self.part("input_cached_audio_tokens", cached_audio);
            self.part("input_cached_image_tokens", cached_image);
        }
    }

    /// What was cached; by what it is, where the report says so and the model has prices for it.
    fn cached(
        &mut self,
        cached: u64,
        [text, audio, image]: [u64; 3],
        usage: &Usage,
        family: Family,
    ) {
        let mut rest = cached;
        if family.cached_kinds() && usage.text_apart {
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

    /// What was written to the cache, unless it goes into `lifetimes`.
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

    /// A write that stays an hour has a price of its own. What has no stated lifetime stays five minutes.
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

    /// Buckets of names that were given. One that may be part of a total is not counted on top of it.
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
    }

    fn total(&mut self, report: &Report, usage: &Usage) {
        let tokens = self
            .buckets
            .iter()
            .filter(|(name, _)| side_of(name).is_some());
        let tokens = tokens.fold(0u64, |sum, (_, units)| sum.saturating_add(*units));
        let total = match report.total {
            // A total that is less than its parts was counted otherwise: the server adds the parts up.
            Some(total) if total >= tokens => Some(total),
            // The server would add searches to the tokens.
            _ if usage.part(Count::Searches).is_some_and(|n| n > 0) && tokens > 0 => Some(tokens),
            _ => None,
        };
        if let Some(total) = total {
            self.buckets.push(("total", total));
        }
    }

    /// Leaves a part in its whole, and says so.
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

/// Searches of the web: the bucket that Langfuse prices. They are no tokens.
pub(super) const SEARCHES: &str = "web_search_queries";

/// All tokens in these buckets.
pub(super) fn sum(buckets: &[(&str, u64)]) -> u64 {
    buckets
        .iter()
        .filter(|(name, _)| !matches!(*name, "total" | SEARCHES))
        .fold(0, |sum, (_, units)| sum.saturating_add(*units))
}

/// The bucket that a bucket of this name is, or is a part of, if it is one of tokens.
fn side_of(name: &str) -> Option<&'static str> {
    if name.starts_with("input") || name.starts_with("cache_") {
        Some("input")
    } else if name.starts_with("output") || name.starts_with("reasoning_") {
        Some("output")
    } else {
        None
    }
}

/// The bucket that a bucket of this name is a part of.
fn whole_of(name: &str) -> Option<&'static str> {
    side_of(name).filter(|whole| *whole != name)
}

/// The names of buckets that a family has.
struct Names {
    input: &'static str,
    input_audio: &'static str,
    input_image: &'static str,
    output: &'static str,
    output_audio: &'static str,
    output_image: &'static str,
    reasoning: &'static str,
}

impl Names {
    fn of(family: Family, text: bool) -> Self {
        let short = family.short_names();
        let name = |short_name, long_name| if short { short_name } else { long_name };
        Self {
            input: if text {
                name("input_text", "input_text_tokens")
            } else {
                "input"
            },
            input_audio: name("input_audio", "input_audio_tokens"),
            input_image: name("input_image", "input_image_tokens"),
            output: if text {
                name("output_text", "output_text_tokens")
            } else {
                "output"
            },
            output_audio: name("output_audio", "output_audio_tokens"),
            output_image: name("output_image", "output_image_tokens"),
            reasoning: "output_reasoning_tokens",
        }
    }
}

/// A part of a whole that a report may have counted apart.
#[derive(Clone, Copy, Debug)]
struct Part {
    units: u64,
    /// The whole does not include it.
    top: bool,
}

impl Part {
    fn inside(units: u64) -> Self {
        Self { units, top: false }
    }

    /// Its units; taken out of the rest of its whole if they are in there, no more than that has.
    fn taken_from(self, rest: &mut u64) -> u64 {
        if self.top {
            return self.units;
        }
        let units = self.units.min(*rest);
        *rest -= units;
        units
    }

    fn on_top(self) -> u64 {
        if self.top { self.units } else { 0 }
    }
}

/// A report of which is known what includes what.
struct Report {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached: Part,
    write: Part,
    tool_use: Part,
    reasoning: Part,
    kinds_on_top: bool,
    others_inside: bool,
    /// What only the total counts: output that was not shown.
    excess: u64,
}

impl Report {
    fn of(usage: &Usage) -> Self {
        let part = |count| usage.part(count).unwrap_or(0);
        let kinds = |all: &[Count]| {
            all.iter()
                .fold(0u64, |sum, count| sum.saturating_add(part(*count)))
        };
        let cached = part(Count::Cached).max(kinds(&[
            Count::CachedText,
            Count::CachedAudio,
            Count::CachedImage,
        ]));
        let write = part(Count::CacheWrite).max(kinds(&[Count::CacheWrite5m, Count::CacheWrite1h]));
        let kinds_in = kinds(&[Count::InputAudio, Count::InputImage]);
        let kinds_out = kinds(&[Count::OutputAudio, Count::OutputImage]);
        let (others_in, others_out) = usage.other.iter().fold(
            (0u64, 0u64),
            |(input, output), (name, units)| match whole_of(name) {
                Some("input") => (input.saturating_add(*units), output),
                Some(_) => (input, output.saturating_add(*units)),
                None => (input, output),
            },
        );
        let total = usage.total.filter(|total| *total > 0);
        let convention = usage.convention;
        // Reasoning first: of two explanations of a total it is the likelier one.
        let mut groups = Groups([
            Group::new(
                convention.reasoning(),
                &[(part(Count::Reasoning), Whole::Output)],
            ),
            Group::new(convention.cache(), &[(cached, Whole::Input)]),
            Group::new(convention.cache(), &[(write, Whole::Input)]),
            Group::new(
                convention.tool_use(),
                &[(part(Count::ToolUse), Whole::Input)],
            ),
            Group::new(
                convention.kinds(),
                &[(kinds_in, Whole::Input), (kinds_out, Whole::Output)],
            ),
            Group::new(
                convention.others(),
                &[(others_in, Whole::Input), (others_out, Whole::Output)],
            ),
        ]);
        let (mut input, mut output) = (usage.input, usage.output);
        if let Some(total) = total
            && convention != Convention::Disjoint
        {
            let known = input
                .unwrap_or(0)
                .saturating_add(output.unwrap_or(0))
                .saturating_add(groups.on_top());
            let rest = total.saturating_sub(known);
            match (input, output) {
                (Some(_), Some(_)) => {}
                // Embeddings and ranking: all of it went in.
                (None, _) if rest > 0 => input = Some(rest),
                (Some(_), None) if rest > 0 => output = Some(rest),
                _ => {}
            }
        }
        let wholes = [input.unwrap_or(0), output.unwrap_or(0)];
        // Units of other kinds may be in the total as well.
        let units = usage
            .other
            .iter()
            .filter(|(name, _)| side_of(name).is_none());
        let units = units.fold(0u64, |sum, (_, units)| sum.saturating_add(*units));
        groups.decide(wholes, total, units, convention == Convention::Attributes);
        let sum = wholes[0]
            .saturating_add(wholes[1])
            .saturating_add(groups.on_top())
            .saturating_add(units);
        let excess = match total {
            Some(total) if convention != Convention::Disjoint => total.saturating_sub(sum),
            _ => 0,
        };
        let [
            reasoning,
            cached_group,
            write_group,
            tool_use,
            kinds,
            others,
        ] = groups.0;
        Self {
            input,
            output,
            total,
            cached: Part {
                units: cached,
                top: cached_group.top,
            },
            write: Part {
                units: write,
                top: write_group.top,
            },
            tool_use: Part {
                units: part(Count::ToolUse),
                top: tool_use.top,
            },
            reasoning: Part {
                units: part(Count::Reasoning),
                top: reasoning.top,
            },
            kinds_on_top: kinds.top,
            others_inside: !others.top,
            excess,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whole {
    Input,
    Output,
}

/// What a convention says of a kind of part.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Inside,
    Top,
    /// Inside, unless the total says otherwise.
    MostlyInside,
    /// On top, unless the total says otherwise.
    MostlyTop,
}

impl Convention {
    fn reasoning(self) -> Rule {
        match self {
            Self::Disjoint | Self::Gemini => Rule::MostlyTop,
            Self::OpenAi | Self::Attributes => Rule::MostlyInside,
            Self::Anthropic => Rule::Inside,
        }
    }

    fn cache(self) -> Rule {
        match self {
            Self::Disjoint => Rule::MostlyTop,
            Self::OpenAi | Self::Attributes => Rule::MostlyInside,
            Self::Anthropic => Rule::Top,
            Self::Gemini => Rule::Inside,
        }
    }

    fn tool_use(self) -> Rule {
        match self {
            Self::Disjoint | Self::Gemini => Rule::MostlyTop,
            Self::OpenAi | Self::Anthropic | Self::Attributes => Rule::MostlyInside,
        }
    }

    fn kinds(self) -> Rule {
        match self {
            Self::Disjoint => Rule::MostlyTop,
            _ => Rule::Inside,
        }
    }

    fn others(self) -> Rule {
        match self {
            Self::Disjoint => Rule::MostlyTop,
            _ => Rule::MostlyInside,
        }
    }
}

/// Parts that are inside of their wholes together, or on top together.
#[derive(Clone, Copy, Debug)]
struct Group {
    units: [u64; 2],
    top: bool,
    fixed: bool,
}

impl Group {
    fn new(rule: Rule, parts: &[(u64, Whole)]) -> Self {
        let of = |whole| {
            parts
                .iter()
                .filter(|(_, of)| *of == whole)
                .fold(0u64, |sum, (units, _)| sum.saturating_add(*units))
        };
        let units = [of(Whole::Input), of(Whole::Output)];
        Self {
            units,
            top: matches!(rule, Rule::Top | Rule::MostlyTop),
            fixed: matches!(rule, Rule::Top | Rule::Inside) || units == [0, 0],
        }
    }

    fn sum(self) -> u64 {
        self.units[0].saturating_add(self.units[1])
    }

    fn fits(self, wholes: [u64; 2]) -> bool {
        self.units[0] <= wholes[0] && self.units[1] <= wholes[1]
    }
}

#[derive(Clone, Copy, Debug)]
struct Groups([Group; 6]);

impl Groups {
    fn on_top(&self) -> u64 {
        let top = self.0.iter().filter(|group| group.top);
        top.fold(0, |sum, group| sum.saturating_add(group.sum()))
    }

    /// Finds what includes what: the fewest deviations from the convention by which the counts give the total.
    fn decide(&mut self, wholes: [u64; 2], total: Option<u64>, units: u64, overflows: bool) {
        let base = wholes[0].saturating_add(wholes[1]);
        if let Some(total) = total {
            let mut masks: [u32; 64] = std::array::from_fn(|mask| mask as u32);
            masks.sort_by_key(|mask| mask.count_ones());
            for mask in masks {
                let mut tried = *self;
                let mut possible = true;
                for (at, group) in tried.0.iter_mut().enumerate() {
                    if mask & (1 << at) != 0 {
                        group.top = !group.top;
                        possible &= !group.fixed && (group.top || group.fits(wholes));
                    }
                }
                let sum = base.saturating_add(tried.on_top());
                if possible && (sum == total || sum.saturating_add(units) == total) {
                    *self = tried;
                    return;
                }
            }
        }
        if overflows {
            // What is in the cache, read and written, is one part here.
            let [reasoning, cached, write, ..] = &mut self.0;
            let cache = cached.units[0].saturating_add(write.units[0]);
            if cache > wholes[0] {
                cached.top = true;
                write.top = true;
            }
            if reasoning.units[1] > wholes[1] {
                reasoning.top = true;
            }
        }
    }
}
