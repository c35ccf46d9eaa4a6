//! The process ends at every step of a run, and at every step of the recovery after it.

use tempfile::tempdir;

use super::injecting::{Fault, InjectingFs};
use super::script::{Ledger, leave_orphans, run};
use super::{NOW, TAG, drain, reopen};
use crate::{Durability, Spool, SpoolConfig};

/// How many steps an undisturbed run has.
fn steps_of_a_run(durability: Durability) -> Vec<&'static str> {
    let dir = tempdir().expect("a directory");
    let mut ledger = Ledger::default();
    leave_orphans(dir.path(), &mut ledger);
    let fs = InjectingFs::default();
    run(dir.path(), &fs, durability, &mut ledger);
    ledger.check(&drain(&mut reopen(dir.path()).0), "undisturbed");
    fs.steps()
}

fn check_every_crash(durability: Durability) {
    let steps = steps_of_a_run(durability);
    for wanted in [
        "create",
        "write",
        "rename",
        "remove",
        "lock",
        "remove_directory",
    ] {
        assert!(steps.contains(&wanted), "no {wanted} in {steps:?}");
    }
    for step in 0..=steps.len() {
        let dir = tempdir().expect("a directory");
        let mut ledger = Ledger::default();
        leave_orphans(dir.path(), &mut ledger);
        let fs = InjectingFs::failing_at(step, Fault::Crash);
        run(dir.path(), &fs, durability, &mut ledger);
        let context = format!(
            "{durability:?}, crash at step {step}, {:?}",
            steps.get(step)
        );
        let (mut spool, recovered) = reopen(dir.path());
        assert_eq!(recovered.failures, 0, "{context}");
        ledger.check(&drain(&mut spool), &context);
        assert_eq!(spool.stats().corrupt_frames, 0, "{context}");
    }
}

#[test]
fn a_crash_at_any_step_loses_no_payload_and_returns_none_again() {
    check_every_crash(Durability::Process);
}

#[test]
fn a_crash_at_any_step_of_a_spool_that_syncs_loses_no_payload() {
    check_every_crash(Durability::Disk);
}

#[test]
fn a_crash_at_any_step_of_the_recovery_from_a_crash_loses_nothing_either() {
    let steps = steps_of_a_run(Durability::Process).len();
    let mut recoveries = 0;
    // Every third first crash: the second is tried at each of its steps.
    for first in (0..=steps).step_by(3) {
        for second in 0.. {
            let dir = tempdir().expect("a directory");
            let mut ledger = Ledger::default();
            leave_orphans(dir.path(), &mut ledger);
            let fs = InjectingFs::failing_at(first, Fault::Crash);
            run(dir.path(), &fs, Durability::Process, &mut ledger);
            let fs = InjectingFs::failing_at(second, Fault::Crash);
            let opened = Spool::open_on(
                Box::new(fs.clone()),
                SpoolConfig::new(dir.path()).tag(TAG),
                NOW,
            );
            let steps_of_recovery = fs.steps().len();
            drop(opened);
            let context = format!("crashes at steps {first} and {second}");
            ledger.check(&drain(&mut reopen(dir.path()).0), &context);
            recoveries += 1;
            if second >= steps_of_recovery {
                break;
            }
        }
    }
    assert!(recoveries > steps, "{recoveries} recoveries were tried");
}
