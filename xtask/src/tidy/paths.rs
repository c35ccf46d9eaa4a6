//! Files that documents, comments and manifests name as `crate/file.rs` exist, and contain what is named after `::`.
//! Called by `tidy`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Findings;
use crate::process::root;

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let crates: Vec<String> = std::fs::read_dir(root().join("crates"))?
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    let mut findings = Vec::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let kind = name.rsplit('.').next().unwrap_or_default();
        if !matches!(kind, "md" | "toml" | "rs") || name.starts_with("xtask/src/tidy/") {
            continue;
        }
        let text = std::fs::read_to_string(root().join(file))?;
        for line in text.lines() {
            // Of a source file only comments name files; of a document only what is in backticks.
            let parts: Vec<&str> = match kind {
                "rs" => line
                    .split_once("//")
                    .map(|(_, comment)| comment)
                    .into_iter()
                    .collect(),
                "md" => line.split('`').skip(1).step_by(2).collect(),
                _ => vec![line],
            };
            for named in parts.into_iter().flat_map(|part| named(part, &crates)) {
                if let Err(problem) = resolve(named) {
                    findings.push(format!("{name} names `{named}`: {problem}"));
                }
            }
        }
    }
    Ok(findings)
}

/// Words such as `core/span/open/mod.rs`, `core/src/span/open/mod.rs::OpenSpan` and `otlp/http/`.
fn named<'a>(text: &'a str, crates: &[String]) -> Vec<&'a str> {
    text.split(|c: char| c.is_whitespace() || "\"'`(),;[]".contains(c))
        .map(|word| word.trim_end_matches(['.', ':']))
        .filter(|word| {
            let word = word.strip_prefix("crates/").unwrap_or(word);
            let path = word.split("::").next().unwrap_or_default();
            let known = path.split_once('/').is_some_and(|(first, _)| {
                matches!(first, "xtask" | "benches") || crates.iter().any(|name| name == first)
            });
            let plain = path
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/_-.".contains(c));
            known && plain && (path.ends_with(".rs") || path.ends_with('/'))
        })
        .collect()
}

fn resolve(named: &str) -> Result<(), String> {
    let (path, item) = named.split_once("::").unwrap_or((named, ""));
    let (first, rest) = path.split_once('/').unwrap_or((path, ""));
    let found = [
        root().join(path),
        root().join("crates").join(path),
        root().join("crates").join(first).join("src").join(rest),
    ]
    .into_iter()
    .find(|path| path.exists());
    let Some(found) = found else {
        return Err("there is no such file".into());
    };
    let last = item.rsplit("::").next().unwrap_or_default();
    if !last.is_empty() && !contains(&found, last) {
        return Err(format!("the file has no `{last}`"));
    }
    Ok(())
}

fn contains(file: &Path, item: &str) -> bool {
    std::fs::read_to_string(file).is_ok_and(|text| text.contains(item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_crate_and_other_words_are_not_files() {
        let crates = ["core".to_owned(), "otlp".to_owned()];
        let text = "see core/span/open/mod.rs::OpenSpan, crates/otlp/src/lib.rs and (otlp/http/). Not src/main.rs, a/b.rs, core/{a,b}.rs";
        assert_eq!(
            named(text, &crates),
            [
                "core/span/open/mod.rs::OpenSpan",
                "crates/otlp/src/lib.rs",
                "otlp/http/"
            ]
        );
    }

    #[test]
    fn a_file_or_an_item_that_does_not_exist_is_found() {
        assert_eq!(resolve("core/lib.rs"), Ok(()));
        assert_eq!(resolve("xtask/src/main.rs::main"), Ok(()));
        assert!(resolve("core/nothing.rs").is_err());
        assert!(resolve("core/lib.rs::NothingOfThisName").is_err());
    }
}
