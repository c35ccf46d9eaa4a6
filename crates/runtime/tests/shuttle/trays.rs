//! What threads lay into trays is delivered without a flush, covered by one, counted once, and within the bounds,
//! whoever sweeps and whenever the worker goes to sleep. A tray that nobody looks into is found as a deadlock.

use std::sync::Arc;

use shuttle::future::block_on;
use shuttle::thread;
use tracefuse_core::ExporterStats;
use tracefuse_core::record::{Record, SpanRecord};

use crate::config::{Overload, PipelineConfig};
use crate::intake::{Intake, Watch};
use crate::item::bytes_of;
use crate::lane::Lane;
use crate::orders::{EVER, in_many_orders, lane};
use crate::step::{Next, Phase};

fn intake(change: impl FnOnce(&mut PipelineConfig)) -> (Arc<Intake>, Arc<Lane>) {
    let lane = lane(change);
    let intake = Intake::new(vec![lane.clone()], &lane.config);
    (Arc::new(intake), lane)
}

/// An intake, its lane, and a worker that goes on until a shutdown.
fn worked(
    change: impl FnOnce(&mut PipelineConfig),
) -> (Arc<Intake>, Arc<Lane>, thread::JoinHandle<()>) {
    let (intake, lane) = intake(change);
    let (theirs, their_lane) = (intake.clone(), lane.clone());
    let worker = thread::spawn(move || work(&theirs, &their_lane, u64::MAX));
    (intake, lane, worker)
}

fn join(threads: Vec<thread::JoinHandle<()>>) {
    threads
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
}

fn flush(intake: &Intake, lane: &Lane) {
    intake.sweep();
    let ticket = lane.ask_flush();
    assert!(lane.wait_flushed(ticket, EVER));
}

/// A span of the record; the trays take nothing else.
fn span(record: &Record) -> SpanRecord {
    record.as_span().cloned().unwrap()
}

/// The loop of `worker::run` with its sweeps; time is up whenever it asks. Ends after `enough` or at a shutdown.
fn work(intake: &Arc<Intake>, lane: &Lane, enough: u64) {
    let mut watch = Watch::new(intake.clone());
    let mut watching = false;
    let mut delivered = 0;
    block_on(async {
        while delivered < enough && lane.phase() == Phase::Running {
            let next = lane.next(watching);
            if watching || matches!(next, Next::Fill) {
                watch.begin();
            } else if watch.end() {
                continue;
            }
            match next {
                Next::Flush(ticket) => lane.flushed(ticket),
                Next::Send | Next::Fill => {
                    delivered += deliver(lane);
                    watching = true;
                }
                Next::Idle if watching => watching = watch.sweep(),
                Next::Idle => lane.wake.notified().await,
                Next::Again | Next::Close => break,
            }
        }
        drop(watch);
        if lane.phase() != Phase::Running {
            while deliver(lane) > 0 {}
            lane.stop();
        }
    });
}

fn deliver(lane: &Lane) -> u64 {
    let items = lane.take(lane.config.batch_size);
    lane.settle(items.len(), bytes_of(&items), |state| {
        state.ledger.exported(items.len());
    });
    items.len() as u64
}

fn produce(intake: &Arc<Intake>, record: &Record, spans: usize) -> thread::JoinHandle<()> {
    let (intake, span) = (intake.clone(), span(record));
    thread::spawn(move || {
        let tray = intake.tray();
        for _ in 0..spans {
            let span = span.clone();
            let bytes = span.size();
            intake.lay(&tray, span, bytes);
            numbers(&intake);
        }
    })
}

fn numbers(intake: &Intake) -> ExporterStats {
    let mut stats = intake.stats();
    let exporter = stats.exporters.pop().unwrap();
    assert!(exporter.is_balanced(), "{exporter:?}");
    exporter
}

#[test]
fn what_lies_in_trays_is_delivered_without_a_flush() {
    in_many_orders(|record| {
        let (intake, lane) = intake(|_| {});
        let producers: Vec<_> = (0..2).map(|_| produce(&intake, record, 3)).collect();
        let theirs = intake.clone();
        let worker = thread::spawn(move || work(&theirs, &lane, 6));
        join(producers);
        // It does not end before it has all of them.
        worker.join().unwrap();
        assert_eq!(numbers(&intake).exported, 6);
    });
}

#[test]
fn a_flush_covers_what_lay_in_trays() {
    in_many_orders(|record| {
        let (intake, lane, worker) = worked(|_| {});
        let producers: Vec<_> = (0..2).map(|_| produce(&intake, record, 3)).collect();
        join(producers);
        flush(&intake, &lane);
        assert_eq!(numbers(&intake).exported, 6);
        intake.close();
        lane.ask_close(EVER);
        worker.join().unwrap();
    });
}

#[test]
fn a_shutdown_amid_it_all_leaves_nothing_in_a_tray() {
    in_many_orders(|record| {
        let (intake, lane, worker) = worked(|_| {});
        let producers: Vec<_> = (0..2).map(|_| produce(&intake, record, 3)).collect();
        intake.close();
        lane.ask_close(EVER);
        lane.wait_stopped(EVER);
        join(producers);
        worker.join().unwrap();
        let stats = numbers(&intake);
        assert_eq!((stats.recorded, stats.pending()), (6, 0), "{stats:?}");
        assert_eq!(intake.stats().recorded, 6);
        assert_eq!(stats.exported + stats.dropped_total(), 6, "{stats:?}");
    });
}

#[test]
fn callers_that_wait_for_room_lose_nothing_and_dropping_ones_keep_the_bound() {
    for overload in [
        Overload::Block(EVER),
        Overload::DropNewest,
        Overload::DropOldest,
    ] {
        in_many_orders(move |record| {
            let (intake, lane, worker) = worked(|config| {
                config.max_queue_size = 5;
                config.overload = overload;
            });
            let producers: Vec<_> = (0..2).map(|_| produce(&intake, record, 5)).collect();
            for _ in 0..3 {
                let waiting = numbers(&intake).pending();
                assert!(waiting <= 5, "{waiting} of 5");
            }
            join(producers);
            flush(&intake, &lane);
            let stats = numbers(&intake);
            assert_eq!(stats.exported + stats.dropped_total(), 10, "{stats:?}");
            if matches!(overload, Overload::Block(_)) {
                assert_eq!(stats.exported, 10, "{stats:?}");
            }
            intake.close();
            lane.ask_close(EVER);
            worker.join().unwrap();
        });
    }
}
