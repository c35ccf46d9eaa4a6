//! The error of a flush or a shutdown after which something is lost or still waiting.
//! Made by `Report::into_result`; printed by applications.

use std::error::Error;
use std::fmt;

use super::Report;

/// A flush or shutdown after which something recorded is lost or still waiting.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incomplete {
    pub(super) action: &'static str,
    pub(super) report: Box<Report>,
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
    use crate::report::{DropReason, ExporterStats, RejectReason};

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
