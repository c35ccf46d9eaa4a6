//! What waits in a lane: records one by one, and spans by the dozen as threads hand them over, which only the
//! worker takes apart that sends them. Kept by `lane`, under its lock.

use std::collections::VecDeque;

use tracefuse_exporter::record::{Record, SpanRecord};

use crate::item::Item;

#[derive(Default)]
pub(crate) struct Queue {
    parcels: VecDeque<Parcel>,
    len: usize,
    bytes: usize,
}

pub(crate) enum Parcel {
    One(Item),
    Many(Share),
}

/// Spans of one thread, in order.
pub(crate) struct Share {
    spans: std::vec::IntoIter<SpanRecord>,
    /// The lane's number of the first.
    seq: u64,
    bytes: usize,
}

impl Share {
    fn items(self) -> impl Iterator<Item = Item> {
        let numbered = (self.seq..).zip(self.spans);
        numbered.map(|(seq, span)| Item::new(Record::Span(span), seq))
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

impl Parcel {
    pub(crate) fn into_items(self, items: &mut Vec<Item>) {
        match self {
            Self::One(item) => items.push(item),
            Self::Many(share) => items.extend(share.items()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(share) => share.spans.len(),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::One(item) => item.bytes,
            Self::Many(share) => share.bytes,
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

    /// The lane's number of the first.
    pub(crate) fn seq(&self) -> Option<u64> {
        self.parcels.front().map(|parcel| match parcel {
            Parcel::One(item) => item.seq,
            Parcel::Many(share) => share.seq,
        })
    }

    /// Those that came back from an attempt: only they may know something beside their record.
    pub(crate) fn items(&self) -> impl Iterator<Item = &Item> {
        self.parcels.iter().filter_map(|parcel| match parcel {
            Parcel::One(item) => Some(item),
            Parcel::Many(_) => None,
        })
    }

    pub(crate) fn push(&mut self, item: Item) {
        self.len += 1;
        self.bytes += item.bytes;
        self.parcels.push_back(Parcel::One(item));
    }

    /// `seq` is the number of the first, `bytes` what all of them hold.
    pub(crate) fn push_all(&mut self, spans: Vec<SpanRecord>, seq: u64, bytes: usize) {
        self.len += spans.len();
        self.bytes += bytes;
        self.parcels.push_back(Parcel::Many(Share {
            spans: spans.into_iter(),
            seq,
            bytes,
        }));
    }

    pub(crate) fn put_back(&mut self, items: Vec<Item>) {
        for item in items.into_iter().rev() {
            self.len += 1;
            self.bytes += item.bytes;
            self.parcels.push_front(Parcel::One(item));
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Item> {
        let mut items = Vec::with_capacity(1);
        for parcel in self.take(1).0 {
            parcel.into_items(&mut items);
        }
        items.pop()
    }

    /// Takes up to `count` records, in parcels, so that they can be taken apart without the lane's lock.
    /// Gives their bytes too.
    pub(crate) fn take(&mut self, count: usize) -> (Vec<Parcel>, usize) {
        let mut left = count.min(self.len);
        let before = self.bytes;
        let mut taken = Vec::with_capacity(self.parcels.len().min(left));
        self.len -= left;
        while left > 0 {
            let parcel = match self.parcels.front_mut() {
                Some(Parcel::Many(share)) if share.spans.len() > left => {
                    Some(Parcel::Many(share.split(left)))
                }
                _ => self.parcels.pop_front(),
            };
            let Some(parcel) = parcel else { break };
            left -= parcel.len();
            self.bytes -= parcel.bytes();
            taken.push(parcel);
        }
        (taken, before - self.bytes)
    }
}
