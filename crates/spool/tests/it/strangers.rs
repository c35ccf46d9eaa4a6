//! What is not ours is neither touched nor followed: other processes, other projects, other people's files.
#![expect(
    clippy::disallowed_methods,
    reason = "puts files beside the spool's, as a stranger would"
)]

use std::path::{Path, PathBuf};

use super::{NOW, TAG, append, drain, files, open, processes};
use tempfile::tempdir;
use tracefuse_spool::{Spool, SpoolConfig, SpoolError};

/// The directory of a process that has ended and left one batch there.
fn left_by_a_process(dir: &Path, payload: &str) -> PathBuf {
    let (mut spool, _) = open(dir);
    append(&mut spool, &[payload]);
    drop(spool);
    processes(dir).remove(0)
}

#[test]
fn two_spools_on_one_directory_do_not_touch_each_other() {
    let dir = tempdir().expect("a directory");
    let (mut one, _) = open(dir.path());
    append(&mut one, &["of one"]);
    one.seal().expect("sealed");
    append(&mut one, &["of one, open"]);
    let (mut two, recovered) = open(dir.path());
    assert_eq!(recovered.files, 0);
    append(&mut two, &["of two"]);
    assert_eq!(processes(dir.path()).len(), 2);
    assert_eq!(drain(&mut two), ["of two"]);
    assert_eq!(drain(&mut one), ["of one", "of one, open"]);
}

#[test]
fn the_orphans_of_several_processes_come_oldest_first() {
    let dir = tempdir().expect("a directory");
    let (mut one, _) = open(dir.path());
    let (mut two, _) = open(dir.path());
    for (at, payload) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let spool = if at % 2 == 0 { &mut one } else { &mut two };
        spool
            .append(payload.as_bytes(), NOW + at as u64)
            .expect("appended");
        spool.seal().expect("sealed");
    }
    drop((one, two));
    let (mut three, recovered) = open(dir.path());
    assert_eq!(recovered.files, 4);
    assert_eq!(
        processes(dir.path()).len(),
        1,
        "emptied directories are gone"
    );
    append(&mut three, &["e"]);
    assert_eq!(drain(&mut three), ["a", "b", "c", "d", "e"]);
}

#[test]
fn spools_that_come_and_go_at_once_lose_nothing_and_give_nothing_out_twice() {
    const THREADS: usize = 4;
    const LIVES: usize = 50;
    let dir = tempdir().expect("a directory");
    let barrier = std::sync::Barrier::new(THREADS);
    let mut found = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let (dir, barrier) = (dir.path(), &barrier);
                scope.spawn(move || {
                    let mut found = Vec::new();
                    barrier.wait();
                    for life in 0..LIVES {
                        let (mut spool, _) = open(dir);
                        append(&mut spool, &[&format!("{thread}/{life}")]);
                        // Every other life leaves its batches to the next process that opens the spool.
                        if (thread + life) % 2 == 0 {
                            found.extend(drain(&mut spool));
                        }
                    }
                    found
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("a thread"))
            .collect::<Vec<String>>()
    });
    found.extend(drain(&mut open(dir.path()).0));
    assert_eq!(found.len(), THREADS * LIVES);
    found.sort();
    found.dedup();
    assert_eq!(found.len(), THREADS * LIVES, "something came twice");
    assert_eq!(processes(dir.path()).len(), 0);
}

#[test]
fn nothing_goes_to_another_project() {
    let dir = tempdir().expect("a directory");
    let other = SpoolConfig::new(dir.path()).tag(TAG + 1);
    let (mut theirs, _) = Spool::open(other.clone(), NOW).expect("a spool");
    append(&mut theirs, &["secret", "of theirs"]);
    drop(theirs);
    let (mut ours, recovered) = open(dir.path());
    assert_eq!((recovered.files, recovered.foreign_files), (0, 1));
    assert!(drain(&mut ours).is_empty());
    drop(ours);
    let (mut theirs, recovered) = Spool::open(other, NOW).expect("a spool");
    assert_eq!(recovered.frames, 2);
    assert_eq!(drain(&mut theirs), ["secret", "of theirs"]);
}

#[test]
fn files_and_directories_of_other_names_are_left_alone() {
    let dir = tempdir().expect("a directory");
    let process = left_by_a_process(dir.path(), "ours");
    let strange = [
        process.join("notes.txt"),
        process.join("00000000000000a1.batch"),
        process.join("00000000000000A1-00000001.batch"),
        process.join("0000000000000002-00000001.batch.bak"),
        dir.path().join("v1").join("README"),
        dir.path().join("other"),
    ];
    for path in &strange {
        std::fs::write(path, "theirs").expect("written");
    }
    let inner = process.join("0000000000000003.open");
    std::fs::create_dir(&inner).expect("a directory of a file's name");
    let named = dir.path().join("v1").join("not-a-process");
    std::fs::create_dir(&named).expect("a directory");
    let batch = named.join("0000000000000001-00000001.batch");
    std::fs::copy(&files(dir.path(), "batch")[0], &batch).expect("copied");
    for _ in 0..2 {
        let (mut spool, recovered) = open(dir.path());
        assert!(recovered.frames <= 1 && recovered.failures == 0);
        assert!(drain(&mut spool).iter().all(|payload| payload == "ours"));
    }
    for path in &strange {
        assert_eq!(
            std::fs::read_to_string(path).expect("still there"),
            "theirs"
        );
    }
    assert!(inner.is_dir() && batch.is_file());
}

#[test]
fn a_directory_that_cannot_be_is_an_error_with_the_remedy() {
    let dir = tempdir().expect("a directory");
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("written");
    let error = Spool::open(SpoolConfig::new(&file).tag(TAG), NOW).expect_err("a file in the way");
    assert!(matches!(error, SpoolError::Directory { .. }));
    let text = error.to_string();
    assert!(
        text.contains("file") && text.contains("Name a directory"),
        "{text}"
    );
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn symbolic_links_are_not_followed() {
        let dir = tempdir().expect("a directory");
        let elsewhere = tempdir().expect("a directory");
        let real = left_by_a_process(elsewhere.path(), "elsewhere");
        let batch = files(elsewhere.path(), "batch").remove(0);

        let process = left_by_a_process(dir.path(), "ours");
        // A directory of a process, a batch and a lock, each a link.
        let linked_process = dir.path().join("v1/1-1-00000000");
        symlink(&real, &linked_process).expect("linked");
        let linked_batch = process.join("0000000000000009-00000001.batch");
        symlink(&batch, &linked_batch).expect("linked");
        let (mut spool, recovered) = open(dir.path());
        assert_eq!((recovered.frames, recovered.files), (1, 1));
        assert_eq!(drain(&mut spool), ["ours"]);
        assert!(linked_process.is_symlink() && linked_batch.is_symlink());
        assert!(batch.is_file());
    }

    #[test]
    fn a_lock_that_is_a_link_is_not_taken() {
        let dir = tempdir().expect("a directory");
        let process = left_by_a_process(dir.path(), "ours");
        let target = dir.path().join("target");
        std::fs::write(&target, "").expect("written");
        std::fs::remove_file(process.join("lock")).expect("removed");
        symlink(&target, process.join("lock")).expect("linked");
        let (_spool, recovered) = open(dir.path());
        assert_eq!(recovered.files, 0);
        assert!(process.join("lock").is_symlink());
    }

    #[test]
    fn a_lock_that_is_a_link_is_not_even_opened() {
        let dir = tempdir().expect("a directory");
        let process = left_by_a_process(dir.path(), "ours");
        std::fs::remove_file(process.join("lock")).expect("removed");
        // Opened as a lock, a directory would be an error, and counted.
        symlink(dir.path(), process.join("lock")).expect("linked");
        let (_spool, recovered) = open(dir.path());
        assert_eq!((recovered.files, recovered.failures), (0, 0));
    }

    #[test]
    fn a_lock_file_that_was_cleaned_away_does_not_strand_its_batches() {
        let dir = tempdir().expect("a directory");
        let process = left_by_a_process(dir.path(), "ours");
        std::fs::remove_file(process.join("lock")).expect("removed");
        let (mut spool, recovered) = open(dir.path());
        assert_eq!(recovered.frames, 1);
        assert_eq!(drain(&mut spool), ["ours"]);
        assert!(!process.exists());
    }

    #[test]
    fn directories_and_files_are_for_this_user_alone() {
        let dir = tempdir().expect("a directory");
        let (mut spool, _) = open(&dir.path().join("new"));
        append(&mut spool, &["prompt"]);
        spool.seal().expect("sealed");
        append(&mut spool, &["prompt"]);
        let new = dir.path().join("new");
        let mode = |path: &Path| {
            std::fs::metadata(path)
                .expect("metadata")
                .permissions()
                .mode()
                & 0o777
        };
        let process = processes(&new).remove(0);
        for directory in [&new, &new.join("v1"), &process] {
            assert_eq!(mode(directory), 0o700, "{}", directory.display());
        }
        let mut seen = 0;
        for entry in std::fs::read_dir(&process).expect("listed") {
            let path = entry.expect("entry").path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
            seen += 1;
        }
        assert_eq!(seen, 3, "lock, batch and open");
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let dir = tempdir().expect("a directory");
        let shared = dir.path().join("v1");
        std::fs::create_dir(&shared).expect("a directory");
        std::fs::set_permissions(&shared, std::fs::Permissions::from_mode(0o777)).expect("mode");
        let error = Spool::open(SpoolConfig::new(dir.path()).tag(TAG), NOW).expect_err("shared");
        assert!(matches!(error, SpoolError::NotPrivate { .. }), "{error}");
        assert!(error.to_string().contains("0700"));
        assert_eq!(processes(dir.path()).len(), 0, "nothing is left in it");
    }
}
