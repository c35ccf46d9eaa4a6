//! Where finished spans come in: each thread lays small ones into a tray of its own and hands them over by the dozen,
//! so that the lanes' locks and the waking of workers are shared by many spans.
//! Fed by `pipeline`; emptied by the thread itself, by workers when time is up, by a flush and by a shutdown.

use std::cell::RefCell;
use std::sync::Arc;
// Not `sync`'s: shuttle's cannot stand in a static, and no order depends on it.
use std::sync::atomic::AtomicU64 as Number;

use tracefuse_core::Stats;
use tracefuse_exporter::record::{Record, ScoreRecord, SpanRecord};

use crate::config::{Overload, PipelineConfig};
use crate::lane::{Aftermath, Lane};
use crate::sync::{AtomicBool, AtomicU64, AtomicUsize, Mutex, MutexGuard, Ordering, PoisonError};

/// A larger record goes to the lanes at once: room is kept for what may lie in trays.
const SMALL: usize = 4 * 1024;
/// The most records of one thread.
const MOST: usize = 32;

pub(crate) struct Intake {
    number: u64,
    lanes: Vec<Arc<Lane>>,
    trays: Mutex<Vec<Arc<Tray>>>,
    /// Workers that will look into the trays before long. Without one nothing may lie there.
    watchers: AtomicUsize,
    closed: AtomicBool,
    /// A lane has no room for what lies in trays, and they were emptied for that.
    tight: AtomicBool,
    recorded: AtomicU64,
    /// Records a tray takes; so many trays make a batch.
    room: usize,
    blocks: bool,
}

/// Not in one line with another thread's.
#[repr(align(128))]
#[derive(Default)]
pub(crate) struct Tray(Mutex<Lying>);

#[derive(Default)]
struct Lying {
    spans: Vec<SpanRecord>,
    bytes: usize,
}

thread_local! {
    /// The trays of this thread, by the number of their intake: one, as a rule.
    static OWN: RefCell<Vec<(u64, Arc<Tray>)>> = const { RefCell::new(Vec::new()) };
}

static NEXT: Number = Number::new(0);

impl Intake {
    pub(crate) fn new(lanes: Vec<Arc<Lane>>, config: &PipelineConfig) -> Self {
        let batch = config.batch_size.max(1);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            lanes,
            trays: Mutex::default(),
            watchers: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            tight: AtomicBool::new(false),
            recorded: AtomicU64::new(0),
            room: batch / batch.div_ceil(MOST),
            blocks: matches!(config.overload, Overload::Block(_)),
        }
    }

    pub(crate) fn lanes(&self) -> &[Arc<Lane>] {
        &self.lanes
    }

    /// What came in, and the numbers of every lane; what lies in trays counts as queued.
    pub(crate) fn stats(&self) -> Stats {
        let trays = lock(&self.trays);
        // All at once: a span that is handed over meanwhile would count twice, or not at all.
        let trays: Vec<_> = trays.iter().map(|tray| lock(&tray.0)).collect();
        let lying: u64 = trays.iter().map(|tray| tray.spans.len() as u64).sum();
        let bytes: u64 = trays.iter().map(|tray| tray.bytes as u64).sum();
        let mut stats = Stats::default();
        stats.recorded = self.recorded.load(Ordering::Relaxed) + lying;
        stats.exporters = self.lanes.iter().map(|lane| lane.stats()).collect();
        for exporter in &mut stats.exporters {
            exporter.recorded += lying;
            exporter.queued += lying;
            exporter.queued_bytes += bytes;
        }
        stats
    }

    /// Takes a span. Blocks only under `Overload::Block`.
    pub(crate) fn put(&self, span: SpanRecord, bytes: usize) {
        let mut span = Some(span);
        if bytes <= SMALL && self.room > 1 {
            // There is no tray on a thread that is ending, nor for a listener of our log that records.
            let _ = OWN.try_with(|own| {
                let mut own = own.try_borrow_mut().ok()?;
                let known = own.iter().position(|(number, _)| *number == self.number);
                let at = known.unwrap_or_else(|| self.new_tray(&mut own));
                let (_, tray) = own.get(at)?;
                self.lay(tray, span.take()?, bytes);
                Some(())
            });
        }
        if let Some(span) = span {
            self.push(span.into());
        }
    }

    /// Takes a score, past the trays.
    pub(crate) fn put_score(&self, score: ScoreRecord) {
        self.push(score.into());
    }

    fn push(&self, record: Record) {
        self.recorded.fetch_add(1, Ordering::Relaxed);
        if let Some((last, others)) = self.lanes.split_last() {
            others.iter().for_each(|lane| lane.push(record.clone()));
            last.push(record);
        }
    }

    #[cold]
    fn new_tray(&self, own: &mut Vec<(u64, Arc<Tray>)>) -> usize {
        // Those of pipelines that are gone.
        own.retain(|(_, tray)| Arc::strong_count(tray) > 1);
        own.push((self.number, self.tray()));
        own.len() - 1
    }

    /// A tray for one thread.
    pub(crate) fn tray(&self) -> Arc<Tray> {
        let tray = Arc::new(Tray::default());
        let mut trays = lock(&self.trays);
        trays.push(tray.clone());
        self.reserve(trays.len());
        tray
    }

    /// What lies in trays is within the lanes' bounds: they keep room for all that may.
    fn reserve(&self, trays: usize) {
        let records = trays * self.room;
        for lane in &self.lanes {
            lane.reserve(records, records * SMALL);
        }
    }

    /// Lays a span into the tray of this thread, and hands all of it over if it is full. Where nothing may
    /// lie, what does is handed over, and the span goes its own way.
    pub(crate) fn lay(&self, tray: &Tray, span: SpanRecord, bytes: usize) {
        let mut lying = lock(&tray.0);
        // Asked under the lock: a worker that stops watching looks into every tray after that.
        let quiet =
            self.watchers.load(Ordering::Relaxed) > 0 && !self.closed.load(Ordering::Relaxed);
        let roomy = self.lanes.iter().all(|lane| lane.is_roomy());
        let mut direct = None;
        if quiet && roomy {
            self.tight.store(false, Ordering::Relaxed);
            lying.spans.push(span);
            lying.bytes += bytes;
            if lying.spans.len() < self.room {
                return;
            }
        } else {
            direct = Some(span);
        }
        let after = self.hand_over(&mut lying);
        drop(lying);
        after.into_iter().for_each(Aftermath::settle);
        if !roomy && !self.tight.swap(true, Ordering::Relaxed) {
            // Before others take the room that was kept for it.
            self.sweep();
        }
        if let Some(span) = direct {
            self.push(span.into());
        }
    }

    /// Hands over what lies in any tray; whether there was something.
    pub(crate) fn sweep(&self) -> bool {
        let (mut swept, mut after) = (false, Vec::new());
        let mut trays = lock(&self.trays);
        let before = trays.len();
        trays.retain(|tray| {
            let mut lying = lock(&tray.0);
            swept |= !lying.spans.is_empty();
            after.extend(self.hand_over(&mut lying));
            // That of a thread that has ended is not needed again.
            Arc::strong_count(tray) > 1
        });
        if trays.len() < before {
            self.reserve(trays.len());
        }
        drop(trays);
        after.into_iter().for_each(Aftermath::settle);
        swept
    }

    /// There is room for it, as a rule: see `reserve`. Where callers wait for room nothing is lost if another
    /// thread was faster: it is taken all the same.
    fn hand_over(&self, lying: &mut Lying) -> Vec<Aftermath> {
        let mut after = Vec::new();
        if lying.spans.is_empty() {
            return after;
        }
        let bytes = std::mem::take(&mut lying.bytes);
        let spans = std::mem::replace(&mut lying.spans, Vec::with_capacity(self.room));
        self.recorded
            .fetch_add(spans.len() as u64, Ordering::Relaxed);
        let Some((last, others)) = self.lanes.split_last() else {
            return after;
        };
        for lane in others {
            after.push(lane.push_all(spans.clone(), bytes, self.blocks));
        }
        after.push(last.push_all(spans, bytes, self.blocks));
        after.retain(|after| !after.is_nothing());
        after
    }

    /// Nothing lies in trays from now on.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.sweep();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker's promise to look into the trays before long.
pub(crate) struct Watch {
    intake: Arc<Intake>,
    on: bool,
}

impl Watch {
    pub(crate) fn new(intake: Arc<Intake>) -> Self {
        Self { intake, on: false }
    }

    pub(crate) fn begin(&mut self) {
        if !std::mem::replace(&mut self.on, true) {
            self.intake.watchers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Keeps the promise; whether there was something.
    pub(crate) fn sweep(&self) -> bool {
        self.intake.sweep()
    }

    /// Gives the promise up and looks once more; whether there was something.
    pub(crate) fn end(&mut self) -> bool {
        let on = std::mem::replace(&mut self.on, false);
        if on {
            self.intake.watchers.fetch_sub(1, Ordering::Relaxed);
        }
        on && self.intake.sweep()
    }
}

impl Drop for Watch {
    /// Also of a worker that panics: what lies in the trays must not lie there for ever.
    fn drop(&mut self) {
        self.end();
    }
}
