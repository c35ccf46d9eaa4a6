//! Commands in documents and in the headers of examples: each example and each command of this program that they name is
//! there, and an example is named with the features that it needs.
//! Called by `tidy`.

use std::path::PathBuf;

use anyhow::Result;

use super::Findings;
use crate::process::root;

/// Features of the facade that are on without being named.
const DEFAULT: &[&str] = &["console", "langfuse", "record"];

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let examples = examples(&std::fs::read_to_string(
        root().join("crates/tracefuse/Cargo.toml"),
    )?);
    let help = std::fs::read_to_string(root().join("xtask/src/main.rs"))?;
    let mut findings = Vec::new();
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        if !name.ends_with(".md") && !name.contains("/examples/") || name == "CHANGELOG.md" {
            continue;
        }
        let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
        for command in commands(&text, "cargo xtask ") {
            let is_known = |word: &str| help.contains(&format!("\n  {word} "));
            if let Some(word) = command.first().filter(|word| !is_known(word)) {
                findings.push(format!("{name}: there is no command `cargo xtask {word}`"));
            }
        }
        for command in commands(&text, "cargo run ") {
            if let Some(problem) = wrong_example(&command, &examples, files) {
                findings.push(format!("{name}: {problem}"));
            }
        }
    }
    Ok(findings)
}

/// The words after each `start`, up to the end of the code or the line.
fn commands<'t>(text: &'t str, start: &str) -> Vec<Vec<&'t str>> {
    let found = text.lines().flat_map(|line| line.split(start).skip(1));
    found
        .map(|rest| {
            let command = rest.split(['`', '#']).next().unwrap_or_default();
            let words = command.split_whitespace();
            words
                .map(|word| word.trim_end_matches(['.', ',', ';', ':']))
                .collect()
        })
        .collect()
}

/// What is wrong with the example that a `cargo run` names, if it names one.
fn wrong_example(
    command: &[&str],
    examples: &[(String, Vec<String>)],
    files: &[PathBuf],
) -> Option<String> {
    let after = |option: &str| {
        let at = command.iter().position(|word| *word == option)?;
        command.get(at + 1).copied()
    };
    let name = after("--example")?;
    let ends = [
        format!("/examples/{name}.rs"),
        format!("/examples/{name}/main.rs"),
    ];
    let is_file = |file: &PathBuf| {
        let path = file.to_string_lossy().replace('\\', "/");
        ends.iter().any(|end| path.ends_with(end))
    };
    if !files.iter().any(is_file) {
        return Some(format!("there is no example `{name}`"));
    }
    if after("-p").is_some() || after("--manifest-path").is_some() {
        return None;
    }
    let (_, needed) = examples.iter().find(|(known, _)| known == name)?;
    let given: Vec<&str> = after("--features").unwrap_or_default().split(',').collect();
    let mut missing = needed.iter().filter(|feature| {
        !DEFAULT.contains(&feature.as_str()) && !given.contains(&feature.as_str())
    });
    let missing = missing.next()?;
    Some(format!("the example `{name}` needs `--features {missing}`"))
}

/// The examples of a manifest, each with its `required-features`.
fn examples(manifest: &str) -> Vec<(String, Vec<String>)> {
    let quoted = |line: &str| -> Vec<String> {
        line.split('"')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
    let blocks = manifest.split("[[example]]").skip(1);
    blocks
        .filter_map(|block| {
            let block = block.split("\n[").next().unwrap_or_default();
            let line = |key: &str| block.lines().find(|line| line.starts_with(key));
            let name = quoted(line("name")?).pop()?;
            Some((
                name,
                line("required-features").map(quoted).unwrap_or_default(),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_end_with_their_code() {
        let text =
            "run `cargo xtask demo --view`, then\n$ cargo xtask test   # all\nand cargo xtask";
        let found = commands(text, "cargo xtask ");
        assert_eq!(found, [vec!["demo", "--view"], vec!["test"]]);
    }

    #[test]
    fn examples_that_are_missing_or_need_a_feature_are_found() {
        let manifest = "[[example]]\nname = \"a\"\nrequired-features = [\"console\", \"macros\"]\n[dependencies]\nname = \"b\"\n";
        let known = examples(manifest);
        assert_eq!(
            known,
            [(
                "a".to_owned(),
                vec!["console".to_owned(), "macros".to_owned()]
            )]
        );
        let files = [PathBuf::from("crates/x/examples/a.rs")];
        for (command, problem) in [
            ("--example a --features macros", None),
            (
                "--example a",
                Some("the example `a` needs `--features macros`"),
            ),
            ("-p x --example a", None),
            ("--example b", Some("there is no example `b`")),
            ("--release", None),
        ] {
            let words: Vec<&str> = command.split(' ').collect();
            let found = wrong_example(&words, &known, &files);
            assert_eq!(found.as_deref(), problem, "{command}");
        }
    }
}
