//! tokio tasks that carry the current span along, on both flavours of runtime.

use tokio::runtime::{Builder, Runtime};
use tracefuse::exporter::InMemoryExporter;
use tracefuse::{Span, task};

fn runtimes() -> [Runtime; 2] {
    [
        Builder::new_current_thread().build().unwrap(),
        Builder::new_multi_thread()
            .worker_threads(3)
            .build()
            .unwrap(),
    ]
}

/// Waits, so that it ends on whatever thread is free, then records a step.
async fn step(name: &str) {
    tokio::task::yield_now().await;
    Span::current()
        .span(name)
        .run_async(async |_| tokio::task::yield_now().await)
        .await;
}

#[test]
fn tasks_and_blocking_closures_record_below_what_spawned_them() {
    for runtime in runtimes() {
        let kept = InMemoryExporter::new();
        let tracer = tracefuse::builder().exporter(kept.clone()).build().unwrap();
        runtime.block_on(tracer.trace("request").run_async(async |trace| {
            let agent = trace.agent("agent").run_async(async |_| {
                let inner = task::spawn(async {
                    step("in a task").await;
                    task::spawn(step("in a task's task")).await.unwrap();
                });
                inner.await.unwrap();
                let hashed = task::spawn_blocking(|| {
                    Span::current().tool("in a blocking closure").run(|_| 7)
                });
                assert_eq!(hashed.await.unwrap(), 7);
            });
            agent.await;
            task::spawn(step("below the root")).await.unwrap();
        }));
        assert!(!Span::current().is_recording());
        tracer.shutdown().unwrap();
        assert_eq!(
            kept.tree(),
            "request\n  agent\n    in a task\n    in a task's task\n    in a blocking closure\n  below the root\n"
        );
    }
}

#[test]
fn a_panic_of_a_task_is_its_own_and_leaves_its_parent_as_it_is() {
    for runtime in runtimes() {
        let kept = InMemoryExporter::new();
        let tracer = tracefuse::builder().exporter(kept.clone()).build().unwrap();
        runtime.block_on(tracer.trace("request").run_async(async |_| {
            let panicked = task::spawn(async { panic!("in a task") });
            assert!(panicked.await.unwrap_err().is_panic());
            let panicked = task::spawn_blocking(|| panic!("in a closure"));
            assert!(panicked.await.unwrap_err().is_panic());
        }));
        tracer.shutdown().unwrap();
        let spans = kept.spans();
        assert_eq!((spans.len(), spans[0].level()), (1, None));
    }
}

#[test]
fn without_a_span_it_is_tokios_own() {
    for runtime in runtimes() {
        let sum = runtime.block_on(async {
            task::spawn(async { 1 }).await.unwrap() + task::spawn_blocking(|| 2).await.unwrap()
        });
        assert_eq!(sum, 3);
    }
}
