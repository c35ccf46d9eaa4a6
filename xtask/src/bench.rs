//! The benchmarks: tracefuse beside other libraries, in a separate workspace that no other command builds.
//! `cargo xtask bench` prints markdown tables; `cargo xtask bench shape` compares builds.

use anyhow::Result;

use crate::process::{cargo, root, succeed};
use crate::shape;

/// Builds and runs the suite and passes the arguments on: `--quick`, `--reps N`, `--part hot`, `--only NAMES`.
pub(crate) fn run(rest: &[String]) -> Result<()> {
    if rest.first().is_some_and(|first| first == "shape") {
        return shape::run();
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
        suite.arg("--plots").arg(root().join("benches/plots"));
    }
    succeed(suite.args(rest).current_dir(&folder))
}
