//! Runs fuzz targets for a stated time, on the stable toolchain. What they check is in `fuzz/checks`.
//! Their seeds are replayed without a fuzzer by `crates/tracefuse/tests/corpus`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::process::{root, succeed};

/// Default of the time for each target.
const SECONDS: &str = "60";

/// `[TARGET] [SECONDS]`: one target or all of them.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let is_number = |text: &&String| text.parse::<u64>().is_ok();
    let seconds = arguments
        .iter()
        .find(is_number)
        .map_or(SECONDS, String::as_str);
    let asked = arguments.iter().find(|text| !is_number(text));
    let known = targets()?;
    let chosen: Vec<&String> = known
        .iter()
        .filter(|target| asked.is_none_or(|asked| asked == *target))
        .collect();
    ensure!(!chosen.is_empty(), "the targets are {}", known.join(", "));
    install()?;
    for target in chosen {
        println!("\n== {target}, {seconds} s");
        // New inputs go to `corpus`, which is not committed; the seeds are.
        let corpus = root().join("fuzz/corpus").join(target);
        std::fs::create_dir_all(&corpus)?;
        let mut fuzz = Command::new("cargo-fuzz");
        fuzz.current_dir(root().join("fuzz"))
            // Without a sanitizer, which would need a nightly toolchain.
            .args(["fuzz", "run", "-s", "none", target])
            .arg(corpus)
            .arg(root().join("fuzz/seeds").join(target))
            .args(["--", "-timeout=25", "-max_len=4096", "-print_final_stats=1"])
            .arg(format!("-max_total_time={seconds}"));
        succeed(&mut fuzz)?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into()));
    }
    names.sort();
    Ok(names)
}

fn install() -> Result<()> {
    let installed = Command::new("cargo-fuzz")
        .args(["fuzz", "--version"])
        .output()
        .is_ok_and(|output| output.status.success());
    if installed {
        return Ok(());
    }
    println!("cargo-fuzz is not here: installing it");
    let mut cargo = crate::process::cargo(&["install", "cargo-fuzz", "--locked"]);
    succeed(cargo.env_remove("CARGO_TARGET_DIR")).context("cargo-fuzz cannot be installed")
}
