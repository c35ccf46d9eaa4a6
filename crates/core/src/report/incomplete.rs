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
}
