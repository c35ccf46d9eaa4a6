//! The current span: a stack per thread, filled only while a closure runs or a future is polled.
//! Pushed by `start`, `future` and guards; read by `Span::current`. Works on every executor, since
//! it belongs to the poll and not to the task.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;

use crate::span::Span;

thread_local! {
    static STACK: RefCell<Vec<Span>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn current() -> Span {
    STACK
        .try_with(|stack| stack.try_borrow().ok()?.last().cloned())
        .ok()
        .flatten()
        .unwrap_or(Span::noop())
}

/// Makes `span` current until the guard is dropped. A span that is not recorded hides one that is,
/// so that work below it is not attributed to a stranger.
pub(crate) fn enter(span: &Span) -> Entered {
    let depth = STACK.try_with(|stack| {
        let Ok(mut stack) = stack.try_borrow_mut() else {
            return usize::MAX;
        };
        if span.live.is_none() && !span.unsampled && stack.is_empty() {
            return usize::MAX;
        }
        stack.push(span.clone());
        stack.len() - 1
    });
    Entered {
        depth: depth.unwrap_or(usize::MAX),
        thread: PhantomData,
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

impl Drop for Entered {
    fn drop(&mut self) {
        if self.depth == usize::MAX {
            return;
        }
        // Taken out first and dropped after the borrow: the end of a span's last handle may come back here.
        let left = STACK.try_with(|stack| {
            let Ok(mut stack) = stack.try_borrow_mut() else {
                return (None, Vec::new());
            };
            // Guards dropped out of order leave what was entered before them.
            if stack.len() > self.depth + 1 {
                return (None, stack.split_off(self.depth));
            }
            (
                if stack.len() > self.depth {
                    stack.pop()
                } else {
                    None
                },
                Vec::new(),
            )
        });
        drop(left);
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").finish_non_exhaustive()
    }
}
