//! Turns spans into metrics lines. In a separate crate, write `use tracefuse_exporter::..` here.

use tracefuse::exporter::record::SpanRecord;
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

/// Writes a timing per span, and its tokens as counters, in StatsD's line format.
#[derive(Debug)]
pub struct StatsdExporter {
    prefix: String,
}

impl StatsdExporter {
    pub fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    fn lines(&self, span: &SpanRecord) -> Vec<String> {
        let name = format!(
            "{}.{}.{}",
            self.prefix,
            span.observation_type(),
            span.name()
        );
        let timing = format!("{name}:{}|ms", span.duration().as_millis());
        let tokens = span
            .usage()
            .map(|(bucket, units)| format!("{name}.tokens.{bucket}:{units}|c"));
        std::iter::once(timing).chain(tokens).collect()
    }
}

#[async_trait]
impl Exporter for StatsdExporter {
    fn name(&self) -> &str {
        "statsd"
    }

    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        // A real one sends them in a datagram and answers `ExportError::retry` if that fails.
        for line in batch.spans().flat_map(|span| self.lines(span)) {
            println!("{line}");
        }
        // The answer is for scores too.
        for score in batch.scores() {
            println!("{}.score.{}:1|c", self.prefix, score.name);
        }
        Ok(ExportReport::accepted(batch.len()))
    }
}
