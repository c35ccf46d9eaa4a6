//! What is done with one batch: attempt, judge the answer, then settle, split, wait, set aside or hold.
//! Driven by `worker`, one batch at a time; all decisions are in `breaker`, `retry` and here.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, Health, RejectReason, SpanId};
use tracefuse_exporter::record::{Record, Resource};
use tracefuse_exporter::{Advice, Batch, ExportReport, Exporter};

use crate::attempt::{self, Failure};
use crate::breaker::{Breaker, Change, Outcome, Rule};
use crate::item::{Aside, Item, bytes_of};
use crate::lane::{Lane, Phase};
use crate::ledger::{Notice, say};
use crate::masking::Masking;
use crate::retry::{Backoff, pause};
use crate::shorten::shorten;

/// Rounds of tries a batch gets before it is given up, each after a success of another.
const MAX_ROUNDS: u32 = 3;
/// Requests a minute that the search for poison may cost; a server that refuses everything must not cost more.
const BISECTIONS: u32 = 32;

pub(crate) struct Delivery {
    pub(crate) lane: Arc<Lane>,
    pub(crate) exporter: Arc<dyn Exporter>,
    resource: Arc<Resource>,
    breaker: Breaker,
    backoff: Backoff,
    /// The receiver asked for a pause until then.
    paused_until: Option<Instant>,
    /// Bytes a batch may have, learned from refusals.
    learned_bytes: usize,
    bisections: u32,
    bisections_since: Instant,
    masking: Masking,
}

/// What to do with a part of a batch after an attempt.
enum Verdict {
    Accepted(ExportReport),
    /// Too large, or something in it is bad: try the halves.
    Halve {
        reason: RejectReason,
        message: String,
    },
    /// Its tries are used up.
    Exhausted {
        reason: DropReason,
    },
    /// Not now: the breaker is open, the receiver asked for a pause, or time is up.
    Hold,
}

impl Delivery {
    pub(crate) fn new(
        lane: Arc<Lane>,
        exporter: Arc<dyn Exporter>,
        resource: Arc<Resource>,
    ) -> Self {
        let config = &lane.config;
        let rule = Rule {
            threshold: config.circuit_breaker_threshold,
            reset: config.circuit_breaker_reset,
            lease: config.attempt_timeout * 2,
        };
        let backoff = Backoff {
            max_retries: config.max_retries,
            ..Backoff::default()
        };
        let learned_bytes = config.max_batch_bytes;
        Self {
            exporter,
            resource,
            breaker: Breaker::new(rule),
            backoff,
            paused_until: None,
            learned_bytes,
            bisections: 0,
            bisections_since: Instant::now(),
            masking: Masking::default(),
            lane,
        }
    }

    pub(crate) fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    /// How long the receiver asked us to wait, if it did.
    pub(crate) fn paused(&self) -> Option<Duration> {
        let wait = self.paused_until?.saturating_duration_since(Instant::now());
        (!wait.is_zero()).then_some(wait)
    }

    /// How long nothing may be sent, if that is so.
    pub(crate) fn blocked(&self) -> Option<Duration> {
        let now = Instant::now();
        let paused = self
            .paused_until
            .map(|until| until.saturating_duration_since(now));
        paused
            .max(self.breaker.retry_in(now))
            .filter(|wait| !wait.is_zero())
    }

    /// Delivers the next batch of the queue.
    pub(crate) async fn send(&mut self) {
        let mut items = self.lane.take(self.lane.config.batch_size);
        self.masking.apply(&self.lane, &mut items);
        let mut bytes = 0;
        let mut fits = 0;
        for item in &mut items {
            bytes += self.size(&mut item.record);
            if bytes > self.learned_bytes && fits > 0 {
                break;
            }
            fits += 1;
        }
        let rest = items.split_off(fits.min(items.len()));
        if !rest.is_empty() {
            self.lane.put_back(rest);
        }
        self.deliver(items, 0).await;
    }

    /// Delivers a batch that was set aside.
    pub(crate) async fn again(&mut self) {
        if let Some(aside) = self.lane.take_aside() {
            self.deliver(aside.items, aside.rounds).await;
        }
    }

    /// Encoded bytes of a record, which is shortened if it is over the limit by itself.
    fn size(&self, record: &mut Record) -> usize {
        let size = self.exporter.size_hint(record);
        let limit = self.lane.config.max_batch_bytes;
        if size <= limit {
            return size;
        }
        if let Record::Span(span) = record {
            // A twentieth for what is beside the text.
            shorten(span, limit - limit / 20);
        }
        self.exporter.size_hint(record)
    }

    async fn deliver(&mut self, items: Vec<Item>, rounds: u32) {
        let mut parts = vec![items];
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let (part, verdict) = self.attempt(part).await;
            match verdict {
                Verdict::Accepted(report) => self.accept(&part, &report),
                Verdict::Halve { reason, message }
                    if part.len() == 1 || !self.may_bisect(reason) =>
                {
                    self.reject(&part, reason, &message);
                }
                Verdict::Halve { .. } => {
                    let mut part = part;
                    let half = part.split_off(part.len() / 2);
                    parts.push(half);
                    parts.push(part);
                }
                Verdict::Exhausted { reason } if rounds + 1 >= MAX_ROUNDS => {
                    self.give_up(&part, reason)
                }
                Verdict::Exhausted { .. } => self.lane.set_aside(Aside {
                    items: part,
                    rounds: rounds + 1,
                }),
                Verdict::Hold => {
                    let mut held = part;
                    while let Some(later) = parts.pop() {
                        held.extend(later);
                    }
                    if rounds > 0 {
                        self.lane.set_aside(Aside {
                            items: held,
                            rounds,
                        });
                    } else {
                        self.lane.put_back(held);
                    }
                    return;
                }
            }
        }
    }

    /// Sends one part until there is a verdict on it.
    async fn attempt(&mut self, part: Vec<Item>) -> (Vec<Item>, Verdict) {
        let (mut metas, records): (Vec<_>, Vec<_>) = part.into_iter().map(Item::split).unzip();
        let spans = records.len();
        let batch = Arc::new(Batch::new(self.resource.clone(), records));
        let mut retries = 0;
        let verdict = loop {
            let Some((permit, within)) = self.permit() else {
                break Verdict::Hold;
            };
            let result = attempt::export(&self.exporter, &batch, within).await;
            let now = Instant::now();
            let judged = match result {
                Ok(report) => Judged::accepted(report),
                Err(failure) => Judged::failed(failure),
            };
            let change = self.breaker.record(permit, judged.outcome, now, jitter());
            self.tell(change, spans, &judged);
            if judged.maybe_delivered {
                metas
                    .iter_mut()
                    .for_each(|meta| meta.maybe_delivered = true);
            }
            match judged.step {
                Step::Done(verdict) => break verdict,
                Step::Pause(after) => {
                    self.paused_until =
                        Some(now + pause(after.unwrap_or(Duration::from_secs(1)), jitter()));
                    break Verdict::Hold;
                }
                Step::Retry { after, reason } => {
                    let Some(delay) = self.backoff.delay(retries, after, jitter()) else {
                        break Verdict::Exhausted { reason };
                    };
                    if self.breaker.retry_in(now).is_some() || !self.sleep(delay).await {
                        break Verdict::Hold;
                    }
                    retries += 1;
                }
            }
        };
        // The attempt's task has ended, so ours is the only handle.
        let records = match Arc::try_unwrap(batch) {
            Ok(batch) => batch.into_records(),
            Err(shared) => shared.records().to_vec(),
        };
        let part = metas
            .into_iter()
            .zip(records)
            .map(|(meta, record)| Item::join(meta, record))
            .collect();
        (part, verdict)
    }

    /// Leave for an attempt and the time it may take. A tracer that is closing tries even if the breaker is open.
    fn permit(&mut self) -> Option<(crate::breaker::Permit, Duration)> {
        let now = Instant::now();
        let limit = self.lane.config.attempt_timeout;
        match self.lane.phase() {
            Phase::Stopped => None,
            Phase::Closing(deadline) => {
                let left = deadline.saturating_duration_since(now);
                (!left.is_zero()).then(|| (self.breaker.insist(now), limit.min(left)))
            }
            Phase::Running => self.breaker.acquire(now).ok().map(|permit| (permit, limit)),
        }
    }

    /// Waits, but not past the end: `false` if the wait would not be over by the shutdown's deadline.
    async fn sleep(&self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        loop {
            match self.lane.phase() {
                Phase::Stopped => return false,
                Phase::Closing(deadline) => {
                    if until >= deadline {
                        return false;
                    }
                    tokio::time::sleep_until(until).await;
                    return true;
                }
                Phase::Running => {}
            }
            if tokio::time::timeout_at(until, self.lane.wake.notified())
                .await
                .is_err()
            {
                return true;
            }
        }
    }

    fn accept(&self, part: &[Item], report: &ExportReport) {
        let rejected = report.rejected.len().min(part.len());
        if let Some(first) = report.rejected.first() {
            self.note(Notice::Rejected, |name, more| {
                say::rejected(name, rejected, &first.reason, more)
            });
        }
        self.lane.settle(part.len(), bytes_of(part), |state| {
            state.ledger.exported(part.len() - rejected);
            if rejected > 0 {
                state.ledger.rejected(RejectReason::Invalid, rejected);
            }
        });
        self.lane.succeeded();
    }

    fn reject(&self, part: &[Item], reason: RejectReason, message: &str) {
        self.note(Notice::Rejected, |name, more| {
            say::rejected(name, part.len(), message, more)
        });
        self.lane.settle(part.len(), bytes_of(part), |state| {
            state.ledger.rejected(reason, part.len())
        });
    }

    fn give_up(&self, part: &[Item], reason: DropReason) {
        let maybe = part.iter().filter(|item| item.maybe_delivered).count();
        self.lane.settle(part.len(), bytes_of(part), |state| {
            state.ledger.dropped(reason, part.len());
            state.ledger.maybe_delivered(maybe);
        });
    }

    /// Whether the search for poison may go on. Size is learned, so splitting for it needs no limit.
    fn may_bisect(&mut self, reason: RejectReason) -> bool {
        if reason == RejectReason::TooLarge {
            self.learned_bytes = (self.learned_bytes / 2).max(16 * 1024);
            return true;
        }
        let now = Instant::now();
        if now.duration_since(self.bisections_since) > Duration::from_secs(60) {
            self.bisections = 0;
            self.bisections_since = now;
        }
        self.bisections += 2;
        self.bisections <= BISECTIONS
    }

    fn tell(&self, change: Option<Change>, spans: usize, judged: &Judged) {
        let retry_in = self.breaker.retry_in(Instant::now()).unwrap_or_default();
        self.lane.with(|state| {
            if let Some(error) = &judged.error {
                state.ledger.attempt_failed(error);
            }
            if !matches!(state.health, Health::Stopped) {
                state.health = match (
                    judged.outcome,
                    self.breaker.is_refused(),
                    retry_in.is_zero(),
                ) {
                    (_, true, _) => Health::Refused { retry_in },
                    (_, _, false) => Health::Open { retry_in },
                    (Outcome::Failed, ..) => Health::Degraded,
                    _ => state.health,
                };
            }
        });
        let error = judged.error.as_deref().unwrap_or_default();
        match change {
            Some(Change::Opened) => say::breaker_opened(&self.lane.name, error, retry_in),
            Some(Change::Refused) => say::refused(&self.lane.name, error, retry_in),
            Some(Change::Closed) => say::breaker_closed(&self.lane.name),
            None if judged.outcome == Outcome::Failed => {
                self.note(Notice::ExportFailed, |name, more| {
                    say::export_failed(name, spans, error, more)
                });
            }
            None => {}
        }
    }

    fn note(&self, notice: Notice, line: impl FnOnce(&str, u64)) {
        if let Some(suppressed) = self.lane.with(|state| state.notices.admit(notice)) {
            line(&self.lane.name, suppressed);
        }
    }
}

/// An answer, read three ways: by the breaker, by the batch, by people.
struct Judged {
    outcome: Outcome,
    step: Step,
    error: Option<String>,
    maybe_delivered: bool,
}

enum Step {
    Done(Verdict),
    Retry {
        after: Option<Duration>,
        reason: DropReason,
    },
    Pause(Option<Duration>),
}

impl Judged {
    fn accepted(report: ExportReport) -> Self {
        let step = Step::Done(Verdict::Accepted(report));
        Self {
            outcome: Outcome::Alive,
            step,
            error: None,
            maybe_delivered: false,
        }
    }

    fn failed(failure: Failure) -> Self {
        let (error, reason) = match failure {
            Failure::Error(error) => {
                let message = error.to_string();
                let halve = |reason| {
                    Step::Done(Verdict::Halve {
                        reason,
                        message: message.clone(),
                    })
                };
                let (outcome, step) = match error.advice() {
                    Advice::Split => (Outcome::Alive, halve(RejectReason::TooLarge)),
                    Advice::Reject => (Outcome::Alive, halve(RejectReason::Invalid)),
                    Advice::Stop => (Outcome::Refused, Step::Done(Verdict::Hold)),
                    Advice::Pause(after) => (Outcome::Neutral, Step::Pause(after)),
                    // Advice may grow: what is not known is worth another try.
                    _ => {
                        let (after, reason) = (error.retry_after(), DropReason::RetriesExhausted);
                        (Outcome::Failed, Step::Retry { after, reason })
                    }
                };
                return Self {
                    outcome,
                    step,
                    error: Some(message),
                    maybe_delivered: error.maybe_delivered(),
                };
            }
            Failure::TimedOut(within) => (
                format!("no answer within {within:?}: the call was cut off"),
                DropReason::RetriesExhausted,
            ),
            Failure::Panicked(message) => (
                format!("the exporter panicked: {message}"),
                DropReason::ExporterPanic,
            ),
        };
        let step = Step::Retry {
            after: None,
            reason,
        };
        Self {
            outcome: Outcome::Failed,
            step,
            error: Some(error),
            maybe_delivered: true,
        }
    }
}

/// From 0 to 1, by the generator that makes ids: randomness has one home.
fn jitter() -> f64 {
    f64::from(u16::from_be_bytes([
        SpanId::random().to_bytes()[0],
        SpanId::random().to_bytes()[1],
    ])) / f64::from(u16::MAX)
}
