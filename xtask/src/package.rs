//! Packs every crate that is published, as `cargo publish` would. Called by `main` (`package`) and `ci`.
//!
//! `package` also compiles each package from its archive alone, which takes minutes; `ci` packs them without compiling.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process::{cargo, output, succeed, target};

/// Packs the crates and compiles each from its archive.
pub(crate) fn run() -> Result<()> {
    let members = members()?;
    let folder = target().join("packages");
    remove(&folder)?;
    forget_sources(&members)?;
    let mut command = pack(&members, &["--target-dir"]);
    succeed(command.arg(&folder))?;
    let published = members.iter().filter(|member| member.is_published);
    println!("{} packages compile from their archives", published.count());
    remove(&folder)?;
    forget_sources(&members)
}

/// Packs the crates alone: a README, a licence or a version that is missing is refused.
pub(crate) fn without_compiling() -> Result<()> {
    succeed(&mut pack(
        &members()?,
        &["--quiet", "--no-verify", "--offline"],
    ))
}

/// Members with `publish = false` are excluded. Cargo packs them too otherwise, and then needs what they depend on from a
/// registry, where it is not.
fn pack(members: &[Member], options: &[&str]) -> std::process::Command {
    let mut command = cargo(&["package", "--workspace", "--allow-dirty"]);
    for member in members.iter().filter(|member| !member.is_published) {
        command.args(["--exclude", &member.name]);
    }
    command.args(options);
    command
}

struct Member {
    name: String,
    version: String,
    is_published: bool,
}

fn members() -> Result<Vec<Member>> {
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ];
    let metadata: Value =
        serde_json::from_str(&output(&mut cargo(&arguments))?).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(packages
        .map(|package| Member {
            name: text(&package["name"]),
            version: text(&package["version"]),
            is_published: package["publish"]
                .as_array()
                .is_none_or(|to| !to.is_empty()),
        })
        .collect())
}

/// Removes what cargo unpacked of these crates before. It compiles a package against the archives of the others, which it
/// serves as a registry in a folder, and takes a version of a registry for immutable: without this, a crate that was changed
/// since the last time would be compiled against the others as they were then.
fn forget_sources(members: &[Member]) -> Result<()> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let Some(sources) = home.map(|home| home.join("registry/src")) else {
        return Ok(());
    };
    let registries = fs::read_dir(sources).into_iter().flatten().flatten();
    // A registry in a folder has no host, with which the name would begin.
    for registry in registries.filter(|entry| entry.file_name().to_string_lossy().starts_with('-'))
    {
        for member in members {
            let unpacked = format!("{}-{}", member.name, member.version);
            remove(&registry.path().join(unpacked))?;
        }
    }
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match folder.exists() {
        true => fs::remove_dir_all(folder).with_context(|| folder.display().to_string()),
        false => Ok(()),
    }
}
