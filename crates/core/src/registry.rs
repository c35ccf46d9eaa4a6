//! The spans that are open, so that a shutdown can end them and say so.
//! Entered by a span's start, left by its end; emptied by the tracer. Sharded by thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::live::Live;
use crate::record::Timestamp;
use crate::tracer::lock;

const SHARDS: usize = 16;

/// Where in the registry a span stands: shard and index. Written once, before anybody can ask.
#[derive(Debug, Default)]
pub(crate) struct Seat(AtomicU64);

impl Seat {
    fn set(&self, shard: usize, index: u32) {
        self.0
            .store((shard as u64) << 32 | u64::from(index), Ordering::Relaxed);
    }

    fn get(&self) -> (usize, usize) {
        let packed = self.0.load(Ordering::Relaxed);
        ((packed >> 32) as usize, packed as u32 as usize)
    }
}

#[derive(Default)]
struct Shard {
    seats: Vec<Option<Weak<Live>>>,
    free: Vec<u32>,
}

pub(crate) struct Registry {
    shards: [Mutex<Shard>; SHARDS],
    unfinished: AtomicU64,
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// Threads are dealt to the shards in turn.
fn own_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    SHARD
        .try_with(|cell| {
            if cell.get() == usize::MAX {
                cell.set(NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
            }
            cell.get()
        })
        .unwrap_or(0)
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            unfinished: AtomicU64::new(0),
        }
    }

    pub(crate) fn enter(&self, span: &Arc<Live>) {
        let shard = own_shard();
        let Some(mutex) = self.shards.get(shard) else {
            return;
        };
        let weak = Arc::downgrade(span);
        let mut guard = lock(mutex);
        let index = match guard.free.pop() {
            Some(index) => index,
            None => {
                guard.seats.push(None);
                (guard.seats.len() - 1) as u32
            }
        };
        // Under the lock: who finds the span here finds its seat.
        span.seat().set(shard, index);
        if let Some(seat) = guard.seats.get_mut(index as usize) {
            *seat = Some(weak);
        }
    }

    pub(crate) fn leave(&self, seat: &Seat) {
        let (shard, index) = seat.get();
        let Some(mutex) = self.shards.get(shard) else {
            return;
        };
        let mut guard = lock(mutex);
        if let Some(left) = guard.seats.get_mut(index).and_then(Option::take) {
            guard.free.push(index as u32);
            drop(guard);
            drop(left);
        }
    }

    /// Spans open now.
    pub(crate) fn open(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| lock(shard))
            .map(|shard| (shard.seats.len() - shard.free.len()) as u64)
            .sum()
    }

    /// Name and beginning of every trace that is open.
    pub(crate) fn open_roots(&self) -> Vec<(String, Timestamp)> {
        let mut roots = Vec::new();
        for shard in &self.shards {
            // Collected first: the last handle of a span may be dropped here, which takes this lock to leave.
            let open: Vec<_> = lock(shard)
                .seats
                .iter()
                .flatten()
                .filter_map(Weak::upgrade)
                .collect();
            roots.extend(open.iter().filter_map(|span| span.open_root()));
        }
        roots
    }

    /// Ends every open span, and says why.
    pub(crate) fn end_all(&self) {
        for shard in &self.shards {
            // Collected first: ending a span takes this lock to leave.
            let open: Vec<_> = lock(shard)
                .seats
                .iter()
                .flatten()
                .filter_map(Weak::upgrade)
                .collect();
            for span in open {
                if span.end_unfinished() {
                    self.unfinished.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Spans that a shutdown had to end.
    pub(crate) fn unfinished(&self) -> u64 {
        self.unfinished.load(Ordering::Relaxed)
    }
}
