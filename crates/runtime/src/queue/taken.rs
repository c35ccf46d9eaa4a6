//! Records that a worker took out of its queue, still as chunks: they become single records without the queue's lock.
//! Made by `chunks` under that lock, so that callers do not wait while a batch is put together. Must not know the queue.

use std::cmp::Reverse;

use tracefuse_exporter::record::{Record, Records};

use super::envelope::Queued;

/// The order by which spans of different threads are merged, see [`Records::order`].
pub(super) type Order = (u64, bool, Reverse<u64>);

/// Spans of one chunk in a row.
pub(super) struct Run {
    pub(super) records: Records,
    /// The queue's number of the next record.
    pub(super) seq: u64,
    pub(super) bytes: usize,
    /// The round of `SpanBuffers::drain` in which the chunk was filled.
    pub(super) round: u64,
}

impl Run {
    /// Removes spans from the front, at least one, until `is_end` is true of their count and the order of the next span.
    pub(super) fn split(&mut self, is_end: impl Fn(usize, Option<Order>) -> bool) -> Self {
        let (all, seq, round) = (self.records.clone(), self.seq, self.round);
        let (mut count, mut bytes) = (0, 0);
        while let Some(size) = self.records.skip_one() {
            count += 1;
            bytes += size;
            if is_end(count, self.records.order()) {
                break;
            }
        }
        if self.records.len() == 0 {
            // Trace attributes leave with the last span of the chunk.
            bytes = self.bytes;
        }
        self.seq += count as u64;
        self.bytes = self.bytes.saturating_sub(bytes);
        Self {
            records: all.limited(count),
            seq,
            bytes,
            round,
        }
    }

    pub(super) fn next(&mut self) -> Option<Queued> {
        let (record, bytes) = self.records.next_sized()?;
        let mut queued = Queued::new(Record::Span(record), bytes, self.seq);
        if self.records.len() == 0 {
            // What is left of the run's bytes: those of trace attributes too, if it ends the chunk.
            queued.bytes = self.bytes;
        }
        self.seq += 1;
        self.bytes = self.bytes.saturating_sub(queued.bytes);
        Some(queued)
    }
}

pub(super) enum Part {
    One(Queued),
    Run(Run),
}

/// Records in the order in which they are sent.
#[derive(Default)]
pub(crate) struct Taken {
    parts: Vec<Part>,
    len: usize,
    bytes: usize,
    /// The lowest of the queue's numbers.
    first: Option<u64>,
}

impl Taken {
    pub(super) fn add(&mut self, part: Part) {
        let (len, bytes, seq) = match &part {
            Part::One(queued) => (1, queued.bytes, queued.seq),
            Part::Run(run) => (run.records.len(), run.bytes, run.seq),
        };
        self.len += len;
        self.bytes += bytes;
        self.first = Some(self.first.map_or(seq, |first| first.min(seq)));
        self.parts.push(part);
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn first(&self) -> Option<u64> {
        self.first
    }

    /// The single records.
    pub(crate) fn into_records(self) -> Vec<Queued> {
        let mut records = Vec::with_capacity(self.len);
        for part in self.parts {
            match part {
                Part::One(queued) => records.push(queued),
                Part::Run(mut run) => {
                    while let Some(next) = run.next() {
                        records.push(next);
                    }
                }
            }
        }
        records
    }
}
