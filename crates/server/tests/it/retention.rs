//! What is too old or too much is deleted.

use std::time::Duration;

use serde_json::json;
use tracefuse_core::{Clock, ManualClock, Timestamp};
use tracefuse_server::{Store, StoreOptions};

use crate::samples::{START, request, span, trace};
use crate::store::{ids, put};

#[test]
fn old_and_surplus_traces_are_deleted_the_oldest_first() {
    let manual = ManualClock::at(Timestamp::from_unix_nanos(START));
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::default();
    options.clock = Clock::new(manual.clone());
    options.max_age = Some(Duration::from_secs(60));
    let store = Store::open(folder.path().join("traces.db"), options).unwrap();
    put(
        &store,
        &request(&[span(&trace(1), 1, None, &[("session.id", json!("s"))])]),
    );
    manual.advance(Duration::from_secs(40));
    put(
        &store,
        &request(&[span(&trace(2), 2, None, &[("session.id", json!("s"))])]),
    );
    store.retain_blocking().unwrap();
    assert_eq!(ids(&store, "").len(), 2);
    manual.advance(Duration::from_secs(40));
    store.retain_blocking().unwrap();
    assert_eq!(ids(&store, ""), [trace(2)]);
    assert_eq!(store.session("s").unwrap().unwrap().session.traces, 1);
    store.close();

    let mut options = StoreOptions::default();
    options.max_bytes = Some(1 << 20);
    let path = folder.path().join("small.db");
    let store = Store::open(&path, options).unwrap();
    let mut spans = Vec::new();
    for n in 0..1200u64 {
        // Not compressible.
        let words = (0..100u64).map(|at| {
            format!(
                "{:016x}",
                (n * 7919 + at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            )
        });
        let noise = words.collect::<Vec<_>>().join(" ");
        spans.push(span(
            &trace(n + 1),
            n,
            None,
            &[("langfuse.observation.input", json!(noise))],
        ));
    }
    for part in spans.chunks(20) {
        put(&store, &request(part));
    }
    store.retain_blocking().unwrap();
    let left = ids(&store, "limit=1000");
    assert!(!left.is_empty() && left.len() < 1000, "{}", left.len());
    assert_eq!(left[0], trace(1200));
    store.close();
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size < 4 << 20, "{size}");
}

#[test]
fn one_trace_that_stays_keeps_no_other_from_being_deleted() {
    let manual = ManualClock::at(Timestamp::from_unix_nanos(START + 1_000 * 1_000_000_000));
    let mut options = StoreOptions::default();
    options.clock = Clock::new(manual.clone());
    options.max_age = Some(Duration::from_secs(60));
    let store = Store::in_memory(options).unwrap();
    let one = |n: u64, of: u64| put(&store, &request(&[span(&trace(of), n, None, &[])]));
    // The clock is ahead and is set right; the second trace gets spans all the time.
    one(1, 1);
    manual.step_to(Timestamp::from_unix_nanos(START));
    one(2, 2);
    one(3, 3);
    for n in 4..8 {
        manual.advance(Duration::from_secs(20));
        one(n, 2);
    }
    one(8, 4);
    store.retain_blocking().unwrap();
    assert_eq!(ids(&store, "order=oldest"), [trace(1), trace(2), trace(4)]);
    // At the end each of them is too old.
    manual.advance(Duration::from_secs(2_000));
    store.retain_blocking().unwrap();
    assert!(ids(&store, "").is_empty());
}
