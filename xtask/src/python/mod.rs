//! `cargo xtask python`: runs the examples and their twins in `xtask/python`, written for the official Python SDK,
//! and compares what the local server stores of both. Called by `main`, and by `ci` where it can run.

mod explained;
mod facts;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use mock_langfuse::MockLangfuse;

use self::explained::{EXPLAINED, explanation};
use self::facts::{Facts, facts, same};
use crate::process::{examples, output, quiet, root};
use crate::venv::{self, Venv};

const NAME: &str = "python";
const SDK: &str = "langfuse==5.0.4";

/// Programs that exist as an example of ours and as a twin.
const PROGRAMS: &[&str] = &["quickstart", "nested", "llm_call", "tool", "scores"];

/// Runs all programs. If the SDK cannot be installed, prints that and succeeds.
pub(crate) fn run() -> Result<()> {
    venv::with(NAME, &[SDK], check)
}

/// As a step of `ci`.
pub(crate) fn run_if_wanted() -> Result<()> {
    venv::in_ci(NAME, &[SDK], "100 MB", check)
}

fn check(venv: &Venv) -> Result<()> {
    let programs = examples()?;
    let python = venv.program("python");
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for name in PROGRAMS {
        let ours = programs
            .get(*name)
            .with_context(|| format!("the example `{name}` was not built"))?;
        let twin = root().join("xtask/python").join(format!("{name}.py"));
        let theirs = recorded(&python, Some(&twin))?;
        let ours = recorded(ours, None)?;
        compare(name, &theirs, &ours, &mut used, &mut wrong);
    }
    for (at, known) in EXPLAINED.iter().enumerate() {
        if !used.contains(&at) {
            wrong.push(format!(
                "{}, {}, {}: explained, and there is no such difference",
                known.program, known.place, known.field
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("not the same:\n  {}", wrong.join("\n  "))
}

/// What a server has of a program.
fn recorded(program: &Path, script: Option<&Path>) -> Result<Facts> {
    let mock = MockLangfuse::start();
    let mut command = Command::new(program);
    quiet(&mut command)
        .args(script)
        .env("TRACING_MODE", "langfuse")
        .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
        .env("LANGFUSE_RELEASE", "1.2.3")
        .env("LANGFUSE_BASE_URL", mock.url())
        .env("LANGFUSE_PUBLIC_KEY", mock.public_key())
        .env("LANGFUSE_SECRET_KEY", mock.secret_key());
    output(&mut command)?;
    let facts = facts(&mock);
    ensure!(!facts.is_empty(), "{} recorded nothing", program.display());
    Ok(facts)
}

/// Prints each difference with its reason; collects the used reasons, and the differences without one.
fn compare(
    program: &str,
    theirs: &Facts,
    ours: &Facts,
    used: &mut BTreeSet<usize>,
    wrong: &mut Vec<String>,
) {
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let mut rows = Vec::new();
    for key @ (place, field) in &keys {
        let value = |facts: &Facts| facts.get(*key).cloned();
        let (theirs, ours) = (value(theirs), value(ours));
        if same(theirs.as_deref(), ours.as_deref()) {
            continue;
        }
        let why = match explanation(program, place, field) {
            Some((at, why)) => {
                used.insert(at);
                why
            }
            None => {
                wrong.push(format!("{program}, {place}, {field}: not explained"));
                "NOT EXPLAINED"
            }
        };
        let shown = |value: Option<String>| cell(&value.unwrap_or_else(|| "absent".to_owned()));
        rows.push(format!(
            "| {place} | {field} | {} | {} | {why} |",
            shown(theirs),
            shown(ours)
        ));
    }
    println!(
        "\n### {program}: {} the same, {} different\n",
        keys.len() - rows.len(),
        rows.len()
    );
    println!("| where | what | Python {} | tracefuse | why |", version());
    println!("| --- | --- | --- | --- | --- |");
    rows.iter().for_each(|row| println!("{row}"));
}

fn version() -> &'static str {
    SDK.split_once("==").map_or(SDK, |(_, version)| version)
}

/// One line of at most 60 characters, without the table's own sign.
fn cell(text: &str) -> String {
    let line = text.replace('\n', "\\n").replace('|', "\\|");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
