//! Packages of npm in a folder below `target`. Used by `twins`, through `install`.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};

use crate::install::Wanted;

/// A folder with `node_modules`.
pub(crate) struct Modules {
    pub(crate) folder: PathBuf,
}

/// The folder `target/<name>` with exactly these packages (`package@version`), which are installed if they are not there;
/// or the folder that the variable names, as it is.
///
/// # Errors
/// In words for a person, if they cannot be installed here: no Node.js of at least 20, no npm, or no packages.
pub(crate) fn modules(wanted: &Wanted<'_>) -> Result<Modules, String> {
    is_new_enough()?;
    if let Some(folder) = wanted.named() {
        return Ok(Modules { folder });
    }
    let folder = wanted.folder();
    if !wanted.is_ready() {
        let log = wanted.begin()?;
        let packages = wanted
            .packages
            .iter()
            .filter_map(|package| package.rsplit_once('@'));
        let packages: Map<String, Value> = packages
            .map(|(name, version)| (name.to_owned(), version.into()))
            .collect();
        let manifest = json!({ "private": true, "dependencies": packages }).to_string();
        fs::write(folder.join("package.json"), manifest).map_err(|error| error.to_string())?;
        let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
        log.run(
            Command::new(npm)
                .args([
                    "install",
                    "--no-audit",
                    "--no-fund",
                    "--ignore-scripts",
                    "--loglevel=error",
                ])
                .current_dir(&folder),
        )?;
        wanted.set_ready()?;
    }
    Ok(Modules { folder })
}

fn is_new_enough() -> Result<(), String> {
    let check = "process.exit(Number(process.versions.node.split('.')[0]) < 20 ? 1 : 0)";
    let status = Command::new("node")
        .args(["-e", check])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("Node.js is older than 20".into()),
        Err(error) => Err(format!("there is no Node.js: {error}")),
    }
}
