//! The current span: a stack for each thread, filled while a closure runs or a future is polled.
//! Pushed by builders, futures, streams and guards; read by `Span::current`. It works on every executor, because a span is
//! current during a poll and not during a task. Must not know traces.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use crate::span::feature::{RECORDS, recorded};
use crate::span::handle::Span;
use crate::span::open::slots::{OpenSpanRef, WeakSpanRef};
use crate::span::unrecorded::Unrecorded;

/// A span that a guard has made current.
struct Frame {
    span: Span,
    /// [`Top::over`] before the guard was made; set again when the guard is gone.
    over: Over,
}

struct Stack {
    frames: Vec<Frame>,
}

/// The span of the innermost closure that runs, above all frames. It needs no frame, because the caller of the closure
/// keeps its handle.
#[derive(Clone, Copy)]
enum Over {
    Nothing,
    Unrecorded(Unrecorded),
    Open(WeakSpanRef),
}

/// The part of the stack that is read without a borrow.
struct Top {
    height: Cell<usize>,
    over: Cell<Over>,
}

thread_local! {
    static STACK: RefCell<Stack> = const { RefCell::new(Stack { frames: Vec::new() }) };
    static TOP: Top = const { Top { height: Cell::new(0), over: Cell::new(Over::Nothing) } };
}

fn set_top(height: usize, over: Over) {
    TOP.with(|top| {
        top.height.set(height);
        top.over.set(over);
    });
}

fn set_over(over: Over) {
    TOP.with(|top| top.over.set(over));
}

fn over() -> Over {
    TOP.with(|top| top.over.get())
}

#[inline]
fn is_empty() -> bool {
    TOP.with(|top| top.height.get() == 0 && matches!(top.over.get(), Over::Nothing))
}

/// Runs `f` on the stack; `None` on a thread that is ending, whose stack was dropped.
fn with<R>(f: impl FnOnce(&mut Stack) -> R) -> Option<R> {
    let result = STACK.try_with(|stack| {
        let mut stack = stack.try_borrow_mut().ok()?;
        let result = f(&mut stack);
        set_top(stack.frames.len(), over());
        Some(result)
    });
    result.ok().flatten()
}

pub(crate) fn current() -> Span {
    if !RECORDS {
        return Span::noop();
    }
    match over() {
        Over::Nothing => {}
        Over::Unrecorded(reason) => return Span::unrecorded(reason),
        Over::Open(span) => {
            return Span {
                open: span.handle().and_then(recorded),
                unrecorded: Unrecorded::NOOP,
            };
        }
    }
    STACK
        .try_with(|stack| Some(stack.try_borrow().ok()?.frames.last()?.span.clone()))
        .ok()
        .flatten()
        .unwrap_or(Span::unrecorded(Unrecorded::OUTSIDE))
}

/// Makes `span` current until the guard is dropped. A span that is not recorded hides one that is, so that work
/// below it does not become part of another trace.
pub(crate) fn enter(span: &Span) -> Entered {
    if !RECORDS || (span.open.is_none() && !span.unrecorded.is_carried() && is_empty()) {
        return Entered::nothing();
    }
    let span = span.clone();
    Entered {
        depth: with(|stack| stack.push(span)),
        thread: PhantomData,
    }
}

/// Runs `f` with an unrecorded span current.
#[inline]
pub(crate) fn suppressed<R>(reason: Unrecorded, f: impl FnOnce() -> R) -> R {
    let _closure = Closure::begin(Over::Unrecorded(reason));
    f()
}

/// Makes `span` current until the value is dropped. The caller keeps a handle of the span meanwhile.
#[inline]
pub(crate) fn in_closure(span: &OpenSpanRef) -> Closure {
    Closure::begin(Over::Open(span.downgrade()))
}

/// Keeps a span current while a closure runs.
pub(crate) struct Closure {
    height: usize,
    before: Over,
    /// Not `Send`, because the stack is of this thread.
    thread: PhantomData<*const ()>,
}

impl Closure {
    #[inline]
    fn begin(over: Over) -> Self {
        TOP.with(|top| Self {
            height: top.height.get(),
            before: top.over.replace(over),
            thread: PhantomData,
        })
    }

    /// The closure created guards that it did not drop, or dropped guards that were created before it.
    #[cold]
    fn end_out_of_order(&self) {
        let above = with(|stack| {
            // If there is none, the closure dropped a guard that was created before it: the span that was current before that
            // guard is current again.
            stack.frames.get(self.height)?;
            set_over(self.before);
            Some(stack.frames.split_off(self.height))
        });
        drop(above);
    }
}

impl Drop for Closure {
    #[inline]
    fn drop(&mut self) {
        TOP.with(|top| {
            if top.height.get() == self.height {
                top.over.set(self.before);
            } else {
                self.end_out_of_order();
            }
        });
    }
}

/// Runs `f` with nothing current.
#[inline]
pub(crate) fn without_current<R>(f: impl FnOnce() -> R) -> R {
    if !RECORDS || is_empty() {
        return f();
    }
    let _entered = enter(&Span::noop());
    f()
}

impl Stack {
    #[inline]
    fn push(&mut self, span: Span) -> usize {
        let over = TOP.with(|top| top.over.replace(Over::Nothing));
        let depth = self.frames.len();
        self.frames.push(Frame { span, over });
        depth
    }

    /// Removes the frame at `depth` and the frames above it, and returns them; `None` if it is gone, and so are those above
    /// it. The caller drops them after the borrow, because the end of a last handle may use the stack again.
    fn take(&mut self, depth: usize) -> Option<(Option<Frame>, Vec<Frame>)> {
        set_over(self.frames.get(depth)?.over);
        let above = self.frames.split_off(depth + 1);
        Some((self.frames.pop(), above))
    }
}

/// Keeps a span current on this thread; made by [`Span::enter`].
#[must_use = "the span is current only until the guard is dropped"]
pub struct Entered {
    /// Height of the stack to return to; `None` if nothing was pushed.
    depth: Option<usize>,
    /// Not `Send`, because the stack is of this thread.
    thread: PhantomData<*const ()>,
}

impl Entered {
    fn nothing() -> Self {
        Self {
            depth: None,
            thread: PhantomData,
        }
    }
}

impl Drop for Entered {
    #[cfg_attr(not(feature = "record"), inline)]
    fn drop(&mut self) {
        if !RECORDS {
            return;
        }
        let Some(depth) = self.depth else { return };
        let left = with(|stack| stack.take(depth));
        drop(left);
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Recorder;
    use crate::trace::tracer::Tracer;

    #[test]
    fn what_is_not_sampled_hides_what_is_and_lets_it_be_seen_again() {
        let tracer = Tracer::builder(Recorder::new()).build();
        let none = crate::SampleRate::new(0.0).unwrap();
        let other = Tracer::builder(Recorder::new()).sample_rate(none).build();
        tracer.trace("sampled").run(|outer| {
            let seen = || Span::current().id();
            assert_eq!(seen(), outer.root().id());
            other.trace("unsampled").run(|trace| {
                trace.span("below").run(|_| {
                    assert!(Span::current().unrecorded.is_unsampled());
                    outer.span("inner").run(|inner| {
                        assert_eq!(seen(), inner.id());
                    });
                    let entered = Span::noop().enter();
                    assert!(seen().is_none() && !Span::current().unrecorded.is_unsampled());
                    drop(entered);
                    assert!(Span::current().unrecorded.is_unsampled());
                });
                let panicked = std::panic::catch_unwind(|| {
                    trace.span("panics").run(|_| std::panic::panic_any(()));
                });
                assert!(panicked.is_err() && Span::current().unrecorded.is_unsampled());
            });
            assert_eq!(seen(), outer.root().id());
        });
        assert!(is_empty());
    }

    #[test]
    fn a_guard_dropped_out_of_order_takes_no_span_from_its_closure() {
        let recorder = Recorder::new();
        let tracer = recorder.tracer();
        let trace = tracer.trace("root").start();
        let outer = trace.span("outer").start();
        let entered = outer.enter();
        let mut kept = None;
        trace.span("inner").run(|inner| {
            drop(entered);
            assert!(Span::current().id().is_none());
            kept = Some(inner);
        });
        assert_eq!(recorder.names(), ["inner"], "ended with its closure");
        assert!(!kept.unwrap().is_recording());
        assert!(with(|stack| stack.frames.is_empty()).unwrap());
    }

    #[test]
    fn guards_in_guards_give_the_span_below_back() {
        let tracer = Recorder::new().tracer();
        let trace = tracer.trace("root").start();
        let spans = ["a", "b", "c"].map(|name| trace.span(name).start());
        let seen = || Span::current().id();
        let [first, second, third] = [0, 1, 2].map(|n: usize| spans[n].enter());
        assert_eq!(seen(), spans[2].id());
        drop(third);
        assert_eq!(seen(), spans[1].id());
        drop(first);
        assert_eq!(seen(), None, "those above it are gone with it");
        let again = spans[0].enter();
        drop(second);
        assert_eq!(seen(), spans[0].id(), "its frame was gone already");
        drop(again);
        assert!(is_empty());
    }

    #[test]
    fn a_guard_that_a_closure_leaves_does_not_outlast_it() {
        let tracer = Recorder::new().tracer();
        tracer.trace("root").run(|trace| {
            let leaves = || {
                trace.span("a").run(|span| std::mem::forget(span.enter()));
            };
            leaves();
            assert_eq!(Span::current().id(), trace.root().id());
        });
        assert!(is_empty());
        assert_eq!(with(|stack| stack.frames.len()), Some(0));
    }

    #[test]
    fn a_handle_that_does_nothing_hides_a_span_and_is_itself_not_current() {
        let tracer = Recorder::new().tracer();
        let outside = || Span::current().unrecorded.is_outside();
        let nothing = || {
            Span::noop().span("nothing").run(|_| {
                assert!(Span::current().id().is_none());
                outside()
            })
        };
        assert!(outside() && nothing());
        let entered = Span::noop().enter();
        assert!(outside());
        drop(entered);
        tracer.trace("root").run(|trace| {
            assert!(!nothing());
            let entered = Span::noop().enter();
            assert!(Span::current().id().is_none() && !outside());
            drop(entered);
            assert_eq!(Span::current().id(), trace.root().id());
        });
    }
}
