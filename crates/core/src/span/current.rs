//! The current span: a stack per thread, filled only while a closure runs or a future is polled.
//! Pushed by `start`, `future` and guards; read by `Span::current`. Works on every executor, since
//! it belongs to the poll and not to the task.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;

use crate::span::feature::RECORDS;
use crate::span::handle::Span;

struct Frame {
    span: Span,
    /// Its closure wants it back at its end.
    pushed: bool,
    /// It stands on a veil, which is back when it is gone.
    suppressed: bool,
}

struct Stack {
    frames: Vec<Frame>,
    /// PushedSpan spans, and where they stood, that a guard dropped out of order took away.
    out_of_order: Vec<(usize, Span)>,
}

thread_local! {
    static STACK: RefCell<Stack> = const {
        RefCell::new(Stack { frames: Vec::new(), out_of_order: Vec::new() })
    };
    /// What is to be known of it without borrowing it, in one word that is zero where there is nothing: its
    /// height, and in the lowest bit the veil, a span that is not sampled above all that the stack has.
    static TOP: Cell<usize> = const { Cell::new(0) };
}

const SUPPRESSED: usize = 1;

fn set_top(height: usize, suppressed: bool) {
    TOP.set(height << 1 | usize::from(suppressed));
}

fn is_suppressed() -> bool {
    TOP.get() & SUPPRESSED != 0
}

/// Runs `f` on the stack; `None` where there is none any more, on a thread that is ending.
fn with<R>(f: impl FnOnce(&mut Stack) -> R) -> Option<R> {
    let result = STACK.try_with(|stack| {
        let mut stack = stack.try_borrow_mut().ok()?;
        let result = f(&mut stack);
        set_top(stack.frames.len(), is_suppressed());
        Some(result)
    });
    result.ok().flatten()
}

pub(crate) fn current() -> Span {
    if !RECORDS {
        return Span::noop();
    }
    if is_suppressed() {
        return Span::unsampled();
    }
    STACK
        .try_with(|stack| Some(stack.try_borrow().ok()?.frames.last()?.span.clone()))
        .ok()
        .flatten()
        .unwrap_or(Span::noop())
}

/// Makes `span` current until the guard is dropped. A span that is not recorded hides one that is,
/// so that work below it is not attributed to a stranger.
pub(crate) fn enter(span: &Span) -> Entered {
    if !RECORDS || (span.open.is_none() && !span.unsampled && TOP.get() == 0) {
        return Entered::nothing();
    }
    let span = span.clone();
    let depth = with(|stack| stack.push(span, false));
    Entered {
        depth: depth.unwrap_or(usize::MAX),
        thread: PhantomData,
    }
}

/// Runs `f` with a span current that is not sampled.
#[inline]
pub(crate) fn suppressed<R>(f: impl FnOnce() -> R) -> R {
    struct Restore<'a>(&'a Cell<usize>, usize);

    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            // The height is what it is: a guard may have been left out of order meanwhile.
            self.0.set(self.0.get() & !SUPPRESSED | self.1 & SUPPRESSED);
        }
    }

    TOP.with(|top| {
        let before = top.get();
        top.set(before | SUPPRESSED);
        let _restore = Restore(top, before);
        f()
    })
}

/// Runs `f` with nothing current.
#[inline]
pub(crate) fn without_current<R>(f: impl FnOnce() -> R) -> R {
    if !RECORDS || TOP.get() == 0 {
        return f();
    }
    let _entered = enter(&Span::noop());
    f()
}

/// Makes `span` current without another handle of it, until it is taken back by `leave`.
pub(crate) fn push(span: Span) -> PushedSpan {
    let mut spare = Some(span);
    let depth = with(|stack| spare.take().map(|span| stack.push(span, true)));
    PushedSpan {
        depth: depth.flatten().unwrap_or(usize::MAX),
        spare,
    }
}

/// A span on the stack that is to be taken back.
pub(crate) struct PushedSpan {
    depth: usize,
    /// The span itself, if there was no stack to put it on.
    spare: Option<Span>,
}

impl PushedSpan {
    pub(crate) fn leave(self) -> Span {
        let Self { depth, spare } = self;
        if let Some(span) = spare {
            return span;
        }
        // On top of the stack, as a rule.
        let top = STACK.try_with(|stack| {
            let frames = &mut stack.try_borrow_mut().ok()?.frames;
            if frames.len() != depth + 1 {
                return None;
            }
            let frame = frames.pop()?;
            set_top(depth, frame.suppressed);
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
    fn push(&mut self, span: Span, pushed: bool) -> usize {
        let suppressed = is_suppressed();
        set_top(self.frames.len(), false);
        self.frames.push(Frame {
            span,
            pushed,
            suppressed,
        });
        self.frames.len() - 1
    }

    /// Removes what was entered at `depth` and whatever stands above it, and gives both: spans are
    /// dropped by the caller, after the borrow, since the end of a last handle may come back here.
    fn take(&mut self, depth: usize) -> (Option<Span>, Vec<Span>) {
        if let Some(frame) = self.frames.get(depth) {
            set_top(depth, frame.suppressed);
        }
        if self.frames.len() == depth + 1 {
            return (self.frames.pop().map(|frame| frame.span), Vec::new());
        }
        if self.frames.len() <= depth {
            let entry = self.out_of_order.iter().rposition(|(at, _)| *at == depth);
            return (entry.map(|at| self.out_of_order.remove(at).1), Vec::new());
        }
        // Guards dropped out of order leave what was entered before them.
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
        // Where the frame is gone, so are those above it: nothing of ours is left to take.
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
    use crate::processor::Processor;
    use crate::record::SpanRecord;
    use crate::trace::tracer::Tracer;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Names(Arc<Mutex<Vec<String>>>);

    impl Processor for Names {
        fn on_end(&self, span: SpanRecord) {
            self.0.lock().unwrap().push(span.name().to_owned());
        }
    }

    #[test]
    fn what_is_not_sampled_hides_what_is_and_lets_it_be_seen_again() {
        let tracer = Tracer::builder(Names::default()).build();
        let none = crate::SampleRate::new(0.0).unwrap();
        let other = Tracer::builder(Names::default()).sample_rate(none).build();
        tracer.trace("sampled").run(|outer| {
            let seen = || Span::current().id();
            assert_eq!(seen(), outer.root().id());
            other.trace("unsampled").run(|trace| {
                trace.span("below").run(|_| {
                    assert!(Span::current().unsampled);
                    outer.span("inner").run(|inner| {
                        assert_eq!(seen(), inner.id());
                    });
                    let entered = Span::noop().enter();
                    assert!(seen().is_none() && !Span::current().unsampled);
                    drop(entered);
                    assert!(Span::current().unsampled);
                });
                let panicked = std::panic::catch_unwind(|| {
                    trace.span("panics").run(|_| std::panic::panic_any(()));
                });
                assert!(panicked.is_err() && Span::current().unsampled);
            });
            assert_eq!(seen(), outer.root().id());
        });
        assert_eq!(TOP.get(), 0);
    }

    #[test]
    fn a_guard_dropped_out_of_order_takes_no_span_from_its_closure() {
        let names = Names::default();
        let tracer = Tracer::builder(names.clone()).build();
        let trace = tracer.trace("root").start();
        let outer = trace.span("outer").start();
        let entered = outer.enter();
        let mut kept = None;
        trace.span("inner").run(|inner| {
            drop(entered);
            assert!(Span::current().id().is_none());
            kept = Some(inner);
        });
        assert_eq!(
            *names.0.lock().unwrap(),
            ["inner"],
            "ended with its closure"
        );
        assert!(!kept.unwrap().is_recording());
        assert!(with(|stack| stack.frames.is_empty() && stack.out_of_order.is_empty()).unwrap());
    }
}
