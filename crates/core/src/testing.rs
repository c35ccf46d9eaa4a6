//! A processor that keeps what it receives, for tests of traced code. Used by tests, of this repository and of users; needs the
//! feature `testing`. Product code must not use it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::processor::Processor;
use crate::record::{self, Record, ScoreRecord, SpanRecord};
use crate::trace::tracer::Tracer;

/// Keeps every finished span and every score in memory. Clones share what they keep.
///
/// Give each test its own recorder and its own tracer: then tests can run at the same time. A span is in the recorder as soon
/// as it has ended, without a flush. There is no limit: clear it in long loops.
///
/// ```
/// use tracefuse_core::testing::Recorder;
///
/// let recorder = Recorder::new();
/// recorder.tracer().trace("request").run(|trace| {
///     trace.retriever("search").input("rain").run(|_| {});
///     trace.generation("answer").model("gpt-4o").run(|_| {});
/// });
///
/// assert_eq!(recorder.tree(), "request\n  search\n  answer\n");
/// assert_eq!(recorder.named("answer").model(), Some("gpt-4o"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    records: Arc<Mutex<Vec<Record>>>,
}

impl Recorder {
    /// An empty recorder.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A new tracer that records here. For a tracer with other settings, such as a manual clock, give a clone of the recorder
    /// to [`Tracer::builder`].
    pub fn tracer(&self) -> Tracer {
        Tracer::builder(self.clone()).build()
    }

    /// Copies of the finished spans, in the order in which they ended.
    #[must_use]
    pub fn spans(&self) -> Vec<SpanRecord> {
        let spans = |records: &mut Vec<Record>| {
            let spans = records.iter().filter_map(Record::as_span);
            spans.cloned().collect()
        };
        self.with(spans)
    }

    /// Copies of the scores, in the order in which they were recorded.
    #[must_use]
    pub fn scores(&self) -> Vec<ScoreRecord> {
        let scores = |records: &mut Vec<Record>| {
            let scores = records.iter().filter_map(Record::as_score);
            scores.cloned().collect()
        };
        self.with(scores)
    }

    /// The names of the finished spans, in the order in which they ended.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let spans = self.spans();
        spans.iter().map(|span| span.name().to_owned()).collect()
    }

    /// The one finished span.
    ///
    /// # Panics
    /// If there is no finished span, or more than one.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn only(&self) -> SpanRecord {
        let mut spans = self.spans();
        match (spans.pop(), spans.is_empty()) {
            (Some(span), true) => span,
            _ => panic!("expected one finished span, found:\n{}", self.tree()),
        }
    }

    /// The finished span of this name; the one that ended first, if there are several.
    ///
    /// # Panics
    /// If no finished span has this name.
    #[must_use]
    #[track_caller]
    #[expect(clippy::panic, reason = "an assertion for tests")]
    pub fn named(&self, name: &str) -> SpanRecord {
        let found = self.spans().into_iter().find(|span| span.name() == name);
        found.unwrap_or_else(|| panic!("no finished span `{name}`, found:\n{}", self.tree()))
    }

    /// The finished spans as text: one line with the name of each, indented by two spaces below its parent; siblings by start
    /// time, and as they ended where start and end are equal.
    #[must_use]
    pub fn tree(&self) -> String {
        record::tree(&self.spans())
    }

    /// Removes and returns everything kept so far, in the order in which it arrived.
    #[must_use = "use `clear` to discard the records"]
    pub fn take(&self) -> Vec<Record> {
        self.with(std::mem::take)
    }

    /// Discards everything kept so far.
    pub fn clear(&self) {
        self.with(Vec::clear);
    }

    fn with<R>(&self, f: impl FnOnce(&mut Vec<Record>) -> R) -> R {
        f(&mut self.records.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Processor for Recorder {
    fn on_end(&self, span: SpanRecord) {
        self.with(|records| records.push(span.into()));
    }

    fn on_score(&self, score: ScoreRecord) {
        self.with(|records| records.push(score.into()));
    }
}
