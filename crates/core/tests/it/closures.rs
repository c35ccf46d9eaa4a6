//! Closures that carry a span to other threads.

use tracefuse_core::record::StatusCode;
use tracefuse_core::{Level, Span};

use crate::support::tracer;

fn record_a_step() -> bool {
    Span::current().span("step").run(|_| {});
    Span::current().is_recording()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tests are applications: they have threads"
)]
fn a_closure_runs_on_another_thread_below_its_span_and_ends_what_is_its_own() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let own = trace.tool("own").start().wrap(record_a_step);
    assert!(std::thread::spawn(own).join().unwrap());
    assert_eq!(kept.named("own").level(), None);

    let kept_open = trace.tool("kept open").start();
    let wrapped = kept_open.clone().wrap(record_a_step);
    assert!(std::thread::spawn(wrapped).join().unwrap());
    assert!(kept_open.is_recording());
    drop(kept_open);

    let entered = trace.root().enter();
    let below = Span::current().wrap(record_a_step);
    drop(entered);
    assert!(std::thread::spawn(below).join().unwrap());
    assert!(!Span::current().is_recording());
    trace.finish();
    assert_eq!(
        kept.tree(),
        "root\n  own\n    step\n  kept open\n    step\n  step\n"
    );
}

#[test]
fn a_scoped_closure_may_borrow() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    let mut sum = 0;
    let numbers = [1, 2, 3];
    std::thread::scope(|scope| {
        scope.spawn(trace.span("sum").start().wrap(|| {
            sum = numbers.iter().sum();
        }));
    });
    assert_eq!(sum, 6);
    assert_eq!(kept.only().name(), "sum");
}

#[test]
fn a_closure_that_panics_or_never_runs_says_so_on_its_own_span_alone() {
    let (tracer, kept, _) = tracer();
    let trace = tracer.trace("root").start();
    for span in [trace.span("panicked").start(), trace.root().clone()] {
        let wrapped = span.wrap(|| panic!("broken pipe"));
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wrapped));
        assert_eq!(
            *panic.unwrap_err().downcast_ref::<&str>().unwrap(),
            "broken pipe"
        );
    }
    drop(trace.span("never ran").start().wrap(|| {}));
    drop(trace.root().clone().wrap(|| {}));
    trace.finish();

    let panicked = kept.named("panicked");
    assert_eq!(
        (panicked.level(), panicked.status()),
        (Some(Level::Error), StatusCode::Error)
    );
    let never = kept.named("never ran");
    assert_eq!(
        (never.level(), never.status_message()),
        (
            Some(Level::Warning),
            Some("cancelled: the closure was dropped before it ran")
        )
    );
    assert_eq!(kept.named("root").level(), None);
    assert!(!Span::current().is_recording());
}

#[test]
fn a_span_that_is_not_recorded_hides_one_that_is() {
    let (tracer, _, _) = tracer();
    let wrapped = Span::noop().wrap(|| Span::current().is_recording());
    assert!(!tracer.trace("root").run(|_| wrapped()));
}
