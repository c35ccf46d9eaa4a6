//! What waits for one exporter: chunks of finished spans by thread, and single records.
//! Used by `queue` under its lock. Must not know bounds or policies.
//!
//! Spans leave in the order in which they ended, children before parents, also when threads differ: the chunks of
//! a thread are in order, and threads are merged by the end of their next span. A chunk can only be merged once
//! every thread has moved what ended before to the queues; `SpanBuffers::drain` sets `safe` then.
//!
//! A span that comes alone, because the queue is full, is appended to the last chunk of its thread: a chunk for each would
//! take three times the memory of a small span. The spans of a chunk are numbered from its first one without gaps, so that
//! of an appended span may be lower than its place among all records. A flush then also waits for that span.

use std::collections::VecDeque;

use tracefuse_exporter::record::{Records, SpanRecord};

use super::envelope::Queued;
use super::taken::{Order, Part, Run, Taken};

/// A chunk of this many bytes or more takes no further span.
pub(crate) const CHUNK_BYTES: usize = 32 * 1024;

#[derive(Default)]
pub(crate) struct Queue {
    /// Came back from an attempt, and leave first.
    returned: VecDeque<Queued>,
    /// Scores, and spans of threads that are ending.
    singles: VecDeque<Queued>,
    streams: Vec<Stream>,
    len: usize,
    bytes: usize,
}

/// Where spans come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The number of the thread's buffer.
    pub(crate) thread: u64,
    /// The round of `SpanBuffers::drain` in which they were recorded.
    pub(crate) round: u64,
}

/// The chunks of one thread, oldest first. Never empty.
struct Stream {
    thread: u64,
    chunks: VecDeque<Run>,
}

impl Queue {
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The queue's number of the oldest record.
    pub(crate) fn seq(&self) -> Option<u64> {
        let streams = self
            .streams
            .iter()
            .filter_map(|stream| stream.chunks.front());
        let returned = self.returned.iter().map(|queued| queued.seq).min();
        let single = self.singles.front().map(|queued| queued.seq);
        let oldest = streams.map(|waiting| waiting.seq).min();
        [returned, single, oldest].into_iter().flatten().min()
    }

    /// The records that came back from an attempt. No other record here can have been delivered.
    pub(crate) fn returned(&self) -> impl Iterator<Item = &Queued> {
        self.returned.iter()
    }

    pub(crate) fn push(&mut self, queued: Queued) {
        self.len += 1;
        self.bytes += queued.bytes;
        self.singles.push_back(queued);
    }

    /// Takes spans of one thread; `seq` is the number of the first one.
    pub(crate) fn push_spans(&mut self, records: Records, from: Source, seq: u64) {
        let bytes = records.size();
        self.len += records.len();
        self.bytes += bytes;
        let run = Run {
            records,
            seq,
            bytes,
            round: from.round,
        };
        let mut streams = self.streams.iter_mut();
        match streams.find(|stream| stream.thread == from.thread) {
            Some(stream) => stream.chunks.push_back(run),
            None => self.streams.push(Stream {
                thread: from.thread,
                chunks: VecDeque::from([run]),
            }),
        }
    }

    /// Takes a span that comes alone.
    pub(crate) fn push_span(&mut self, span: &SpanRecord, from: Source, seq: u64) {
        let mut streams = self.streams.iter_mut();
        let last = streams
            .find(|stream| stream.thread == from.thread)
            .and_then(|stream| stream.chunks.back_mut())
            .filter(|last| last.round == from.round);
        let added = last.and_then(|last| {
            let added = last.records.append(span, CHUNK_BYTES)?;
            last.bytes += added;
            Some(added)
        });
        match added {
            Some(added) => {
                self.len += 1;
                self.bytes += added;
            }
            None => self.push_spans(Records::one(span), from, seq),
        }
    }

    pub(crate) fn put_back(&mut self, queued: Vec<Queued>) {
        for queued in queued.into_iter().rev() {
            self.len += 1;
            self.bytes += queued.bytes;
            self.returned.push_front(queued);
        }
    }

    /// Removes the oldest record.
    pub(crate) fn pop(&mut self) -> Option<Queued> {
        let queued = self
            .returned
            .pop_front()
            .or_else(|| self.next_single())
            .or_else(|| self.next_of(self.oldest_stream()?))?;
        self.len -= 1;
        self.bytes = self.bytes.saturating_sub(queued.bytes);
        Some(queued)
    }

    /// Removes up to `count` records of rounds up to `safe`.
    pub(crate) fn take(&mut self, count: usize, safe: u64) -> Taken {
        let mut taken = Taken::default();
        let returned = count.min(self.returned.len());
        self.returned
            .drain(..returned)
            .for_each(|queued| taken.add(Part::One(queued)));
        while taken.len() < count {
            if let Some(single) = self.next_single() {
                taken.add(Part::One(single));
                continue;
            }
            let Some((stream, upto)) = self.first_stream(safe) else {
                break;
            };
            self.take_run(stream, upto, count, safe, &mut taken);
        }
        self.len -= taken.len();
        self.bytes = self.bytes.saturating_sub(taken.bytes());
        debug_assert!(self.len > 0 || self.bytes == 0, "{} bytes", self.bytes);
        taken
    }

    /// Whether a batch of `count` can be taken in order: there are enough records that came back or are of rounds up to
    /// `safe`, or there are no others.
    pub(crate) fn has_safe(&self, count: usize, safe: u64) -> bool {
        let (mut early, mut is_any_late) = (self.returned.len(), false);
        for run in self.streams.iter().flat_map(|stream| &stream.chunks) {
            if run.round <= safe {
                early += run.records.len();
            } else {
                is_any_late = true;
            }
            if early >= count {
                return true;
            }
        }
        !is_any_late
    }

    /// Removes the next single record, if every span that came before it has left.
    fn next_single(&mut self) -> Option<Queued> {
        let seq = self.singles.front()?.seq;
        let fronts = self
            .streams
            .iter()
            .filter_map(|stream| stream.chunks.front());
        if fronts
            .map(|waiting| waiting.seq)
            .min()
            .is_some_and(|oldest| oldest < seq)
        {
            return None;
        }
        self.singles.pop_front()
    }

    fn oldest_stream(&self) -> Option<usize> {
        let fronts = self.streams.iter().enumerate();
        let numbered = fronts.filter_map(|(at, stream)| Some((stream.chunks.front()?.seq, at)));
        numbered.min().map(|(_, at)| at)
    }

    /// The stream whose next span ended first, and up to which order it may be read before another stream is next.
    fn first_stream(&self, safe: u64) -> Option<(usize, Option<Order>)> {
        let mut first: Option<(Order, usize)> = None;
        let mut second: Option<Order> = None;
        for (at, stream) in self.streams.iter().enumerate() {
            let Some(front) = stream.chunks.front().filter(|front| front.round <= safe) else {
                continue;
            };
            let Some(order) = front.records.order() else {
                continue;
            };
            match first {
                Some((known, _)) if known <= order => {
                    second = Some(second.map_or(order, |second| second.min(order)));
                }
                _ => {
                    second = first.map(|(known, _)| known).or(second);
                    first = Some((order, at));
                }
            }
        }
        first.map(|(_, at)| (at, second))
    }

    /// Removes spans of a stream until one ended after `upto`, `taken` has `count`, or the chunk ends.
    fn take_run(
        &mut self,
        at: usize,
        upto: Option<Order>,
        count: usize,
        safe: u64,
        taken: &mut Taken,
    ) {
        let single = self.singles.front().map_or(u64::MAX, |single| single.seq);
        let most = count - taken.len();
        let Some(stream) = self.streams.get_mut(at) else {
            return;
        };
        let Some(front) = stream.chunks.front_mut() else {
            return;
        };
        debug_assert!(front.round <= safe, "a chunk that may not be merged yet");
        let (all, seq) = (front.records.len(), front.seq);
        if upto.is_none() && all <= most && seq + all as u64 <= single {
            // The usual case: nothing is read of the chunk under the lock.
            if let Some(run) = stream.chunks.pop_front() {
                taken.add(Part::Run(run));
            }
        } else {
            let run = front.split(|count, next| {
                count == most
                    || seq + count as u64 > single
                    || upto.is_some_and(|upto| next.is_some_and(|next| next > upto))
            });
            taken.add(Part::Run(run));
            if front.records.len() == 0 {
                stream.chunks.pop_front();
            }
        }
        if stream.chunks.is_empty() {
            self.streams.swap_remove(at);
        }
    }

    /// Removes the next span of a stream, and then its chunk and the stream if they are empty.
    fn next_of(&mut self, at: usize) -> Option<Queued> {
        let stream = self.streams.get_mut(at)?;
        let front = stream.chunks.front_mut()?;
        let next = front.next();
        if front.records.len() == 0 {
            stream.chunks.pop_front();
        }
        if stream.chunks.is_empty() {
            self.streams.swap_remove(at);
        }
        next
    }
}
