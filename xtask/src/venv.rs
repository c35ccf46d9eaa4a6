//! Python programs of others for the length of a command: a virtual environment below `target`, with pinned
//! versions. Used by `peers`, `python` and `relay`; who has no Python or no package index is told so, and nothing fails.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::process::target;
use crate::service::NotStarted;

/// An environment with what was asked for.
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

/// The environment `target/<name>/venv` with exactly these requirements (`package==version`), which is made if it
/// is not there; or the one that `TRACEFUSE_VENV_<NAME>` names, as it is.
///
/// # Errors
/// In words for a person, if it cannot be made here: no Python of at least 3.10, or no packages.
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
    // Without an index it gives up soon.
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

/// Checks something in such an environment; says so and succeeds where there can be none.
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

/// As a step of `ci`: where it was asked for, where `CI` is set, or where there is nothing to install any more.
/// What cannot be installed or does not start is told and fails nothing; what it finds wrong does.
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

/// Written at the end: what a broken installation lacks.
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

/// Runs a command with its words in a file; an error says the last of them.
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

/// The last line in a log that says something.
pub(crate) fn last_line(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let last = text.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.unwrap_or("it said nothing").to_owned()
}
