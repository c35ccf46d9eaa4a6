//! Files that are cut, flipped, foreign or many.
#![expect(
    clippy::disallowed_methods,
    reason = "damages files as a broken disk would"
)]

use std::path::Path;

use super::{NOW, TAG, append, drain, files, open};
use tempfile::tempdir;
use tracefuse_spool::{Spool, SpoolConfig};

const WRITTEN: [&str; 3] = ["first", "second one", "3"];

/// A batch of a process that is gone, and its bytes.
fn batch_left_by_the_dead(dir: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let (mut spool, _) = open(dir);
    append(&mut spool, &WRITTEN);
    drop(spool);
    let path = files(dir, "batch").remove(0);
    let bytes = std::fs::read(&path).expect("read");
    (path, bytes)
}

/// Whatever was done to the file: what comes back is a prefix, the rest is counted, and the file is set apart.
fn check_damaged(damaged: &[u8], name: &str, context: &str) {
    let dir = tempdir().expect("a directory");
    let (path, _) = batch_left_by_the_dead(dir.path());
    std::fs::remove_file(&path).expect("removed");
    std::fs::write(path.with_file_name(name), damaged).expect("written");
    let (mut spool, _) = open(dir.path());
    let found = drain(&mut spool);
    assert_eq!(found, WRITTEN[..found.len()], "{context}");
    let stats = spool.stats();
    assert_eq!((stats.frames, stats.files), (0, 0), "{context}");
    if name.ends_with(".batch") {
        let lost = WRITTEN.len() - found.len();
        assert_eq!(stats.corrupt_frames, lost as u64, "{context}");
        assert_eq!(stats.corrupt_files, 1, "{context}");
        assert_eq!(files(dir.path(), "corrupt").len(), 1, "{context}");
    }
    drop(spool);
    let (mut spool, again) = open(dir.path());
    assert_eq!((again.frames, again.corrupt_files), (0, 0), "{context}");
    assert!(drain(&mut spool).is_empty(), "{context}");
}

const BATCH: &str = "0000000000000001-00000003.batch";
const OPEN: &str = "0000000000000001.open";

#[test]
fn a_file_cut_anywhere_gives_back_what_is_before_the_cut() {
    let dir = tempdir().expect("a directory");
    let (_, whole) = batch_left_by_the_dead(dir.path());
    for length in 0..whole.len() {
        for name in [BATCH, OPEN] {
            check_damaged(&whole[..length], name, &format!("{name} cut at {length}"));
        }
    }
}

#[test]
fn a_file_with_any_byte_flipped_gives_back_what_is_before_it() {
    let dir = tempdir().expect("a directory");
    let (_, whole) = batch_left_by_the_dead(dir.path());
    for at in 0..whole.len() {
        for flip in [1, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            for name in [BATCH, OPEN] {
                check_damaged(&bytes, name, &format!("{name}, byte {at} ^ {flip:#x}"));
            }
        }
    }
}

#[test]
fn quarantine_keeps_eight_files() {
    let dir = tempdir().expect("a directory");
    let (path, _) = batch_left_by_the_dead(dir.path());
    for number in 2..22 {
        let name = format!("{number:016x}-00000002.batch");
        std::fs::write(
            path.with_file_name(name),
            "no spool file at all, but of its name",
        )
        .expect("written");
    }
    let (mut spool, recovered) = open(dir.path());
    assert_eq!((recovered.corrupt_files, recovered.frames), (20, 3));
    assert_eq!(spool.stats().corrupt_frames, 40);
    assert_eq!(files(dir.path(), "corrupt").len(), 8);
    assert_eq!(drain(&mut spool), WRITTEN);
    drop(spool);
    let (_spool, recovered) = open(dir.path());
    assert_eq!(recovered.corrupt_files, 0, "counted once");
    assert_eq!(files(dir.path(), "corrupt").len(), 8);
}

#[test]
fn a_file_that_vanishes_is_counted() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["gone", "too"]);
    spool.seal().expect("sealed");
    append(&mut spool, &["here"]);
    std::fs::remove_file(&files(dir.path(), "batch")[0]).expect("removed");
    assert_eq!(drain(&mut spool), ["here"]);
    assert_eq!(spool.stats().corrupt_frames, 2);
}

#[test]
fn two_thousand_files_come_back_in_order_one_at_a_time() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    for number in 0..2_000 {
        append(&mut spool, &[&number.to_string()]);
        spool.seal().expect("sealed");
    }
    drop(spool);
    let (mut spool, recovered) =
        Spool::open(SpoolConfig::new(dir.path()).tag(TAG), NOW).expect("a spool");
    assert_eq!((recovered.files, recovered.frames), (2_000, 2_000));
    // One file is read at a time: what is taken away before its turn is not there to be given out.
    let first = spool.next(NOW).expect("read").expect("a batch");
    assert_eq!(first.payloads, [b"0"]);
    for path in &files(dir.path(), "batch")[1_000..] {
        std::fs::remove_file(path).expect("removed");
    }
    let expected: Vec<String> = (0..1_000).map(|number| number.to_string()).collect();
    assert_eq!(drain(&mut spool), expected);
    assert_eq!(spool.stats().corrupt_frames, 1_000);
}
