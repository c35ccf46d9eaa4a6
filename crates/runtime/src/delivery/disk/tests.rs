//! The overflow on disk of one queue, with its private parts.
use std::path::Path;
use std::time::Duration;

use tracefuse_core::testing::Recorder;

use super::*;
use crate::config::PipelineConfig;

#[test]
fn bounds_that_keep_no_batch_are_refused() {
    let with = |change: fn(&mut SpoolConfig)| {
        let mut config = SpoolConfig::new("/spool");
        change(&mut config);
        check(&config, 1000).map_err(|error| error.to_string())
    };
    assert_eq!(with(|_| {}), Ok(()));
    assert_eq!(with(|config| config.max_bytes = 2000), Ok(()));
    assert_eq!(with(|config| config.max_files = 2), Ok(()));
    for (refused, words) in [
        (
            with(|config| config.max_bytes = 1999),
            "raise its `max_bytes` to 2000",
        ),
        (with(|config| config.max_bytes = 0), "`max_bytes`"),
        (
            with(|config| config.max_files = 1),
            "raise its `max_files` to 2",
        ),
        (with(|config| config.max_files = 0), "`max_files`"),
        (
            with(|config| config.max_age = Duration::ZERO),
            "`max_age` is 0 s",
        ),
    ] {
        let error = refused.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(start_paused = true)]
#[expect(clippy::disallowed_methods, reason = "what `tokio::test` makes")]
async fn a_disk_that_failed_is_used_again_after_a_while() {
    let seconds = Duration::from_secs;
    let dir = tempfile::tempdir().unwrap();
    let config = PipelineConfig::default();
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let config = SpoolConfig::new(dir.path());
    let (mode, resource) = (SpoolMode::OnFailure, Resource::default());
    let mut disk = Disk::open(queue, config, mode, "here", &resource).unwrap();
    assert!(disk.is_usable() && disk.usable_at().is_none());
    for wait in [1, 30] {
        let until = Instant::now() + seconds(wait);
        disk.out_until = Some(until);
        assert!(!disk.is_usable());
        assert_eq!(disk.usable_at(), Some(until));
        tokio::time::advance(seconds(wait)).await;
        assert!(disk.is_usable() && disk.usable_at().is_none());
    }
    disk.out_until = Some(Instant::now() + seconds(30));
    disk.retry();
    assert!(disk.is_usable() && disk.usable_at().is_none());
}

fn opened(dir: &Path) -> (Arc<ExporterQueue>, Disk) {
    let config = PipelineConfig::default();
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let (config, resource) = (SpoolConfig::new(dir), Resource::default());
    let (queue_, mode) = (queue.clone(), SpoolMode::OnFailure);
    let disk = Disk::open(queue_, config, mode, "here", &resource);
    (queue, disk.unwrap())
}

/// A span in flight with an input of so many bytes.
fn taken(queue: &ExporterQueue, input: usize) -> Queued {
    let recorder = Recorder::new();
    let trace = recorder.tracer().trace("t");
    trace.input("x".repeat(input)).run(|_| {});
    let record = recorder.only().into();
    queue.push(record, None, &mut Duration::default());
    queue.take(1).remove(0)
}

#[test]
fn the_memory_of_a_large_payload_is_not_kept() {
    const MIB: usize = 1 << 20;
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    for (input, kept) in [
        (MIB / 2, MIB / 2..=MIB),
        (3 * MIB, MIB..=MIB),
        (1, MIB..=MIB),
    ] {
        let item = taken(&queue, input);
        assert!(disk.store(vec![item]).is_empty());
        let capacity = disk.payload.capacity();
        assert!(kept.contains(&capacity), "{capacity} after {input}");
    }
}

#[test]
fn a_batch_on_disk_has_the_time_at_which_it_was_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    let now = || unix_ms(&Clock::system());
    let before = now();
    // 2026-01-01, and 100 years later: milliseconds, not another unit.
    assert!((1_767_225_600_000..4_922_899_200_000).contains(&before));
    assert!(disk.store(vec![taken(&queue, 1)]).is_empty());
    disk.seal();
    let after = now();
    let batch = disk.spool.next(after).unwrap().unwrap();
    assert!((before..=after).contains(&batch.created_unix_ms));
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "takes the directory away and puts it back"
)]
fn what_has_its_outcome_is_not_sent_again_though_the_file_could_not_be_rewritten() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    let items = (0..4).map(|_| taken(&queue, 1)).collect();
    assert!(disk.store(items).is_empty());
    disk.seal();
    let (home, away) = (dir.path().join("v1"), dir.path().join("away"));
    let stored = disk.next().unwrap();
    assert_eq!(stored.items.len(), 4);
    disk.outcome(2, |state, records| state.ledger.exported(records));
    std::fs::rename(&home, &away).unwrap();
    disk.finish(stored.id, &stored.payloads, &[1, 3]);
    assert!(!disk.is_usable(), "the file could not be rewritten");
    std::fs::rename(&away, &home).unwrap();
    let stored = disk.next().unwrap();
    let left: Vec<_> = stored.items.iter().map(|item| item.seq).collect();
    assert_eq!((left, stored.payloads.len()), (vec![1, 3], 4));
    let stats = queue.stats();
    assert_eq!((stats.exported, stats.spooled), (2, 2), "{stats:?}");
    // Once it can be rewritten, the numbers are those of what is left.
    disk.outcome(1, |state, records| state.ledger.exported(records));
    disk.finish(stored.id, &stored.payloads, &[3]);
    let stored = disk.next().unwrap();
    assert_eq!((stored.items.len(), stored.items[0].seq), (1, 0));
    disk.outcome(1, |state, records| state.ledger.exported(records));
    disk.finish(stored.id, &stored.payloads, &[]);
    let stats = queue.stats();
    assert_eq!((stats.exported, stats.spooled), (4, 0), "{stats:?}");
    assert_eq!((stats.dropped_total(), disk.ready()), (0, 0));
}

#[test]
fn a_payload_that_is_no_record_is_counted_and_the_others_are_sent() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    assert!(disk.store(vec![taken(&queue, 1)]).is_empty());
    // As if another version had written them.
    queue.spools(2);
    for _ in 0..2 {
        disk.spool.append(b"no record", 0).unwrap();
    }
    assert!(disk.store(vec![taken(&queue, 1)]).is_empty());
    disk.seal();
    // The second time they have their outcome already.
    for _ in 0..2 {
        let stored = disk.next().unwrap();
        let items: Vec<_> = stored.items.iter().map(|item| item.seq).collect();
        assert_eq!((items, stored.payloads.len()), (vec![0, 3], 4));
        let stats = queue.stats();
        assert_eq!(stats.dropped[&DropReason::SpoolCorrupt], 2);
        assert_eq!((stats.spooled, stats.dropped_total()), (2, 2));
        assert!(stats.is_balanced(), "{stats:?}");
    }
}

#[test]
fn a_batch_without_any_record_is_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    queue.spools(1);
    disk.spool.append(b"no record", 0).unwrap();
    disk.spool.seal().unwrap();
    assert_eq!(disk.ready(), 1);
    assert!(disk.next().is_none());
    let stats = queue.stats();
    assert_eq!((stats.spooled, stats.dropped_total()), (0, 1));
    assert_eq!(disk.ready(), 0);
}

/// The files of sealed batches of the one process that has a directory here.
fn batches(dir: &Path) -> Vec<std::path::PathBuf> {
    let processes = std::fs::read_dir(dir.join("v1")).unwrap().flatten();
    let files = processes.flat_map(|process| std::fs::read_dir(process.path()).unwrap().flatten());
    let paths = files.map(|file| file.path());
    paths
        .filter(|path| path.extension().is_some_and(|end| end == "batch"))
        .collect()
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "puts a directory in the place of a file"
)]
fn what_is_left_of_a_batch_is_sent_though_the_file_of_the_whole_could_not_be_removed() {
    let dir = tempfile::tempdir().unwrap();
    let (queue, mut disk) = opened(dir.path());
    let items = (0..4).map(|_| taken(&queue, 1)).collect();
    assert!(disk.store(items).is_empty());
    disk.seal();
    let stored = disk.next().unwrap();
    let file = batches(dir.path()).remove(0);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    disk.outcome(2, |state, records| state.ledger.exported(records));
    disk.finish(stored.id, &stored.payloads, &[1, 3]);
    assert!(!disk.is_usable(), "a file could not be removed");
    let (whole, stored) = (stored, disk.next().unwrap());
    assert_eq!(stored.payloads, [&*whole.payloads[1], &*whole.payloads[3]]);
    assert_eq!(stored.items.len(), 2);
    let stats = queue.stats();
    assert_eq!((stats.spooled, stats.dropped_total()), (2, 0), "{stats:?}");
}
