//! A file system that fails, or ends the process, at a step of the test's choice.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::file::{Entry, SpoolFs, SystemFs};

/// What happens at the chosen step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The process is gone: neither this nor any later step happens. A write leaves half of its bytes.
    Crash,
    /// This step fails, and does nothing.
    Error(io::ErrorKind),
    /// This step fails; a write leaves half of its bytes.
    Short(io::ErrorKind),
    /// Every write from here on fails, half done, until the plan is lifted.
    DiskFull,
    /// Every write from here on fails, half done, and cannot be cut off, until the plan is lifted.
    DiskBroken,
}

#[derive(Debug, Default)]
struct Plan {
    step: usize,
    fault: Option<(usize, Fault)>,
    steps: Vec<&'static str>,
}

/// Shared with the spool, so that the test can look and lift the fault.
#[derive(Clone, Debug, Default)]
pub(super) struct InjectingFs(Arc<Mutex<Plan>>);

enum Verdict {
    Go,
    Fail { half: bool, error: io::Error },
}

impl InjectingFs {
    pub(super) fn failing_at(step: usize, fault: Fault) -> Self {
        let fs = Self::default();
        fs.0.lock().expect("plan").fault = Some((step, fault));
        fs
    }

    pub(super) fn lift(&self) {
        self.0.lock().expect("plan").fault = None;
    }

    /// From the next step on.
    pub(super) fn fail_now(&self, fault: Fault) {
        let mut plan = self.0.lock().expect("plan");
        plan.fault = Some((plan.step, fault));
    }

    pub(super) fn steps(&self) -> Vec<&'static str> {
        self.0.lock().expect("plan").steps.clone()
    }

    fn verdict(&self, name: &'static str) -> Verdict {
        let mut plan = self.0.lock().expect("plan");
        let step = plan.step;
        plan.step += 1;
        plan.steps.push(name);
        let fail = |half, kind| Verdict::Fail {
            half,
            error: io::Error::from(kind),
        };
        match plan.fault {
            Some((at, Fault::Crash)) if step >= at => fail(step == at, io::ErrorKind::Other),
            Some((at, Fault::Error(kind))) if step == at => fail(false, kind),
            Some((at, Fault::Short(kind))) if step == at => fail(true, kind),
            Some((at, Fault::DiskFull)) if step >= at && name == "write" => {
                fail(true, io::ErrorKind::StorageFull)
            }
            Some((at, Fault::DiskBroken)) if step >= at && matches!(name, "write" | "truncate") => {
                fail(name == "write", io::ErrorKind::Other)
            }
            _ => Verdict::Go,
        }
    }

    fn step<T>(&self, name: &'static str, go: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self.verdict(name) {
            Verdict::Go => go(),
            Verdict::Fail { error, .. } => Err(error),
        }
    }
}

impl SpoolFs for InjectingFs {
    fn create_directories(&self, path: &Path) -> io::Result<()> {
        self.step("create_directories", || SystemFs.create_directories(path))
    }
    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.step("create_directory", || SystemFs.create_directory(path))
    }
    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.step("remove_directory", || SystemFs.remove_directory(path))
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        self.step("list", || SystemFs.list(path))
    }
    fn is_private(&self, path: &Path, like: &Path) -> io::Result<bool> {
        self.step("is_private", || SystemFs.is_private(path, like))
    }
    fn lock(&self, path: &Path, create: bool) -> io::Result<Option<File>> {
        self.step("lock", || SystemFs.lock(path, create))
    }
    /// Looks, and changes nothing: no step of the plan.
    fn is_at(&self, file: &File, path: &Path) -> io::Result<bool> {
        SystemFs.is_at(file, path)
    }
    fn create(&self, path: &Path) -> io::Result<File> {
        self.step("create", || SystemFs.create(path))
    }
    fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        match self.verdict("write") {
            Verdict::Go => SystemFs.write(file, bytes),
            Verdict::Fail { half, error } => {
                if half {
                    SystemFs.write(file, &bytes[..bytes.len() / 2])?;
                }
                Err(error)
            }
        }
    }
    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.step("truncate", || SystemFs.truncate(file, bytes))
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        self.step("sync", || SystemFs.sync(file))
    }
    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.step("sync_directory", || SystemFs.sync_directory(path))
    }
    fn read(&self, path: &Path, limit: u64) -> io::Result<Vec<u8>> {
        self.step("read", || SystemFs.read(path, limit))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", || SystemFs.rename(from, to))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", || SystemFs.remove(path))
    }
}
