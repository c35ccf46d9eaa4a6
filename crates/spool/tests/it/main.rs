//! The spool through its public API: what it keeps, what it leaves alone, and what `kill -9` cannot take.

mod behaviour;
mod damage;
mod kill;
mod reader;
mod strangers;

use std::path::{Path, PathBuf};

use tracefuse_spool::{Recovered, Spool, SpoolConfig};

const NOW: u64 = 1_700_000_000_000;
const TAG: u64 = 7;

fn open(dir: &Path) -> (Spool, Recovered) {
    Spool::open(SpoolConfig::new(dir).tag(TAG), NOW).expect("a spool")
}

fn append(spool: &mut Spool, payloads: &[&str]) {
    for payload in payloads {
        spool.append(payload.as_bytes(), NOW).expect("appended");
    }
}

/// Everything that can be read, in order; each batch is acknowledged.
fn drain(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    spool.seal().expect("sealed");
    while let Some(batch) = spool.next(NOW).expect("read") {
        all.extend(
            batch
                .payloads
                .into_iter()
                .map(|payload| String::from_utf8(payload).expect("text")),
        );
        spool.acknowledge(batch.id).expect("acknowledged");
    }
    all
}

/// The process directories of a spool.
fn processes(dir: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(dir.join("v1"))
        .expect("v1")
        .map(|entry| entry.expect("entry").path())
        .collect();
    paths.sort();
    paths
}

/// The files with an extension in all process directories.
fn files(dir: &Path, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = processes(dir)
        .into_iter()
        .filter(|process| process.is_dir() && !process.is_symlink())
        .flat_map(|process| std::fs::read_dir(process).expect("a process"))
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}
