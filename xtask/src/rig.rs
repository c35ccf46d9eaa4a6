//! The tests with frameworks: rig, async-openai and genai, and the newest rig and swiftide, which need a newer compiler.
//! Two separate workspaces. Called by `ci` and by `cargo xtask rig`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process::{cargo, root, succeed};

const MANIFEST: &str = "tests/rig/Cargo.toml";
const NEWEST: &str = "tests/rig/newest/Cargo.toml";

pub(crate) fn run() -> Result<()> {
    check(&|| cargo(&[]), MANIFEST, &[])?;
    newest()
}

/// With the compiler of the repository if it is new enough, else with a nightly that is installed. Nothing is installed.
fn newest() -> Result<()> {
    let manifest = root().join(NEWEST);
    let needed = needed(&manifest)?;
    let nightly: &dyn Fn() -> Command = &|| {
        let mut command = Command::new("rustup");
        command
            .args(["run", "nightly", "cargo"])
            .current_dir(root());
        command
    };
    let candidates: [&dyn Fn() -> Command; 2] = [&|| cargo(&[]), nightly];
    let Some(compiler) = candidates
        .into_iter()
        .find(|compiler| minor(compiler()).is_some_and(|minor| minor >= needed))
    else {
        println!(
            "left out: the newest rig and swiftide need Rust 1.{needed}, and neither the default toolchain nor a nightly has it"
        );
        return Ok(());
    };
    // rig states 1.97.1, and a nightly of 1.97 counts as 1.97.0.
    check(compiler, NEWEST, &["--ignore-rust-version"])
}

/// Format, clippy and tests of a workspace.
fn check(compiler: &dyn Fn() -> Command, manifest: &str, options: &[&str]) -> Result<()> {
    let manifest = ["--manifest-path", manifest];
    let mut format = cargo(&["fmt"]);
    succeed(format.args(manifest).arg("--check"))?;
    let mut clippy = compiler();
    clippy.args(["clippy", "--all-targets"]).args(manifest);
    succeed(clippy.args(options).args(["--", "-D", "warnings"]))?;
    let mut test = compiler();
    succeed(test.arg("test").args(manifest).args(options))
}

/// The minor version of Rust that a package states: 97 for `rust-version = "1.97"`.
fn needed(manifest: &Path) -> Result<u32> {
    let text = std::fs::read_to_string(manifest)
        .with_context(|| format!("{} cannot be read", manifest.display()))?;
    let stated = text
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = \"1."));
    stated
        .and_then(number)
        .with_context(|| format!("{} has no rust-version", manifest.display()))
}

/// The minor version of a toolchain by its cargo, `cargo 1.97.0-nightly (4d1f98451 2026-05-15)`; `None` if it is not there.
fn minor(mut compiler: Command) -> Option<u32> {
    let output = compiler.arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    number(text.strip_prefix("cargo 1.")?)
}

/// The number that a text begins with.
fn number(text: &str) -> Option<u32> {
    let digits = text.split(|letter: char| !letter.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(number("97\" # rig's"), Some(97));
        assert_eq!(number("95.0 (f2d3ce0bd 2026-03-21)"), Some(95));
        assert_eq!(number("nightly"), None);
        assert!(needed(&root().join(NEWEST)).is_ok_and(|minor| minor >= 97));
        assert_eq!(minor(Command::new("no-such-toolchain")), None);
    }
}
