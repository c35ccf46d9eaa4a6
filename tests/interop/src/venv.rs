//! Python packages in a virtual environment below `target`. Used by `peers`, `relay` and `twins`, through `install`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::install::Wanted;

/// An environment with the packages that were wanted.
pub(crate) struct Venv {
    folder: PathBuf,
}

impl Venv {
    /// The path of a program in it, `python` too.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        if cfg!(windows) {
            self.folder.join("Scripts").join(format!("{name}.exe"))
        } else {
            self.folder.join("bin").join(name)
        }
    }
}

/// The environment `target/<name>/venv` with exactly these packages (`package==version`), which is created if it is not there;
/// or the one that the variable names, as it is.
///
/// # Errors
/// As text for the user, if it cannot be created: no Python of at least 3.10, or no packages.
pub(crate) fn venv(wanted: &Wanted<'_>) -> Result<Venv, String> {
    if let Some(folder) = wanted.named() {
        return Ok(Venv { folder });
    }
    let venv = Venv {
        folder: wanted.folder().join("venv"),
    };
    if wanted.is_ready() {
        return Ok(venv);
    }
    let python = python()?;
    let log = wanted.begin()?;
    log.run(
        Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&venv.folder),
    )?;
    // Fail soon without a package index.
    let quick = ["--timeout", "20", "--retries", "2"];
    log.run(
        Command::new(venv.program("python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--no-input", "--prefer-binary"])
            .args(quick)
            .args(wanted.packages),
    )?;
    wanted.set_ready()?;
    Ok(venv)
}

/// The first Python that is new enough.
fn python() -> Result<&'static str, String> {
    let names = [
        "python3",
        "python",
        "python3.13",
        "python3.12",
        "python3.11",
        "python3.10",
    ];
    let new_enough = |name: &&&str| {
        Command::new(name)
            .args([
                "-c",
                "import sys, venv; sys.exit(sys.version_info < (3, 10))",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    let found = names.iter().find(new_enough).copied();
    found.ok_or_else(|| "there is no Python of at least 3.10 with the module venv".to_owned())
}
