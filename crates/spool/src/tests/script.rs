//! One run of a spool with every kind of step, and what was accepted during it.

use std::collections::BTreeSet;
use std::path::Path;

use super::injecting::InjectingFs;
use super::{NOW, TAG, reopen};
use crate::{Durability, Spool, SpoolConfig, SpoolError};

/// What must and what must not be there after a run, however it ended.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accepted: BTreeSet<Vec<u8>>,
    /// Acknowledged, and the spool said so.
    acknowledged: BTreeSet<Vec<u8>>,
    /// Acknowledged or dropped with an error: may come again.
    uncertain: BTreeSet<Vec<u8>>,
}

impl Ledger {
    /// The spool must return each accepted record once, in order, and nothing else.
    pub(super) fn check(&self, found: &[Vec<u8>], context: &str) {
        let set: BTreeSet<Vec<u8>> = found.iter().cloned().collect();
        assert_eq!(set.len(), found.len(), "{context}: something came twice");
        for payload in &self.accepted {
            let due = !self.acknowledged.contains(payload) && !self.uncertain.contains(payload);
            assert!(
                !due || set.contains(payload),
                "{context}: lost {}",
                String::from_utf8_lossy(payload)
            );
        }
        for payload in &set {
            assert!(
                self.accepted.contains(payload) && !self.acknowledged.contains(payload),
                "{context}: {} came from nowhere",
                String::from_utf8_lossy(payload)
            );
        }
    }

    fn append(&mut self, spool: &mut Spool, payload: &str) {
        if spool.append(payload.as_bytes(), NOW).is_ok() {
            self.accepted.insert(payload.into());
        }
    }

    fn acknowledge(&mut self, payloads: &[Vec<u8>], result: &Result<(), SpoolError>) {
        match result {
            Ok(()) => &mut self.acknowledged,
            Err(_) => &mut self.uncertain,
        }
        .extend(payloads.iter().cloned());
    }
}

/// What a process that has ended left: two batches, the first acknowledged in part, and one that was being written.
pub(super) fn leave_orphans(dir: &Path, ledger: &mut Ledger) {
    let (mut spool, _) = reopen(dir);
    for payload in ["a1", "a2", "a3"] {
        ledger.append(&mut spool, payload);
    }
    spool.seal().expect("sealed");
    for payload in ["b1", "b2"] {
        ledger.append(&mut spool, payload);
    }
    spool.seal().expect("sealed");
    let batch = spool.next(NOW).expect("read").expect("a batch");
    let result = spool.acknowledge_partly(batch.id, &batch.payloads[1..]);
    ledger.acknowledge(&batch.payloads[..1], &result);
    ledger.append(&mut spool, "c1");
    // Killed, not dropped: the tail stays open. The lock goes with the file's handle.
    spool.fs = Box::new(InjectingFs::failing_at(0, super::injecting::Fault::Crash));
}

/// Opens, adopts, appends, seals, reads, acknowledges in part and as a whole.
pub(super) fn run(dir: &Path, fs: &InjectingFs, durability: Durability, ledger: &mut Ledger) {
    let mut config = SpoolConfig::new(dir).tag(TAG);
    config.durability = durability;
    let Ok((mut spool, _)) = Spool::open_on(Box::new(fs.clone()), config, NOW) else {
        return;
    };
    for batch in ["x", "y", "z"] {
        for n in 1..=4 {
            ledger.append(&mut spool, &format!("{batch}{n}"));
        }
        let _ = spool.seal();
    }
    ledger.append(&mut spool, "tail");
    for turn in 0..4 {
        let Ok(Some(batch)) = spool.next(NOW) else {
            continue;
        };
        if turn % 2 == 0 && batch.payloads.len() > 1 {
            let (done, remaining) = batch.payloads.split_at(1);
            let result = spool.acknowledge_partly(batch.id, remaining);
            ledger.acknowledge(done, &result);
        } else {
            let result = spool.acknowledge(batch.id);
            ledger.acknowledge(&batch.payloads, &result);
        }
    }
    ledger.append(&mut spool, "late");
}
