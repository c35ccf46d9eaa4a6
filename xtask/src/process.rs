//! Running cargo and the examples. Used by every command.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_path_buf)
        .unwrap_or_default()
}

/// The folder for the output of cargo and of these commands.
pub(crate) fn target() -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").filter(|folder| !folder.is_empty());
    root().join(named.map_or_else(|| "target".into(), PathBuf::from))
}

/// `cargo` of this toolchain, in the root of the repository.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    // It is for `ci` alone; a tracer would refuse it as an unknown setting.
    command.env_remove("TRACEFUSE_PEERS");
    command
}

/// Runs a command to its end; an error if it fails.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("{} cannot be started", name(command)))?;
    ensure!(status.success(), "`{}` failed", name(command));
    Ok(())
}

/// The standard output of a command that succeeds. Its standard error is passed on, and if it fails all its output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
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

/// An environment without anything that would change where an example sends its traces, or how a peer runs.
pub(crate) fn quiet(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars() {
        if [
            "LANGFUSE_",
            "TRACEFUSE_",
            "OTEL_",
            "OPENAI_",
            "PHOENIX_",
            "MLFLOW_",
            "ROTEL_",
            "TRACING_MODE",
        ]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        {
            command.env_remove(name);
        }
    }
    // So that no .env or tracefuse.toml of the working directory is read.
    command.current_dir(std::env::temp_dir())
}

/// Programs by name.
pub(crate) type Programs = std::collections::BTreeMap<String, PathBuf>;

/// Builds the facade's examples and returns their programs by name.
pub(crate) fn examples() -> Result<Programs> {
    built(&[
        "-p",
        "tracefuse",
        "--examples",
        "--features",
        "opentelemetry",
    ])
}

/// Builds the targets in the arguments, and returns the examples among them.
pub(crate) fn built(arguments: &[&str]) -> Result<Programs> {
    let json = ["--message-format", "json-render-diagnostics"];
    let text = output(&mut cargo(&[&["build"], arguments, &json].concat()))?;
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let programs = messages
        .filter(|message| message["target"]["kind"][0] == "example")
        .filter_map(|message| {
            Some((
                message["target"]["name"].as_str()?.to_owned(),
                PathBuf::from(message["executable"].as_str()?),
            ))
        });
    Ok(programs.collect())
}
