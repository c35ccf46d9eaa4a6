//! Buffers that are used again: a thread keeps a few of those whose spans ended on it.
//! Taken by span builders; given back as soon as a span's record was copied out. Nothing is shared between threads.

use std::cell::RefCell;

use super::buffer::Buffer;

/// Buffers that a thread keeps: as many spans as are open at once on a thread, as a rule.
const KEPT: usize = 32;

thread_local! {
    #[expect(clippy::vec_box, reason = "a builder moves the box, not the buffer")]
    static FREE: RefCell<Vec<Box<Buffer>>> = const { RefCell::new(Vec::new()) };
}

/// A buffer that is to be begun.
#[inline]
pub(crate) fn take() -> Box<Buffer> {
    let free = FREE.try_with(|free| free.try_borrow_mut().ok()?.pop());
    free.ok().flatten().unwrap_or_default()
}

/// Takes a buffer back; it is freed when it has grown large or enough are kept.
#[inline]
pub(crate) fn give(mut buffer: Box<Buffer>) {
    if !buffer.is_reusable() {
        return;
    }
    buffer.release_large();
    // A thread that is ending keeps nothing: the buffer is freed.
    let _ = FREE.try_with(|free| {
        if let Ok(mut free) = free.try_borrow_mut()
            && free.len() < KEPT
        {
            free.push(buffer);
        }
    });
}
