//! Source files: each has a header and one idea; names and effects are where they belong.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Findings;
use crate::process::root;

/// A file above this holds two ideas as a rule.
const MAX_LINES: usize = 500;

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let mut findings = Vec::new();
    for file in files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "rs"))
    {
        let text = std::fs::read_to_string(root().join(file))?;
        let name = file.to_string_lossy().replace('\\', "/");
        if !text.starts_with("//!") {
            findings.push(format!(
                "{name}: no header. Say in `//!` lines what is here, who calls it, and what it must not know"
            ));
        }
        let lines = lines_without_examples(&text);
        if lines > MAX_LINES {
            findings.push(format!("{name}: {lines} lines; does it hold two ideas?"));
        }
        findings.extend(names_in_place(&name, file, &text));
    }
    Ok(findings)
}

/// The lines of a file; examples in the documentation do not count, since each public method has one.
fn lines_without_examples(text: &str) -> usize {
    let mut inside = false;
    let counted = text.lines().filter(|line| {
        let line = line.trim_start();
        let fence = line.starts_with("/// ```");
        let example = fence || (inside && line.starts_with("///"));
        inside = if fence { !inside } else { inside && example };
        !example
    });
    counted.count()
}

fn names_in_place(name: &str, file: &Path, text: &str) -> Findings {
    let mut findings = Vec::new();
    let is_test = file
        .components()
        .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "examples")));
    let ours =
        name.starts_with("crates/") && !name.starts_with("crates/mock-langfuse/") && !is_test;
    if !ours {
        return findings;
    }
    // Tests at the foot of a file may say what they expect.
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let literal = concat!('"', "langfuse.");
    // Keys of `tracefuse.toml` begin with the same word.
    let keys = name.starts_with("crates/tracefuse/src/config/");
    let homes = matches!(
        name,
        "crates/langfuse/src/attributes.rs" | "crates/semconv/src/names.rs"
    );
    if code.contains(literal) && !keys && !homes {
        findings.push(format!(
            "{name}: names of Langfuse's attributes belong into crates/langfuse/src/attributes.rs"
        ));
    }
    if name.starts_with("crates/core/src/record/") && code.contains("use crate::") {
        findings.push(format!(
            "{name}: record/ imports nothing from outside itself"
        ));
    }
    if name.starts_with("crates/runtime/src/") && name != "crates/runtime/src/log.rs" {
        for level in ["error", "warn", "info", "debug", "trace"] {
            if code.contains(&format!("tracing::{level}!")) {
                findings.push(format!(
                    "{name}: log lines belong into log.rs, where a panic of the subscriber is contained"
                ));
            }
        }
    }
    findings
}
