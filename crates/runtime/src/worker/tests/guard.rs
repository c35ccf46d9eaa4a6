//! What panics in the worker's loop is caught, counted and logged, and delivery goes on; a thread that ends is seen.
#![expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::time::sleep;
use tracefuse_core::{DropReason, Health, Tracer};
use tracefuse_exporter::ExportReport;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

use super::outage::{Push, Worker};
use crate::config::PipelineConfig;
use crate::queue::ExporterQueue;
use crate::queue::phase::Phase;
use crate::worker;

thread_local! {
    /// Panics left, and calls that pass before the next of them.
    static PANICS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
}

fn panics() {
    let (panics, passing) = PANICS.get();
    if passing > 0 {
        PANICS.set((panics, passing - 1));
    } else if panics > 0 {
        PANICS.set((panics - 1, passing));
        panic!("in delivery");
    }
}

thread_local! {
    /// The queue that is closed when delivery looks after the disk the next time.
    static CLOSED: Cell<Option<Arc<ExporterQueue>>> = const { Cell::new(None) };
}

fn closes() {
    if let Some(queue) = CLOSED.take() {
        queue.ask_close(Duration::from_secs(5));
    }
}

/// A log subscriber of one thread. A line is the level and all fields.
#[derive(Clone, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<(Level, String)>>>);

impl Lines {
    /// For the rest of this thread's life.
    fn hear_this_thread(&self) {
        std::mem::forget(self.hear());
    }

    /// Until the guard is dropped.
    pub(super) fn hear(&self) -> tracing::subscriber::DefaultGuard {
        // While there is one subscriber only, tracing asks the thread that writes a line first, and remembers "no" if that
        // thread has none. Of two or more it asks each.
        static OTHERS: OnceLock<[Dispatch; 2]> = OnceLock::new();
        OTHERS.get_or_init(|| [(); 2].map(|()| Dispatch::new(Self::default())));
        tracing::subscriber::set_default(self.clone())
    }

    pub(super) fn of(&self, words: &str) -> Vec<(Level, String)> {
        let lines = self.0.lock().unwrap();
        let of = lines.iter().filter(|(_, line)| line.contains(words));
        of.cloned().collect()
    }
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "tracefuse"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields(String::new());
        event.record(&mut fields);
        let level = *event.metadata().level();
        self.0.lock().unwrap().push((level, fields.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn worker() -> Worker {
    Worker::start_with(
        |config| config.batch_size = 10,
        |_, batch| Ok(ExportReport::accepted(batch.len())),
        Some(panics),
    )
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_delivery_is_counted_and_the_rest_delivered() {
    let lines = Lines::default();
    lines.hear_this_thread();
    let worker = worker();
    worker.record(10);
    sleep(Duration::from_secs(1)).await;
    PANICS.set((1, 0));
    worker.record(20);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(PANICS.get(), (0, 0), "it has panicked");
    let stats = worker.stats();
    assert_eq!((stats.exported, stats.pending()), (30, 0));
    assert_eq!(
        stats.last_error.as_deref(),
        Some("delivery panicked: in delivery")
    );
    assert_eq!(stats.failed_attempts, 1);
    let healths = worker.healths.lock().unwrap().clone();
    assert_eq!(healths, [Health::Degraded, Health::Healthy]);
    let [(level, line)] = &lines.of("delivery panicked")[..] else {
        panic!("{:?}", lines.0)
    };
    assert_eq!(*level, Level::ERROR);
    assert!(line.contains("error=\"in delivery\""), "{line}");
}

#[tokio::test(start_paused = true)]
async fn what_was_in_flight_in_a_panic_is_lost_and_counted() {
    let worker = worker();
    worker.record(5);
    // As if the panic came between an attempt and its accounting.
    let taken = worker.queue.take(3);
    assert_eq!(worker.queue.stats().in_flight, 3);
    drop(taken);
    PANICS.set((1, 0));
    worker.record(20);
    sleep(Duration::from_secs(10)).await;
    let stats = worker.stats();
    assert_eq!(stats.dropped[&DropReason::DeliveryFailed], 3);
    assert_eq!((stats.exported, stats.maybe_delivered), (22, 3));
    assert!(stats.is_balanced());
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_always_panics_still_ends_with_the_shutdown() {
    let worker = worker();
    PANICS.set((u32::MAX, 0));
    worker.record(20);
    sleep(Duration::from_secs(10)).await;
    let attempts = worker.stats().failed_attempts;
    assert!((1..=101).contains(&attempts), "not in a storm: {attempts}");
    worker.queue.ask_close(Duration::from_secs(5));
    sleep(Duration::from_secs(6)).await;
    PANICS.set((0, 0));
    assert_eq!(worker.queue.phase(), Phase::Stopped);
    let stats = worker.stats();
    assert_eq!(
        (stats.exported + stats.dropped_total(), stats.pending()),
        (20, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_begins_within_a_turn_is_done_whole() {
    let worker = Worker::start_with(
        |config| config.batch_size = 10,
        |_, batch| Ok(ExportReport::accepted(batch.len())),
        Some(closes),
    );
    worker.record(10);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(worker.stats().exported, 10);
    CLOSED.set(Some(worker.queue.clone()));
    let _ = worker.queue.ask_flush();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(worker.queue.phase(), Phase::Stopped);
    assert!(worker.is_shut_down.load(Ordering::Relaxed));
}

#[tokio::test(start_paused = true)]
async fn panics_before_a_shutdown_never_end_delivery() {
    let worker = worker();
    PANICS.set((5, 0));
    worker.record(10);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(PANICS.get(), (0, 0), "it has panicked");
    let stats = worker.stats();
    assert_eq!((stats.exported, stats.failed_attempts), (10, 5));
    assert_eq!(worker.queue.phase(), Phase::Running);
}

fn closes_and_panics() {
    if let Some(queue) = CLOSED.take() {
        queue.ask_close(Duration::from_secs(5));
        panic!("in delivery");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_within_a_shutdown_does_not_end_it() {
    let worker = Worker::start_with(
        |config| config.batch_size = 10,
        |_, batch| Ok(ExportReport::accepted(batch.len())),
        Some(closes_and_panics),
    );
    CLOSED.set(Some(worker.queue.clone()));
    worker.record(10);
    sleep(Duration::from_secs(1)).await;
    let stats = worker.stats();
    assert_eq!((stats.exported, stats.failed_attempts), (10, 1));
    assert_eq!(worker.queue.phase(), Phase::Stopped);
    assert!(worker.is_shut_down.load(Ordering::Relaxed));
}

#[test]
fn the_death_of_the_thread_is_seen_and_hangs_nothing() {
    let queue = Arc::new(ExporterQueue::new("t".into(), PipelineConfig::default()));
    let tracer = Tracer::builder(Push(queue.clone())).build();
    tracer.trace("before").run(|_| {});
    let lines = Lines::default();
    let heard = lines.clone();
    let start = move || {
        heard.hear_this_thread();
        panic!("before anything is delivered")
    };
    worker::start(queue.clone(), start).unwrap();
    assert!(queue.wait_stopped(Duration::from_secs(20)));
    // The line is there when the wait ends: the program may end next.
    let [(level, line)] = &lines.of("the thread that delivers has ended")[..] else {
        panic!("{:?}", lines.0)
    };
    assert_eq!(*level, Level::ERROR);
    assert!(line.contains("exporter=\"t\""), "{line}");
    tracer.trace("after").run(|_| {});
    let stats = queue.stats();
    assert_eq!(stats.dropped[&DropReason::DeliveryFailed], 2);
    assert_eq!(stats.health, Health::Stopped);
    assert_eq!(
        stats.last_error.as_deref(),
        Some("the thread that delivers has ended")
    );
    assert!(stats.is_balanced());
    let ticket = queue.ask_flush();
    assert!(queue.wait_flushed(ticket, Duration::MAX));
    queue.ask_close(Duration::MAX);
    assert!(queue.wait_stopped(Duration::MAX));
    queue.stop_if_late();
    assert_eq!(queue.stats(), stats);
}
