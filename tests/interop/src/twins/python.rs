//! `cargo xtask python`: the twins in `python/`, written for the official Python SDK. Called by `main`.

use std::process::Command;

use anyhow::Result;
use xtask::process::root;

use super::{EXPERIMENT, Explained, PROGRAMS, Sdk, check, difference};
use crate::install::Wanted;
use crate::venv::venv;

/// The newest version on PyPI when this was last changed.
pub(crate) const VERSION: &str = "5.0.4";

/// All of it.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    let sdk = Sdk {
        programs: &[PROGRAMS, &[EXPERIMENT]].concat(),
        name: &format!("Python SDK {VERSION}"),
        explained: EXPLAINED,
    };
    with_sdk(in_ci, |program| check(&sdk, program))
}

/// Calls `f` with the programs for the SDK, by name, once it is installed.
pub(crate) fn with_sdk(
    in_ci: bool,
    f: impl FnOnce(&dyn Fn(&str) -> Command) -> Result<()>,
) -> Result<()> {
    let package = format!("langfuse=={VERSION}");
    let wanted = Wanted {
        name: "python",
        packages: &[&package],
        size: "100 MB",
        variable: "TRACEFUSE_VENV_PYTHON",
    };
    wanted.check(
        in_ci,
        || venv(&wanted),
        |venv| {
            f(&|name| {
                let mut command = Command::new(venv.program("python"));
                command.arg(
                    root()
                        .join("tests/interop/python")
                        .join(format!("{name}.py")),
                );
                command
            })
        },
    )
}

const EXCEPTION: &str = "Langfuse drops the span event that has type and stack in theirs; ours are metadata, which it shows";

const OUTPUT: &str = "theirs counts composite evaluators that were skipped, and leaves out the type of a score that is a text";

const EXPLAINED: &[Explained] = &[
    difference(
        "*",
        "(resource)",
        "service.instance.id",
        "theirs is random for each process; Langfuse does not read it",
    ),
    difference(
        "*",
        "(resource)",
        "service.name",
        "unknown in both; theirs names the language",
    ),
    difference(
        "*",
        "(scope)",
        "attributes.public_key",
        "theirs tells projects in one process apart by it; Langfuse does not read it",
    ),
    difference("*", "*", "metadata exception.*", EXCEPTION),
    difference(
        "*",
        "*",
        "statusMessage type",
        "types of errors have the names of their language",
    ),
    difference(
        "experiment",
        "experiment-item-run*",
        "traceName",
        "ours has the name of the trace on every row; theirs leaves it to the root",
    ),
    difference("experiment", "experiment-item-run*", "output", OUTPUT),
    difference(
        "experiment",
        "experiment-item-run 4",
        "*",
        "theirs writes input and metadata of the root of an item that failed only below it",
    ),
    difference(
        "experiment",
        "score *",
        "environment",
        "ours has the environment of its trace",
    ),
    difference(
        "experiment",
        "score items",
        "value",
        "ours gives items that failed to the evaluators of the run as well",
    ),
    difference(
        "*",
        "(request)",
        "scores",
        "servers up to 4.16.0 refuse a list; one object each is taken by all",
    ),
    difference(
        "*",
        "score *",
        "timestamp",
        "the API of 4.16.0 has no time of a score: the server sets it",
    ),
];
