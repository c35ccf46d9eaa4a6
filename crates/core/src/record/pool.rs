//! Buffers that come back: a few in every thread, the rest in one shared list, handed over by the dozen.
//! Taken by span builders, given back by whoever drops a record, mostly the delivery thread.

use std::cell::RefCell;
use std::sync::{Mutex, PoisonError};

use super::buffer::Buffer;

/// Buffers a thread keeps for itself, and how many change hands at once.
const KEPT: usize = 64;
const MOVED: usize = 32;
/// Bound of the shared list: memory of the buffers in it.
const SHARED_BYTES: usize = 8 * 1024 * 1024;

type Buffers = Vec<Box<Buffer>>;

struct Shared {
    buffers: Buffers,
    bytes: usize,
}

static POOL: Mutex<Shared> = Mutex::new(Shared {
    buffers: Vec::new(),
    bytes: 0,
});

thread_local! {
    static LOCAL: RefCell<Buffers> = const { RefCell::new(Vec::new()) };
}

fn shared<R>(f: impl FnOnce(&mut Shared) -> R) -> R {
    f(&mut POOL.lock().unwrap_or_else(PoisonError::into_inner))
}

/// An empty buffer; it may still have the attributes of a trace.
pub(crate) fn take() -> Box<Buffer> {
    let local = LOCAL.try_with(|local| {
        let mut local = local.try_borrow_mut().ok()?;
        if local.is_empty() {
            shared(|pool| {
                let from = pool.buffers.len().saturating_sub(MOVED);
                local.extend(pool.buffers.drain(from..));
                pool.bytes -= held(&local);
            });
        }
        let buffer = local.pop();
        if let Some(next) = local.last() {
            next.touch();
        }
        buffer
    });
    let mut buffer = local.ok().flatten().unwrap_or_default();
    // Here and not by `give`: it was written to on this core, most often, and is still near it.
    buffer.reset();
    buffer
}

/// Takes a buffer back; it is freed when it has grown large or enough are kept.
pub(crate) fn give(mut buffer: Box<Buffer>) {
    if !buffer.is_reusable() {
        return;
    }
    buffer.shed();
    // A thread that is ending has no local list any more; the buffer is then simply freed.
    let _ = LOCAL.try_with(|local| {
        let Ok(mut local) = local.try_borrow_mut() else {
            return;
        };
        local.push(buffer);
        if local.len() >= KEPT {
            let moved = local.split_off(KEPT - MOVED);
            let bytes = held(&moved);
            let refused = shared(|pool| {
                if pool.bytes + bytes > SHARED_BYTES {
                    return moved;
                }
                pool.bytes += bytes;
                pool.buffers.extend(moved);
                Vec::new()
            });
            // Freed after the lock.
            drop(refused);
        }
    });
}

fn held(buffers: &[Box<Buffer>]) -> usize {
    buffers.iter().map(|buffer| buffer.held()).sum()
}
