//! Checks that the repository is as ARCHITECTURE.md and CONTRIBUTING.md describe it.
//! Run by `ci` and, as a test, by `cargo test`.

mod arrows;
mod circles;
mod commands;
mod documents;
mod paths;
mod security;
mod sources;
mod words;

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::process::root;

/// One line for each problem.
type Findings = Vec<String>;

pub(crate) fn run() -> Result<()> {
    let files = files()?;
    let mut findings = arrows::check()?;
    findings.extend(sources::check(&files)?);
    findings.extend(documents::check(&files)?);
    findings.extend(commands::check(&files)?);
    findings.extend(security::check(&files)?);
    findings.extend(circles::check(&files)?);
    findings.extend(paths::check(&files)?);
    findings.extend(words::check(&files)?);
    findings.extend(crate::surface::check()?);
    if findings.is_empty() {
        println!("{} files are tidy", files.len());
        return Ok(());
    }
    bail!("not tidy:\n  {}", findings.join("\n  "))
}

/// Every file of the repository, relative to its root.
fn files() -> Result<Vec<PathBuf>> {
    let (root, mut found) = (root(), Vec::new());
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            if path.is_dir() {
                if !matches!(name.as_str(), "target" | ".git") {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(&root) {
                found.push(relative.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_repository_is_tidy() {
        if let Err(findings) = super::run() {
            panic!("{findings}");
        }
    }
}
