//! Third-party programs that a command needs: whether they may be installed, and what is printed if they cannot.
//! Used by `peers`, `relay` and `twins` with `venv` or `npm`, which do install.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::Result;
use xtask::process::target;

use crate::service::{NotStarted, last_line};

/// Packages that a command needs.
pub(crate) struct Wanted<'a> {
    /// The command's name, and that of its folder below `target`.
    pub(crate) name: &'a str,
    /// What is installed, each with its version.
    pub(crate) packages: &'a [&'a str],
    /// How much that is, in words.
    pub(crate) size: &'a str,
    /// The variable that names a folder where they are already.
    pub(crate) variable: &'a str,
}

impl Wanted<'_> {
    /// Its folder below `target`.
    pub(crate) fn folder(&self) -> PathBuf {
        target().join(self.name)
    }

    /// The folder that the variable names, if it names one.
    pub(crate) fn named(&self) -> Option<PathBuf> {
        let folder = std::env::var_os(self.variable).filter(|folder| !folder.is_empty());
        folder.map(PathBuf::from)
    }

    /// Whether there is nothing to install.
    pub(crate) fn is_ready(&self) -> bool {
        let found = fs::read_to_string(self.mark());
        self.named().is_some() || found.is_ok_and(|found| found == self.packages.join("\n"))
    }

    /// Notes that everything is installed.
    pub(crate) fn set_ready(&self) -> Result<(), String> {
        fs::write(self.mark(), self.packages.join("\n")).map_err(|error| error.to_string())
    }

    /// Written at the end of an installation, so that a broken one has none.
    fn mark(&self) -> PathBuf {
        self.folder().join("installed.txt")
    }

    /// Makes the folder, says what is installed, and opens the log for it.
    pub(crate) fn begin(&self) -> Result<Log, String> {
        let folder = self.folder();
        let said = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::create_dir_all(&folder).map_err(said)?;
        let _ = fs::remove_file(self.mark());
        println!(
            "installing {} into {}: once, and some minutes",
            self.packages.join(" and "),
            folder.display()
        );
        let path = folder.join("install.log");
        let output = File::create(&path).map_err(said)?;
        Ok(Log { path, output })
    }

    /// Checks something with what was installed. If it cannot be installed, a line says so and nothing fails.
    ///
    /// In CI it is installed only where it was asked for or where `CI` is set; and what does not start fails nothing.
    pub(crate) fn check<T>(
        &self,
        in_ci: bool,
        install: impl FnOnce() -> Result<T, String>,
        check: impl FnOnce(&T) -> Result<()>,
    ) -> Result<()> {
        let is_set = |name: &str| {
            let value = std::env::var_os(name);
            value.map(|value| !value.is_empty() && value != "0" && value != "false")
        };
        let name = self.name;
        if in_ci {
            let asked = is_set("TRACEFUSE_PEERS").or_else(|| is_set("CI"));
            if !asked.unwrap_or_else(|| self.is_ready()) {
                println!(
                    "{name}: not run, because it installs {} ({}); `cargo xtask {name}` or TRACEFUSE_PEERS=1 runs it",
                    self.packages.join(" and "),
                    self.size
                );
                return Ok(());
            }
        }
        let installed = match install() {
            Ok(installed) => installed,
            Err(reason) => {
                println!("{name}: not run, because {reason}");
                return Ok(());
            }
        };
        match check(&installed) {
            Err(error) if in_ci && error.is::<NotStarted>() => {
                println!("{name}: not run, because {error}");
                Ok(())
            }
            result => result,
        }
    }
}

/// The log of an installation.
pub(crate) struct Log {
    path: PathBuf,
    output: File,
}

impl Log {
    /// Runs a command with its output in the log; an error has the last line of it.
    pub(crate) fn run(&self, command: &mut Command) -> Result<(), String> {
        let program = command.get_program().to_string_lossy().into_owned();
        let failed = |words: String| format!("{program} {words}; see {}", self.path.display());
        let handle = || {
            self.output
                .try_clone()
                .map_err(|error| failed(error.to_string()))
        };
        let status = command
            .stdin(Stdio::null())
            .stdout(handle()?)
            .stderr(handle()?)
            .status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(_) => Err(failed(format!("failed: {}", last_line(&self.path)))),
            Err(error) => Err(failed(format!("cannot be started: {error}"))),
        }
    }
}
