//! Which counts of a report include which others.
//! Asked by `buckets`; knows no names of buckets and no models.
//!
//! Reports differ in that, also within one provider's language. So each convention has an assumption, and where a
//! report states a total, the total decides.

use super::Usage;
use super::count::{Convention, Count};
use super::names::{side_of, whole_of};

/// A part of a whole that a report may have counted apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) units: u64,
    /// The whole does not include it.
    top: bool,
}

impl Part {
    pub(super) fn inside(units: u64) -> Self {
        Self { units, top: false }
    }

    /// Its units; taken out of the rest of its whole if they are in there, no more than that has.
    pub(super) fn taken_from(self, rest: &mut u64) -> u64 {
        if self.top {
            return self.units;
        }
        let units = self.units.min(*rest);
        *rest -= units;
        units
    }

    pub(super) fn on_top(self) -> u64 {
        if self.top { self.units } else { 0 }
    }
}

/// A report, with what is known about which count includes which.
pub(super) struct Report {
    pub(super) input: Option<u64>,
    pub(super) output: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) cached: Part,
    pub(super) write: Part,
    pub(super) tool_use: Part,
    pub(super) reasoning: Part,
    pub(super) kinds_on_top: bool,
    pub(super) others_inside: bool,
    /// Tokens that only the total counts: output that was not shown.
    pub(super) excess: u64,
}

impl Report {
    pub(super) fn of(usage: &Usage) -> Self {
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
        // Reasoning first: if two readings give the total, it is the likelier one.
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

/// Where a convention counts a kind of part.
#[derive(Clone, Copy, Debug)]
enum Rule {
    Inside,
    Top,
    /// Inside, unless the total shows otherwise.
    MostlyInside,
    /// On top, unless the total shows otherwise.
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

    /// Finds which wholes include their parts: the fewest deviations from the convention that give the total.
    fn decide(&mut self, wholes: [u64; 2], total: Option<u64>, units: u64, overflows: bool) {
        let base = wholes[0].saturating_add(wholes[1]);
        if let Some(total) = total {
            let count = self.0.len() as u32;
            let masks = (0..=count).flat_map(|deviations| {
                (0..1_u32 << count).filter(move |mask| mask.count_ones() == deviations)
            });
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
            // Cache reads and cache writes are one part here.
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
