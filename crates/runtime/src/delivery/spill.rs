//! What goes to disk, when, and how it is read back. A queue without a disk does nothing here.
//! Called by `worker` between batches, and by the rest of `delivery` while it waits.

use std::time::Duration;

use tokio::time::Instant;

use super::{Delivery, MAX_ROUNDS, Store};
use crate::delivery::disk::Disk;
use crate::queue::envelope::{Parked, Queued};

/// The part of a shutdown's time that is kept for writing to disk what it cannot deliver.
const DISK_RESERVE: Duration = Duration::from_millis(500);

impl Delivery {
    /// Delivers the oldest batch on disk.
    pub(crate) async fn send_stored(&mut self) {
        let Some(stored) = self.disk.as_mut().and_then(|disk| disk.next()) else {
            return;
        };
        let (id, payloads) = (stored.id, stored.payloads);
        let mut left = self
            .deliver(stored.items, Store::Disk, stored.resource)
            .await;
        let rounds = match &mut self.disk {
            Some(disk) if !left.exhausted.is_empty() => disk.defer(id),
            _ => 0,
        };
        if rounds >= MAX_ROUNDS {
            for (items, reason) in std::mem::take(&mut left.exhausted) {
                self.give_up(&items, reason, Store::Disk);
            }
        }
        let exhausted = left.exhausted.iter().flat_map(|(items, _)| items);
        let mut left: Vec<usize> = left
            .deferred
            .iter()
            .chain(exhausted)
            .filter_map(|item| usize::try_from(item.seq).ok())
            .collect();
        left.sort_unstable();
        if let Some(disk) = &mut self.disk {
            disk.finish(id, &payloads, &left);
        }
    }

    /// Whether a batch on disk may be sent now.
    pub(crate) fn has_stored(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| disk.ready() > 0)
    }

    /// When the worker has to look after the disk, if nothing else happens.
    pub(crate) fn disk_due(&self) -> Option<Instant> {
        let disk = self.disk.as_ref()?;
        let due = [disk.seal_due(), disk.usable_at()];
        due.into_iter().flatten().min()
    }

    /// Moves to disk what should not wait in memory.
    pub(crate) fn tend(&mut self) {
        #[cfg(test)]
        if let Some(at_tend) = self.at_tend {
            at_tend();
        }
        let open = self.breaker.retry_in(Instant::now()).is_some();
        let crowded = self.queue.is_crowded();
        let Some(disk) = &mut self.disk else {
            return;
        };
        disk.seal_if_due();
        if disk.writes_ahead() || open || crowded {
            self.empty_queue();
        }
        if open {
            self.empty_aside();
        }
    }

    /// All that was recorded before is on disk as a whole batch, and how many there are.
    pub(crate) fn seal(&mut self) -> usize {
        self.disk.as_mut().map_or(0, |disk| {
            disk.seal();
            disk.ready()
        })
    }

    /// Everything that is left goes to disk: the process is ending.
    pub(crate) fn save(&mut self) {
        if self.disk.is_some() {
            self.retry_disk();
            self.empty_aside();
            self.empty_queue();
            self.seal();
            if let Some(disk) = &mut self.disk {
                disk.verify();
            }
        }
    }

    /// Whether there is a disk, and it takes records.
    pub(super) fn has_usable_disk(&self) -> bool {
        self.disk.as_ref().is_some_and(Disk::is_usable)
    }

    /// Whether there is a disk, and it has refused a write lately.
    pub(crate) fn has_broken_disk(&self) -> bool {
        self.disk.as_ref().is_some_and(|disk| !disk.is_usable())
    }

    /// Lets the disk be tried once more, though it refused a write lately: the process is ending.
    pub(crate) fn retry_disk(&mut self) {
        if let Some(disk) = &mut self.disk {
            disk.retry();
        }
    }

    /// Leaves what is on disk to the next process.
    pub(crate) fn release_disk(&mut self) {
        self.disk = None;
    }

    pub(super) fn empty_queue(&mut self) {
        while self.disk.as_ref().is_some_and(Disk::is_usable) {
            let items = self.take();
            if items.is_empty() {
                return;
            }
            let left = self.store(items);
            if !left.is_empty() {
                self.queue.put_back(left);
            }
        }
    }

    pub(super) fn empty_aside(&mut self) {
        while self.disk.as_ref().is_some_and(Disk::is_usable) {
            let Some(Parked { items, rounds }) = self.queue.take_aside() else {
                return;
            };
            let items = self.store(items);
            if !items.is_empty() {
                self.queue.park(Parked { items, rounds });
            }
        }
    }

    /// Puts records in flight on disk; those that do not get there come back.
    pub(super) fn store(&mut self, mut items: Vec<Queued>) -> Vec<Queued> {
        for item in &mut items {
            self.size(&mut item.record);
        }
        match &mut self.disk {
            Some(disk) if disk.is_usable() => disk.store(items),
            _ => items,
        }
    }

    /// The end of deliveries, of a shutdown that has to be done by `deadline`.
    pub(crate) fn before(&self, deadline: Instant) -> Instant {
        if self.disk.is_none() {
            return deadline;
        }
        let left = deadline.saturating_duration_since(Instant::now());
        deadline
            .checked_sub(DISK_RESERVE.min(left / 4))
            .unwrap_or(deadline)
    }
}
