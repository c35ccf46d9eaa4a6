//! What waits in a queue: records one by one, and spans by the dozen as threads hand them over, which only the
//! worker takes apart that sends them. Kept by `queue`, under its lock.

use std::collections::VecDeque;

use tracefuse_exporter::record::{Record, SpanRecord};

use crate::queue::envelope::Queued;

#[derive(Default)]
pub(crate) struct Queue {
    entries: VecDeque<Entry>,
    len: usize,
    bytes: usize,
}

pub(crate) enum Entry {
    One(Queued),
    Chunk(Chunk),
}

/// Spans of one thread, in order.
pub(crate) struct Chunk {
    spans: std::vec::IntoIter<SpanRecord>,
    /// The queue's number of the first.
    seq: u64,
    bytes: usize,
}

impl Chunk {
    fn items(self) -> impl Iterator<Item = Queued> {
        let numbered = (self.seq..).zip(self.spans);
        numbered.map(|(seq, span)| Queued::new(Record::Span(span), seq))
    }

    /// Leaves itself what comes after the first `count`, and gives those.
    fn split(&mut self, count: usize) -> Self {
        let spans: Vec<_> = self.spans.by_ref().take(count).collect();
        let front = Self {
            seq: self.seq,
            bytes: spans.iter().map(SpanRecord::size).sum(),
            spans: spans.into_iter(),
        };
        self.seq += count as u64;
        self.bytes = self.bytes.saturating_sub(front.bytes);
        front
    }
}

impl Entry {
    pub(crate) fn into_items(self, items: &mut Vec<Queued>) {
        match self {
            Self::One(item) => items.push(item),
            Self::Chunk(chunk) => items.extend(chunk.items()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Chunk(chunk) => chunk.spans.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::One(item) => item.bytes,
            Self::Chunk(chunk) => chunk.bytes,
        }
    }
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The queue's number of the first.
    pub(crate) fn seq(&self) -> Option<u64> {
        self.entries.front().map(|entry| match entry {
            Entry::One(item) => item.seq,
            Entry::Chunk(chunk) => chunk.seq,
        })
    }

    /// Those that came back from an attempt: only they may know something beside their record.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Queued> {
        self.entries.iter().filter_map(|entry| match entry {
            Entry::One(item) => Some(item),
            Entry::Chunk(_) => None,
        })
    }

    pub(crate) fn push(&mut self, item: Queued) {
        self.len += 1;
        self.bytes += item.bytes;
        self.entries.push_back(Entry::One(item));
    }

    /// `seq` is the number of the first, `bytes` what all of them hold.
    pub(crate) fn push_all(&mut self, spans: Vec<SpanRecord>, seq: u64, bytes: usize) {
        self.len += spans.len();
        self.bytes += bytes;
        self.entries.push_back(Entry::Chunk(Chunk {
            spans: spans.into_iter(),
            seq,
            bytes,
        }));
    }

    pub(crate) fn put_back(&mut self, items: Vec<Queued>) {
        for item in items.into_iter().rev() {
            self.len += 1;
            self.bytes += item.bytes;
            self.entries.push_front(Entry::One(item));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let mut items = Vec::with_capacity(1);
        for entry in self.take(1).0 {
            entry.into_items(&mut items);
        }
        items.pop()
    }

    /// Takes up to `count` records, in entries, so that they can be taken apart without the queue's lock.
    /// Gives their bytes too.
    pub(crate) fn take(&mut self, count: usize) -> (Vec<Entry>, usize) {
        let mut left = count.min(self.len);
        let before = self.bytes;
        let mut taken = Vec::with_capacity(self.entries.len().min(left));
        self.len -= left;
        while left > 0 {
            let entry = match self.entries.front_mut() {
                Some(Entry::Chunk(chunk)) if chunk.spans.len() > left => {
                    Some(Entry::Chunk(chunk.split(left)))
                }
                _ => self.entries.pop_front(),
            };
            let Some(entry) = entry else { break };
            left -= entry.len();
            self.bytes -= entry.bytes();
            taken.push(entry);
        }
        (taken, before - self.bytes)
    }
}
