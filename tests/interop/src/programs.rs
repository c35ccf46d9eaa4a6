//! Our examples as programs: built, found by name, and run in an environment without settings.
//! Used by every command of this package.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use xtask::process::{cargo, output};

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

/// Builds the facade's examples and gives their programs by name.
pub(crate) fn examples() -> Result<Programs> {
    built(&[
        "-p",
        "tracefuse",
        "--examples",
        "--features",
        "opentelemetry,experiments",
    ])
}

/// Builds what the arguments say, and gives the examples among it.
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
