//! Packs every crate that is published, as `cargo publish` would. Called by `main` (`package`) and `ci`.
//!
//! `package` also compiles each package from its archive alone, which takes minutes; `ci` packs them without compiling.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, succeed};

/// Packs the crates and compiles each from its archive.
pub(crate) fn run() -> Result<()> {
    pack(&[])
}

/// Packs the crates alone: a README, a licence or a version that is missing is refused.
pub(crate) fn without_compiling() -> Result<()> {
    pack(&["--no-verify", "--offline"])
}

fn pack(options: &[&str]) -> Result<()> {
    let excluded = unpublished()?;
    let excluded = excluded.iter().flat_map(|name| ["--exclude", name]);
    let package = ["package", "--quiet", "--workspace", "--allow-dirty"];
    let arguments: Vec<&str> = package
        .into_iter()
        .chain(options.iter().copied())
        .chain(excluded)
        .collect();
    succeed(&mut cargo(&arguments))
}

/// Members with `publish = false`. Cargo packs them unless they are excluded, and then needs what they depend on from a
/// registry, where it is not.
fn unpublished() -> Result<Vec<String>> {
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ];
    let output = cargo(&arguments).output().context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed");
    let metadata: Value = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let names = packages
        .filter(|package| package["publish"].as_array().is_some_and(Vec::is_empty))
        .filter_map(|package| package["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}
