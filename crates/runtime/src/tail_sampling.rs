//! Keeps a trace's spans until the trace has ended, so that its late attributes reach all of them and
//! sampling is decided by what happened. A `Processor` in front of the pipeline; opt-in, built by the facade.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracefuse_core::wiring::{Leak, ReportFuture};
use tracefuse_core::{Clock, Level, Processor, Report, SampleRate, SpanId, Stats, TraceId};
use tracefuse_exporter::record::{FinishedSpan, ScoreRecord, SpanRecord};

use crate::ledger::{Notice, Notices};
use crate::log;

/// How many spans are held, for how long, and which traces are kept when they end.
///
/// A trace is kept if one of the rules says so, else by the rate, which decides by the trace's id.
/// Without a rule and a rate every trace is kept.
///
/// ```
/// use std::time::Duration;
/// use tracefuse_core::SampleRate;
/// use tracefuse_runtime::TailSampling;
///
/// let tail = TailSampling::new()
///     .keep_errors(true)
///     .keep_slower_than(Duration::from_secs(10))
///     .rate(SampleRate::new(0.05).unwrap()); // of the others
/// # drop(tail);
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct TailSampling {
    max_spans: usize,
    max_bytes: usize,
    max_age: Duration,
    errors: bool,
    slower_than: Option<Duration>,
    costlier_than: Option<f64>,
    more_tokens_than: Option<u64>,
    rate: SampleRate,
}

impl Default for TailSampling {
    fn default() -> Self {
        Self {
            max_spans: 10_000,
            max_bytes: 32 * 1024 * 1024,
            max_age: Duration::from_secs(600),
            errors: true,
            slower_than: None,
            costlier_than: None,
            more_tokens_than: None,
            rate: SampleRate::ALL,
        }
    }
}

impl TailSampling {
    /// Every trace is held and kept.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spans held of all traces together, 10,000 by default; beyond it the oldest trace is let go.
    pub fn max_spans(mut self, spans: usize) -> Self {
        self.max_spans = spans;
        self
    }

    /// Bytes held of all traces together, 32 MiB by default; beyond it the oldest trace is let go.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The longest a trace is held after its first span ended, 10 minutes by default. Looked at
    /// whenever some span ends.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// Whether a trace with a span of [`Level::Error`] is kept at any rate; yes by default.
    pub fn keep_errors(mut self, keep: bool) -> Self {
        self.errors = keep;
        self
    }

    /// Keeps a trace that took longer than this, at any rate.
    pub fn keep_slower_than(mut self, duration: Duration) -> Self {
        self.slower_than = Some(duration);
        self
    }

    /// Keeps a trace whose spans cost more US dollars than this, at any rate. Only cost that was
    /// recorded counts: the one Langfuse computes is not known here.
    pub fn keep_costlier_than(mut self, dollars: f64) -> Self {
        self.costlier_than = Some(dollars);
        self
    }

    /// Keeps a trace whose spans used more tokens (or other units) than this, at any rate.
    pub fn keep_more_tokens_than(mut self, tokens: u64) -> Self {
        self.more_tokens_than = Some(tokens);
        self
    }

    /// The share of all other traces that is kept, by the trace's id; all by default.
    pub fn rate(mut self, rate: SampleRate) -> Self {
        self.rate = rate;
        self
    }
}

/// Holds a trace's spans back until its root span ends, then hands them on or drops them together.
///
/// * All get the trace's attributes as they were at the end.
/// * Spans that end after the root follow the decision that was made for it.
/// * A trace that hits a bound is let go as kept, counted in [`Stats::released_early`] and logged.
/// * [`flush`](Processor::flush) and [`shutdown`](Processor::shutdown) let go of everything as kept:
///   a flush promises that what was recorded before is delivered. Flush between traces, not during.
/// * Spans of traces that are not kept are counted in [`Stats::sampled_out`], not as lost.
///
/// ```
/// use tracefuse_core::{Tracer, testing::Recorder};
/// use tracefuse_runtime::{TailSampler, TailSampling};
///
/// let recorder = Recorder::new();
/// let sampler = TailSampler::new(recorder.clone(), TailSampling::new());
/// let tracer = Tracer::builder(sampler).build();
/// tracer.trace("request").run(|_| {});
/// tracer.shutdown().unwrap();
/// # drop(recorder);
/// ```
pub struct TailSampler {
    shared: Arc<Shared>,
}

struct Shared {
    inner: Box<dyn Processor>,
    config: TailSampling,
    clock: Clock,
    state: Mutex<State>,
}

/// This process's part of a trace: its id and that of its first span here.
type LocalTrace = (TraceId, SpanId);

#[derive(Default)]
struct State {
    held: HashMap<LocalTrace, Held>,
    /// The parts that are held, in the order their first span ended.
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

struct Held {
    number: u64,
    since: u64,
    spans: Vec<SpanRecord>,
    bytes: usize,
    failed: bool,
    dollars: f64,
    tokens: u64,
}

/// What was decided lately, for spans that end after their root.
#[derive(Default)]
struct Decided {
    kept: HashMap<LocalTrace, bool>,
    order: VecDeque<LocalTrace>,
}

/// Decisions that are remembered; some 500 KiB.
const REMEMBERED: usize = 8192;

impl TailSampler {
    /// Holds spans in front of `inner`.
    pub fn new(inner: impl Processor, config: TailSampling) -> Self {
        Self::with_clock(inner, config, Clock::system())
    }

    /// [`new`](Self::new) with a clock of one's own, by which traces grow old.
    pub fn with_clock(inner: impl Processor, config: TailSampling, clock: Clock) -> Self {
        Self {
            shared: Arc::new(Shared {
                inner: Box::new(inner),
                config,
                clock,
                state: Mutex::default(),
            }),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, span: SpanRecord) {
        let now = self.clock.monotonic_nanos();
        let part = (span.trace_id(), span.local_root_id());
        let (mut out, mut sampled_out) = (Vec::new(), Vec::new());
        let mut state = self.lock();
        let decided = state.decided.kept.get(&part).copied();
        match decided.or_else(|| state.closed.then_some(true)) {
            Some(true) => {
                state.passed_on += 1;
                out.push(span);
            }
            Some(false) => {
                state.sampled_out += 1;
                sampled_out.push(span);
            }
            None => {
                let ended = span.is_local_root().then(|| span.duration());
                state.hold(part, now, span);
                if let Some(duration) = ended
                    && let Some(held) = state.remove(part)
                {
                    let keep = held.is_kept(&self.config, part.0, duration);
                    state.decided.remember(part, keep);
                    if keep {
                        state.pass_on(held, &mut out);
                    } else {
                        state.sampled_out += held.spans.len() as u64;
                        sampled_out = held.spans;
                    }
                }
            }
        }
        let early = state.release_beyond(&self.config, now, &mut out);
        drop(state);
        // After the lock: a log subscriber may call back, and the next processor may block if it was asked to.
        if let Some((traces, suppressed)) = early {
            log::released_early(traces, suppressed);
        }
        drop(sampled_out);
        out.into_iter().for_each(|span| self.inner.on_end(span));
    }

    /// Lets go of everything as kept.
    fn release_all(&self, close: bool) {
        let mut out = Vec::new();
        let mut state = self.lock();
        state.closed |= close;
        while state.release_oldest(&mut out) {}
        drop(state);
        out.into_iter().for_each(|span| self.inner.on_end(span));
    }

    fn stats(&self) -> Stats {
        let mut stats = self.inner.stats();
        let state = self.lock();
        stats.held = state.spans as u64;
        stats.sampled_out = state.sampled_out;
        stats.released_early = state.released_early;
        stats.recorded = state.passed_on + stats.held + stats.sampled_out;
        stats
    }

    fn complete(&self, mut report: Report) -> Report {
        report.stats = self.stats();
        report
    }
}

impl State {
    fn hold(&mut self, part: LocalTrace, now: u64, span: SpanRecord) {
        let next = self.next;
        let held = self.held.entry(part).or_insert_with(|| Held {
            number: next,
            since: now,
            spans: Vec::new(),
            bytes: 0,
            failed: false,
            dollars: 0.0,
            tokens: 0,
        });
        if held.number == next {
            self.oldest.insert(next, part);
            self.next += 1;
        }
        let bytes = span.size();
        held.bytes += bytes;
        held.failed |= span.level() == Some(Level::Error);
        held.dollars += total(span.cost(), |sum, dollars| sum + dollars);
        held.tokens = held
            .tokens
            .saturating_add(total(span.usage(), u64::saturating_add));
        held.spans.push(span);
        self.spans += 1;
        self.bytes += bytes;
    }

    fn remove(&mut self, part: LocalTrace) -> Option<Held> {
        let held = self.held.remove(&part)?;
        self.oldest.remove(&held.number);
        self.spans -= held.spans.len();
        self.bytes -= held.bytes;
        Some(held)
    }

    /// Hands spans on with the attributes that the last of them saw.
    fn pass_on(&mut self, held: Held, out: &mut Vec<SpanRecord>) {
        let trace = held.spans.last().map(|last| last.trace().clone());
        self.passed_on += held.spans.len() as u64;
        out.extend(held.spans.into_iter().map(|mut span| {
            if let Some(trace) = &trace {
                span.set_trace(trace.clone());
            }
            span
        }));
    }

    /// Lets go of the oldest traces until the bounds hold. Answers what is to be logged: how many traces, and how
    /// many lines of this kind were not written.
    fn release_beyond(
        &mut self,
        config: &TailSampling,
        now: u64,
        out: &mut Vec<SpanRecord>,
    ) -> Option<(u64, u64)> {
        let old = |state: &Self| {
            let (_, part) = state.oldest.first_key_value()?;
            let age = now.saturating_sub(state.held.get(part)?.since);
            Some(u128::from(age) >= config.max_age.as_nanos())
        };
        let mut released = 0;
        while (self.spans > config.max_spans
            || self.bytes > config.max_bytes
            || old(self) == Some(true))
            && self.release_oldest(out)
        {
            released += 1;
        }
        self.released_early += released;
        (released > 0)
            .then(|| self.notices.admit(Notice::Held))
            .flatten()
            .map(|suppressed| (released, suppressed))
    }

    fn release_oldest(&mut self, out: &mut Vec<SpanRecord>) -> bool {
        let Some((_, part)) = self.oldest.first_key_value() else {
            return false;
        };
        let part = *part;
        if let Some(held) = self.remove(part) {
            self.decided.remember(part, true);
            self.pass_on(held, out);
        }
        true
    }
}

impl Held {
    fn is_kept(&self, config: &TailSampling, id: TraceId, duration: Duration) -> bool {
        (config.errors && self.failed)
            || config.slower_than.is_some_and(|limit| duration > limit)
            || config
                .costlier_than
                .is_some_and(|limit| self.dollars > limit)
            || config
                .more_tokens_than
                .is_some_and(|limit| self.tokens > limit)
            || config.rate.samples(id)
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

/// The bucket `total`, or the sum of all, which are disjoint but for that.
fn total<'a, T: Default>(
    buckets: impl Iterator<Item = (&'a str, T)>,
    add: impl Fn(T, T) -> T,
) -> T {
    let mut sum = T::default();
    for (name, value) in buckets {
        if name == "total" {
            return value;
        }
        sum = add(sum, value);
    }
    sum
}

impl Processor for TailSampler {
    fn on_end(&self, span: SpanRecord) {
        self.shared.take(span);
    }

    fn measures(&self) -> bool {
        self.shared.inner.measures()
    }

    fn on_unsampled(&self, span: &FinishedSpan<'_>) {
        self.shared.inner.on_unsampled(span);
    }

    /// Scores are not held: they have no part in the decision, and mostly come after it.
    fn on_score(&self, score: ScoreRecord) {
        self.shared.lock().passed_on += 1;
        self.shared.inner.on_score(score);
    }

    fn is_recording(&self) -> bool {
        self.shared.inner.is_recording()
    }

    fn refuses(&self) -> bool {
        self.shared.inner.refuses()
    }

    fn on_leak(&self, leak: &Leak) {
        self.shared.inner.on_leak(leak);
    }

    fn on_outside_trace(&self, span: &str) {
        self.shared.inner.on_outside_trace(span);
    }

    fn flush(&self, within: Duration) -> Report {
        self.shared.release_all(false);
        self.shared.complete(self.shared.inner.flush(within))
    }

    fn flush_async(&self, within: Duration) -> ReportFuture {
        self.shared.release_all(false);
        let (shared, report) = (self.shared.clone(), self.shared.inner.flush_async(within));
        Box::pin(async move { shared.complete(report.await) })
    }

    fn shutdown(&self, within: Duration) -> Report {
        self.shared.release_all(true);
        self.shared.complete(self.shared.inner.shutdown(within))
    }

    fn shutdown_async(&self, within: Duration) -> ReportFuture {
        self.shared.release_all(true);
        let (shared, report) = (
            self.shared.clone(),
            self.shared.inner.shutdown_async(within),
        );
        Box::pin(async move { shared.complete(report.await) })
    }

    fn stats(&self) -> Stats {
        self.shared.stats()
    }
}

impl fmt::Debug for TailSampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailSampler")
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}
