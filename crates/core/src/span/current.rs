//! The current span: a stack per thread that is filled while a closure runs or a future is polled.
//! Pushed by builders, futures, streams and guards; read by `Span::current`. It works on every executor, because it
//! belongs to the poll and not to the task.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use crate::span::feature::RECORDS;
use crate::span::handle::Span;
use crate::span::unrecorded::Unrecorded;

struct Frame {
    span: Span,
    /// Its closure takes it back at its end.
    pushed: bool,
    /// The word of [`Top::over`] before the frame was pushed; set again when the frame is gone.
    over: usize,
}

struct Stack {
    frames: Vec<Frame>,
    /// Pushed spans, with their depth, that a guard dropped out of order removed from `frames`.
    out_of_order: Vec<(usize, Span)>,
}

/// What must be known about the stack without borrowing it.
struct Top {
    height: Cell<usize>,
    /// An unrecorded span above all frames, as its word; zero if there is none. A closure in an unsampled trace
    /// costs this word instead of a frame.
    over: Cell<usize>,
}

thread_local! {
    static STACK: RefCell<Stack> = const {
        RefCell::new(Stack { frames: Vec::new(), out_of_order: Vec::new() })
    };
    static TOP: Top = const { Top { height: Cell::new(0), over: Cell::new(0) } };
}

fn set_top(height: usize, over: usize) {
    TOP.with(|top| {
        top.height.set(height);
        top.over.set(over);
    });
}

fn over() -> usize {
    TOP.with(|top| top.over.get())
}

#[inline]
fn is_empty() -> bool {
    TOP.with(|top| top.height.get() | top.over.get() == 0)
}

/// Runs `f` on the stack; `None` on a thread that is ending and has no stack any more.
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
    let over = over();
    if over != 0 {
        return Span::unrecorded(Unrecorded::from_word(over));
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
    let depth = with(|stack| stack.push(span, false));
    Entered {
        depth: depth.unwrap_or(usize::MAX),
        thread: PhantomData,
    }
}

/// Runs `f` with an unrecorded span current, without a frame of the stack.
#[inline]
pub(crate) fn suppressed<R>(reason: Unrecorded, f: impl FnOnce() -> R) -> R {
    struct Restore<'a>(&'a Cell<usize>, usize);

    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            self.0.set(self.1);
        }
    }

    TOP.with(|top| {
        let before = top.over.replace(reason.word());
        let _restore = Restore(&top.over, before);
        f()
    })
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

/// Makes `span` current without another handle of it, until it is taken back by `leave`.
#[inline]
pub(crate) fn push(span: Span) -> PushedSpan {
    let mut spare = Some(span);
    let depth = STACK.try_with(|stack| {
        let mut stack = stack.try_borrow_mut().ok()?;
        let depth = stack.push(spare.take()?, true);
        TOP.with(|top| top.height.set(depth + 1));
        Some(depth)
    });
    PushedSpan {
        depth: depth.ok().flatten().unwrap_or(usize::MAX),
        spare,
    }
}

/// A span on the stack that its closure takes back.
pub(crate) struct PushedSpan {
    depth: usize,
    /// The span itself, if the thread is ending and has no stack.
    spare: Option<Span>,
}

impl PushedSpan {
    #[inline]
    pub(crate) fn leave(self) -> Span {
        let Self { depth, spare } = self;
        if let Some(span) = spare {
            return span;
        }
        // In general it is on top of the stack.
        let top = STACK.try_with(|stack| {
            let frames = &mut stack.try_borrow_mut().ok()?.frames;
            if frames.len() != depth + 1 {
                return None;
            }
            let frame = frames.pop()?;
            set_top(depth, frame.over);
            Some(frame)
        });
        match top {
            Ok(Some(frame)) => frame.span,
            _ => Self::buried(depth),
        }
    }

    #[cold]
    fn buried(depth: usize) -> Span {
        let left = with(|stack| stack.take(depth));
        let (span, above) = left.unwrap_or_default();
        drop(above);
        span.unwrap_or(Span::noop())
    }
}

impl Stack {
    #[inline]
    fn push(&mut self, span: Span, pushed: bool) -> usize {
        let over = TOP.with(|top| top.over.replace(0));
        let depth = self.frames.len();
        self.frames.push(Frame { span, pushed, over });
        depth
    }

    /// Removes the frame at `depth` and the frames above it, and returns their spans. The caller drops them after the
    /// borrow, because the end of a last handle may use the stack again.
    fn take(&mut self, depth: usize) -> (Option<Span>, Vec<Span>) {
        if let Some(frame) = self.frames.get(depth) {
            set_top(depth, frame.over);
        }
        if self.frames.len() == depth + 1 {
            return (self.frames.pop().map(|frame| frame.span), Vec::new());
        }
        if self.frames.len() <= depth {
            let entry = self.out_of_order.iter().rposition(|(at, _)| *at == depth);
            return (entry.map(|at| self.out_of_order.remove(at).1), Vec::new());
        }
        // Guards that are dropped out of order keep the spans that closures take back.
        let mut dropped = Vec::new();
        let above = self.frames.split_off(depth + 1);
        for (at, frame) in above.into_iter().enumerate() {
            if frame.pushed {
                self.out_of_order.push((depth + 1 + at, frame.span));
            } else {
                dropped.push(frame.span);
            }
        }
        (self.frames.pop().map(|frame| frame.span), dropped)
    }
}

/// Keeps a span current on this thread; made by [`Span::enter`].
#[must_use = "the span is current only until the guard is dropped"]
pub struct Entered {
    /// Height of the stack to return to; `usize::MAX` if nothing was pushed.
    depth: usize,
    /// Not `Send`: the stack is this thread's.
    thread: PhantomData<*const ()>,
}

impl Entered {
    fn nothing() -> Self {
        Self {
            depth: usize::MAX,
            thread: PhantomData,
        }
    }
}

impl Drop for Entered {
    #[cfg_attr(not(feature = "record"), inline)]
    fn drop(&mut self) {
        if !RECORDS || self.depth == usize::MAX {
            return;
        }
        let depth = self.depth;
        // If the frame is gone, so are the frames above it.
        let left = with(|stack| (stack.frames.len() > depth).then(|| stack.take(depth)));
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
        assert!(with(|stack| stack.frames.is_empty() && stack.out_of_order.is_empty()).unwrap());
    }
}
