//! The spans that are open, so that a shutdown can end them and say so.
//! Entered by a span's start, left by its end; emptied by the tracer. Sharded by thread.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, Weak};

use crate::live::Live;
use crate::record::Timestamp;
use crate::tracer::lock;

const SHARDS: usize = 16;

/// Where in the registry a span stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seat {
    shard: u32,
    index: u32,
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

    pub(crate) fn enter(&self, span: Weak<Live>) -> Seat {
        let shard = own_shard();
        let Some(mutex) = self.shards.get(shard) else {
            return Seat {
                shard: 0,
                index: u32::MAX,
            };
        };
        let mut guard = lock(mutex);
        let index = match guard.free.pop() {
            Some(index) => index,
            None => {
                guard.seats.push(None);
                (guard.seats.len() - 1) as u32
            }
        };
        if let Some(seat) = guard.seats.get_mut(index as usize) {
            *seat = Some(span);
        }
        Seat {
            shard: shard as u32,
            index,
        }
    }

    pub(crate) fn leave(&self, seat: Seat) {
        let Some(mutex) = self.shards.get(seat.shard as usize) else {
            return;
        };
        let mut guard = lock(mutex);
        if let Some(left) = guard
            .seats
            .get_mut(seat.index as usize)
            .and_then(Option::take)
        {
            guard.free.push(seat.index);
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
