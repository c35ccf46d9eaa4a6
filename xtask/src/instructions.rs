//! Instructions per span, counted under callgrind and compared with `benches/instructions.toml`: a check for regressions
//! that other load on the machine does not change. Called by `ci`; `--bless` writes the table again.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::process::{cargo, output, root};

/// Scenarios of `benches/instructions/src/main.rs`, and what they do.
const SCENARIOS: [(&str, &str); 8] = [
    ("off", "a disabled tracer, 4 attributes"),
    ("unsampled", "an unsampled trace, 4 attributes"),
    ("bare", "recorded, nothing set"),
    ("attributes", "recorded, 4 attributes"),
    (
        "generation",
        "recorded, 1 KiB in and 1 KiB out, model, usage",
    ),
    ("measured", "as generation, with metrics"),
    ("measured-unsampled", "the same in an unsampled trace"),
    ("no-room", "breaker open, queue full, 4 attributes"),
];
/// Above this share of the table's number it is a regression; a look-up of text differs that much between processors.
const TOLERANCE: f64 = 0.10;
const TABLE: &str = "benches/instructions.toml";

pub(crate) fn run(rest: &[String]) -> Result<()> {
    if !cfg!(target_arch = "x86_64") || !available("valgrind") {
        println!(
            "instructions are not counted: this takes valgrind on x86-64, which is not here. \
             Nothing was checked."
        );
        return Ok(());
    }
    let bless = rest.iter().any(|argument| argument == "--bless");
    let program = build()?;
    let counted = SCENARIOS
        .iter()
        .map(|(name, _)| Ok((*name, count(&program, name)?)))
        .collect::<Result<Vec<_>>>()?;
    if bless {
        write(&counted)?;
        println!("{TABLE} is written");
    }
    judge(&counted, &read()?)
}

fn available(tool: &str) -> bool {
    let version = Command::new(tool).arg("--version").output();
    version.is_ok_and(|output| output.status.success())
}

fn build() -> Result<PathBuf> {
    let mut build = cargo(&[
        "build",
        "--release",
        "--quiet",
        "--locked",
        "--manifest-path",
        "benches/Cargo.toml",
        "--package",
        "tracefuse-instructions",
        "--message-format",
        "json-render-diagnostics",
    ]);
    // As for any release, whatever the environment says.
    let text = output(build.env("CARGO_INCREMENTAL", "0"))?;
    let messages = text
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    messages
        .filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)))
        .next_back()
        .context("cargo named no program")
}

/// Instructions per span, on the caller's thread.
fn count(program: &Path, scenario: &str) -> Result<f64> {
    let counts = std::env::temp_dir().join(format!("callgrind.{}", std::process::id()));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=*measured*"])
        .arg(format!("--callgrind-out-file={}", counts.display()))
        .args([program.as_os_str(), scenario.as_ref()])
        .output()?;
    ensure!(
        run.status.success(),
        "`{scenario}` failed under valgrind: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    let spans: f64 = String::from_utf8_lossy(&run.stdout).trim().parse()?;
    let text = std::fs::read_to_string(&counts)?;
    std::fs::remove_file(&counts)?;
    let total = text.lines().find_map(|line| line.strip_prefix("summary: "));
    let total: f64 = total
        .context("callgrind wrote no summary")?
        .trim()
        .parse()?;
    ensure!(total > 0.0, "callgrind counted nothing in `{scenario}`");
    Ok(total / spans)
}

fn judge(counted: &[(&str, f64)], expected: &[(String, f64)]) -> Result<()> {
    println!("| instructions per span | before | ratio | |\n|--:|--:|--:|---|");
    let mut worse = Vec::new();
    for (name, now) in counted {
        let before = expected.iter().find(|(known, _)| known == name);
        let Some((_, before)) = before else {
            bail!("{TABLE} has no `{name}`: `cargo xtask instructions --bless` writes it");
        };
        let ratio = now / before;
        println!("| {now:.0} | {before:.0} | {ratio:.2} | {name} |");
        if ratio > 1.0 + TOLERANCE {
            worse.push(format!("{name} by {:.0} %", (ratio - 1.0) * 100.0));
        } else if ratio < 1.0 - TOLERANCE {
            println!("`{name}` got cheaper: keep it so with `cargo xtask instructions --bless`\n");
        }
    }
    ensure!(
        worse.is_empty(),
        "a span takes more instructions than {TABLE} says: {}. `cargo xtask instructions` shows them all; look with \
         `valgrind --tool=callgrind` what was added. If it is worth its price, say why in the commit and update the \
         table with `cargo xtask instructions --bless`",
        worse.join(", ")
    );
    Ok(())
}

/// Lines of `name = number`.
fn read() -> Result<Vec<(String, f64)>> {
    let text = std::fs::read_to_string(root().join(TABLE)).context(TABLE)?;
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let (name, number) = line.split_once('=').context("a line without `=`")?;
            Ok((name.trim().to_owned(), number.trim().parse()?))
        })
        .collect()
}

fn write(counted: &[(&str, f64)]) -> Result<()> {
    let mut text = String::from(
        "# Instructions per span on the caller's thread, x86-64, counted under callgrind with a fixed clock.\n\
         # CI fails above 110 %. Written by `cargo xtask instructions --bless`.\n",
    );
    for ((name, now), (_, what)) in counted.iter().zip(SCENARIOS) {
        writeln!(text, "{name} = {now:.0} # {what}")?;
    }
    Ok(std::fs::write(root().join(TABLE), text)?)
}
