//! A disk that is full, a file that is locked: what was not stored is not answered as stored.

use std::time::{Duration, Instant};

use serde_json::json;
use tracefuse_server::{ServerConfig, Store, StoreOptions, TraceQuery};

use crate::samples::{request, span, trace};
use crate::support::Live;

/// Text that does not get shorter by compression.
fn noise(seed: u64, length: u64) -> String {
    let word = |at: u64| {
        let mut z = (seed << 32) + at + 0x9e37_79b9_7f4a_7c15;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        format!("{:016x}", z ^ (z >> 27))
    };
    (0..length).map(word).collect()
}

#[test]
fn a_full_disk_is_reported_and_what_was_answered_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = StoreOptions::default();
    options.max_pages = Some(300);
    let path = folder.path().join("traces.db");
    let store = Store::open(&path, options).unwrap();
    let live = Live::of(ServerConfig::default(), store);
    let mut stored = 0u64;
    let mut refusal = None;
    for n in 1..2000u64 {
        let body = request(&[span(
            &trace(n),
            n,
            None,
            &[("langfuse.observation.input", json!(noise(n, 500)))],
        )]);
        let answer = live.call().json().send("POST", "/v1/traces", &body);
        if answer.status != 200 {
            refusal = Some(answer);
            break;
        }
        stored = n;
    }
    let refusal = refusal.expect("the file has a limit");
    assert_eq!(
        (refusal.status, refusal.header("retry-after")),
        (503, Some("5"))
    );
    assert!(refusal.body.contains("disk is full"), "{}", refusal.body);
    assert!(stored > 10, "{stored}");
    let mut query = TraceQuery::default();
    query.limit = 1000;
    assert_eq!(live.store.traces(&query).unwrap().rows.len() as u64, stored);
    assert!(live.store.trace(&trace(stored + 1)).unwrap().is_none());
    // With room again, it goes on.
    drop(live);
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    assert_eq!(store.traces(&query).unwrap().rows.len() as u64, stored);
    let live = Live::of(ServerConfig::default(), store);
    live.put(&request(&[span(&trace(9999), 1, None, &[])]));
}

#[test]
fn a_file_that_another_program_locks_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let store = Store::open(&path, StoreOptions::default()).unwrap();
    let live = Live::of(ServerConfig::default(), store);
    live.put(&request(&[span(&trace(1), 1, None, &[])]));
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = request(&[span(&trace(2), 2, None, &[])]);
    let refused = live.call().json().send("POST", "/v1/traces", &body);
    assert_eq!(refused.status, 503, "{}", refused.body);
    assert!(refused.body.contains("locked"), "{}", refused.body);
    // Readers are not in its way.
    assert_eq!(live.get("/api/public/traces")["meta"]["totalItems"], 1);
    other.execute_batch("ROLLBACK").unwrap();
    live.put(&body);
    assert_eq!(live.get("/api/public/traces")["meta"]["totalItems"], 2);
}

#[test]
fn one_job_that_cannot_be_stored_harms_no_other() {
    let store = Store::in_memory(StoreOptions::default()).unwrap();
    let taken = |n: u64| {
        tracefuse_server::take::otlp_json(&request(&[span(&trace(n), n, None, &[])]))
            .unwrap()
            .changes
    };
    std::thread::scope(|scope| {
        for n in 1..=40u64 {
            let store = store.clone();
            let changes = taken(n);
            scope.spawn(move || store.ingest_blocking(changes).unwrap());
        }
    });
    let mut query = TraceQuery::default();
    query.limit = 100;
    assert_eq!(store.traces(&query).unwrap().rows.len(), 40);
}

#[test]
fn a_closed_store_answers_503_and_can_be_read() {
    let live = Live::start();
    live.put(&request(&[span(&trace(1), 1, None, &[])]));
    live.store.close();
    let answer = live.call().json().send(
        "POST",
        "/v1/traces",
        &request(&[span(&trace(2), 2, None, &[])]),
    );
    assert_eq!(answer.status, 503);
    assert_eq!(live.get("/api/public/traces")["meta"]["totalItems"], 1);
}

#[test]
fn the_index_is_filled_while_nothing_waits() {
    let live = Live::start();
    live.put(&request(&[span(
        &trace(1),
        1,
        None,
        &[("langfuse.observation.input", json!("needle"))],
    )]));
    let limit = Instant::now() + Duration::from_secs(30);
    while !live.store.is_indexed().unwrap() {
        assert!(Instant::now() < limit, "the index is not filled");
        std::thread::yield_now();
    }
    let query = TraceQuery::parse("q=needle", 0).unwrap();
    assert_eq!(live.store.traces(&query).unwrap().rows.len(), 1);
}
