//! Who is whose parent, in every way code can be called.

use std::future::poll_fn;
use std::task::Poll;

use futures::executor::{LocalPool, block_on};
use futures::future::join;
use futures::task::SpawnExt as _;
use tracefuse_core::{InSpan as _, Span};

use crate::support::tracer;

/// Gives every other future a turn before it goes on.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

async fn deep(name: &str) {
    Span::current()
        .span(name)
        .run_async(async |_| {
            yield_now().await;
            Span::current().span("leaf").run(|_| {});
        })
        .await;
}

#[test]
fn the_current_span_is_known_below_without_passing_it() {
    let (tracer, kept, _) = tracer();
    tracer.trace("root").run(|trace| {
        trace.span("a").run(|_| {
            Span::current()
                .span("b")
                .run(|_| Span::current().span("c").run(|_| {}))
        });
        assert_eq!(Span::current().id(), trace.root().id());
    });
    assert!(!Span::current().is_recording());
    assert_eq!(kept.tree(), "root\n  a\n    b\n      c\n");
}

#[test]
fn joined_futures_nest_under_the_span_that_polls_them() {
    let (tracer, kept, _) = tracer();
    block_on(tracer.trace("root").run_async(async |trace| {
        trace
            .span("fan-out")
            .run_async(async |_| join(deep("left"), deep("right")).await)
            .await;
        yield_now().await;
        deep("after").await;
    }));
    assert_eq!(
        kept.tree(),
        "root\n  fan-out\n    left\n      leaf\n    right\n      leaf\n  after\n    leaf\n"
    );
}

#[test]
fn spawned_futures_keep_the_span_they_were_spawned_under() {
    let (tracer, kept, _) = tracer();
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    pool.run_until(tracer.trace("root").run_async(async |trace| {
        let task = spawner
            .spawn_with_handle(deep("carried").in_current_span())
            .unwrap();
        let own = spawner
            .spawn_with_handle(deep("inside").in_span(trace.tool("own").start()))
            .unwrap();
        let bare = spawner
            .spawn_with_handle(async { Span::current().is_recording() })
            .unwrap();
        task.await;
        own.await;
        assert!(!bare.await, "a task that carries no span has none");
    }));
    assert_eq!(
        kept.tree(),
        "root\n  carried\n    leaf\n  own\n    inside\n      leaf\n"
    );
}

#[test]
fn two_traces_polled_in_turn_do_not_mix() {
    let (tracer, kept, _) = tracer();
    let one = |name: &'static str| tracer.trace(name).run_async(async |_| deep("work").await);
    block_on(join(one("first"), one("second")));
    assert_eq!(
        kept.tree(),
        "first\n  work\n    leaf\nsecond\n  work\n    leaf\n"
    );
}

#[test]
fn a_child_that_outlives_its_parent_is_still_its_child() {
    let (tracer, kept, _) = tracer();
    let child = tracer.trace("root").run(|trace| trace.span("late").start());
    child.set_output("done");
    drop(child);
    assert_eq!(kept.tree(), "root\n  late\n");
    let orphan = tracer.trace("ended").run(|trace| trace);
    orphan.span("after the end").run(|_| {});
    assert_eq!(kept.tree(), "root\n  late\nended\n  after the end\n");
}

#[test]
fn a_guard_enters_plain_threads_and_leaves_in_any_order() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let a = trace.span("a").start();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _entered = a.enter();
            Span::current().span("on a thread").run(|_| {});
        });
    });
    let first = a.enter();
    let b = a.span("b").start();
    let second = b.enter();
    drop(first);
    assert!(
        !Span::current().is_recording(),
        "leaving the outer leaves the inner"
    );
    drop(second);
    drop((a, b));
    trace.finish();
    assert_eq!(kept.tree(), "root\n  a\n    on a thread\n    b\n");
}

#[test]
fn a_trace_begun_elsewhere_goes_on_below_its_span() {
    let (tracer, kept, _) = tracer();
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    tracer
        .trace("here")
        .remote_parent(trace.parse().unwrap(), parent.parse().unwrap())
        .run(|_| {});
    let span = kept.only();
    assert_eq!(
        (
            span.trace_id().to_string(),
            span.parent_span_id().unwrap().to_string()
        ),
        (trace.into(), parent.into())
    );
    assert!(span.is_local_root());
}

/// The future of a trace must go into `tokio::spawn`.
#[test]
fn futures_of_traces_are_send() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let (tracer, kept, _) = tracer();
    block_on(send(tracer.trace("root").run_async(async |trace| {
        let span = trace.span("a");
        yield_now().await;
        span.try_run_async(async |_| {
            yield_now().await;
            anyhow::Ok(())
        })
        .await
        .unwrap();
    })));
    assert_eq!(kept.tree(), "root\n  a\n");
}
