//! Every step fails once, the disk fills up, and the spool goes on.

use std::io;
use std::path::Path;

use tempfile::tempdir;

use super::injecting::{Fault, InjectingFs};
use super::script::{Ledger, leave_orphans, run};
use super::{NOW, TAG, drain, reopen};
use crate::{Durability, Spool, SpoolConfig, SpoolError};

fn files(dir: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for process in std::fs::read_dir(dir.join("v1")).expect("v1") {
        for file in std::fs::read_dir(process.expect("entry").path()).expect("process") {
            names.push(
                file.expect("entry")
                    .file_name()
                    .into_string()
                    .expect("name"),
            );
        }
    }
    names.sort();
    names
}

/// A spool on a file system whose failures are chosen by the test.
fn injected(dir: &Path) -> (InjectingFs, Spool) {
    let fs = InjectingFs::default();
    let config = SpoolConfig::new(dir).tag(TAG);
    let (spool, _) = Spool::open_on(Box::new(fs.clone()), config, NOW).expect("a spool");
    (fs, spool)
}

fn check_every_failure(fault: Fault, durability: Durability) {
    let fs = InjectingFs::default();
    let dir = tempdir().expect("a directory");
    let mut ledger = Ledger::default();
    leave_orphans(dir.path(), &mut ledger);
    run(dir.path(), &fs, durability, &mut ledger);
    let steps = fs.steps();
    for (step, name) in steps.iter().enumerate() {
        let dir = tempdir().expect("a directory");
        let mut ledger = Ledger::default();
        leave_orphans(dir.path(), &mut ledger);
        let fs = InjectingFs::failing_at(step, fault);
        run(dir.path(), &fs, durability, &mut ledger);
        let context = format!("{durability:?}, {fault:?} at step {step}, {name}");
        ledger.check(&drain(&mut reopen(dir.path()).0), &context);
    }
}

#[test]
fn a_failure_of_any_single_step_loses_no_payload() {
    check_every_failure(Fault::Error(io::ErrorKind::Other), Durability::Process);
    check_every_failure(Fault::Error(io::ErrorKind::Other), Durability::Disk);
}

#[test]
fn a_short_write_at_any_step_loses_no_payload() {
    check_every_failure(
        Fault::Short(io::ErrorKind::StorageFull),
        Durability::Process,
    );
}

#[test]
fn a_disk_that_is_full_from_any_step_on_loses_no_payload() {
    check_every_failure(Fault::DiskFull, Durability::Process);
}

#[test]
fn a_full_disk_leaves_no_draft_and_the_spool_works_again_when_there_is_room() {
    let dir = tempdir().expect("a directory");
    let (fs, mut spool) = injected(dir.path());
    spool.append(b"before", NOW).expect("appended");
    spool.append(b"beside", NOW).expect("appended");
    spool.seal().expect("sealed");
    let listing = files(dir.path());

    fs.fail_now(Fault::DiskFull);
    let error = spool.append(b"refused", NOW).expect_err("the disk is full");
    let SpoolError::Io { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    assert_eq!(files(dir.path()), listing);
    let batch = spool.next(NOW).expect("read").expect("a batch");
    let partly = spool.acknowledge_partly(batch.id, &batch.payloads[1..]);
    assert!(partly.is_err(), "a remainder needs room too");
    assert_eq!(files(dir.path()), listing);
    assert_eq!(spool.stats().refused_frames, 1);

    fs.lift();
    spool.append(b"after", NOW).expect("there is room again");
    fs.fail_now(Fault::DiskFull);
    assert!(spool.append(b"refused in the middle", NOW).is_err());
    fs.lift();
    spool.append(b"last", NOW).expect("there is room again");
    assert_eq!(
        drain(&mut spool),
        [&b"before"[..], b"beside", b"after", b"last"]
    );
    assert_eq!(spool.stats().corrupt_files, 0);
}

#[test]
fn half_a_frame_that_cannot_be_cut_off_does_not_hide_what_is_before_it() {
    let dir = tempdir().expect("a directory");
    let (fs, mut spool) = injected(dir.path());
    spool.append(b"before", NOW).expect("appended");
    fs.fail_now(Fault::DiskBroken);
    assert!(spool.append(b"torn", NOW).is_err());
    assert!(spool.append(b"torn", NOW).is_err());
    // Gone as after a kill: nothing is tidied up.
    fs.fail_now(Fault::Crash);
    drop(spool);
    let (mut spool, recovered) = reopen(dir.path());
    assert_eq!((recovered.frames, recovered.corrupt_files), (1, 1));
    assert!(recovered.lost_bytes > 0);
    assert_eq!(drain(&mut spool), [b"before"]);
    let corrupt = files(dir.path());
    assert!(
        corrupt.iter().any(|name| name.ends_with(".corrupt")),
        "the torn file is kept: {corrupt:?}"
    );
}

#[test]
fn what_is_appended_after_a_torn_frame_can_be_read() {
    let dir = tempdir().expect("a directory");
    let (fs, mut spool) = injected(dir.path());
    spool.append(b"before", NOW).expect("appended");
    fs.fail_now(Fault::DiskBroken);
    assert!(spool.append(b"torn", NOW).is_err());
    fs.lift();
    spool.append(b"after", NOW).expect("mended and appended");
    assert_eq!(drain(&mut spool), [&b"before"[..], b"after"]);
    assert_eq!(spool.stats().corrupt_files, 0);
}

#[test]
fn a_file_that_cannot_be_removed_is_not_given_out_again_and_removed_later() {
    let dir = tempdir().expect("a directory");
    let (fs, mut spool) = injected(dir.path());
    spool.append(b"once", NOW).expect("appended");
    spool.seal().expect("sealed");
    let batch = spool.next(NOW).expect("read").expect("a batch");
    fs.fail_now(Fault::Error(io::ErrorKind::PermissionDenied));
    assert!(spool.acknowledge(batch.id).is_err());
    assert_eq!(spool.stats().files, 1);
    assert_eq!(spool.next(NOW).expect("nothing to read"), None);
    assert_eq!(spool.stats().files, 0);
    assert_eq!(files(dir.path()), ["lock"]);
}

#[test]
fn a_batch_that_cannot_be_read_is_kept_behind_the_others() {
    let dir = tempdir().expect("a directory");
    let (fs, mut spool) = injected(dir.path());
    for payload in [b"first", b"other"] {
        spool.append(payload, NOW).expect("appended");
        spool.seal().expect("sealed");
    }
    fs.fail_now(Fault::Error(io::ErrorKind::Other));
    let error = spool.next(NOW).expect_err("unreadable");
    assert!(error.to_string().contains("could not read"), "{error}");
    assert_eq!(drain(&mut spool), [b"other", b"first"]);
}

#[test]
fn a_read_only_file_system_is_reported_at_once_with_the_remedy() {
    let dir = tempdir().expect("a directory");
    let fs = InjectingFs::failing_at(1, Fault::Error(io::ErrorKind::ReadOnlyFilesystem));
    let config = SpoolConfig::new(dir.path()).tag(TAG);
    let error = Spool::open_on(Box::new(fs), config, NOW).expect_err("read-only");
    assert!(matches!(error, SpoolError::Directory { .. }));
    let text = error.to_string();
    assert!(text.contains("Name a directory"), "{text}");
}

#[test]
fn a_batch_given_out_is_not_lost_with_its_directory() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = reopen(dir.path());
    for payload in [&b"given out"[..], b"waits"] {
        spool.append(payload, NOW).expect("appended");
        spool.seal().expect("sealed");
    }
    let batch = spool.next(NOW).expect("read").expect("a batch");
    std::fs::remove_dir_all(dir.path()).expect("removed");
    spool.append(b"later", NOW).expect("appended");
    // Its owner has the payloads in memory: only the other one is lost.
    assert_eq!(spool.stats().corrupt_frames, 1);
    assert!(spool.holds(batch.id));
    spool.acknowledge(batch.id).expect("acknowledged");
    assert_eq!(spool.stats().corrupt_frames, 1);
    assert_eq!(drain(&mut spool), [b"later"]);
}

#[test]
fn a_batch_given_out_counts_by_its_file_at_the_end() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = reopen(dir.path());
    spool.append(b"given out", NOW).expect("appended");
    spool.seal().expect("sealed");
    spool.next(NOW).expect("read").expect("a batch");
    std::fs::remove_dir_all(dir.path()).expect("removed");
    spool.verify(NOW).expect("made again");
    assert_eq!((spool.stats().frames, spool.stats().corrupt_frames), (0, 1));
}
