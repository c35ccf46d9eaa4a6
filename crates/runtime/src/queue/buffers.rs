//! The buffers of threads: each thread appends finished spans to its own chunk, which is moved to the queues when it is
//! full, so that many spans share one lock of a queue and one wake-up of a worker.
//! Filled by `pipeline`; drained by workers, by a flush and by a shutdown. Must not know exporters.

use std::sync::Arc;
// Not the type of `sync`: that of shuttle cannot be in a static, and no order depends on this one.
use std::sync::atomic::{AtomicBool as Flag, AtomicU64 as Number};
use std::time::Duration;

use tracefuse_core::Stats;
use tracefuse_exporter::record::{Chunk, FinishedSpan, Record, ScoreRecord, SpanRecord};

use crate::config::PipelineConfig;
use crate::queue::rounds::{Now, Rounds};
use crate::queue::{CHUNK_BYTES, Deferred, ExporterQueue, Source};
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, PoisonError};
use crate::thread_buffer::{Bounds, ThreadBuffer, Waiting};

pub(crate) struct SpanBuffers {
    number: u64,
    queues: Vec<Arc<ExporterQueue>>,
    buffers: Mutex<Vec<Arc<ThreadBuffer>>>,
    /// Each drain begins a round, see [`drain`](Self::drain).
    rounds: Arc<Rounds>,
    /// A queue had no room for the spans in buffers, and the buffers were drained because of that. No span was added to one since.
    out_of_room: AtomicBool,
    recorded: AtomicU64,
    /// A chunk of this many spans is moved to the queues.
    room: usize,
    blocks: bool,
}

/// A finished span, as a view of an open span's buffer or as a record.
pub(crate) trait Incoming {
    /// A record with its own memory.
    fn to_record(&self) -> SpanRecord;
    fn append_to(&self, chunk: &mut Chunk);
    /// Bytes that it has in a chunk.
    fn size(&self) -> usize;
}

impl Incoming for FinishedSpan<'_> {
    #[cold]
    fn to_record(&self) -> SpanRecord {
        FinishedSpan::to_record(self)
    }

    fn append_to(&self, chunk: &mut Chunk) {
        chunk.push(self);
    }

    fn size(&self) -> usize {
        FinishedSpan::size(self)
    }
}

impl Incoming for SpanRecord {
    fn to_record(&self) -> SpanRecord {
        self.clone()
    }

    fn append_to(&self, chunk: &mut Chunk) {
        chunk.push_record(self);
    }

    fn size(&self) -> usize {
        Self::size(self)
    }
}

static NEXT: Number = Number::new(0);

impl SpanBuffers {
    pub(crate) fn new(queues: Vec<Arc<ExporterQueue>>, config: &PipelineConfig) -> Self {
        let rounds = Arc::new(Rounds::new());
        queues
            .iter()
            .for_each(|queue| queue.order_by_rounds(&rounds));
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed) + 1,
            queues,
            buffers: Mutex::default(),
            rounds,
            out_of_room: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            room: config.batch_size.clamp(1, 256),
            blocks: config.overload.waits(),
        }
    }

    /// Every span is pushed to the queues at once, for an exporter with its own flush interval.
    pub(crate) fn unused(mut self) -> Self {
        self.room = 1;
        self
    }

    /// Whether a span that starts now is refused: every exporter would drop it at its end. Counts it if so.
    #[inline]
    pub(crate) fn refuse(&self) -> bool {
        match self.queues.as_slice() {
            [only] => {
                let refuses = only.refuses();
                if refuses {
                    only.note_refused();
                }
                refuses
            }
            several => Self::refuse_in(several),
        }
    }

    #[inline(never)]
    fn refuse_in(queues: &[Arc<ExporterQueue>]) -> bool {
        let refuses = !queues.is_empty() && queues.iter().all(|queue| queue.refuses());
        if refuses {
            queues.iter().for_each(|queue| queue.note_refused());
        }
        refuses
    }

    /// A flag that is `false` while [`refuse`](Self::refuse) is: that of the first queue.
    pub(crate) fn refusing(&self) -> Arc<Flag> {
        self.queues
            .first()
            .map_or_else(Arc::default, |queue| queue.refuses.clone())
    }

    pub(crate) fn queues(&self) -> &[Arc<ExporterQueue>] {
        &self.queues
    }

    /// All numbers. Spans in buffers count as queued.
    pub(crate) fn stats(&self) -> Stats {
        let buffers = lock(&self.buffers);
        // All are locked at once: a span that is moved to a queue meanwhile would be counted twice, or not at all.
        let buffers: Vec<_> = ThreadBuffer::lock_each(buffers.iter().map(Arc::as_ref)).collect();
        let buffered: u64 = buffers.iter().map(|own| own.chunk.len() as u64).sum();
        let bytes: u64 = buffers.iter().map(|own| own.chunk.size() as u64).sum();
        let mut stats = Stats::default();
        // Each queue counts all spans that were refused.
        let refused = self.queues.first().map_or(0, |queue| queue.refused());
        stats.recorded = self.recorded.load(Ordering::Relaxed) + buffered + refused;
        stats.exporters = self.queues.iter().map(|queue| queue.stats()).collect();
        for exporter in &mut stats.exporters {
            exporter.recorded += buffered;
            exporter.queued += buffered;
            exporter.queued_bytes += bytes;
        }
        stats
    }

    /// Takes a span. Waits for room if the overload policy waits.
    pub(crate) fn put(&self, span: &impl Incoming) {
        // The core has tried that, unless there is a processor around the pipeline.
        let append = |chunk: &mut Chunk| span.append_to(chunk);
        if ThreadBuffer::append_here(self.number, span.size(), append) {
            return;
        }
        match ThreadBuffer::of_this_thread(self.number, || self.buffer()) {
            Some(buffer) => self.append_and_move(&buffer, span),
            None => self.push(span.to_record().into(), None),
        }
    }

    /// The number of its buffers; never zero.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Whether a record of this size leaves room for others in every queue.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.queues.iter().all(|queue| queue.has_room_for(bytes))
    }

    /// Takes a score. Scores are not buffered.
    pub(crate) fn put_score(&self, score: ScoreRecord) {
        self.push(score.into(), None);
    }

    fn push(&self, record: Record, from: Option<Source>) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
        if let Some((last, others)) = self.queues.split_last() {
            // The longest wait is that of all queues together.
            let mut waited = Duration::ZERO;
            for queue in others {
                queue.push(record.clone(), from, &mut waited);
            }
            last.push(record, from, &mut waited);
        }
    }

    /// A buffer for one thread.
    pub(crate) fn buffer(&self) -> Arc<ThreadBuffer> {
        let bounds = Bounds::new(self.room, CHUNK_BYTES);
        let buffer = Arc::new(ThreadBuffer::new(
            NEXT.fetch_add(1, Ordering::Relaxed),
            self.number,
            bounds,
            self.rounds.word(),
        ));
        let mut buffers = lock(&self.buffers);
        buffers.push(buffer.clone());
        self.reserve(buffers.len());
        buffer
    }

    /// Spans in buffers are within the bounds of the queues: each queue reserves room for all that may be there.
    fn reserve(&self, buffers: usize) {
        for queue in &self.queues {
            queue.reserve(buffers * self.room, buffers * CHUNK_BYTES);
        }
    }

    /// Appends a span to a buffer.
    #[cfg(test)]
    pub(crate) fn append(&self, buffer: &ThreadBuffer, span: &impl Incoming) {
        if !buffer.append(span.size(), |chunk| span.append_to(chunk)) {
            self.append_and_move(buffer, span);
        }
    }

    /// Appends a span to the buffer of this thread. Moves the spans of an earlier round to the queues before, and the chunk if it
    /// is full then. If no span may wait in a buffer, the span is pushed to the queues.
    fn append_and_move(&self, buffer: &ThreadBuffer, span: &impl Incoming) {
        let mut waiting = buffer.lock();
        // Read under the lock, as `ThreadBuffer` does.
        let now = self.rounds.now();
        let is_first = !now.is_round(waiting.round);
        let mut after = Vec::new();
        if is_first {
            after = self.hand_over(buffer, &mut waiting);
        }
        let Some(round) = now.round() else {
            // Without the lock, because the caller may wait for room. The spans of a thread keep their order.
            drop(waiting);
            after.into_iter().for_each(Deferred::settle);
            return self.push_unwatched(buffer, span, now);
        };
        waiting.round = round;
        span.append_to(&mut waiting.chunk);
        if buffer.is_full(&waiting.chunk) {
            after.extend(self.hand_over(buffer, &mut waiting));
        }
        drop(waiting);
        if is_first {
            // The drain because of it began a round, and the first span of a round in each buffer comes here.
            self.out_of_room.store(false, Ordering::Relaxed);
        }
        after.into_iter().for_each(Deferred::settle);
    }

    fn push_unwatched(&self, buffer: &ThreadBuffer, span: &impl Incoming, now: Now) {
        let from = Source {
            thread: buffer.number(),
            round: self.rounds.current(),
        };
        if !now.has_capacity() && !self.out_of_room.swap(true, Ordering::Relaxed) {
            // Before other spans take the room that is reserved for the buffers.
            self.drain();
        }
        self.push(span.to_record().into(), Some(from));
    }

    /// Moves the spans of all buffers to the queues. Returns whether there were any.
    ///
    /// A drain begins a round. When it is done, every span of an earlier round is in the queues, and so is every span that
    /// ended before one of those: a span that ends after its thread was drained is in the new round, and so is every span
    /// that ends after that one, on any thread. So the queues may merge the threads of earlier rounds.
    pub(crate) fn drain(&self) -> bool {
        let round = self.rounds.begin();
        let (mut drained, mut after) = (false, Vec::new());
        let mut buffers = lock(&self.buffers);
        let before = buffers.len();
        // The buffer of a thread that has ended is not needed again. Asked before it is drained: after that it stays empty.
        let is_needed = |buffer: &Arc<ThreadBuffer>| Arc::strong_count(buffer) > 1;
        let needed: Vec<_> = buffers.iter().map(is_needed).collect();
        let locked = ThreadBuffer::lock_each(buffers.iter().map(Arc::as_ref));
        for ((buffer, needed), mut waiting) in buffers.iter().zip(&needed).zip(locked) {
            drained |= !waiting.chunk.is_empty();
            // A thread that has recorded meanwhile has moved the spans of earlier rounds itself.
            if waiting.round <= round || !needed {
                after.extend(self.hand_over(buffer, &mut waiting));
            }
        }
        let mut needed = needed.into_iter();
        buffers.retain(|_| needed.next().unwrap_or(true));
        if buffers.len() < before {
            self.reserve(buffers.len());
        }
        drop(buffers);
        for queue in &self.queues {
            queue.note_drained(round);
        }
        after.into_iter().for_each(Deferred::settle);
        drained
    }

    /// Usually there is room for it, see `reserve`. If another thread took the room and the policy waits, the chunk is
    /// taken beyond the bounds, so that nothing is lost.
    fn hand_over(&self, buffer: &ThreadBuffer, waiting: &mut Waiting) -> Vec<Deferred<'_>> {
        if waiting.chunk.is_empty() {
            return Vec::new();
        }
        let chunk = waiting.chunk.take();
        self.recorded
            .fetch_add(chunk.len() as u64, Ordering::Relaxed);
        let from = Source {
            thread: buffer.number(),
            round: waiting.round,
        };
        let after = (self.queues.iter()).map(|queue| queue.push_chunk(&chunk, from, self.blocks));
        after.filter(|after| !after.is_nothing()).collect()
    }

    #[cfg(test)]
    pub(crate) fn round(&self) -> u64 {
        self.rounds.current()
    }

    #[cfg(test)]
    pub(crate) fn weak_buffers(&self) -> Vec<std::sync::Weak<ThreadBuffer>> {
        lock(&self.buffers).iter().map(Arc::downgrade).collect()
    }

    /// From now on no span waits in a buffer.
    pub(crate) fn close(&self) {
        self.rounds.close();
        self.drain();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker that watches the buffers: it will drain them soon.
pub(crate) struct Watch {
    buffers: Arc<SpanBuffers>,
    on: bool,
}

impl Watch {
    pub(crate) fn new(buffers: Arc<SpanBuffers>) -> Self {
        Self { buffers, on: false }
    }

    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.on, true) {
            self.buffers.rounds.begin_watch();
        }
    }

    /// Drains the buffers. Returns whether there was something.
    pub(crate) fn drain(&self) -> bool {
        self.buffers.drain()
    }

    /// Stops watching and drains the buffers once more. Returns whether there was something.
    pub(crate) fn end(&mut self) -> bool {
        let on = std::mem::replace(&mut self.on, false);
        if on {
            self.buffers.rounds.end_watch();
        }
        on && self.buffers.drain()
    }
}

impl Drop for Watch {
    /// Also if the worker panics: spans must not stay in the buffers forever.
    fn drop(&mut self) {
        self.end();
    }
}
