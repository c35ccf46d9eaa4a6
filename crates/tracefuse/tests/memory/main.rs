//! What is allocated for spans that wait, in a queue that is full too, and for a prompt of 50 MB that is sent: bounds for
//! both, and how many copies are made. A separate test program, since it has its own allocator; `-- --nocapture` shows the numbers.

#![expect(unsafe_code, reason = "a global allocator is an unsafe trait")]
#![expect(
    clippy::disallowed_methods,
    reason = "a receiver that keeps nothing has its own thread"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tracefuse::config::{Overload, TracerConfig};
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter};
use tracefuse::{LangfuseConfig, Trace, Tracer, Usage};

/// Counts what is allocated now, by all threads, and the most there was.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller keeps the contract.
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Both at once: whether the old place can be kept is the system's luck.
        grow(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// One test at a time: the count is the process's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Never answers.
struct Silent;

#[async_trait::async_trait]
impl Exporter for Silent {
    fn name(&self) -> &str {
        "silent"
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        std::future::pending().await
    }
}

/// Bytes a span that waits takes beside the texts and numbers it was given; and who holds those that wait, since
/// what they take would be used again.
fn beside_the_payload(payload: usize, record: impl Fn(&Trace)) -> (usize, Tracer) {
    const SPANS: usize = 9_000;
    let tracer = tracefuse::builder().exporter(Silent).build().unwrap();
    let trace = tracer.trace("root").user_id("user-8f31c2").start();
    // What threads and pools need once.
    (0..200).for_each(|_| record(&trace));
    let before = LIVE.load(Ordering::Relaxed);
    (0..SPANS).for_each(|_| record(&trace));
    let taken = LIVE.load(Ordering::Relaxed) - before;
    let stats = tracer.stats();
    assert_eq!(stats.exporters[0].pending(), SPANS as u64 + 200);
    ((taken / SPANS).saturating_sub(payload), tracer)
}

#[test]
fn a_span_that_waits_takes_little_beside_its_payload() {
    let _alone = alone();
    let (small, first) = beside_the_payload(64, |trace| {
        let span = trace.span("child").metadata("user", "user-8f31c2");
        let span = span.metadata("stage", "retrieval-augmented");
        let span = span.metadata("score", 0.8731).metadata("step", 41_872);
        span.run(|_| {});
    });
    let text = "x".repeat(1024);
    let (generation, second) = beside_the_payload(2 * 1024 + 51, |trace| {
        let span = trace.generation("answer").model("gpt-4o-2024-08-06");
        let span = span.input(text.as_str()).output(text.as_str());
        span.usage(Usage::new(812, 164).total(976)).run(|_| {});
    });
    for tracer in [first, second] {
        // It can only fail: the spans are not delivered.
        let _ = tracer.shutdown_within(Duration::from_millis(1));
    }
    println!("bytes beside the payload: a small span {small}, a generation {generation}");
    assert!(small <= 1024, "{small} bytes beside the payload");
    assert!(generation <= 1024, "{generation} bytes beside the payload");
}

/// Bytes allocated for spans that wait in a queue of `bound` bytes which is full, once `record` was called `times` times.
fn in_a_full_queue(
    bound: usize,
    overload: Overload,
    times: usize,
    record: impl Fn(&Tracer),
) -> usize {
    let tracer = tracefuse::builder()
        .exporter(Silent)
        .configure(|config| {
            config.delivery.max_queue_bytes = bound;
            config.delivery.overload = overload;
        })
        .build()
        .unwrap();
    (0..200).for_each(|_| record(&tracer));
    let before = LIVE.load(Ordering::Relaxed);
    (0..times).for_each(|_| record(&tracer));
    let taken = LIVE.load(Ordering::Relaxed).saturating_sub(before);
    let stats = tracer.stats();
    assert!(stats.is_balanced(), "{stats:#?}");
    assert!(stats.exporters[0].dropped_total() > 0, "it is full");
    let _ = tracer.shutdown_within(Duration::from_millis(1));
    taken
}

#[test]
fn a_full_queue_takes_no_more_than_its_bound() {
    let _alone = alone();
    const BOUND: usize = 2 << 20;
    // The records of the threads and of the worker, and capacity that grows by doubling.
    const ALLOWED: usize = BOUND / 4 * 5;
    // Each span comes alone, and the oldest leaves for it.
    let small = |tracer: &Tracer| {
        tracer.trace("request").user_id("user").run(|trace| {
            for n in 0..9 {
                trace.span("step").metadata("n", n).run(|_| {});
            }
        });
    };
    let taken = in_a_full_queue(BOUND, Overload::DropOldest, 6_000, small);
    println!("{BOUND} bytes of small spans: {taken} allocated");
    assert!(taken <= ALLOWED, "{taken} bytes for {BOUND}");
    // Trace attributes are memory too.
    let text = "x".repeat(1024);
    let traces = |tracer: &Tracer| {
        let trace = tracer.trace("request").metadata("document", text.as_str());
        trace.run(|_| {});
    };
    for overload in [Overload::DropNewest, Overload::DropOldest] {
        let taken = in_a_full_queue(BOUND, overload, 6_000, traces);
        println!("{BOUND} bytes of traces, {overload:?}: {taken} allocated");
        assert!(taken <= ALLOWED, "{taken} bytes for {BOUND}, {overload:?}");
    }
}

/// Accepts everything, and keeps nothing.
struct Accepting;

#[async_trait::async_trait]
impl Exporter for Accepting {
    fn name(&self) -> &str {
        "accepting"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        Ok(ExportReport::accepted(batch.len()))
    }
}

#[test]
fn memory_of_delivered_spans_is_freed_once_none_is_recorded() {
    let _alone = alone();
    // What the thread keeps for its next spans.
    const ALLOWED: usize = 256 * 1024;
    let tracer = tracefuse::builder()
        .exporter(Accepting)
        .configure(|config| config.delivery.flush_interval = Duration::from_millis(50))
        .build()
        .unwrap();
    let before = LIVE.load(Ordering::Relaxed);
    let text = "x".repeat(1024);
    tracer.trace("request").run(|trace| {
        for _ in 0..3_000 {
            trace.span("step").input(text.as_str()).run(|_| {});
        }
    });
    tracer.flush().unwrap();
    let begun = std::time::Instant::now();
    let beside = || LIVE.load(Ordering::Relaxed).saturating_sub(before);
    while beside() > ALLOWED {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{} bytes are kept",
            beside()
        );
        std::thread::yield_now();
    }
}

/// A receiver that keeps nothing: answers each request, and tells how long its body was.
fn sink() -> (String, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, answers) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(bytes) = receive(&mut stream) {
                tell.send(bytes).unwrap();
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(answer).unwrap();
            }
        }
    });
    (url, answers)
}

/// Reads a request and throws it away; the length of its body.
fn receive(stream: &mut TcpStream) -> Option<usize> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1)?.lines().next()?;
    let length: usize = length.parse().unwrap();
    let (mut left, mut buffer) = (length, [0; 16 * 1024]);
    while left > 0 {
        left -= stream.read(&mut buffer).unwrap();
    }
    Some(length)
}

const MB: usize = 1_000_000;
const PROMPT: usize = 50 * MB;

/// Sends a prompt of 50 MB that was given away; the most that was allocated beside it, and the bytes on the wire.
fn prompt(gzip: bool, change: impl FnOnce(&mut TracerConfig)) -> (usize, usize) {
    let (url, answers) = sink();
    // Memory is measured, not time: a busy machine compresses the prompt in more than the default 15 s.
    let langfuse = LangfuseConfig::new("pk-lf-1", "sk-lf-1").timeout(Duration::from_secs(100));
    let builder = tracefuse::builder().langfuse(langfuse.base_url(&url).gzip(gzip));
    let tracer = builder.configure(change).build().unwrap();
    // Connections, threads and pools are made once.
    tracer.trace("first").run(|_| {});
    tracer.flush().unwrap();
    // 32 bytes a line.
    let text = "What is the answer, \"please\"? 1\n".repeat(PROMPT / 32);
    let before = LIVE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    tracer.trace("request").run(|trace| {
        trace.generation("answer").input(text).run(|_| {});
    });
    let report = tracer.shutdown_within(Duration::from_secs(100)).unwrap();
    assert!(report.is_lossless(), "{report:?}");
    let beside = PEAK.load(Ordering::Relaxed) - before;
    (beside, answers.try_iter().max().unwrap())
}

#[test]
fn a_prompt_of_50_mb_is_copied_once_to_be_sent() {
    let _alone = alone();
    let large = |config: &mut TracerConfig| {
        config.delivery.max_batch_bytes = 64 * MB;
        config.delivery.max_queue_bytes = 128 * MB;
    };
    let (plain, sent) = prompt(false, large);
    println!(
        "50 MB, plain: {} KB beside it, {} KB sent",
        plain / 1000,
        sent / 1000
    );
    assert!(sent >= PROMPT, "it is sent whole");
    assert!(plain <= PROMPT + 5 * MB, "{plain} bytes beside the prompt");

    let (gzip, sent) = prompt(true, large);
    println!(
        "50 MB, gzip: {} KB beside it, {} KB sent",
        gzip / 1000,
        sent / 1000
    );
    assert!(sent < PROMPT / 10, "it is compressed");
    // The request, and room for a compressed one of a quarter.
    assert!(
        gzip <= PROMPT / 4 * 5 + 5 * MB,
        "{gzip} bytes beside the prompt"
    );
}

#[test]
fn a_prompt_of_50_mb_at_default_settings_is_cut_before_it_is_copied() {
    let _alone = alone();
    let (cut, sent) = prompt(false, |_| {});
    println!(
        "50 MB, default: {} KB beside it, {} KB sent",
        cut / 1000,
        sent / 1000
    );
    assert!(sent <= 4 * 1024 * 1024, "a batch's bytes");
    assert!(cut <= 20 * MB, "{cut} bytes beside the prompt");
}
