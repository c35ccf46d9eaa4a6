//! What a trial saw, what a receiver got, and the rules that both must agree with.
//! Made by `Trial::run`; checked by the author of an exporter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use tracefuse_core::{ExporterStats, Report};

/// What a trial saw from the application's side.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Evidence {
    /// Ids of what was recorded: of spans as 16 hex digits, of scores as they are.
    pub recorded: BTreeSet<String>,
    /// The exporter's numbers at the end.
    pub stats: ExporterStats,
    /// The report of the shutdown, whether it was lossless or not.
    pub report: Report,
    /// The longest that ending a span took.
    pub slowest_end: Duration,
    /// The longest that nine of ten spans took to end.
    pub slow_end: Duration,
    /// How long the shutdown took, and how long it might.
    pub closing: (Duration, Duration),
}

/// How often a receiver got a span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receipt {
    /// Times it was received, with any answer.
    pub received: u32,
    /// Times that was acknowledged.
    pub acknowledged: u32,
}

impl Receipt {
    /// A span that was taken in and acknowledged so many times.
    #[must_use]
    pub fn new(received: u32, acknowledged: u32) -> Self {
        Self {
            received,
            acknowledged,
        }
    }
}

/// What the fault allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[non_exhaustive]
pub struct Bounds {
    /// Every span must have been exported.
    pub lossless: bool,
    /// An answer may have been lost, so that a span was sent again that had been taken.
    pub duplicates: bool,
    /// Whether the receiver's count is compared: not if a proxy may have answered for it.
    pub trusted: bool,
    /// The longest one end of a span may take; 1 s, since a loaded machine may stop any thread.
    pub slowest_end: Duration,
    /// The longest that nine of ten spans may take to end; 5 ms. A loaded machine stops some threads for longer.
    pub slow_end: Duration,
}

impl Bounds {
    /// Nothing may be lost.
    pub const fn lossless() -> Self {
        Self {
            lossless: true,
            ..Self::accounted()
        }
    }

    /// What is lost must be accounted for.
    pub const fn accounted() -> Self {
        Self {
            lossless: false,
            duplicates: false,
            trusted: true,
            slowest_end: Duration::from_secs(1),
            slow_end: Duration::from_millis(5),
        }
    }

    /// Answers may be lost, so that spans arrive twice.
    pub const fn with_duplicates(mut self) -> Self {
        self.duplicates = true;
        self
    }

    /// The receiver's own count may differ from the answers we got.
    pub const fn untrusted(mut self) -> Self {
        self.trusted = false;
        self
    }
}

/// Rules that did not hold, in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Violations(Vec<String>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Violations {}

impl Evidence {
    /// The check after every fault, always the same: compares what the receiver got with our numbers.
    ///
    /// # Errors
    /// Every rule that did not hold.
    pub fn check(
        &self,
        receipts: &BTreeMap<String, Receipt>,
        bounds: &Bounds,
    ) -> Result<(), Violations> {
        let stats = &self.stats;
        let mut broken = Vec::new();
        let mut rule = |holds: bool, words: &dyn Fn() -> String| {
            if !holds {
                broken.push(words());
            }
        };
        let recorded = self.recorded.len() as u64;
        rule(stats.is_balanced(), &|| {
            format!("the numbers do not add up: {stats:?}")
        });
        rule(stats.recorded == recorded + stats.recovered, &|| {
            format!(
                "{recorded} records were made, {} were counted",
                stats.recorded
            )
        });
        let foreign = receipts
            .keys()
            .filter(|id| !self.recorded.contains(*id))
            .count() as u64;
        rule(foreign <= stats.recovered, &|| {
            format!("{foreign} records arrived that were not recorded")
        });
        let acknowledged = receipts.values().filter(|got| got.acknowledged > 0).count() as u64;
        if bounds.trusted {
            let doubtful = stats.maybe_delivered + stats.spooled + stats.pending();
            rule(
                stats.exported <= acknowledged && acknowledged <= stats.exported + doubtful,
                &|| {
                    format!(
                        "{} exported, {acknowledged} acknowledged, {doubtful} in doubt",
                        stats.exported
                    )
                },
            );
        }
        let twice = self.duplicates(receipts);
        rule(bounds.duplicates || twice == 0, &|| {
            format!("spans acknowledged twice: {twice}")
        });
        // A span that is counted as lost, and not as perhaps delivered, must not have arrived.
        let arrived = |id: &String| receipts.get(id).is_some_and(|got| got.received > 0);
        let missing = self.recorded.iter().filter(|id| !arrived(id)).count() as u64;
        let lost = stats.dropped_total().saturating_sub(stats.maybe_delivered);
        rule(lost <= missing + stats.recovered, &|| {
            format!("spans reported as lost: {lost}, but only {missing} did not arrive")
        });
        if bounds.lossless {
            rule(stats.exported == stats.recorded, &|| {
                format!("not everything was exported: {stats:?}")
            });
        }
        rule(self.slowest_end <= bounds.slowest_end, &|| {
            format!("ending a span took {:?}", self.slowest_end)
        });
        rule(self.slow_end <= bounds.slow_end, &|| {
            format!("one of ten ends took {:?}", self.slow_end)
        });
        let (took, might) = self.closing;
        // A tenth of a second by the specification, and more for a loaded machine.
        rule(took <= might + Duration::from_millis(600), &|| {
            format!("the shutdown took {took:?} of {might:?}")
        });
        if broken.is_empty() {
            Ok(())
        } else {
            Err(Violations(broken))
        }
    }

    /// Spans that a receiver acknowledged more than once.
    #[must_use]
    pub fn duplicates(&self, receipts: &BTreeMap<String, Receipt>) -> usize {
        receipts.values().filter(|got| got.acknowledged > 1).count()
    }
}
