//! Appending, sealing, giving out, acknowledging, and the bounds.
#![expect(
    clippy::disallowed_methods,
    reason = "removes files while the spool runs, as an operator may"
)]

use std::time::Duration;

use super::{NOW, TAG, append, drain, files, open, processes};
use tempfile::tempdir;
use tracefuse_spool::{Spool, SpoolConfig, SpoolError, WhenFull};

#[test]
fn a_batch_comes_until_it_is_acknowledged() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["a", "b"]);
    assert_eq!(spool.next(NOW).expect("read"), None, "not sealed yet");
    spool.seal().expect("sealed");
    let batch = spool.next(NOW).expect("read").expect("a batch");
    assert_eq!(batch.payloads, [b"a", b"b"]);
    assert_eq!(batch.created_unix_ms, NOW);
    assert_eq!(spool.next(NOW).expect("read").as_ref(), Some(&batch));
    spool.acknowledge(batch.id).expect("acknowledged");
    spool.acknowledge(batch.id).expect("twice is once");
    assert_eq!(spool.next(NOW).expect("read"), None);
}

#[test]
fn the_remainder_keeps_its_place_and_its_age() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["a", "b", "c"]);
    spool.seal().expect("sealed");
    spool.append(b"d", NOW + 5).expect("appended");
    spool.seal().expect("sealed");
    let batch = spool.next(NOW).expect("read").expect("a batch");
    spool
        .acknowledge_partly(batch.id, &batch.payloads[2..])
        .expect("acknowledged");
    drop(spool);
    let (mut spool, _) = open(dir.path());
    let rest = spool.next(NOW).expect("read").expect("the remainder");
    assert_eq!(
        (rest.created_unix_ms, &rest.payloads[..]),
        (NOW, &[b"c".to_vec()][..])
    );
    assert_eq!(drain(&mut spool), ["c", "d"]);
}

#[test]
fn an_empty_spool_leaves_nothing_behind() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["a"]);
    drain(&mut spool);
    drop(spool);
    assert_eq!(processes(dir.path()).len(), 0);
}

#[test]
fn what_is_too_old_is_given_up_and_counted() {
    let dir = tempdir().expect("a directory");
    let mut config = SpoolConfig::new(dir.path()).tag(TAG);
    config.max_age = Duration::from_secs(60);
    let (mut spool, _) = Spool::open(config.clone(), NOW).expect("a spool");
    append(&mut spool, &["old", "older"]);
    spool.seal().expect("sealed");
    spool.append(b"young", NOW + 50_000).expect("appended");
    drop(spool);
    // A clock that was set back makes nothing old.
    let (spool, _) = Spool::open(config.clone(), NOW - 3_600_000).expect("a spool");
    assert_eq!(spool.stats().frames, 3);
    drop(spool);
    let (mut spool, _) = Spool::open(config, NOW + 60_001).expect("a spool");
    assert_eq!((spool.stats().frames, spool.stats().dropped_frames), (1, 2));
    assert!(spool.next(NOW + 110_000).expect("read").is_some());
    assert_eq!(spool.next(NOW + 110_001).expect("read"), None);
    assert_eq!(spool.stats().dropped_frames, 3);
    assert_eq!(files(dir.path(), "batch").len(), 0);
}

#[test]
fn a_full_spool_that_keeps_what_it_has_refuses_and_counts() {
    let dir = tempdir().expect("a directory");
    let mut config = SpoolConfig::new(dir.path()).tag(TAG);
    config.max_files = 1;
    config.full = WhenFull::DropNewest;
    let (mut spool, _) = Spool::open(config, NOW).expect("a spool");
    append(&mut spool, &["kept"]);
    spool.seal().expect("sealed");
    assert!(matches!(spool.append(b"more", NOW), Err(SpoolError::Full)));
    assert_eq!(
        (spool.stats().refused_frames, spool.stats().dropped_frames),
        (1, 0)
    );
    assert_eq!(drain(&mut spool), ["kept"]);
    append(&mut spool, &["room again"]);
}

#[test]
fn a_payload_that_can_never_fit_drops_nothing_for_its_sake() {
    let dir = tempdir().expect("a directory");
    let mut config = SpoolConfig::new(dir.path()).tag(TAG);
    config.max_bytes = 100;
    let (mut spool, _) = Spool::open(config, NOW).expect("a spool");
    append(&mut spool, &["kept"]);
    let error = spool.append(&[0; 67], NOW).expect_err("too large");
    assert!(
        matches!(
            error,
            SpoolError::TooLarge {
                bytes: 67,
                limit: 66,
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(drain(&mut spool), ["kept"]);
    spool.append(&[0; 66], NOW).expect("exactly fits");
    assert_eq!(spool.stats().bytes, 100);
}

#[test]
fn the_batch_at_work_is_not_given_up_for_a_new_one() {
    let dir = tempdir().expect("a directory");
    let mut config = SpoolConfig::new(dir.path()).tag(TAG);
    config.max_files = 2;
    let (mut spool, _) = Spool::open(config, NOW).expect("a spool");
    for payload in ["at work", "waiting"] {
        append(&mut spool, &[payload]);
        spool.seal().expect("sealed");
    }
    let batch = spool.next(NOW).expect("read").expect("a batch");
    append(&mut spool, &["new"]);
    assert_eq!(spool.stats().dropped_frames, 1);
    spool.acknowledge(batch.id).expect("acknowledged");
    assert_eq!(drain(&mut spool), ["new"]);
}

#[test]
fn orphans_over_the_bounds_are_given_up_oldest_first() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    for payload in ["a", "b", "c"] {
        append(&mut spool, &[payload]);
        spool.seal().expect("sealed");
    }
    drop(spool);
    let mut config = SpoolConfig::new(dir.path()).tag(TAG);
    config.max_files = 2;
    let (mut spool, _) = Spool::open(config, NOW).expect("a spool");
    assert_eq!(spool.stats().dropped_frames, 1);
    assert_eq!(drain(&mut spool), ["b", "c"]);
}

#[test]
fn a_spool_may_be_opened_here_and_used_on_another_thread() {
    fn check<T: Send>(_: &T) {}
    let dir = tempdir().expect("a directory");
    let (spool, _) = open(dir.path());
    check(&spool);
    assert_eq!(spool.stats().files, 0);
}

/// Two batches, of three payloads and of two that are not sealed.
fn five(dir: &std::path::Path) -> Spool {
    let (mut spool, _) = open(dir);
    append(&mut spool, &["a", "b", "c"]);
    spool.seal().expect("sealed");
    append(&mut spool, &["d", "e"]);
    spool
}

#[test]
fn a_directory_that_is_removed_is_made_again_and_its_loss_counted() {
    type Remove = fn(&std::path::Path);
    let ways: [Remove; 3] = [
        |dir| std::fs::remove_dir_all(dir.join("v1")).expect("removed"),
        |dir| std::fs::remove_dir_all(processes(dir).remove(0)).expect("removed"),
        |dir| {
            let process = processes(dir).remove(0);
            std::fs::remove_dir_all(&process).expect("removed");
            std::fs::create_dir(&process).expect("replaced");
        },
    ];
    for remove in ways {
        let dir = tempdir().expect("a directory");
        let mut spool = five(dir.path());
        remove(dir.path());
        append(&mut spool, &["f"]);
        let stats = spool.stats();
        assert_eq!((stats.frames, stats.corrupt_frames), (1, 5));
        assert_eq!(drain(&mut spool), ["f"]);
        drop(spool);
        let mut spool = five(dir.path());
        remove(dir.path());
        spool.verify(NOW).expect("made again");
        assert_eq!((spool.stats().frames, spool.stats().corrupt_frames), (0, 5));
    }
}

#[test]
fn files_that_are_removed_are_counted_and_the_others_kept() {
    let dir = tempdir().expect("a directory");
    let mut spool = five(dir.path());
    std::fs::remove_file(files(dir.path(), "open").remove(0)).expect("removed");
    append(&mut spool, &["f"]);
    assert_eq!((spool.stats().frames, spool.stats().corrupt_frames), (4, 2));
    std::fs::remove_file(files(dir.path(), "batch").remove(0)).expect("removed");
    spool.verify(NOW).expect("looked at");
    assert_eq!((spool.stats().frames, spool.stats().corrupt_frames), (1, 5));
    assert_eq!(drain(&mut spool), ["f"]);
    drop(spool);
    let mut spool = five(dir.path());
    std::fs::remove_file(processes(dir.path()).remove(0).join("lock")).expect("removed");
    spool.verify(NOW).expect("locked again");
    assert_eq!((spool.stats().frames, spool.stats().corrupt_frames), (5, 0));
    assert_eq!(drain(&mut spool), ["a", "b", "c", "d", "e"]);
}
