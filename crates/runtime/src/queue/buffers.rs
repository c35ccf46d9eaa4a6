//! Where finished spans come in: each thread lays small ones into a buffer of its own and hands them over by the dozen,
//! so that the queues' locks and the waking of workers are shared by many spans.
//! Fed by `pipeline`; emptied by the thread itself, by workers when time is up, by a flush and by a shutdown.

use std::cell::RefCell;
use std::sync::Arc;
// Not `sync`'s: shuttle's cannot stand in a static, and no order depends on it.
use std::sync::atomic::AtomicU64 as Number;

use tracefuse_core::Stats;
use tracefuse_exporter::record::{Record, ScoreRecord, SpanRecord};

use crate::config::{Overload, PipelineConfig};
use crate::queue::{Deferred, ExporterQueue};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};

/// A larger record goes to the queues at once: room is kept for what may lie in buffers.
const SMALL: usize = 4 * 1024;
/// The most records of one thread.
const MOST: usize = 32;

pub(crate) struct SpanBuffers {
    number: u64,
    queues: Vec<Arc<ExporterQueue>>,
    buffers: Mutex<Vec<Arc<ThreadBuffer>>>,
    /// Workers that will look into the buffers before long. Without one nothing may lie there.
    watchers: AtomicUsize,
    closed: AtomicBool,
    /// A queue has no room for what lies in buffers, and they were emptied for that.
    out_of_room: AtomicBool,
    recorded: AtomicU64,
    /// Records a buffer takes; so many buffers make a batch.
    room: usize,
    blocks: bool,
}

/// Not in one line with another thread's.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct ThreadBuffer(Mutex<Buffered>);

#[derive(Default)]
struct Buffered {
    spans: Vec<SpanRecord>,
    bytes: usize,
}

thread_local! {
    /// The buffers of this thread, by the number of their buffers: one, as a rule.
    static LOCAL: RefCell<Vec<(u64, Arc<ThreadBuffer>)>> = const { RefCell::new(Vec::new()) };
}

static NEXT: Number = Number::new(0);

impl SpanBuffers {
    pub(crate) fn new(queues: Vec<Arc<ExporterQueue>>, config: &PipelineConfig) -> Self {
        let batch = config.batch_size.max(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            queues,
            buffers: Mutex::default(),
            watchers: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            out_of_room: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            room: batch / batch.div_ceil(MOST),
            blocks: matches!(config.overload, Overload::Block(_)),
        }
    }

    /// Every span goes to the queues at once, for an exporter that wants it so.
    pub(crate) fn unused(mut self) -> Self {
        self.room = 1;
        self
    }

    pub(crate) fn queues(&self) -> &[Arc<ExporterQueue>] {
        &self.queues
    }

    /// What came in, and the numbers of every queue; what lies in buffers counts as queued.
    pub(crate) fn stats(&self) -> Stats {
        let buffers = lock(&self.buffers);
        // All at once: a span that is handed over meanwhile would count twice, or not at all.
        let buffers: Vec<_> = buffers.iter().map(|buffer| lock(&buffer.0)).collect();
        let buffered: u64 = buffers.iter().map(|buffer| buffer.spans.len() as u64).sum();
        let bytes: u64 = buffers.iter().map(|buffer| buffer.bytes as u64).sum();
        let mut stats = Stats::default();
        stats.recorded = self.recorded.load(Ordering::Relaxed) + buffered;
        stats.exporters = self.queues.iter().map(|queue| queue.stats()).collect();
        for exporter in &mut stats.exporters {
            exporter.recorded += buffered;
            exporter.queued += buffered;
            exporter.queued_bytes += bytes;
        }
        stats
    }

    /// Takes a span. Blocks only under `Overload::Block`.
    pub(crate) fn put(&self, span: SpanRecord, bytes: usize) {
        let mut span = Some(span);
        if bytes <= SMALL && self.room > 1 {
            // There is no buffer on a thread that is ending, nor for a listener of our log that records.
            let _ = LOCAL.try_with(|own| {
                let mut own = own.try_borrow_mut().ok()?;
                let known = own.iter().position(|(number, _)| *number == self.number);
                let at = known.unwrap_or_else(|| self.new_tray(&mut own));
                let (_, buffer) = own.get(at)?;
                self.lay(buffer, span.take()?, bytes);
                Some(())
            });
        }
        if let Some(span) = span {
            self.push(span.into());
        }
    }

    /// Whether a record of this size leaves room for others in every queue.
    pub(crate) fn has_room_for(&self, bytes: usize) -> bool {
        self.queues.iter().all(|queue| queue.has_room_for(bytes))
    }

    /// Takes a score, past the buffers.
    pub(crate) fn put_score(&self, score: ScoreRecord) {
        self.push(score.into());
    }

    fn push(&self, record: Record) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
        if let Some((last, others)) = self.queues.split_last() {
            others.iter().for_each(|queue| queue.push(record.clone()));
            last.push(record);
        }
    }

    #[cold]
    fn new_tray(&self, own: &mut Vec<(u64, Arc<ThreadBuffer>)>) -> usize {
        // Those of pipelines that are gone.
        own.retain(|(_, buffer)| Arc::strong_count(buffer) > 1);
        own.push((self.number, self.buffer()));
        own.len() - 1
    }

    /// A buffer for one thread.
    pub(crate) fn buffer(&self) -> Arc<ThreadBuffer> {
        let buffer = Arc::new(ThreadBuffer::default());
        let mut buffers = lock(&self.buffers);
        buffers.push(buffer.clone());
        self.reserve(buffers.len());
        buffer
    }

    /// What lies in buffers is within the queues' bounds: they keep room for all that may.
    fn reserve(&self, buffers: usize) {
        let records = buffers * self.room;
        for queue in &self.queues {
            queue.reserve(records, records * SMALL);
        }
    }

    /// Lays a span into the buffer of this thread, and hands all of it over if it is full. Where nothing may
    /// lie, what does is handed over, and the span goes its own way.
    pub(crate) fn lay(&self, buffer: &ThreadBuffer, span: SpanRecord, bytes: usize) {
        let mut buffered = lock(&buffer.0);
        // Asked under the lock: a worker that stops watching looks into every buffer after that.
        let quiet =
            self.watchers.load(Ordering::Relaxed) > 0 && !self.closed.load(Ordering::Relaxed);
        let has_capacity = self.queues.iter().all(|queue| queue.is_roomy());
        let mut direct = None;
        if quiet && has_capacity {
            self.out_of_room.store(false, Ordering::Relaxed);
            buffered.spans.push(span);
            buffered.bytes += bytes;
            if buffered.spans.len() < self.room {
                return;
            }
        } else {
            direct = Some(span);
        }
        let after = self.hand_over(&mut buffered);
        drop(buffered);
        after.into_iter().for_each(Deferred::settle);
        if !has_capacity && !self.out_of_room.swap(true, Ordering::Relaxed) {
            // Before others take the room that was kept for it.
            self.drain();
        }
        if let Some(span) = direct {
            self.push(span.into());
        }
    }

    /// Hands over what lies in any buffer; whether there was something.
    pub(crate) fn drain(&self) -> bool {
        let (mut swept, mut after) = (false, Vec::new());
        let mut buffers = lock(&self.buffers);
        let before = buffers.len();
        buffers.retain(|buffer| {
            let mut buffered = lock(&buffer.0);
            swept |= !buffered.spans.is_empty();
            after.extend(self.hand_over(&mut buffered));
            // That of a thread that has ended is not needed again.
            Arc::strong_count(buffer) > 1
        });
        if buffers.len() < before {
            self.reserve(buffers.len());
        }
        drop(buffers);
        after.into_iter().for_each(Deferred::settle);
        swept
    }

    /// There is room for it, as a rule: see `reserve`. Where callers wait for room nothing is lost if another
    /// thread was faster: it is taken all the same.
    fn hand_over(&self, buffered: &mut Buffered) -> Vec<Deferred> {
        let mut after = Vec::new();
        if buffered.spans.is_empty() {
            return after;
        }
        let bytes = std::mem::take(&mut buffered.bytes);
        let spans = std::mem::replace(&mut buffered.spans, Vec::with_capacity(self.room));
        self.recorded
            .fetch_add(spans.len() as u64, Ordering::Relaxed);
        let Some((last, others)) = self.queues.split_last() else {
            return after;
        };
        for queue in others {
            after.push(queue.push_all(spans.clone(), bytes, self.blocks));
        }
        after.push(last.push_all(spans, bytes, self.blocks));
        after.retain(|after| !after.is_nothing());
        after
    }

    /// Nothing lies in buffers from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.drain();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker's promise to look into the buffers before long.
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
            self.buffers.watchers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps the promise; whether there was something.
    pub(crate) fn drain(&self) -> bool {
        self.buffers.drain()
    }

    /// Gives the promise up and looks once more; whether there was something.
    pub(crate) fn end(&mut self) -> bool {
        let on = std::mem::replace(&mut self.on, false);
        if on {
            self.buffers.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        on && self.buffers.drain()
    }
}

impl Drop for Watch {
    /// Also of a worker that panics: what lies in the buffers must not lie there for ever.
    fn drop(&mut self) {
        self.end();
    }
}
