//! What recording takes from the allocator: watched by counting, which a noisy machine cannot disturb.
//! A separate test program, since it has its own allocator.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, Mutex};

use tracefuse_core::record::{Chunk, FinishedSpan, SpanRecord, SpareMemory};
use tracefuse_core::{Processor, SampleRate, Trace, Tracer};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
    static BYTES: Cell<u64> = const { Cell::new(0) };
}

fn note(bytes: usize) {
    CALLS.set(CALLS.get() + 1);
    BYTES.set(BYTES.get() + bytes as u64);
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations and bytes of this thread while `f` runs.
fn counted(f: impl FnOnce()) -> (u64, u64) {
    let before = (CALLS.get(), BYTES.get());
    f();
    (CALLS.get() - before.0, BYTES.get() - before.1)
}

struct Discard;

impl Processor for Discard {
    fn on_end(&self, span: SpanRecord) {
        drop(span);
    }
}

fn four_attributes(trace: &Trace) {
    let span = trace.span("child").metadata("user", "user-8f31c2");
    let span = span.metadata("stage", "retrieval-augmented");
    span.metadata("score", 0.8731)
        .metadata("step", 41_872)
        .run(|_| {});
}

fn lazily(trace: &Trace, called: &Cell<u32>) {
    let call = || called.set(called.get() + 1);
    let span = trace.generation("child").input_with(call).output_with(call);
    span.metadata_with("key", call).run(|span| {
        span.set_input_with(call);
        span.set_output_with(call);
        span.add_metadata_with("key", call);
    });
    trace.set_input_with(call);
    trace.add_metadata_with("key", call);
}

#[test]
fn a_disabled_tracer_allocates_nothing_and_calls_no_closure() {
    let called = Cell::new(0);
    let tracer = Tracer::noop();
    let cost = counted(|| {
        for _ in 0..100 {
            tracer
                .trace("root")
                .user_id("user")
                .tag("tag")
                .run(|trace| {
                    four_attributes(&trace);
                    lazily(&trace, &called);
                });
        }
    });
    assert_eq!((cost, called.get()), ((0, 0), 0));
}

#[test]
fn spans_of_an_unsampled_trace_allocate_nothing_and_call_no_closure() {
    let called = Cell::new(0);
    let none = SampleRate::new(0.0).unwrap();
    let tracer = Tracer::builder(Discard).sample_rate(none).build();
    let trace = tracer.trace("root").start();
    // The first one on a thread makes the thread's stack of current spans.
    four_attributes(&trace);
    let cost = counted(|| {
        for _ in 0..100 {
            four_attributes(&trace);
            lazily(&trace, &called);
        }
    });
    assert_eq!((cost, called.get()), ((0, 0), 0));
    assert!(!trace.is_recording());
}

/// Appends finished spans to a chunk, as delivery does.
struct Append(Arc<Mutex<Chunk>>);

impl Processor for Append {
    fn on_end(&self, _: SpanRecord) {}

    fn on_finish(&self, span: &FinishedSpan<'_>) {
        self.0.lock().unwrap().push(span);
    }
}

#[test]
fn a_recorded_span_takes_no_allocation() {
    let chunk = Arc::new(Mutex::new(Chunk::default()));
    let tracer = Tracer::builder(Append(chunk.clone())).build();
    let trace = tracer.trace("root").start();
    // The first ones make the slot, the buffer and the chunk that all of them use.
    (0..200).for_each(|_| four_attributes(&trace));
    assert_eq!(chunk.lock().unwrap().take().len(), 200);
    four_attributes(&trace);
    let (calls, bytes) = counted(|| (0..100).for_each(|_| four_attributes(&trace)));
    assert_eq!((calls, bytes), (0, 0), "for 100 spans");
}

#[test]
fn an_owned_string_of_64_kib_is_moved_and_a_borrowed_one_copied_once() {
    const SIZE: usize = 64 * 1024;
    let tracer = Tracer::builder(Discard).build();
    let trace = tracer.trace("root").start();
    let text = "x".repeat(SIZE);
    let borrowed = counted(|| trace.generation("copied").input(text.as_str()).run(|_| {}));
    assert!(
        (SIZE as u64..SIZE as u64 + 2048).contains(&borrowed.1),
        "{borrowed:?}"
    );
    let owned = counted(|| {
        trace.generation("moved").input(text).run(|_| {});
    });
    assert!(owned.1 < 2048, "{owned:?}");
    let late = "x".repeat(SIZE);
    let set = counted(|| {
        trace.generation("moved").run(|span| span.set_output(late));
    });
    assert!(set.1 < 2048, "{set:?}");
}

#[test]
fn the_memory_of_a_chunk_that_was_dropped_is_used_again() {
    let spare = SpareMemory::keep(64 * 1024);
    let chunk = Arc::new(Mutex::new(Chunk::default()));
    let tracer = Tracer::builder(Append(chunk.clone())).build();
    let trace = tracer.trace("root").start();
    let of_a_take = || {
        (0..100).for_each(|_| four_attributes(&trace));
        let mut chunk = chunk.lock().unwrap();
        let mut taken = None;
        let (_, bytes) = counted(|| taken = Some(chunk.take()));
        assert_eq!(taken.map(|taken| taken.len()), Some(100));
        bytes
    };
    assert!(of_a_take() > 8 * 1024);
    // A test beside this one may have the list at the same moment.
    let is_kept = || (0..1_000).any(|_| of_a_take() == 0);
    assert!(is_kept());
    spare.set(false);
    // The one that was kept is used, and not kept again.
    of_a_take();
    assert!((0..3).all(|_| of_a_take() > 8 * 1024), "switched off");
    spare.set(true);
    assert!(is_kept());
    SpareMemory::free();
    assert!(of_a_take() > 8 * 1024);
    drop(spare);
    of_a_take();
    assert!((0..3).all(|_| of_a_take() > 8 * 1024), "nothing is kept");
}
