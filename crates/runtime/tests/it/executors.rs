//! Flush and shutdown from wherever an application may be. Each cell is bounded by a watchdog.

use std::sync::mpsc;
use std::time::Duration;

use tracefuse_core::Tracer;

use crate::support::{Scripted, names, record, tracer};

/// Runs one cell on another thread: a hang fails the test and does not stop it.
fn check(cell: impl FnOnce(Tracer) + Send + 'static) {
    let exporter = Scripted::default();
    let tracer = tracer(exporter.clone());
    let (done, finished) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        record(&tracer, 0..150);
        cell(tracer);
        done.send(()).unwrap();
    });
    if finished.recv_timeout(Duration::from_secs(20)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("hangs");
    }
    thread.join().unwrap();
    assert_eq!(exporter.accepted(), names(0..150));
}

async fn flush_and_shut_down(tracer: Tracer) {
    assert!(tracer.flush_async().await.unwrap().is_lossless());
    assert!(tracer.flush().unwrap().is_lossless());
    assert!(tracer.shutdown_async().await.unwrap().is_lossless());
    assert!(tracer.shutdown().unwrap().is_lossless());
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn multi_thread(workers: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .build()
        .unwrap()
}

#[test]
fn without_a_runtime() {
    check(|tracer| {
        assert!(tracer.flush().unwrap().is_lossless());
        assert!(tracer.shutdown().unwrap().is_lossless());
    });
}

#[test]
fn by_dropping_the_last_tracer() {
    check(drop);
}

#[test]
fn on_tokio_current_thread() {
    check(|tracer| current_thread().block_on(flush_and_shut_down(tracer)));
}

#[test]
fn on_tokio_current_thread_inside_a_task() {
    check(|tracer| {
        current_thread()
            .block_on(async { tokio::spawn(flush_and_shut_down(tracer)).await.unwrap() })
    });
}

#[test]
fn on_tokio_multi_thread() {
    check(|tracer| multi_thread(2).block_on(flush_and_shut_down(tracer)));
}

#[test]
fn inside_a_task_of_a_runtime_with_one_worker() {
    check(|tracer| {
        multi_thread(1).block_on(async { tokio::spawn(flush_and_shut_down(tracer)).await.unwrap() })
    });
}

#[test]
fn by_dropping_the_tracer_inside_a_task_of_a_runtime_with_one_worker() {
    check(|tracer| {
        multi_thread(1).block_on(async { tokio::spawn(async { drop(tracer) }).await.unwrap() })
    });
}

#[test]
fn on_smol() {
    check(|tracer| smol::block_on(flush_and_shut_down(tracer)));
}

#[test]
fn on_the_futures_executor() {
    check(|tracer| futures::executor::block_on(flush_and_shut_down(tracer)));
}

/// A task that never finishes is dropped with its runtime, and the tracer in it.
#[test]
fn while_the_applications_runtime_is_dropped() {
    for runtime in [current_thread(), multi_thread(2)] {
        check(move |tracer| {
            runtime.spawn(async move {
                let _held = tracer;
                std::future::pending::<()>().await;
            });
            runtime.block_on(async { tokio::task::yield_now().await });
            drop(runtime);
        });
    }
}

#[test]
fn while_the_thread_panics() {
    check(|tracer| {
        let panic = std::panic::catch_unwind(move || {
            let _held = tracer;
            panic!("on purpose");
        });
        assert!(panic.is_err());
    });
}

#[test]
fn from_many_threads_at_once() {
    let exporter = Scripted::default();
    let tracer = tracer(exporter.clone());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..20 {
                    record(&tracer, 0..5);
                    assert!(tracer.flush().unwrap().complete);
                }
            });
        }
    });
    let report = tracer.shutdown().unwrap();
    assert_eq!(
        (
            report.stats.exporters[0].exported,
            exporter.accepted().len()
        ),
        (800, 800)
    );
}
