//! The spool as one queue's overflow: records to payloads and back, an outcome for what the disk loses.
//! Owned by `delivery`, on the worker's thread; the only user of `spool` in this crate.

mod losses;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use tokio::time::Instant;
use tracefuse_core::{Clock, DropReason};
use tracefuse_exporter::record::Resource;

use crate::config::SpoolMode;
use crate::log;
use crate::queue::envelope::Queued;
use crate::queue::{ExporterQueue, State};
use crate::spool::{BatchId, Spool, SpoolConfig, SpoolStats};

pub use stored::SpooledRecord;
pub(crate) use stored::Stored;

/// How often the retries of a batch were used up.
struct Rounds {
    count: u32,
    /// [`Disk::accepted`] at the first time.
    accepted: u64,
}

pub(crate) struct Disk {
    queue: Arc<ExporterQueue>,
    spool: Spool,
    mode: SpoolMode,
    clock: Clock,
    /// The resource, written before every payload: another process may deliver it.
    resource: Vec<u8>,
    /// It refused a write, and is not used before then.
    out_until: Option<Instant>,
    /// Records, bytes and beginning of the batch that is being written.
    tail: Option<(usize, usize, Instant)>,
    /// What the spool had lost at the last count.
    losses: SpoolStats,
    /// Payloads that have their outcome, though the file could not be rewritten without them.
    done: BTreeMap<BatchId, BTreeSet<usize>>,
    /// The batches whose retries were used up.
    rounds: BTreeMap<BatchId, Rounds>,
    /// Batches that the receiver accepted, from disk and from memory.
    accepted: u64,
    payload: Vec<u8>,
}

impl Disk {
    /// Opens the spool, and takes over what processes that have ended left for the same destination.
    pub(crate) fn open(
        queue: Arc<ExporterQueue>,
        mut config: SpoolConfig,
        mode: SpoolMode,
        destination: &str,
        resource: &Resource,
    ) -> io::Result<Self> {
        check(&config, queue.config.max_batch_bytes as u64)?;
        config = config.destination(destination);
        let clock = Clock::system();
        let (spool, recovered) = Spool::open(config, unix_ms(&clock)).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        resource.encode(&mut bytes);
        let mut losses = spool.stats();
        queue.spools(losses.frames);
        losses.corrupt_frames = 0;
        if recovered.frames > 0 || recovered.corrupt_files > 0 {
            log::recovered(&queue.name, &recovered);
        }
        Ok(Self {
            queue,
            losses,
            spool,
            mode,
            clock,
            resource: bytes,
            out_until: None,
            tail: None,
            done: BTreeMap::new(),
            rounds: BTreeMap::new(),
            accepted: 0,
            payload: Vec::new(),
        })
    }

    pub(crate) fn writes_ahead(&self) -> bool {
        self.mode == SpoolMode::WriteAhead
    }

    /// Whether it takes records now.
    pub(crate) fn is_usable(&self) -> bool {
        self.out_until.is_none_or(|until| Instant::now() >= until)
    }

    /// Allows a write at once, though it refused one.
    pub(crate) fn retry(&mut self) {
        self.out_until = None;
    }

    /// When it takes records again, if it does not now.
    pub(crate) fn usable_at(&self) -> Option<Instant> {
        self.out_until.filter(|until| *until > Instant::now())
    }

    /// Writes records in flight to disk. Those that did not get there come back, still in flight.
    pub(crate) fn store(&mut self, items: Vec<Queued>) -> Vec<Queued> {
        let now = unix_ms(&self.clock);
        let mut items = items.into_iter();
        let (mut stored, mut bytes) = (0, 0);
        let mut left = Vec::new();
        for item in items.by_ref() {
            self.payload.clear();
            self.payload.extend_from_slice(&self.resource);
            stored::encode(&item, &mut self.payload);
            let size = self.payload.len();
            if let Err(error) = self.spool.append(&self.payload, now) {
                left.push(item);
                self.fails(&error);
                break;
            }
            stored += 1;
            bytes += item.bytes;
            let (records, written, since) = self.tail.unwrap_or_else(|| (0, 0, Instant::now()));
            self.tail = Some((records + 1, written + size, since));
            if records + 1 >= self.queue.config.batch_size
                || written + size >= self.queue.config.max_batch_bytes
            {
                self.seal();
            }
        }
        // A single large payload must not stay in memory.
        self.payload.clear();
        self.payload.shrink_to(1 << 20);
        left.extend(items);
        self.queue
            .settle(stored, bytes, |state| state.spooled += stored);
        self.reconcile();
        left
    }

    /// Ends the batch that is being written if it is old enough.
    pub(crate) fn seal_if_due(&mut self) {
        if self.seal_due().is_some_and(|due| due <= Instant::now()) {
            self.seal();
        }
    }

    pub(crate) fn seal_due(&self) -> Option<Instant> {
        let (_, _, since) = self.tail?;
        Some(since + self.queue.config.flush_interval)
    }

    pub(crate) fn seal(&mut self) {
        if self.tail.take().is_none() {
            return;
        }
        if let Err(error) = self.spool.seal() {
            self.fails(&error);
        }
        self.reconcile();
    }

    /// Checks that what was written is still there, so that the last report says what is safe on disk.
    pub(crate) fn verify(&mut self) {
        if let Err(error) = self.spool.verify(unix_ms(&self.clock)) {
            self.fails(&error);
        }
        self.reconcile();
    }

    /// Batches that can be read.
    pub(crate) fn ready(&self) -> usize {
        let open = usize::from(self.tail.is_some());
        self.spool.stats().files.saturating_sub(open)
    }

    /// Reads the oldest batch.
    pub(crate) fn next(&mut self) -> Option<Stored> {
        let read = self.spool.next(unix_ms(&self.clock));
        self.reconcile();
        let batch = match read {
            Ok(batch) => batch?,
            Err(error) => {
                self.fails(&error);
                return None;
            }
        };
        let done = self.done.get(&batch.id);
        let (stored, damaged) = Stored::decode(batch, done);
        if !damaged.is_empty() {
            // The checksum was right, so another version wrote them; this process will never be able to read them.
            self.done.entry(stored.id).or_default().extend(&damaged);
            self.outcome(damaged.len(), |state, records| {
                state.ledger.dropped(DropReason::SpoolCorrupt, records);
            });
        }
        if stored.items.is_empty() {
            self.finish(stored.id, &stored.payloads, &[]);
            return None;
        }
        Some(stored)
    }

    /// Gives records on disk their outcome; `finish` removes their file.
    pub(crate) fn outcome(&self, records: usize, outcome: impl FnOnce(&mut State, usize)) {
        self.queue.settle(0, 0, |state| {
            let records = records.min(state.spooled);
            state.spooled -= records;
            outcome(state, records);
        });
    }

    /// The batch was sent; `left` names the payloads that still have no outcome.
    pub(crate) fn finish(&mut self, id: BatchId, payloads: &[Vec<u8>], left: &[usize]) {
        if left.is_empty() {
            self.done.remove(&id);
            self.rounds.remove(&id);
            if let Err(error) = self.spool.acknowledge(id) {
                self.fails(&error);
            }
        } else if left.len() < payloads.len() {
            let remaining: Vec<&[u8]> = left
                .iter()
                .filter_map(|index| payloads.get(*index).map(Vec::as_slice))
                .collect();
            let before = self.spool.stats().frames;
            let result = self.spool.acknowledge_partly(id, &remaining);
            if let Err(error) = &result {
                self.fails(error);
            }
            // After an error, too, the batch may be what is left of it: if only the old file could not be removed.
            if result.is_ok() || self.spool.stats().frames < before {
                self.done.remove(&id);
            } else {
                let done = (0..payloads.len()).filter(|index| !left.contains(index));
                self.done.insert(id, done.collect());
            }
        }
        self.reconcile();
    }

    /// The receiver accepted a batch.
    pub(crate) fn succeeded(&mut self) {
        self.accepted += 1;
    }

    /// The retries of the batch are used up: other batches are sent first. Returns how often that has happened. After the
    /// first time it is counted only if another batch was accepted since then: an outage must not use up the rounds of a
    /// batch.
    pub(crate) fn defer(&mut self, id: BatchId) -> u32 {
        self.spool.defer(id);
        let accepted = self.accepted;
        let rounds = self
            .rounds
            .entry(id)
            .or_insert(Rounds { count: 1, accepted });
        if rounds.accepted < accepted {
            rounds.count += 1;
        }
        rounds.count
    }
}

/// Refuses bounds with which a spool would drop each batch before it is sent.
fn check(config: &SpoolConfig, max_batch_bytes: u64) -> io::Result<()> {
    let least = max_batch_bytes.saturating_mul(2);
    let why = if config.max_bytes < least {
        format!("the spool needs room for two batches: raise its `max_bytes` to {least} at least")
    } else if config.max_files < 2 {
        "the spool needs room for two batches: raise its `max_files` to 2 at least".to_owned()
    } else if config.max_age.is_zero() {
        "the spool would keep no batch: its `max_age` is 0 s".to_owned()
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, why))
}

fn unix_ms(clock: &Clock) -> u64 {
    clock.unix_nanos() / 1_000_000
}
