//! `cargo xtask mock`: the local server, until it is interrupted.

use anyhow::Result;

use crate::process::{cargo, succeed};

pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let mut command = cargo(&["run", "--quiet", "-p", "mock-langfuse", "--"]);
    succeed(command.args(arguments))
}
