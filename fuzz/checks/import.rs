//! Files that are imported: lines of OTLP, of Langfuse's batch API and of the console, and payloads and files of a spool.
//! Each is read or refused; what is read is stored, and stored a second time it changes nothing.
//! Input: a byte that says which, then the file. Run by the fuzzer and by the replay of its seeds.

use std::path::Path;

use tracefuse_server::take::{self, Taken};
use tracefuse_server::{Store, StoreOptions, TraceQuery};
use tracefuse_spool::{Spool, SpoolConfig, SpoolReader};

use super::spooled::{self, Spooled};

pub(crate) fn run(data: &[u8]) {
    let (how, rest) = data.split_first().unwrap_or((&0, &[]));
    match how % 3 {
        0 => lines(rest),
        1 => payload(rest),
        _ => directory(rest),
    }
}

fn lines(file: &[u8]) {
    let mut all = Vec::new();
    for line in file.split(|byte| *byte == b'\n') {
        match take::line(line) {
            Ok(taken) => all.push(taken),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    store(&all);
}

fn payload(payload: &[u8]) {
    match spooled::read(payload) {
        Ok(Spooled::Spans(taken) | Spooled::Score(taken)) => store(&[taken]),
        Err(reason) => assert!(!reason.is_empty()),
    }
}

/// A file of a spool with any bytes: the reader and `Spool` itself see the same payloads.
fn directory(bytes: &[u8]) {
    let dir = tempfile::tempdir().expect("a directory");
    let process = dir.path().join("v1").join("1-1-00000000");
    std::fs::create_dir_all(&process).expect("a process");
    private(&process);
    let (kind, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let name = match kind % 3 {
        0 => "0000000000000001.open".to_owned(),
        1 => "0000000000000001.corrupt".to_owned(),
        _ => format!("0000000000000001-{:08x}.batch", kind / 3),
    };
    let path = process.join(name);
    std::fs::write(&path, bytes).expect("written");
    let reader = SpoolReader::open(dir.path()).expect("a spool");
    let mut read = Vec::new();
    for batch in reader {
        let Ok(batch) = batch else { continue };
        for payload in &batch.payloads {
            self::payload(payload);
        }
        read.extend(batch.payloads);
    }
    assert_eq!(std::fs::read(&path).expect("still there"), bytes);
    // The tag is in the header.
    let tag = bytes.get(6..14).and_then(|tag| tag.try_into().ok());
    let mut config = SpoolConfig::new(dir.path()).tag(tag.map_or(0, u64::from_le_bytes));
    config.max_age = std::time::Duration::MAX;
    let (mut spool, _) = Spool::open(config, 0).expect("a spool");
    let mut given = Vec::new();
    while let Some(batch) = spool.next(0).expect("readable") {
        given.extend(batch.payloads);
        spool.acknowledge(batch.id).expect("acknowledged");
    }
    assert_eq!(read, given);
}

fn store(all: &[Taken]) {
    let changes = || all.iter().flat_map(|taken| taken.changes.clone());
    if changes().next().is_none() {
        return;
    }
    let store = Store::in_memory(StoreOptions::default()).expect("a store");
    store.ingest_blocking(changes().collect()).expect("stored");
    let seen = seen(&store);
    let again = store
        .ingest_blocking(changes().collect())
        .expect("stored again");
    assert_eq!(again.stored + again.repeated, changes().count());
    assert_eq!(self::seen(&store), seen);
}

/// The traces and how many observations each has.
fn seen(store: &Store) -> Vec<(String, u64)> {
    let rows = store.traces(&TraceQuery::default()).expect("a list").rows;
    let mut seen: Vec<_> = rows.into_iter().map(|row| (row.id, row.spans)).collect();
    seen.sort();
    seen
}

#[cfg(unix)]
fn private(process: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for path in process.ancestors().take(2) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("private");
    }
}

#[cfg(not(unix))]
fn private(_: &Path) {}
