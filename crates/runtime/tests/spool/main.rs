//! The spool behind a pipeline: what goes to disk, and that it was masked before.

mod masking;
mod pipeline;
#[expect(
    dead_code,
    reason = "shared with the other test binary, which uses the rest"
)]
#[path = "../it/support.rs"]
mod scripted;

use std::path::{Path, PathBuf};

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
