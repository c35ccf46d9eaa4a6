//! The observations that entered `tracing` spans made current on this thread.
//! Filled and emptied by `layer`: `tracing` has two calls, enter and exit, where the core has a guard.

use std::cell::RefCell;

use tracefuse_core::{Entered, Span};
use tracing_core::span::Id;

thread_local! {
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
}

struct Entry {
    id: u64,
    span: Span,
    guard: Entered,
}

/// Makes `span` current on this thread until [`exit`] with the same id.
pub(crate) fn enter(id: &Id, span: Span) {
    // At the end of a thread the stack is gone, and nothing reads it.
    let _ = ENTERED.try_with(|entered| {
        if let Ok(mut entered) = entered.try_borrow_mut() {
            let (id, guard) = (id.into_u64(), span.enter());
            entered.push(Entry { id, span, guard });
        }
    });
}

/// Undoes the last [`enter`] with this id; what was entered after it stays current.
pub(crate) fn exit(id: &Id) {
    let left = ENTERED.try_with(|entered| {
        let mut entered = entered.try_borrow_mut().ok()?;
        let at = entered
            .iter()
            .rposition(|entry| entry.id == id.into_u64())?;
        // Not exited in the order they were entered: guards go by order, so those above leave and return.
        let mut above = Vec::new();
        while entered.len() > at + 1 {
            above.extend(entered.pop().map(|entry| {
                drop(entry.guard);
                (entry.id, entry.span)
            }));
        }
        let Entry {
            span: left, guard, ..
        } = entered.pop()?;
        drop(guard);
        for (id, span) in above.into_iter().rev() {
            let guard = span.enter();
            entered.push(Entry { id, span, guard });
        }
        Some(left)
    });
    // Dropped outside of the borrow: the end of a last handle may come back here.
    drop(left);
}
