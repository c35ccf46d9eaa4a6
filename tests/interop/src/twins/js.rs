//! `cargo xtask js`: the twins in `js/`, written for the official JS SDK. Called by `main`.

use std::process::Command;

use anyhow::Result;
use xtask::process::root;

use super::{Explained, PROGRAMS, Sdk, check, difference};
use crate::install::Wanted;
use crate::npm::modules;

/// The newest version on npm when this was last changed.
pub(crate) const VERSION: &str = "5.11.1";

/// The SDK, and the newest packages of OpenTelemetry that it takes.
const PACKAGES: &[&str] = &[
    "@langfuse/client@5.11.1",
    "@langfuse/otel@5.11.1",
    "@langfuse/tracing@5.11.1",
    "@opentelemetry/api@1.9.1",
    "@opentelemetry/exporter-trace-otlp-http@0.223.1",
    "@opentelemetry/sdk-trace-node@2.12.1",
];

/// All of it.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    let sdk = Sdk {
        programs: PROGRAMS,
        name: &format!("JS SDK {VERSION}"),
        explained: EXPLAINED,
    };
    with_sdk(in_ci, |program| check(&sdk, program))
}

/// Calls `f` with the programs for the SDK, by name, once it is installed.
pub(crate) fn with_sdk(
    in_ci: bool,
    f: impl FnOnce(&dyn Fn(&str) -> Command) -> Result<()>,
) -> Result<()> {
    let wanted = Wanted {
        name: "js",
        packages: PACKAGES,
        size: "40 MB",
        variable: "TRACEFUSE_NODE_JS",
    };
    wanted.check(
        in_ci,
        || modules(&wanted),
        |modules| {
            f(&|name| {
                let mut command = Command::new("node");
                command.arg(root().join("tests/interop/js").join(format!("{name}.mjs")));
                command.env("TWIN_MODULES", modules.folder.join("package.json"));
                command
            })
        },
    )
}

const EXCEPTION: &str = "theirs has the message of an error alone; ours has type and sources as metadata, which Langfuse shows";

const EXPLAINED: &[Explained] = &[
    difference(
        "*",
        "(resource)",
        "langfuse.*",
        "theirs has it on every span only; ours also on the resource, as the Python SDK has it",
    ),
    difference(
        "*",
        "(resource)",
        "service.name",
        "unknown in both; theirs names the program",
    ),
    difference("*", "*", "metadata exception.*", EXCEPTION),
    difference(
        "*",
        "*",
        "statusMessage type",
        "theirs is the message of the error alone; ours is `Type: message`, as in the Python SDK",
    ),
    difference(
        "scores",
        "(request)",
        "scores",
        "theirs sends scores to the old batch endpoint, ours to the endpoint for scores",
    ),
];
