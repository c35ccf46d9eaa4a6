//! What is logged about the spool of an earlier process.
#![expect(
    clippy::disallowed_methods,
    reason = "looks for files and damages them"
)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tracefuse_core::record::Resource;
use tracefuse_core::testing::Recorder;

use super::guard::Lines;
use crate::config::{PipelineConfig, SpoolMode};
use crate::delivery::disk::Disk;
use crate::queue::ExporterQueue;
use crate::spool::SpoolConfig;

fn open(dir: &Path) -> (Arc<ExporterQueue>, Disk) {
    let config = PipelineConfig {
        batch_size: 2,
        ..PipelineConfig::default()
    };
    let queue = Arc::new(ExporterQueue::new("t".into(), config));
    let (config, resource) = (SpoolConfig::new(dir), Resource::default());
    let mode = SpoolMode::OnFailure;
    let disk = Disk::open(queue.clone(), config, mode, "here", &resource);
    (queue, disk.unwrap())
}

/// Writes so many spans to disk, as a process does that ends then.
fn leave(dir: &Path, spans: usize) {
    let (queue, mut disk) = open(dir);
    let recorder = Recorder::new();
    (0..spans).for_each(|_| recorder.tracer().trace("t").run(|_| {}));
    for span in recorder.spans() {
        queue.push(span.into(), None, &mut Duration::default());
    }
    assert!(disk.store(queue.take(spans)).is_empty());
    disk.seal();
}

/// The files of sealed batches below a directory.
fn batches(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).unwrap().flatten();
    let paths = entries.map(|entry| entry.path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => batches(&path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|end| end == "batch"))
        .collect()
}

#[test]
fn what_an_earlier_process_left_is_logged_also_if_nothing_of_it_can_be_read() {
    for (spans, damaged, expected) in [
        (0, 0, None),
        (3, 0, Some("spans=3 files=2 corrupt_files=0 ")),
        (3, 1, Some("spans=1 files=1 corrupt_files=1 ")),
        (2, 1, Some("spans=0 files=0 corrupt_files=1 ")),
    ] {
        let dir = tempfile::tempdir().unwrap();
        leave(dir.path(), spans);
        let mut files = batches(dir.path());
        files.sort();
        for file in &files[..damaged] {
            std::fs::write(file, "no batch").unwrap();
        }
        let lines = Lines::default();
        let _hears = lines.hear();
        let _disk = open(dir.path());
        let of = lines.of("of an earlier process");
        assert_eq!(of.len(), usize::from(expected.is_some()), "{of:?}");
        if let (Some(expected), [(_, line)]) = (expected, &of[..]) {
            assert!(line.contains(expected), "{line}");
        }
    }
}
