//! The list of checks that a change must pass. Called by `.ci/run` and the workflow of the forge.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::process::{cargo, succeed};
use crate::{assembly, instructions, interop, package, rig, surface, tidy};

/// Feature sets of the facade, each compiled alone.
const FEATURES: &[&str] = &[
    "",
    "record",
    "langfuse",
    "console",
    "otlp",
    "macros",
    "spool,langfuse",
    "signal",
    "tower",
    "tokio",
    "tracing",
    "opentelemetry",
    "prompts",
    "experiments",
    "metrics",
    "metrics,otlp",
    "tracing-fmt",
    "langfuse,otlp",
    "console,otlp",
];

pub(crate) fn run() -> Result<()> {
    step("format", || {
        succeed(&mut cargo(&["fmt", "--all", "--check"]))
    })?;
    step("tidy", tidy::run)?;
    step("public API", || surface::run(&[]))?;
    step("packages", package::without_compiling)?;
    step("clippy, all features", || {
        succeed(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--",
            "-D",
            "warnings",
        ]))
    })?;
    for features in FEATURES {
        step(&format!("clippy, tracefuse with [{features}]"), || {
            let package = [
                "clippy",
                "-p",
                "tracefuse",
                "--no-default-features",
                "--features",
                features,
            ];
            succeed(&mut cargo(
                &[&package[..], &["--", "-D", "warnings"]].concat(),
            ))
        })?;
    }
    step("clippy, tracefuse-core without recording", || {
        let package = ["clippy", "-p", "tracefuse-core", "--no-default-features"];
        succeed(&mut cargo(
            &[&package[..], &["--", "-D", "warnings"]].concat(),
        ))
    })?;
    step("documentation", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps", "--all-features"]);
        succeed(doc.env("RUSTDOCFLAGS", "-D warnings"))
    })?;
    step("deny", deny)?;
    step("assembly", assembly::run)?;
    step("instructions", || instructions::run(&[]))?;
    test()?;
    for command in ["peers", "python", "js", "mcp", "relay", "viewer"] {
        step(command, || interop::in_ci(command))?;
    }
    step("pages", || interop::pages(&["--ci".to_owned()]))
}

/// The command of the README.
pub(crate) fn test() -> Result<()> {
    step("tests", || {
        succeed(&mut cargo(&["test", "--workspace", "--all-features"]))
    })?;
    step("integration", || interop::run("integration", &[]))?;
    step("rig", rig::run)
}

/// The catalogue of faults as a table: all faults, or those that match the names.
pub(crate) fn faults(names: &[String]) -> Result<()> {
    let test = [
        "test",
        "--quiet",
        "-p",
        "tracefuse",
        "--features",
        "spool,langfuse",
    ];
    let binary = ["--test", "faults", "--", "--table"];
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    succeed(&mut cargo(&[&test[..], &binary, &names].concat()))
}

/// The soak at full length, optimized.
pub(crate) fn soak(spans: &[String]) -> Result<()> {
    let spans = spans.first().map_or("10000000", String::as_str);
    let test = ["test", "--quiet", "--release", "-p", "tracefuse"];
    succeed(&mut cargo(
        &[&test[..], &["--test", "soak", "--", spans]].concat(),
    ))
}

/// Bans, licences and sources need no network; advisories are checked only if there is a network.
fn deny() -> Result<()> {
    let installed = Command::new("cargo-deny")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !installed {
        println!("cargo-deny is not here: installing it");
        succeed(
            cargo(&["install", "cargo-deny", "--version", "^0.20", "--locked"])
                .env_remove("CARGO_TARGET_DIR"),
        )
        .context("cargo-deny cannot be installed")?;
    }
    succeed(&mut cargo(&[
        "deny",
        "--all-features",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn step(name: &str, run: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("\n== {name}");
    let start = Instant::now();
    run().with_context(|| format!("step `{name}`"))?;
    println!("== {name}: ok, {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}
