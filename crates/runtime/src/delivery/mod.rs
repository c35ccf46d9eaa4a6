//! What is done with one batch: attempt, judge the answer, then settle, split, wait, set parked, hold or put on disk.
//! Driven by `worker`, one batch at a time; all decisions are in `breaker`, `retry`, `judge` and here.

mod action;
pub(crate) mod attempt;
mod breaker;
#[cfg(feature = "spool")]
pub(crate) mod disk;
#[cfg(not(feature = "spool"))]
#[path = "no_disk.rs"]
pub(crate) mod disk;
pub(crate) mod masking;
mod retry;
mod settle;
pub(crate) mod shorten;
mod spill;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, ExporterStats, RejectReason, SpanId};
use tracefuse_exporter::record::{Record, Resource};
use tracefuse_exporter::{Batch, Exporter};

use crate::delivery::action::{Judged, Step, Verdict};
use crate::delivery::breaker::{Breaker, Permit, Rule};
use crate::delivery::disk::Disk;
use crate::delivery::masking::Masking;
use crate::delivery::retry::{Backoff, pause};
use crate::delivery::shorten::shorten;
use crate::queue::ExporterQueue;
use crate::queue::buffers::{SpanBuffers, Watch};
use crate::queue::envelope::{Parked, Queued};
use crate::queue::phase::Phase;

/// Rounds of tries a batch gets before it is given up, each after a success of another.
const MAX_ROUNDS: u32 = 3;
/// Requests a minute that the search for poison may cost; a server that refuses everything must not cost more.
const BISECTIONS: u32 = 32;

/// Told when an exporter's health changes.
pub(crate) type HealthCallback = Arc<dyn Fn(&ExporterStats) + Send + Sync>;

/// Where the records of a batch are accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Memory,
    Disk,
}

/// What a batch left behind.
#[derive(Default)]
struct Remaining {
    /// Not now: the breaker is open, the receiver asked for a pause, or time is up.
    held: Vec<Queued>,
    /// Their tries are used up.
    exhausted: Vec<(Vec<Queued>, DropReason)>,
}

pub(crate) struct Delivery {
    pub(crate) queue: Arc<ExporterQueue>,
    pub(crate) exporter: Arc<dyn Exporter>,
    resource: Arc<Resource>,
    breaker: Breaker,
    backoff: Backoff,
    /// The receiver asked for a pause until then.
    paused_until: Option<Instant>,
    /// Bytes a batch may have, learned from refusals, and batches taken since the last one.
    learned_bytes: usize,
    taken: u32,
    /// Where records go that cannot be delivered now, if there is such a place.
    disk: Option<Disk>,
    on_health: Option<HealthCallback>,
    bisections: u32,
    bisections_since: Instant,
    masking: Masking,
    /// Where records come in, if threads may leave them buffered there for a while.
    pub(crate) watch: Option<Watch>,
}

impl Delivery {
    pub(crate) fn new(
        queue: Arc<ExporterQueue>,
        exporter: Arc<dyn Exporter>,
        resource: Arc<Resource>,
        disk: Option<Disk>,
        on_health: Option<HealthCallback>,
    ) -> Self {
        let config = &queue.config;
        let rule = Rule {
            threshold: config.circuit_breaker_threshold,
            reset: config.circuit_breaker_reset,
            lease: config.attempt_timeout * 2,
        };
        let backoff = Backoff {
            max_retries: config.max_retries,
            base: config.retry_base,
            cap: config.retry_cap,
        };
        let learned_bytes = config.max_batch_bytes;
        Self {
            exporter,
            resource,
            breaker: Breaker::new(rule),
            backoff,
            paused_until: None,
            learned_bytes,
            taken: 0,
            disk,
            on_health,
            bisections: 0,
            bisections_since: Instant::now(),
            masking: Masking::default(),
            watch: None,
            queue,
        }
    }

    pub(crate) fn masking(mut self, masking: Masking) -> Self {
        self.masking = masking;
        self
    }

    pub(crate) fn watching(mut self, buffers: Arc<SpanBuffers>) -> Self {
        self.watch = Some(Watch::new(buffers));
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
        let mut items = self.take();
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
            self.queue.put_back(rest);
        }
        let items = self.drop_old(items);
        let left = self.deliver(items, Store::Memory, None).await;
        if !left.held.is_empty() {
            self.queue.put_back(left.held);
        }
        for (items, _) in left.exhausted {
            self.queue.park(Parked { items, rounds: 0 });
        }
    }

    /// The next records of the queue, masked: the one way out of it, to an exporter and to disk.
    fn take(&mut self) -> Vec<Queued> {
        let count = self.queue.config.batch_size;
        // What other threads ended before must come first.
        if let Some(watch) = self
            .watch
            .as_ref()
            .filter(|_| self.queue.needs_drain(count))
        {
            watch.drain();
        }
        let mut items = self.queue.take(count);
        self.masking.apply(&self.queue, &mut items);
        items
    }

    /// Delivers a batch that was set parked.
    pub(crate) async fn again(&mut self) {
        let Some(Parked { items, rounds }) = self.queue.take_aside() else {
            return;
        };
        let items = self.drop_old(items);
        let left = self.deliver(items, Store::Memory, None).await;
        if !left.held.is_empty() {
            let items = left.held;
            self.queue.park(Parked { items, rounds });
        }
        for (items, reason) in left.exhausted {
            if rounds < MAX_ROUNDS - 1 {
                self.queue.park(Parked { items, rounds });
            } else {
                let items = self.store(items);
                self.give_up(&items, reason, Store::Memory);
            }
        }
    }

    /// Gives up what has been tried in vain for too long.
    fn drop_old(&self, items: Vec<Queued>) -> Vec<Queued> {
        let (now, max_age) = (Instant::now(), self.queue.config.max_age);
        let old = |item: &Queued| {
            item.tried
                .is_some_and(|tried| now.duration_since(tried) > max_age)
        };
        let (old, items): (Vec<_>, Vec<_>) = items.into_iter().partition(old);
        if !old.is_empty() {
            self.give_up(&old, DropReason::MaxAge, Store::Memory);
        }
        items
    }

    /// Encoded bytes of a record, which is shortened if it is over the limit by itself.
    fn size(&self, record: &mut Record) -> usize {
        let size = self.exporter.size_hint(record);
        let limit = self.queue.config.max_batch_bytes;
        if size <= limit {
            return size;
        }
        if let Record::Span(span) = record {
            // A twentieth for what is beside the text.
            shorten(span, limit - limit / 20);
        }
        self.exporter.size_hint(record)
    }

    /// Sends a batch, in parts if it has to be, and says what is left of it.
    async fn deliver(
        &mut self,
        items: Vec<Queued>,
        place: Store,
        resource: Option<Arc<Resource>>,
    ) -> Remaining {
        let resource = resource.unwrap_or_else(|| self.resource.clone());
        let mut parts = apart(items);
        let mut left = Remaining::default();
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let (mut part, verdict) = self.attempt(part, &resource).await;
            match verdict {
                Verdict::Accepted(report) => self.accept(&part, &report, place),
                Verdict::Halve { reason, message }
                    if part.len() == 1 || !self.may_bisect(reason) =>
                {
                    self.reject(&part, reason, &message, place);
                }
                Verdict::Halve { .. } => {
                    let half = part.split_off(part.len() / 2);
                    parts.push(half);
                    parts.push(part);
                }
                Verdict::Exhausted { reason } => left.exhausted.push((part, reason)),
                Verdict::Hold => {
                    left.held = part;
                    while let Some(later) = parts.pop() {
                        left.held.extend(later);
                    }
                    // Back in their order, which a flush goes by.
                    left.held.sort_unstable_by_key(|item| item.seq);
                }
            }
        }
        left
    }

    /// Sends one part until there is a verdict on it.
    async fn attempt(
        &mut self,
        part: Vec<Queued>,
        resource: &Arc<Resource>,
    ) -> (Vec<Queued>, Verdict) {
        let (mut metas, records): (Vec<_>, Vec<_>) = part.into_iter().map(Queued::split).unzip();
        let spans = records.len();
        let batch = Arc::new(Batch::new(resource.clone(), records));
        let deadline = Instant::now() + self.queue.config.batch_timeout;
        let mut retries = 0;
        let verdict = loop {
            let Some((permit, within)) = self.permit() else {
                break Verdict::Hold;
            };
            let exporter = self.exporter.clone();
            let result = self
                .meanwhile(attempt::export(&exporter, &batch, within))
                .await;
            let now = Instant::now();
            let judged = match result {
                Ok(report) => Judged::accepted(report),
                Err(failure) => Judged::failed(failure),
            };
            let change = self.breaker.record(permit, judged.outcome, now, jitter());
            self.tell(change, spans, &judged);
            if judged.error.is_some() {
                for meta in &mut metas {
                    meta.tried.get_or_insert(now);
                }
            }
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
                    if now + delay >= deadline {
                        break Verdict::Exhausted { reason };
                    }
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
            .map(|(meta, record)| Queued::join(meta, record))
            .collect();
        (part, verdict)
    }

    /// Waits for a call of the exporter, and goes on looking after the disk while it lasts.
    async fn meanwhile<T>(&mut self, call: impl Future<Output = T>) -> T {
        if self.disk.is_none() {
            return call.await;
        }
        let queue = self.queue.clone();
        let mut call = pin!(call);
        loop {
            let mut news = pin!(queue.wake.notified());
            let done = poll_fn(|cx| match call.as_mut().poll(cx) {
                Poll::Ready(answer) => Poll::Ready(Some(answer)),
                Poll::Pending => news.as_mut().poll(cx).map(|()| None),
            });
            match done.await {
                Some(answer) => return answer,
                None => self.tend(),
            }
        }
    }

    /// Leave for an attempt and the time it may take. A tracer that is closing tries even if the breaker is open.
    fn permit(&mut self) -> Option<(Permit, Duration)> {
        let now = Instant::now();
        let limit = self.queue.config.attempt_timeout;
        match self.queue.phase() {
            Phase::Stopped => None,
            Phase::Closing(deadline) => {
                let left = self.before(deadline).saturating_duration_since(now);
                (!left.is_zero()).then(|| (self.breaker.insist(now), limit.min(left)))
            }
            Phase::Running => self.breaker.acquire(now).ok().map(|permit| (permit, limit)),
        }
    }

    /// Waits, but not past the end: `false` if the wait would not be over by the shutdown's deadline.
    async fn sleep(&mut self, delay: Duration) -> bool {
        let until = Instant::now() + delay;
        loop {
            match self.queue.phase() {
                Phase::Stopped => return false,
                Phase::Closing(deadline) => {
                    if until >= self.before(deadline) {
                        return false;
                    }
                    tokio::time::sleep_until(until).await;
                    return true;
                }
                Phase::Running => {}
            }
            if tokio::time::timeout_at(until, self.queue.wake.notified())
                .await
                .is_err()
            {
                return true;
            }
            self.tend();
        }
    }

    /// Whether the search for poison may go on. Size is learned, so splitting for it needs no limit.
    fn may_bisect(&mut self, reason: RejectReason) -> bool {
        if reason == RejectReason::TooLarge {
            self.learned_bytes = (self.learned_bytes / 2).max(16 * 1024);
            self.taken = 0;
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
}

/// The parts a batch is sent in, the first one last: all spans together, then all scores. What a receiver
/// says of one of the two must not count for the other.
fn apart(items: Vec<Queued>) -> Vec<Vec<Queued>> {
    let (spans, scores) = items
        .into_iter()
        .partition(|item| item.record.as_score().is_none());
    vec![scores, spans]
}

/// From 0 to 1, by the generator that makes ids: randomness has one home.
fn jitter() -> f64 {
    f64::from(u16::from_be_bytes([
        SpanId::random().to_bytes()[0],
        SpanId::random().to_bytes()[1],
    ])) / f64::from(u16::MAX)
}
