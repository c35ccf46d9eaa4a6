//! `kill -9` at any moment: the file opens, and everything that was answered is in it. The child is this very program,
//! run for one test by name.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use serde_json::json;
use tracefuse_server::take::otlp_json;
use tracefuse_server::{Store, StoreOptions, TraceQuery};

use crate::samples::{request, span, trace};

const KILLS: u64 = 200;
const FILE: &str = "TRACEFUSE_TEST_STORE";
const LIFE: &str = "TRACEFUSE_TEST_LIFE";

/// Not a test by itself: does nothing unless the loop below started it.
#[test]
fn a_child_stores_until_it_is_killed() {
    let Ok(file) = std::env::var(FILE) else {
        assert!(std::env::var(LIFE).is_err());
        return;
    };
    let life: u64 = std::env::var(LIFE).unwrap().parse().unwrap();
    let store = Store::open(file, StoreOptions::default()).unwrap();
    let mut out = std::io::stdout().lock();
    for n in 0..100_000u64 {
        let id = life * 100_000 + n + 1;
        let input = format!(
            "life {life} number {n} {}",
            "words ".repeat((n % 40) as usize)
        );
        let spans = [
            span(
                &trace(id),
                1,
                None,
                &[("langfuse.observation.input", json!(input))],
            ),
            span(&trace(id), 2, Some(1), &[]),
        ];
        store
            .ingest_blocking(otlp_json(&request(&spans)).unwrap().changes)
            .unwrap();
        writeln!(out, "\n@stored {id}").unwrap();
        if n % 4 == 3 {
            assert!(futures::executor::block_on(store.delete_trace(&trace(id - 1))).unwrap());
            writeln!(out, "\n@deleted {}", id - 1).unwrap();
        }
        out.flush().unwrap();
    }
}

#[test]
fn everything_answered_is_there_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("traces.db");
    let program = std::env::current_exe().unwrap();
    let mut answered: BTreeSet<u64> = BTreeSet::new();
    let mut deleted: Vec<u64> = Vec::new();
    for life in 1..=KILLS {
        let mut child = Command::new(&program)
            .args([
                "kill::a_child_stores_until_it_is_killed",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(FILE, &file)
            .env(LIFE, life.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // Another number of answers in each life: 1 to 20.
        let wanted = 1 + (life * 7919) % 20;
        let mut count = 0;
        for line in lines {
            let line = line.unwrap();
            if let Some(id) = line.strip_prefix("@stored ") {
                answered.insert(id.parse().unwrap());
                count += 1;
                if count == wanted {
                    child.kill().unwrap();
                }
            } else if let Some(id) = line.strip_prefix("@deleted ") {
                deleted.push(id.parse().unwrap());
            }
        }
        assert!(count >= wanted, "life {life} ended by itself");
        child.wait().unwrap();
    }
    let store = Store::open(&file, StoreOptions::default()).unwrap();
    for id in &deleted {
        assert!(store.trace(&trace(*id)).unwrap().is_none(), "{id}");
        answered.remove(id);
    }
    // A deletion that was committed before its answer was read.
    let is_last_of_a_life = |id: &u64| !answered.contains(&(id + 2));
    for id in &answered {
        let view = store.trace(&trace(*id)).unwrap();
        let spans = view.map(|view| view.observations.len());
        let may_be_deleted = (id - 1) % 100_000 % 4 == 2 && is_last_of_a_life(id);
        assert!(
            spans == Some(2) || (spans.is_none() && may_be_deleted),
            "{id}: {spans:?}"
        );
    }
    assert!(deleted.len() > 100, "{}", deleted.len());
    // What is kept beside the spans agrees with them, and the index can be filled to its end.
    store.index_blocking().unwrap();
    store.retain_blocking().unwrap();
    let db = rusqlite::Connection::open(&file).unwrap();
    let one = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(
        db.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0))
            .unwrap(),
        "ok"
    );
    assert_eq!(
        one("SELECT count(*) FROM span"),
        one("SELECT sum(spans) FROM trace")
    );
    assert_eq!(one("SELECT count(*) FROM gone"), 0);
    assert_eq!(
        one("SELECT sum(traces) FROM hour"),
        one("SELECT count(*) FROM trace")
    );
    assert_eq!(
        one("SELECT count(*) FROM body"),
        one("SELECT count(*) FROM span WHERE has_body")
    );
    let query = TraceQuery::parse("q=%22life+1+number+0%22", 0).unwrap();
    assert_eq!(store.traces(&query).unwrap().rows.len(), 1);
}
