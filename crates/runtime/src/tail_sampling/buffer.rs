//! The spans that wait for the end of their trace, in memory and within bounds. Called by `TailSampler` under its lock; calls no
//! other code. Spans that leave are returned, so that they are passed on or freed without the lock.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tracefuse_core::{SpanId, Stats, TraceId};
use tracefuse_exporter::record::SpanRecord;

use super::rules::{Seen, TailSampling};
use crate::ledger::{Notice, Notices};

/// This process's part of a trace: its id and that of its first span here.
type LocalTrace = (TraceId, SpanId);

/// Spans that leave the buffer.
#[derive(Default)]
pub(super) struct Leaving {
    pub(super) kept: Vec<SpanRecord>,
    pub(super) sampled_out: Vec<SpanRecord>,
    /// What is to be logged: how many traces were released early, and how many such lines were suppressed.
    pub(super) early: Option<(u64, u64)>,
}

#[derive(Default)]
pub(super) struct Buffer {
    waiting: HashMap<LocalTrace, Waiting>,
    /// The traces that wait, in the order in which their first span ended.
    oldest: BTreeMap<u64, LocalTrace>,
    next: u64,
    spans: usize,
    bytes: usize,
    decided: Decided,
    passed_on: u64,
    sampled_out: u64,
    released_early: u64,
    closed: bool,
    notices: Notices,
}

/// The spans of one trace.
struct Waiting {
    number: u64,
    since: u64,
    spans: Vec<SpanRecord>,
    bytes: usize,
    seen: Seen,
}

/// The last decisions, for spans that end after their root.
#[derive(Default)]
struct Decided {
    kept: HashMap<LocalTrace, bool>,
    order: VecDeque<LocalTrace>,
}

/// How many decisions are kept: about 500 KiB.
const REMEMBERED: usize = 8192;

impl Buffer {
    /// Takes a span that ended. If it is the root of its trace, the trace is decided.
    pub(super) fn take(&mut self, config: &TailSampling, now: u64, span: SpanRecord) -> Leaving {
        let mut leaving = Leaving::default();
        let part = (span.trace_id(), span.local_root_id());
        let decided = self.decided.kept.get(&part).copied();
        match decided.or_else(|| self.closed.then_some(true)) {
            Some(true) => {
                self.passed_on += 1;
                leaving.kept.push(span);
            }
            Some(false) => {
                self.sampled_out += 1;
                leaving.sampled_out.push(span);
            }
            None => {
                let ended = span.is_local_root().then(|| span.duration());
                self.add(part, now, span);
                if let Some(duration) = ended
                    && let Some(waiting) = self.remove(part)
                {
                    let keep = config.keeps(part.0, duration, &waiting.seen);
                    self.decided.remember(part, keep);
                    if keep {
                        self.pass_on(waiting, &mut leaving.kept);
                    } else {
                        self.sampled_out += waiting.spans.len() as u64;
                        leaving.sampled_out = waiting.spans;
                    }
                }
            }
        }
        leaving.early = self.release_beyond(config, now, &mut leaving.kept);
        leaving
    }

    /// Releases all traces as kept; with `close`, later spans do not wait.
    pub(super) fn release_all(&mut self, close: bool) -> Vec<SpanRecord> {
        let mut kept = Vec::new();
        self.closed |= close;
        while self.release_oldest(&mut kept) {}
        kept
    }

    /// Counts a record that does not wait.
    pub(super) fn count_passed_on(&mut self) {
        self.passed_on += 1;
    }

    /// Writes its own numbers into those of the next processor.
    pub(super) fn write_stats(&self, stats: &mut Stats) {
        stats.held = self.spans as u64;
        stats.sampled_out = self.sampled_out;
        stats.released_early = self.released_early;
        stats.recorded = self.passed_on + stats.held + stats.sampled_out;
    }

    fn add(&mut self, part: LocalTrace, now: u64, span: SpanRecord) {
        let next = self.next;
        let waiting = self.waiting.entry(part).or_insert_with(|| Waiting {
            number: next,
            since: now,
            spans: Vec::new(),
            bytes: 0,
            seen: Seen::default(),
        });
        if waiting.number == next {
            self.oldest.insert(next, part);
            self.next += 1;
        }
        let bytes = span.size();
        waiting.bytes += bytes;
        waiting.seen.add(&span);
        waiting.spans.push(span);
        self.spans += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, part: LocalTrace) -> Option<Waiting> {
        let waiting = self.waiting.remove(&part)?;
        self.oldest.remove(&waiting.number);
        self.spans -= waiting.spans.len();
        self.bytes -= waiting.bytes;
        Some(waiting)
    }

    /// Passes spans on with the trace's attributes as the last of them has them.
    fn pass_on(&mut self, waiting: Waiting, kept: &mut Vec<SpanRecord>) {
        let trace = waiting.spans.last().map(|last| last.trace().clone());
        self.passed_on += waiting.spans.len() as u64;
        kept.extend(waiting.spans.into_iter().map(|mut span| {
            if let Some(trace) = &trace {
                span.set_trace(trace.clone());
            }
            span
        }));
    }

    /// Releases the oldest traces until the bounds are met. Returns what is to be logged, as [`Leaving::early`] has it.
    fn release_beyond(
        &mut self,
        config: &TailSampling,
        now: u64,
        kept: &mut Vec<SpanRecord>,
    ) -> Option<(u64, u64)> {
        let mut released = 0;
        while (self.spans > config.max_spans
            || self.bytes > config.max_bytes
            || self.has_old(config, now))
            && self.release_oldest(kept)
        {
            released += 1;
        }
        self.released_early += released;
        (released > 0)
            .then(|| self.notices.admit(Notice::Held))
            .flatten()
            .map(|suppressed| (released, suppressed))
    }

    fn has_old(&self, config: &TailSampling, now: u64) -> bool {
        let oldest = self.oldest.first_key_value();
        let waiting = oldest.and_then(|(_, part)| self.waiting.get(part));
        waiting.is_some_and(|waiting| {
            let age = now.saturating_sub(waiting.since);
            u128::from(age) >= config.max_age.as_nanos()
        })
    }

    fn release_oldest(&mut self, kept: &mut Vec<SpanRecord>) -> bool {
        let Some((_, part)) = self.oldest.first_key_value() else {
            return false;
        };
        let part = *part;
        if let Some(waiting) = self.remove(part) {
            self.decided.remember(part, true);
            self.pass_on(waiting, kept);
        }
        true
    }
}

impl Decided {
    fn remember(&mut self, part: LocalTrace, kept: bool) {
        if self.order.len() >= REMEMBERED
            && let Some(forgotten) = self.order.pop_front()
        {
            self.kept.remove(&forgotten);
        }
        self.order.push_back(part);
        self.kept.insert(part, kept);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_that_has_left_takes_no_room() {
        let recorder = tracefuse_core::testing::Recorder::new();
        recorder.tracer().trace("t").run(|trace| {
            (0..3).for_each(|_| trace.span("s").run(|_| {}));
        });
        let mut buffer = Buffer::default();
        for (n, span) in recorder.spans().into_iter().enumerate() {
            buffer.take(&TailSampling::new(), 0, span);
            let waits = if n < 3 { n + 1 } else { 0 };
            assert_eq!(buffer.spans, waits);
            assert_eq!(buffer.bytes > 0, waits > 0, "{}", buffer.bytes);
        }
        assert!(buffer.oldest.is_empty() && buffer.waiting.is_empty());
    }

    #[test]
    fn the_oldest_decision_is_forgotten_first() {
        let trace = TraceId::random();
        let part = |n: usize| {
            (
                trace,
                SpanId::from_bytes((n as u64 + 1).to_be_bytes()).unwrap(),
            )
        };
        let mut decided = Decided::default();
        for n in 0..=REMEMBERED {
            decided.remember(part(n), n % 2 == 0);
            assert_eq!(decided.order.len(), decided.kept.len());
        }
        assert_eq!(decided.kept.len(), REMEMBERED);
        assert_eq!(decided.kept.get(&part(0)), None);
        assert_eq!(decided.kept.get(&part(1)), Some(&false));
        assert_eq!(
            decided.kept.get(&part(REMEMBERED)),
            Some(&REMEMBERED.is_multiple_of(2))
        );
    }

    #[test]
    fn a_line_is_due_only_if_a_trace_was_released_early() {
        let recorder = tracefuse_core::testing::Recorder::new();
        for _ in 0..2 {
            recorder
                .tracer()
                .trace("t")
                .run(|trace| trace.span("s").run(|_| {}));
        }
        let mut buffer = Buffer::default();
        let config = TailSampling::new().max_spans(1);
        let inner = recorder
            .spans()
            .into_iter()
            .filter(|span| span.name() == "s");
        let early: Vec<_> = inner
            .map(|span| buffer.take(&config, 0, span).early)
            .collect();
        assert_eq!(early, [None, Some((1, 0))]);
    }
}
