//! Python programs that a command needs: a virtual environment below `target`, with pinned
//! versions. Used by `peers`, `python` and `relay`. Without Python or a package index they print that and succeed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::target;
use crate::service::NotStarted;

/// An environment with the requested packages.
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

/// The environment `target/<name>/venv` with exactly these requirements (`package==version`), which is created if it
/// does not exist; or the one that `TRACEFUSE_VENV_<NAME>` names, unchanged.
///
/// # Errors
/// As text for the user, if it cannot be created: no Python of at least 3.10, or no packages.
fn venv(name: &str, requirements: &[&str]) -> Result<Venv, String> {
    if let Some(folder) = named(name) {
        return Ok(Venv { folder });
    }
    let folder = target().join(name).join("venv");
    let wanted = requirements.join("\n");
    if is_ready(name, requirements) {
        return Ok(Venv { folder });
    }
    let python = python()?;
    let said = |error: &std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(target().join(name)).map_err(|error| said(&error))?;
    println!(
        "installing {} into {}: once, and some minutes",
        requirements.join(" and "),
        folder.display()
    );
    let log = target().join(name).join("install.log");
    let output = File::create(&log).map_err(|error| said(&error))?;
    logged(
        Command::new(python)
            .args(["-m", "venv", "--clear"])
            .arg(&folder),
        &output,
        &log,
    )?;
    let venv = Venv { folder };
    // Fail soon without a package index.
    let quick = ["--timeout", "20", "--retries", "2"];
    logged(
        Command::new(venv.program("python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--no-input", "--prefer-binary"])
            .args(quick)
            .args(requirements),
        &output,
        &log,
    )?;
    fs::write(venv.folder.join(MARK), wanted).map_err(|error| error.to_string())?;
    Ok(venv)
}

/// Runs a check in such an environment. If the environment cannot be created, prints the reason and succeeds.
pub(crate) fn with(
    name: &str,
    requirements: &[&str],
    check: impl FnOnce(&Venv) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    match venv(name, requirements) {
        Ok(venv) => check(&venv),
        Err(reason) => {
            println!("{name}: not run, because {reason}");
            Ok(())
        }
    }
}

/// As a step of `ci`: runs if it was requested, if `CI` is set, or if everything is installed already.
/// A failed installation or start is printed and is no failure; a wrong result is one.
pub(crate) fn in_ci(
    name: &str,
    requirements: &[&str],
    size: &str,
    check: impl FnOnce(&Venv) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let is_set = |name: &str| {
        let value = std::env::var_os(name);
        value.map(|value| !value.is_empty() && value != "0" && value != "false")
    };
    let asked = is_set("TRACEFUSE_PEERS").or_else(|| is_set("CI"));
    if !asked.unwrap_or_else(|| is_ready(name, requirements)) {
        println!(
            "{name}: not run, because it installs {} ({size}); `cargo xtask {name}` or TRACEFUSE_PEERS=1 runs it",
            requirements.join(" and ")
        );
        return Ok(());
    }
    match with(name, requirements, check) {
        Err(error) if error.is::<NotStarted>() => {
            println!("{name}: not run, because {error}");
            Ok(())
        }
        result => result,
    }
}

/// Whether [`venv`] would have nothing to install.
fn is_ready(name: &str, requirements: &[&str]) -> bool {
    let mark = target().join(name).join("venv").join(MARK);
    named(name).is_some()
        || fs::read_to_string(mark).is_ok_and(|found| found == requirements.join("\n"))
}

/// Written at the end of an installation, so that a broken one is recognised.
const MARK: &str = "installed.txt";

fn named(name: &str) -> Option<PathBuf> {
    std::env::var_os(format!("TRACEFUSE_VENV_{}", name.to_uppercase()))
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
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

/// Runs a command with its output in a file; an error contains the last line.
fn logged(command: &mut Command, output: &File, log: &Path) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let failed = |words: String| format!("{program} {words}; see {}", log.display());
    let handle = || {
        output
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
        Ok(_) => Err(failed(format!("failed: {}", last_line(log)))),
        Err(error) => Err(failed(format!("cannot be started: {error}"))),
    }
}

/// The last line of a log that is not empty.
pub(crate) fn last_line(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("it said nothing").to_owned()
}
