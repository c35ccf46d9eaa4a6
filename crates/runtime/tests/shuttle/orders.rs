//! What must hold in every order: numbers that add up, flushes that cover what was before them, an outcome for
//! each record, and no caller left waiting. The worker here is the loop of `src/worker.rs` without its exporter.

use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::thread;
use tracefuse_core::record::Record;
use tracefuse_core::{DropReason, ExporterStats, Health};

use crate::config::{Overload, PipelineConfig};
use crate::queue::ExporterQueue;
use crate::queue::envelope::{Parked, Queued, bytes_of};
use crate::queue::phase::{Phase, WakeAt};
use crate::worker::next::{Next, next};

/// Longer than any schedule: a wait ends because another thread woke it, or is found as a deadlock.
pub(crate) const EVER: Duration = Duration::from_secs(24 * 3600);

fn a_record() -> Record {
    let recorder = tracefuse_core::testing::Recorder::new();
    recorder.tracer().trace("t").run(|_| {});
    recorder.only().into()
}

/// Runs a scenario in many orders: at random, and with few switches at the worst places.
#[expect(clippy::disallowed_methods, reason = "a test's own switch")]
pub(crate) fn in_many_orders(scenario: impl Fn(&Record) + Send + Sync + 'static) {
    let asked = std::env::var("SHUTTLE_ITERATIONS").ok();
    let iterations = asked.and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let record = a_record();
    let scenario = Arc::new(move || scenario(&record));
    let other = scenario.clone();
    shuttle::check_random(move || scenario(), iterations);
    shuttle::check_pct(move || other(), iterations / 2, 3);
}

pub(crate) fn queue(change: impl FnOnce(&mut PipelineConfig)) -> Arc<ExporterQueue> {
    let mut config = PipelineConfig {
        batch_size: 2,
        ..PipelineConfig::default()
    };
    change(&mut config);
    Arc::new(ExporterQueue::new("shuttle".into(), config))
}

fn start<T: Send + 'static>(
    queue: &Arc<ExporterQueue>,
    run: impl FnOnce(&ExporterQueue) -> T + Send + 'static,
) -> thread::JoinHandle<T> {
    let queue = queue.clone();
    thread::spawn(move || run(&queue))
}

/// Every number that a reader may see adds up.
fn balanced(queue: &ExporterQueue) -> ExporterStats {
    let stats = queue.stats();
    assert!(stats.is_balanced(), "{stats:?}");
    stats
}

/// What the worker does with a batch it took.
#[derive(Clone, Copy)]
enum Receiver {
    Takes,
    /// Puts the first batch back and the second one parked; then takes.
    Hesitates,
    /// Holds everything, and answers flushes with what is, as an open breaker does.
    Refuses,
}

/// The loop of `worker::run`. Gives the places of the records it delivered.
fn work(queue: &ExporterQueue, receiver: Receiver) -> Vec<u64> {
    let mut delivered = Vec::new();
    let mut turns = 0;
    let mut deliver = |items: Vec<Queued>, rounds: u32| {
        turns += 1;
        match (receiver, turns) {
            (Receiver::Hesitates, 1) => queue.put_back(items),
            (Receiver::Hesitates, 2) => queue.park(Parked { items, rounds }),
            _ => {
                queue.settle(items.len(), bytes_of(&items), |state| {
                    state.ledger.exported(items.len());
                });
                queue.succeeded();
                delivered.extend(items.iter().map(|item| item.seq));
            }
        }
        balanced(queue);
    };
    block_on(async {
        loop {
            if queue.phase() != Phase::Running {
                break;
            }
            let next = next(queue, WakeAt::Record);
            let blocked = matches!(receiver, Receiver::Refuses)
                && matches!(next, Next::Send | Next::Again | Next::Fill);
            match next {
                _ if blocked => {
                    queue.give_up_flush();
                    queue.wake.notified().await;
                }
                Next::Close => break,
                Next::Flush(ticket) => queue.flushed(ticket),
                Next::Send | Next::Fill => deliver(queue.take(queue.config.batch_size), 0),
                Next::Again => {
                    if let Some(parked) = queue.take_aside() {
                        deliver(parked.items, parked.rounds);
                    }
                }
                Next::Idle => queue.wake.notified().await,
            }
        }
        loop {
            match next(queue, WakeAt::Record) {
                _ if matches!(receiver, Receiver::Refuses) => break,
                Next::Send => deliver(queue.take(queue.config.batch_size), 0),
                Next::Again => {
                    if let Some(parked) = queue.take_aside() {
                        deliver(parked.items, parked.rounds);
                    }
                }
                _ => break,
            }
        }
    });
    queue.stop();
    delivered
}

/// After everything: each record has one outcome, and those delivered were so once.
fn settled(queue: &ExporterQueue, pushed: u64, mut delivered: Vec<u64>) -> ExporterStats {
    let stats = balanced(queue);
    assert_eq!((stats.recorded, stats.pending()), (pushed, 0), "{stats:?}");
    let count = delivered.len();
    delivered.sort_unstable();
    delivered.dedup();
    assert_eq!(delivered.len(), count, "delivered twice");
    assert!(stats.exported <= count as u64, "{stats:?}");
    stats
}

#[test]
fn a_flush_covers_what_was_before_it_and_a_shutdown_gives_all_an_outcome() {
    for receiver in [Receiver::Takes, Receiver::Hesitates] {
        in_many_orders(move |record| {
            let queue = queue(|_| {});
            let worker = start(&queue, move |queue| work(queue, receiver));
            let producers: Vec<_> = (0..2)
                .map(|_| {
                    let record = record.clone();
                    start(&queue, move |queue| {
                        for _ in 0..3 {
                            queue.push(record.clone(), None, &mut Duration::default());
                            balanced(queue);
                        }
                    })
                })
                .collect();
            let record = record.clone();
            let flusher = start(&queue, move |queue| {
                for _ in 0..2 {
                    queue.push(record.clone(), None, &mut Duration::default());
                    let before = queue.stats().recorded;
                    let ticket = queue.ask_flush();
                    assert!(queue.wait_flushed(ticket, EVER), "not all of it was done");
                    let stats = balanced(queue);
                    let done = stats.exported + stats.dropped_total() + stats.rejected_total();
                    assert!(done >= before, "{done} of {before}: {stats:?}");
                }
            });
            producers
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            flusher.join().unwrap();
            queue.ask_close(EVER);
            queue.wait_stopped(EVER);
            let stats = settled(&queue, 8, worker.join().unwrap());
            assert_eq!(stats.exported, 8, "{stats:?}");
        });
    }
}

#[test]
fn a_shutdown_leaves_no_waiter_and_no_record_without_an_outcome() {
    for receiver in [Receiver::Takes, Receiver::Hesitates, Receiver::Refuses] {
        in_many_orders(move |record| {
            let queue = queue(|_| {});
            let worker = start(&queue, move |queue| work(queue, receiver));
            let record = record.clone();
            let producer = start(&queue, move |queue| {
                for _ in 0..4 {
                    queue.push(record.clone(), None, &mut Duration::default());
                }
            });
            let flusher = start(&queue, |queue| {
                let ticket = queue.ask_flush();
                // Whether it covers all depends on the order; that it is answered does not.
                queue.wait_flushed(ticket, EVER);
                balanced(queue);
            });
            let closers: Vec<_> = (0..2)
                .map(|_| {
                    start(&queue, |queue| {
                        queue.ask_close(EVER);
                        queue.wait_stopped(EVER);
                        assert_eq!(balanced(queue).pending(), 0);
                    })
                })
                .collect();
            closers
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            producer.join().unwrap();
            flusher.join().unwrap();
            let stats = settled(&queue, 4, worker.join().unwrap());
            let known = [DropReason::AfterShutdown, DropReason::ShutdownDeadline];
            assert!(stats.dropped.keys().all(|reason| known.contains(reason)));
        });
    }
}

#[test]
fn a_shutdown_that_leaves_a_blocked_worker_behind_counts_what_it_had_once() {
    in_many_orders(|record| {
        let queue = queue(|_| {});
        let worker = start(&queue, |queue| work(queue, Receiver::Hesitates));
        let record = record.clone();
        let producer = start(&queue, move |queue| {
            for _ in 0..4 {
                queue.push(record.clone(), None, &mut Duration::default());
            }
        });
        // Time is up at once, whatever the worker is at.
        queue.ask_close(EVER);
        queue.stop();
        let balance = balanced(&queue);
        assert_eq!(balance.pending(), 0);
        producer.join().unwrap();
        let stats = settled(&queue, 4, worker.join().unwrap());
        assert_eq!(stats.exported, balance.exported, "an outcome was changed");
    });
}

#[test]
fn a_caller_that_waits_for_room_gets_it() {
    for (overload, size, each) in [
        (Overload::Block(EVER), 2, 3),
        (Overload::BlockBriefly, 2, 3),
        // Callers wait from 14 on, until there are 12.
        (Overload::BlockBriefly, 16, 6),
    ] {
        in_many_orders(move |record| {
            let queue = queue(|config| {
                config.max_queue_size = size;
                config.overload = overload;
            });
            let worker = start(&queue, |queue| work(queue, Receiver::Takes));
            let producers: Vec<_> = (0..3)
                .map(|_| {
                    let record = record.clone();
                    start(&queue, move |queue| {
                        for _ in 0..each {
                            queue.push(record.clone(), None, &mut Duration::default());
                            assert!(balanced(queue).pending() <= size as u64);
                        }
                    })
                })
                .collect();
            producers
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            queue.ask_close(EVER);
            queue.wait_stopped(EVER);
            let pushed = 3 * each;
            let stats = settled(&queue, pushed, worker.join().unwrap());
            assert_eq!(stats.exported, pushed, "{stats:?}");
        });
    }
}

#[test]
fn a_caller_that_waits_for_room_is_released_by_a_shutdown() {
    for overload in [Overload::Block(EVER), Overload::BlockBriefly] {
        in_many_orders(move |record| {
            let queue = queue(|config| {
                config.max_queue_size = 1;
                config.overload = overload;
            });
            let worker = start(&queue, |queue| work(queue, Receiver::Refuses));
            let producers: Vec<_> = (0..2)
                .map(|_| {
                    let record = record.clone();
                    start(&queue, move |queue| {
                        queue.push(record, None, &mut Duration::default())
                    })
                })
                .collect();
            queue.ask_close(EVER);
            queue.wait_stopped(EVER);
            producers
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            let stats = settled(&queue, 2, worker.join().unwrap());
            assert_eq!(stats.dropped_total(), 2, "{stats:?}");
        });
    }
}

#[test]
fn a_caller_that_waits_for_room_is_released_when_the_receiver_fails() {
    in_many_orders(|record| {
        let queue = queue(|config| {
            config.max_queue_size = 1;
            config.overload = Overload::BlockBriefly;
        });
        queue.push(record.clone(), None, &mut Duration::default());
        let record = record.clone();
        let caller = start(&queue, move |queue| {
            queue.push(record, None, &mut Duration::default());
        });
        // No record leaves: only this ends the wait.
        queue.with(|state| state.health = Health::Degraded);
        caller.join().unwrap();
        let stats = balanced(&queue);
        assert_eq!((stats.queued, stats.dropped_total()), (1, 1), "{stats:?}");
    });
}
