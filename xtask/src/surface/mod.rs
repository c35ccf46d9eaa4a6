//! The public API of each published crate as text, kept in `docs/api/`: a change of the API shows in review.
//! Called by `main` and `ci` (`api [--bless]`) and by `tidy`, which asks for examples.
//!
//! The sources are read with `syn`, so that a stable toolchain suffices: all features together, without expanding derives.
//! A re-export of another crate is one line; its items are in the list of that crate.

mod examples;
mod print;
mod walk;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use crate::process::root;

pub(crate) use examples::check;

/// The published crates, by the folder of each.
pub(crate) const CRATES: &[&str] = &[
    "core",
    "mask",
    "exporter",
    "spool",
    "runtime",
    "http",
    "otlp",
    "langfuse",
    "console",
    "tracefuse",
    "macros",
    "tower",
    "http-client",
    "rmcp",
    "server",
    "semconv",
    "metrics",
    "opentelemetry",
    "prompts",
    "experiments",
    "tracing",
    "mock-langfuse",
];

/// Compares `docs/api/` with the sources, or writes it.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let bless = arguments.iter().any(|argument| argument == "--bless");
    let folder = root().join("docs/api");
    fs::create_dir_all(&folder)?;
    let mut differs = Vec::new();
    for name in crates() {
        let (text, names) = list(&root().join("crates").join(&name))?;
        println!("{name}: {names} public names");
        let path = folder.join(format!("{name}.txt"));
        let known = fs::read_to_string(&path).unwrap_or_default();
        if known == text {
            continue;
        }
        if bless {
            fs::write(&path, text)?;
        } else {
            differs.push(difference(&name, &known, &text));
        }
    }
    println!("root of the facade: {} names", facade_root()?.len());
    if differs.is_empty() {
        return Ok(());
    }
    bail!(
        "the public API differs from docs/api; if that is intended, run `cargo xtask api --bless` and add a line to CHANGELOG.md:\n{}",
        differs.concat()
    )
}

/// The folders of the published crates that exist.
fn crates() -> Vec<String> {
    let exists = |name: &&&str| root().join("crates").join(name).is_dir();
    let found = CRATES.iter().filter(exists);
    found.map(|name| (*name).to_owned()).collect()
}

/// The names at the root of the facade, each once: a function and a module may share one.
pub(crate) fn facade_root() -> Result<Vec<String>> {
    let tree = walk::read(&root().join("crates/tracefuse/src/lib.rs"))?;
    Ok(tree.root_names())
}

/// One line for each public item, and their number without methods and fields.
fn list(folder: &Path) -> Result<(String, usize)> {
    let tree = walk::read(&folder.join("src/lib.rs"))
        .with_context(|| format!("cannot read the sources of {}", folder.display()))?;
    let lines = print::lines(&tree);
    let names = lines.values().filter(|is_name| **is_name).count();
    let text: String = lines.keys().flat_map(|line| [line, "\n"]).collect();
    Ok((text, names))
}

fn difference(name: &str, known: &str, found: &str) -> String {
    let mut lines: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for line in known.lines() {
        lines.entry(line).or_default().0 = true;
    }
    for line in found.lines() {
        lines.entry(line).or_default().1 = true;
    }
    let changed = lines.iter().filter_map(|(line, seen)| match seen {
        (true, false) => Some(format!("  {name}: - {line}\n")),
        (false, true) => Some(format!("  {name}: + {line}\n")),
        _ => None,
    });
    changed.collect()
}
