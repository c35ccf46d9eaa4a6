//! What both chunk floors need: a clock, ids that count up in a thread, and a flat record.
//! Used by `floor_chunk`.

use std::cell::Cell;

pub trait Clock: Send + Sync + 'static {
    fn now() -> u64;
}

pub struct Tsc;
impl Clock for Tsc {
    #[inline(always)]
    fn now() -> u64 {
        #[cfg(target_arch = "x86_64")]
        // SAFETY: every x86-64 processor has the instruction.
        unsafe {
            core::arch::x86_64::_rdtsc()
        }
        #[cfg(not(target_arch = "x86_64"))]
        StdSystem::now()
    }
}

pub struct StdSystem;
impl Clock for StdSystem {
    #[inline(always)]
    fn now() -> u64 {
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64)
    }
}

thread_local! {
    static NEXT_ID: Cell<u64> = const { Cell::new(1) };
}

#[inline(always)]
pub(super) fn next_id() -> u64 {
    NEXT_ID.with(|c| {
        let id = c.get();
        c.set(id + 1);
        id
    })
}

#[derive(Clone, Copy)]
#[allow(dead_code)]
pub(super) enum Slot {
    Text(u32, u32),
    Float(f64),
    Int(i64),
}

#[allow(dead_code)]
pub(super) struct Flat {
    pub name: &'static str,
    pub id: u64,
    pub parent: u64,
    pub begin: u64,
    pub end: u64,
    pub len: u8,
    pub slots: [(&'static str, Slot); 6],
}

pub(super) const NONE: (&str, Slot) = ("", Slot::Int(0));
