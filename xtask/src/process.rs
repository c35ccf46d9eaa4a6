//! Running cargo and other programs. Used by every command of this crate, and by `tests/interop`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The root of the repository.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The folder for the output of cargo and of these commands.
#[must_use]
pub fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    root().join(named.map_or_else(|| "target".into(), PathBuf::from))
}

/// `cargo` of this toolchain, in the root of the repository.
#[must_use]
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // It is for `ci` alone; a tracer would warn of a setting that it does not know.
    command.env_remove("TRACEFUSE_PEERS");
    command
}

/// Runs a command to its end.
///
/// # Errors
/// If it cannot be started, or fails.
pub fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} cannot be started", name(command)))?;
    ensure!(status.success(), "`{}` failed", name(command));
    Ok(())
}

/// The standard output of a command that succeeds. Its standard error is passed on, and if it fails all its output.
///
/// # Errors
/// If it cannot be started, or fails.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output();
    let output = output.with_context(|| format!("{} cannot be started", name(command)))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        eprint!("{said}");
    }
    ensure!(output.status.success(), "`{}` failed", name(command));
    Ok(said)
}

fn name(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
