//! `cargo xtask viewer`, its first part, which is not a step of CI: our examples and an agent of rig against our server, by Langfuse's address and by
//! OpenTelemetry's; and one whose server is down, whose spool `tracefuse import` reads. What arrived is read back by the API and
//! compared with what the test server has of the same program. Called by `main`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use mock_langfuse::MockLangfuse;
use serde_json::Value;
use tracefuse_http::Secret;
use tracefuse_server::{Store, StoreOptions};
use xtask::process::{cargo, output};

use crate::integration;
use crate::live::Live;
use crate::programs::{Programs, built, quiet};
use crate::read_back::{Server, tree};
use crate::service::free_port;

/// Beside those of `integration`.
const MORE: &[&str] = &["propagation", SCORES, "streaming"];
const SCORES: &str = "scores";
/// In its own workspace.
const RIG: &str = "rig_agent";

pub(crate) fn run() -> Result<()> {
    let features = "opentelemetry,experiments,otlp,spool";
    let mut programs = built(&["-p", "tracefuse", "--examples", "--features", features])?;
    programs.extend(built(&[
        "--manifest-path",
        "tests/rig/Cargo.toml",
        "--example",
        RIG,
    ])?);
    println!(
        "{:16} observations  by Langfuse's address  by OpenTelemetry's",
        "our example"
    );
    let names = integration::names()
        .chain(MORE.iter().copied())
        .chain([RIG]);
    for name in names {
        let program = program(&programs, name)?;
        let count = compare(name, program).with_context(|| format!("example `{name}`"))?;
        println!("{name:16} {count:12}  as recorded             names as recorded");
    }
    spool(program(&programs, "quickstart")?).context("the spool of `quickstart`")
}

fn program<'a>(programs: &'a Programs, name: &str) -> Result<&'a Path> {
    let program = programs.get(name);
    program
        .map(std::path::PathBuf::as_path)
        .with_context(|| format!("the example `{name}` was not built"))
}

/// Runs a program against the test server and against ours; the number of observations.
fn compare(name: &str, program: &Path) -> Result<usize> {
    let mock = MockLangfuse::start();
    let keys = (mock.public_key(), mock.secret_key());
    output(&mut sending(program, &mock.url(), keys))?;
    let recorded = tree(&rows(&mock.url(), keys)?);

    let got = with_viewer(|url| output(&mut sending(program, url, KEYS)).map(drop))?;
    let arrived = tree(&got);
    ensure!(
        arrived == recorded,
        "recorded\n{recorded}arrived\n{arrived}"
    );
    integration::check_rows(name, &got)?;
    if name == SCORES {
        // OTLP has no scores: the program ends with an error that says so.
        return Ok(got.len());
    }

    let by_otlp = with_viewer(|url| {
        let mut command = Command::new(program);
        quiet(&mut command)
            .env("TRACING_MODE", "otlp")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", url);
        output(&mut command).map(drop)
    })?;
    let (recorded, arrived) = (names(&recorded), names(&tree(&by_otlp)));
    ensure!(
        arrived == recorded,
        "recorded\n{recorded}arrived by OTLP\n{arrived}"
    );
    Ok(got.len())
}

/// The names of a tree without the kinds, and without events: OpenTelemetry has them inside of their span.
fn names(tree: &str) -> String {
    let lines = tree
        .lines()
        .filter(|line| !line.trim_start().starts_with("event "));
    lines
        .map(|line| {
            let depth = line.len() - line.trim_start().len();
            let name = line
                .trim_start()
                .split_once(' ')
                .map_or("", |(_, name)| name);
            format!("{}{name}\n", " ".repeat(depth))
        })
        .collect()
}

const KEYS: (&str, &str) = ("pk-lf-local", "sk-lf-local");

fn sending(program: &Path, url: &str, keys: (&str, &str)) -> Command {
    let mut command = Command::new(program);
    quiet(&mut command)
        .env("TRACING_MODE", "langfuse")
        .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
        .env("LANGFUSE_BASE_URL", url)
        .env("LANGFUSE_PUBLIC_KEY", keys.0)
        .env("LANGFUSE_SECRET_KEY", keys.1);
    command
}

/// What our server has after `send`, by its API.
fn with_viewer(send: impl FnOnce(&str) -> Result<()>) -> Result<Vec<Value>> {
    let live = Live::start(Store::in_memory(StoreOptions::default())?)?;
    let url = format!("http://{}", live.address);
    send(&url)?;
    rows(&url, KEYS)
}

fn rows(url: &str, keys: (&str, &str)) -> Result<Vec<Value>> {
    let server = Server {
        url: url.to_owned(),
        public_key: keys.0.to_owned(),
        secret_key: Secret::new(keys.1),
    };
    server.observations(None)
}

/// The program runs while nothing listens, and leaves its trace in a spool: the command imports it.
fn spool(program: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (spool, store) = (folder.path().join("spool"), folder.path().join("traces.db"));
    let url = format!("http://127.0.0.1:{}", free_port()?);
    // It says that nothing was delivered, by its exit code too.
    let _ = sending(program, &url, KEYS)
        .env("TRACEFUSE_SPOOL_DIR", &spool)
        .env("TRACEFUSE_SHUTDOWN_TIMEOUT", "2")
        .output()?;
    let mut import = cargo(&["run", "--quiet", "-p", "tracefuse-cli", "--"]);
    import.arg("--store").arg(&store).arg("import").arg(&spool);
    let said = output(&mut import)?;
    ensure!(said.contains("spans 2, scores 0"), "import said {said}");
    let live = Live::start(Store::open(&store, StoreOptions::default())?)?;
    integration::check_rows(
        "quickstart",
        &rows(&format!("http://{}", live.address), KEYS)?,
    )?;
    println!(
        "quickstart with its server away: 2 observations from its spool, by `tracefuse import`"
    );
    Ok(())
}
