//! The spool on file systems that fail, and against a model.

mod crash;
mod fault;
mod injecting;
mod model;
mod script;

use std::path::Path;

use super::file::SystemFs;
use super::{Recovered, Spool, SpoolConfig};

const NOW: u64 = 1_700_000_000_000;
const TAG: u64 = 7;

fn reopen(dir: &Path) -> (Spool, Recovered) {
    Spool::open_on(Box::new(SystemFs), SpoolConfig::new(dir).tag(TAG), NOW).expect("a spool")
}

/// Everything that can be read, in order; each batch is acknowledged.
fn drain(spool: &mut Spool) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    spool.seal().expect("sealed");
    while let Some(batch) = spool.next(NOW).expect("read") {
        all.extend(batch.payloads);
        spool.acknowledge(batch.id).expect("acknowledged");
    }
    all
}
