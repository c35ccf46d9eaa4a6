//! Results of delivery for everything that was recorded, as plain numbers.
//! Filled by delivery; read through `Tracer::stats`, `flush` and `shutdown`.

mod reason;

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::Duration;

pub use reason::{DropReason, RejectReason};

/// The state of delivery to one exporter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Health {
    /// The last attempt succeeded, or there was none.
    #[default]
    Healthy,
    /// The last attempt failed; it will be tried again.
    Degraded,
    /// The circuit breaker is open.
    Open {
        /// Until the next probe.
        retry_in: Duration,
    },
    /// The receiver refuses our requests; a probe checks from time to time whether it accepts them again.
    Refused {
        /// Until the next probe.
        retry_in: Duration,
    },
    /// It was shut down, or its thread ended: then [`ExporterStats::last_error`] says why.
    Stopped,
}

/// Results of the spans that were given to one exporter.
///
/// `recorded == exported + rejected + dropped + queued + in_flight + spooled` at every moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExporterStats {
    /// The exporter's name.
    pub name: String,
    /// Spans given to it, those recovered included.
    pub recorded: u64,
    /// Of those, how many an earlier process had left in the spool.
    pub recovered: u64,
    /// Spans the receiver took.
    pub exported: u64,
    /// Spans the receiver refused, by reason.
    pub rejected: BTreeMap<RejectReason, u64>,
    /// Spans lost on our side, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
    /// Spans waiting in memory.
    pub queued: u64,
    /// Spans that the queue in memory can hold; it is bounded by bytes as well.
    pub queue_capacity: u64,
    /// Spans in an attempt right now.
    pub in_flight: u64,
    /// Spans waiting on disk.
    pub spooled: u64,
    /// Of the dropped, how many may have arrived all the same: their bytes had been sent.
    pub maybe_delivered: u64,
    /// Values exported as `<masking failed>`, because the masker panicked on them.
    pub masking_failures: u64,
    /// Bytes of the records in memory, those in flight included.
    pub queued_bytes: u64,
    /// Attempts that failed so far.
    pub failed_attempts: u64,
    /// The state of delivery.
    pub health: Health,
    /// What the last failed attempt said.
    pub last_error: Option<String>,
}

impl ExporterStats {
    /// All that the receiver refused.
    #[must_use]
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// All that was lost on our side.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    /// Spans that have no outcome yet: queued or in flight.
    #[must_use]
    pub fn pending(&self) -> u64 {
        self.queued + self.in_flight
    }

    /// Whether the numbers add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.recorded
            == self.exported
                + self.rejected_total()
                + self.dropped_total()
                + self.pending()
                + self.spooled
    }
}

/// Something that looks as if handles of traces or spans were kept for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Leak {
    /// A trace is open for longer than the limit; reported once for each name.
    Long {
        /// The trace's name.
        name: String,
        /// For how long it is open.
        age: Duration,
    },
    /// More spans are open than the limit; reported again only after there were less than half as many.
    Many {
        /// Spans open now.
        open: u64,
    },
}

/// Results of everything that a tracer recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans that ended. Each exporter receives all of them but those in `held` and `sampled_out`.
    pub recorded: u64,
    /// Traces that were not sampled: none of their spans was recorded.
    pub unsampled_traces: u64,
    /// Spans that wait until their trace ends (tail sampling). Part of `recorded`, but not yet in a queue.
    pub held: u64,
    /// Spans of traces that were not kept when they ended. Part of `recorded`, given to no exporter.
    pub sampled_out: u64,
    /// Traces that were released before they ended, because too many spans waited, or too long.
    pub released_early: u64,
    /// Spans that were started after shutdown, or while recording was off, and not recorded.
    pub not_recorded: u64,
    /// Spans that were started below [`Span::current`](crate::Span::current), or by `#[observe]`, where no trace was
    /// current, since the tracer was built. They belong to no tracer, so each tracer of the process counts them.
    pub outside_trace: u64,
    /// Values set on spans that had already ended, and so ignored.
    pub late_writes: u64,
    /// Calls of the tracer's processor that panicked. The span or score of such a call is lost, and counts as lost in
    /// the next [`Report`].
    pub processor_panics: u64,
    /// Spans that are open now.
    pub open: u64,
    /// One entry per exporter.
    pub exporters: Vec<ExporterStats>,
}

impl Stats {
    /// Whether the numbers of every exporter add up.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.exporters.iter().all(ExporterStats::is_balanced)
    }
}

/// The result of a flush or a shutdown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Whether every span recorded before the call had an outcome in time.
    pub complete: bool,
    /// Spans without an outcome when time was up.
    pub pending: u64,
    /// Spans dropped or rejected since the last report.
    pub lost: u64,
    /// Spans that were still open at shutdown and were ended by it.
    pub unfinished: u64,
    /// The numbers at the end of the call.
    pub stats: Stats,
}

impl Report {
    /// Whether everything recorded before the call was delivered or is safe on disk.
    #[must_use]
    pub fn is_lossless(&self) -> bool {
        self.complete && self.lost == 0
    }

    pub(crate) fn into_result(self, action: &'static str) -> Result<Self, Incomplete> {
        if self.is_lossless() {
            Ok(self)
        } else {
            Err(Incomplete {
                action,
                report: Box::new(self),
            })
        }
    }
}

/// A flush or shutdown after which something recorded is lost or still waiting.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incomplete {
    action: &'static str,
    report: Box<Report>,
}

impl Incomplete {
    /// The whole report.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
}

/// `1 span`, `2 spans`.
fn count_of_spans(count: u64) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} span{plural}")
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.action)?;
        if self.report.pending > 0 {
            write!(
                f,
                "{} had no outcome when time was up; ",
                count_of_spans(self.report.pending)
            )?;
        }
        write!(f, "{} lost", count_of_spans(self.report.lost))?;
        for exporter in &self.report.stats.exporters {
            write!(f, "; {}: {} exported", exporter.name, exporter.exported)?;
            for (reason, spans) in &exporter.rejected {
                write!(f, ", {spans} rejected ({reason})")?;
            }
            for (reason, spans) in &exporter.dropped {
                write!(f, ", {spans} dropped ({reason})")?;
            }
            if let Some(error) = &exporter.last_error {
                write!(f, ", last error: {error}")?;
            }
        }
        Ok(())
    }
}

/// As `Display`: `main` prints an error that it returns by `Debug`.
impl fmt::Debug for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for Incomplete {}

#[cfg(test)]
mod tests {
    use super::*;

    /// `main` prints an error that it returns by `Debug`.
    #[test]
    fn what_is_incomplete_is_a_sentence_however_it_is_printed() {
        let mut report = Report::default();
        (report.pending, report.lost) = (2, 1);
        let error = report.into_result("shutdown").unwrap_err();
        let sentence = "shutdown: 2 spans had no outcome when time was up; 1 span lost";
        assert_eq!(error.to_string(), sentence);
        let boxed: Box<dyn Error> = error.clone().into();
        for shown in [
            format!("{error:?}"),
            format!("{error:#?}"),
            format!("{boxed:?}"),
        ] {
            assert_eq!(shown, sentence);
        }
    }

    #[test]
    fn numbers_are_balanced_if_each_record_has_one_outcome() {
        let mut exporter = ExporterStats::default();
        assert!(exporter.is_balanced());
        exporter.recorded = 63;
        (exporter.exported, exporter.queued, exporter.in_flight) = (1, 2, 4);
        exporter.spooled = 8;
        exporter.rejected.insert(RejectReason::Unauthorized, 16);
        exporter.dropped.insert(DropReason::MaxAge, 32);
        assert!(exporter.is_balanced());
        let totals = (exporter.rejected_total(), exporter.dropped_total());
        assert_eq!((totals, exporter.pending()), ((16, 32), 6));
        let balanced = exporter.clone();
        exporter.exported = 2;
        assert!(!exporter.is_balanced());
        let of = |exporters: Vec<ExporterStats>| Stats {
            exporters,
            ..Stats::default()
        };
        assert!(of(vec![]).is_balanced());
        assert!(of(vec![balanced.clone(), balanced.clone()]).is_balanced());
        assert!(!of(vec![balanced, exporter]).is_balanced());
    }

    #[test]
    fn what_is_incomplete_says_so_for_each_exporter() {
        let mut exporter = ExporterStats::default();
        (exporter.name, exporter.exported) = ("otlp".into(), 3);
        exporter.rejected.insert(RejectReason::Unauthorized, 1);
        exporter.dropped.insert(DropReason::MaxAge, 2);
        exporter.last_error = Some("503".into());
        let mut report = Report::default();
        (report.complete, report.lost) = (true, 3);
        report.stats.exporters = vec![exporter];
        let error = report.clone().into_result("flush").unwrap_err().to_string();
        assert!(
            error.starts_with("flush: 3 spans lost; otlp: 3 exported, 1 rejected ("),
            "{error}"
        );
        assert!(error.ends_with("), last error: 503"), "{error}");
        assert!(!error.contains("no outcome"), "{error}");
        report.lost = 0;
        assert!(report.clone().into_result("flush").is_ok());
        report.pending = 1;
        report.complete = false;
        let error = report.into_result("flush").unwrap_err().to_string();
        assert!(
            error.starts_with("flush: 1 span had no outcome when time was up; 0 spans lost"),
            "{error}"
        );
    }
}
