//! What is done with one batch: attempt it, read the answer, then settle, split, wait, park, keep or put it on disk.
//! Driven by `worker`, one batch at a time; the decisions are in `action`, `breaker`, `retry`, `parts` and here.
//!
//! An answer passes three vocabularies: what the exporter says (`Advice`), what delivery does (`Action`), what the
//! health shows. The statuses are those of the exporters that use HTTP (`http/answer_class.rs`).
//!
//! | status | advice | action | breaker | health |
//! | --- | --- | --- | --- | --- |
//! | 2xx | `Ok(report)` | `Accept`: count it | closes | healthy |
//! | no connection, 408, 425, 5xx but 501 and 505; a panic, no answer in time | `Retry` | `Retry`, a batch of more than `batch_size` records in smaller ones; `Park` when the retries are used up | counts a failure, opens at the fifth in a row | degraded, open |
//! | 429 | `Pause` | `Pause`: keep everything as long as was asked | as it was | as it was |
//! | 413 | `Split` | `Split`: send the halves; one record alone is rejected | closes | healthy |
//! | 400, 422 | `Reject` | `Reject`: send batches of `batch_size` records, then halves until the bad record is alone, and reject that | closes | healthy |
//! | 401, 403, 404, other 4xx, 501, 505 | `Stop` | `Stop`: keep everything, one attempt after each reset | opens at once | refused |
//!
//! During a shutdown nothing is waited for inside a batch: a failed part is parked or kept, and `worker::run`
//! waits and tries again until the deadline.

mod action;
pub(crate) mod attempt;
mod breaker;
mod closing;
#[cfg(feature = "spool")]
pub(crate) mod disk;
#[cfg(not(feature = "spool"))]
#[path = "no_disk.rs"]
pub(crate) mod disk;
pub(crate) mod masking;
mod parts;
mod retry;
mod send;
mod settle;
pub(crate) mod shorten;
mod spill;
#[cfg(test)]
mod tests;
pub(crate) mod wait;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracefuse_core::{DropReason, ExporterStats, Health};
use tracefuse_exporter::Exporter;
use tracefuse_exporter::record::{Record, Resource};

use crate::contain::contained;
use crate::delivery::breaker::{Breaker, Rule};
use crate::delivery::disk::Disk;
use crate::delivery::masking::Masking;
use crate::delivery::retry::Backoff;
use crate::delivery::shorten::fit;
use crate::ledger::Notice;
use crate::log;
use crate::queue::ExporterQueue;
use crate::queue::buffers::{SpanBuffers, Watch};
use crate::queue::envelope::{Parked, Queued};

/// How many rounds of retries a batch gets before it is dropped. A round begins after another batch succeeded.
const MAX_ROUNDS: u32 = 3;
/// The most encoded bytes of a batch of more than `batch_size` records: a larger one gains nothing.
const BACKLOG_BYTES: usize = 512 * 1024;

/// Called when an exporter's health changes.
pub(crate) type HealthCallback = Arc<dyn Fn(&ExporterStats) + Send + Sync>;

/// Where the records of a batch are accounted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Store {
    Memory,
    Disk,
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
    /// Records that a batch may have while more than `batch_size` wait, see `adapt_batch_size`.
    backlog_records: usize,
    /// Encoded bytes of a record of the last batch that had some.
    record_bytes: usize,
    /// Where records go that cannot be delivered now, if there is a spool.
    disk: Option<Disk>,
    on_health: Option<HealthCallback>,
    bisections: u32,
    bisections_since: Instant,
    masking: Masking,
    /// Where records come in, if threads may leave them buffered there for a while.
    pub(crate) watch: Option<Watch>,
    /// Called at every `tend`, to panic there.
    #[cfg(test)]
    pub(crate) at_tend: Option<fn()>,
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
        let (learned_bytes, backlog_records) = (config.max_batch_bytes, config.batch_size);
        Self {
            exporter,
            resource,
            breaker: Breaker::new(rule),
            backoff,
            paused_until: None,
            learned_bytes,
            taken: 0,
            backlog_records,
            record_bytes: 0,
            disk,
            on_health,
            bisections: 0,
            bisections_since: Instant::now(),
            masking: Masking::default(),
            watch: None,
            #[cfg(test)]
            at_tend: None,
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

    /// Delivery panicked: what it was sending is lost.
    pub(crate) fn recover(&self, panic: &str) {
        let lost = self
            .queue
            .lose_in_flight(&format!("delivery panicked: {panic}"));
        log::delivery_panicked(&self.queue.name, lost, panic);
        let was_healthy = self.queue.stats().health == Health::Healthy;
        self.tell_health(was_healthy.then_some(Health::Degraded));
    }

    /// How long nothing may be sent; `None` if a batch may be sent now.
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
        let mut bytes: usize = 0;
        let mut fits = 0;
        for item in &mut items {
            let more = self.size(&mut item.record).saturating_add(bytes);
            let backlog = fits >= self.queue.config.batch_size && more > BACKLOG_BYTES;
            if fits > 0 && (more > self.learned_bytes || backlog) {
                break;
            }
            bytes = more;
            fits += 1;
        }
        self.record_bytes = bytes.checked_div(fits).unwrap_or(self.record_bytes);
        let rest = items.split_off(fits.min(items.len()));
        if !rest.is_empty() {
            self.queue.put_back(rest);
        }
        let items = self.drop_old(items);
        let left = self.deliver(items, Store::Memory, None).await;
        if !left.deferred.is_empty() {
            self.queue.put_back(left.deferred);
        }
        for (items, _) in left.exhausted {
            self.queue.park(Parked { items, rounds: 0 });
        }
    }

    /// The next records of the queue, masked. All records leave the queue here, to an exporter or to disk.
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
        let fits = self.learned_bytes.min(BACKLOG_BYTES) / self.record_bytes.max(1);
        let mut items = self.queue.take(count.max(fits.min(self.backlog_records)));
        self.masking.apply(&self.queue, &mut items);
        items
    }

    /// Delivers a batch that was parked.
    pub(crate) async fn again(&mut self) {
        let Some(Parked { items, rounds }) = self.queue.take_aside() else {
            return;
        };
        let items = self.drop_old(items);
        let left = self.deliver(items, Store::Memory, None).await;
        if !left.deferred.is_empty() {
            let items = left.deferred;
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

    /// Drops batches whose retries have failed for too long.
    fn drop_old(&self, items: Vec<Queued>) -> Vec<Queued> {
        let (now, max_age) = (Instant::now(), self.queue.config.max_age);
        let old = |item: &Queued| {
            item.tried
                .is_some_and(|tried| now.saturating_duration_since(tried) > max_age)
        };
        if !items.iter().any(old) {
            return items;
        }
        let (old, items): (Vec<_>, Vec<_>) = items.into_iter().partition(old);
        self.give_up(&old, DropReason::MaxAge, Store::Memory);
        items
    }

    /// Encoded bytes of a record, which is shortened if it is over the limit by itself.
    fn size(&self, record: &mut Record) -> usize {
        let size = self.size_hint(record);
        let limit = self.queue.config.max_batch_bytes;
        if size <= limit {
            return size;
        }
        fit(record, limit, |record| self.size_hint(record));
        self.size_hint(record)
    }

    /// What the exporter says of a record's size. If it panics, the record's own size counts.
    fn size_hint(&self, record: &Record) -> usize {
        contained(|| self.exporter.size_hint(record)).unwrap_or_else(|panic| {
            let error = format!("`size_hint` panicked: {panic}");
            self.queue.with(|state| state.ledger.attempt_failed(&error));
            self.note(Notice::ExporterPanicked, |name, more| {
                log::exporter_panicked(name, "size_hint", &panic, more);
            });
            record.size()
        })
    }
}
