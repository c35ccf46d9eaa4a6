//! The benchmarks: tracefuse beside its peers, in a workspace of its own that nothing else builds.
//! `cargo xtask bench` prints markdown tables; `cargo xtask bench shape` compares builds.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::process::{cargo, output, root, succeed};

/// The facade, and what does its job otherwise.
const SHAPES: [(&str, &str); 2] = [
    (
        "tracefuse",
        "tracefuse = { path = \"ROOT/crates/tracefuse\" }",
    ),
    (
        "opentelemetry, -otlp, -langfuse and tracing-opentelemetry",
        "opentelemetry = \"0.33\"\nopentelemetry_sdk = \"0.33\"\nopentelemetry-otlp = \"0.33\"\nopentelemetry-langfuse = \"0.7\"\ntracing = \"0.1\"\ntracing-opentelemetry = \"0.34\"\ntracing-subscriber = \"0.3\"",
    ),
];

/// Builds and runs the suite; what follows goes to it: `--quick`, `--reps N`, `--part hot`, `--only NAMES`.
pub(crate) fn run(rest: &[String]) -> Result<()> {
    if rest.first().is_some_and(|first| first == "shape") {
        return shape();
    }
    let folder = root().join("benches");
    let mut build = cargo(&["build", "--release", "--quiet", "--locked"]);
    succeed(build.current_dir(&folder))?;
    let mut suite = cargo(&[
        "run",
        "--release",
        "--quiet",
        "--locked",
        "--bin",
        "suite",
        "--",
    ]);
    if !rest.iter().any(|argument| argument == "--quick") {
        suite.arg("--plots").arg(root().join("docs/performance"));
    }
    succeed(suite.args(rest).current_dir(&folder))
}

/// Time of a clean release build, and how many crates it takes.
fn shape() -> Result<()> {
    println!("| | crates | clean release build, s |\n|---|--:|--:|");
    for (title, dependencies) in SHAPES {
        let folder = root()
            .join("target/shape")
            .join(title.split([',', ' ']).next().unwrap_or(title));
        // What an earlier run built would be reused.
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(folder.join("src"))?;
        let dependencies = dependencies.replace("ROOT", &root().display().to_string());
        let manifest = format!(
            "[package]\nname = \"shape\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}\n"
        );
        std::fs::write(folder.join("Cargo.toml"), manifest)?;
        std::fs::write(folder.join("src/main.rs"), "fn main() {}\n")?;
        let (crates, seconds) = measure(&folder).with_context(|| title.to_owned())?;
        println!("| {title} | {crates} | {seconds:.1} |");
    }
    Ok(())
}

fn measure(folder: &Path) -> Result<(usize, f64)> {
    let tree = [
        "tree",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let text = output(cargo(&tree).current_dir(folder))?;
    let names = text.lines().map(|line| line.trim_end_matches(" (*)"));
    let crates = names.collect::<BTreeSet<_>>().len() - 1;
    let mut build = cargo(&["build", "--release", "--quiet"]);
    build
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", folder.join("target"));
    let start = Instant::now();
    succeed(&mut build)?;
    Ok((crates, start.elapsed().as_secs_f64()))
}
