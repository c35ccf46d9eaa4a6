//! The default path of the store: in the user's data directory.
//! Called by every command.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The path of the store; its directory is made.
pub(crate) fn store(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(given) = given {
        return Ok(given);
    }
    let directory = data_directory(variable)
        .context("there is no home directory: name the store with --store FILE")?
        .join("tracefuse");
    create(&directory)?;
    Ok(directory.join("traces.db"))
}

/// Whether the store is to be in memory.
pub(crate) fn is_memory(path: &Path) -> bool {
    path.as_os_str() == ":memory:"
}

/// A directory is no store, and the error names a file in it; nor is a device, beside which SQLite would leave its files.
pub(crate) fn refuse_other_than_file(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        anyhow::bail!(
            "{} is a directory: name a file with --store, such as {}",
            path.display(),
            path.join("traces.db").display()
        );
    }
    if path.exists() && !path.is_file() {
        anyhow::bail!(
            "{} is no regular file: name another one with --store",
            path.display()
        );
    }
    Ok(())
}

/// Whether `file` is the store or one of the files that SQLite and the lock have beside it: what is written there
/// destroys the store.
pub(crate) fn is_of_store(file: &Path, store: &Path) -> bool {
    let Some(file) = real(file) else {
        return false;
    };
    ["", "-wal", "-shm", "-journal", ".lock"].iter().any(|end| {
        let mut own = store.as_os_str().to_owned();
        own.push(end);
        real(Path::new(&own)).as_ref() == Some(&file)
    })
}

/// The path without links; the file itself may be missing.
fn real(path: &Path) -> Option<PathBuf> {
    if let Ok(path) = path.canonicalize() {
        return Some(path);
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder
        .unwrap_or_else(|| Path::new("."))
        .canonicalize()
        .ok()?;
    Some(folder.join(path.file_name()?))
}

fn data_directory(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = || variable("HOME");
    if cfg!(windows) {
        variable("LOCALAPPDATA").or_else(|| variable("APPDATA"))
    } else if cfg!(target_os = "macos") {
        Some(home()?.join("Library/Application Support"))
    } else {
        // XDG Base Directory Specification: a path that is not absolute is ignored.
        variable("XDG_DATA_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(home()?.join(".local/share")))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the program reads its environment"
)]
fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

#[expect(clippy::disallowed_methods, reason = "the directory of the store")]
fn create(directory: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(directory).with_context(|| {
        format!(
            "cannot make {}: name the store with --store FILE",
            directory.display()
        )
    })
}

#[cfg(all(test, unix, not(target_os = "macos")))]
mod tests {
    use super::*;

    #[test]
    fn the_data_directory_follows_xdg() {
        let of = |xdg: &'static str| {
            data_directory(move |name| match name {
                "XDG_DATA_HOME" if !xdg.is_empty() => Some(xdg.into()),
                "HOME" => Some("/home/ada".into()),
                _ => None,
            })
        };
        assert_eq!(of("/data"), Some("/data".into()));
        assert_eq!(of("relative"), Some("/home/ada/.local/share".into()));
        assert_eq!(of(""), Some("/home/ada/.local/share".into()));
        assert_eq!(data_directory(|_| None), None);
    }
}
