//! `cargo xtask demo`, `integration`, `peers`, `python`, `js`, `mcp`, `relay` and `viewer`: the package `tests/interop`, built and run; and
//! `pages`: the package `tests/pages`.
//! Called by `main` and `ci`.

use anyhow::Result;

use crate::process::{cargo, succeed};

/// Commands of that package.
pub(crate) const COMMANDS: &[&str] = &[
    "demo",
    "integration",
    "peers",
    "python",
    "js",
    "mcp",
    "relay",
    "viewer",
];

/// One of its commands.
pub(crate) fn run(command: &str, arguments: &[String]) -> Result<()> {
    let mut program = cargo(&["run", "--quiet", "-p", "interop", "--", command]);
    succeed(program.args(arguments))
}

/// One of its commands as a step of `ci`: what is not installed is installed only where `CI` is set.
pub(crate) fn in_ci(command: &str) -> Result<()> {
    let mut program = cargo(&["run", "--quiet", "-p", "interop", "--", command, "--ci"]);
    // `cargo` takes it away, since it is no setting of a tracer.
    if let Some(wanted) = std::env::var_os("TRACEFUSE_PEERS") {
        program.env("TRACEFUSE_PEERS", wanted);
    }
    succeed(&mut program)
}

/// The viewer's pages in a browser, as a command and as a step of `ci`.
pub(crate) fn pages(arguments: &[String]) -> Result<()> {
    let mut program = cargo(&["run", "--quiet", "-p", "pages", "--"]);
    succeed(program.args(arguments))
}
