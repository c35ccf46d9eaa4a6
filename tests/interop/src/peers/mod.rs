//! `cargo xtask peers`: third-party receivers, unmodified, get the traces of our examples by OTLP. What they have stored
//! is compared with what was recorded. Called by `main`.

mod mlflow;
mod phoenix;
mod seen;
mod witness;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use mock_langfuse::MockLangfuse;

use self::mlflow::Mlflow;
use self::phoenix::Phoenix;
use self::seen::{ASPECTS, Comparison, Trace, compare, draw};
use crate::install::Wanted;
use crate::integration;
use crate::programs::{Programs, built, quiet};
use crate::venv::{Venv, venv};
use xtask::process::{output, target};

const NAME: &str = "peers";
const PHOENIX: &str = "arize-phoenix==20.26.1";
const MLFLOW: &str = "mlflow==3.17.2";

/// Beside those of `integration`.
const MORE: &[&str] = &["propagation", "streaming"];
/// In its own workspace.
const RIG: &str = "rig_agent";

/// A receiver that runs.
trait Receiver {
    fn name(&self) -> &'static str;
    fn wait_until_ready(&mut self) -> Result<()>;
    /// What sends an example's traces there.
    fn variables(&self) -> Vec<(&'static str, String)>;
    /// What it should have of what was recorded, where it uses other words.
    fn expected(&self, recorded: Trace) -> Trace;
    /// A trace, as soon as it has this many spans.
    fn read(&self, trace: &str, spans: usize) -> Result<Trace>;
}

/// All of it.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    let wanted = Wanted {
        name: NAME,
        packages: &[PHOENIX, MLFLOW],
        size: "1.3 GB",
        variable: "TRACEFUSE_VENV_PEERS",
    };
    wanted.check(in_ci, || venv(&wanted), check)
}

fn check(venv: &Venv) -> Result<()> {
    let folder = target().join(NAME).join("run");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let own = |name: &str| -> Result<_> {
        let own = folder.join(name);
        fs::create_dir_all(&own)?;
        Ok(own)
    };
    println!("starting Arize Phoenix and MLflow, which takes a minute or two");
    let phoenix = Phoenix::start(venv, &own("phoenix")?)?;
    let mlflow = Mlflow::start(venv, &own("mlflow")?)?;
    // They start meanwhile.
    let programs = examples()?;
    let mut wrong = Vec::new();
    let receivers: [(Box<dyn Receiver>, &str); 2] =
        [(Box::new(phoenix), PHOENIX), (Box::new(mlflow), MLFLOW)];
    for (mut receiver, version) in receivers {
        receiver.wait_until_ready()?;
        let version = version.split_once("==").map_or("", |(_, version)| version);
        println!("\n{} {version}\n", receiver.name());
        wrong.extend(examples_at(&*receiver, &programs)?);
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("not as recorded:\n  {}", wrong.join("\n  "))
}

fn examples() -> Result<Programs> {
    let ours = [
        "-p",
        "tracefuse",
        "--examples",
        "--features",
        "otlp,opentelemetry",
    ];
    let rig = ["--manifest-path", "tests/rig/Cargo.toml", "--example", RIG];
    let mut programs = built(&ours)?;
    programs.extend(built(&rig)?);
    Ok(programs)
}

/// Runs every example against a receiver and prints a line for each; gives what is not as recorded.
fn examples_at(receiver: &dyn Receiver, programs: &Programs) -> Result<Vec<String>> {
    println!(
        "  {:<14}{:>6}{}",
        "example",
        "spans",
        row(|aspect| aspect.to_owned())
    );
    let mut wrong = Vec::new();
    let mut rig = String::new();
    let names = integration::names().chain(MORE.iter().copied());
    for name in names.chain([RIG]) {
        let program = programs
            .get(name)
            .with_context(|| format!("the example `{name}` was not built"))?;
        let (recorded, got) = one(receiver, name, program)
            .with_context(|| format!("example `{name}` at {}", receiver.name()))?;
        let found = compare(&recorded, &got);
        println!(
            "  {name:<14}{:>6}{}",
            got.spans.len(),
            row(|aspect| cell(&found, aspect))
        );
        let words = found.differences.iter();
        wrong.extend(
            words.map(|(aspect, words)| {
                format!("{} at {}: {aspect}: {words}", name, receiver.name())
            }),
        );
        if name == RIG {
            rig = draw(&got);
        }
    }
    print!("\n  {RIG}\n{}", indented(&rig));
    Ok(wrong)
}

/// What an example recorded, and what the receiver has of it.
fn one(receiver: &dyn Receiver, name: &str, program: &Path) -> Result<(Trace, Trace)> {
    let mock = MockLangfuse::start();
    let mut example = Command::new(program);
    quiet(&mut example)
        .env("TRACING_MODE", "langfuse,otlp")
        .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
        .env("LANGFUSE_BASE_URL", mock.url())
        .env("LANGFUSE_PUBLIC_KEY", mock.public_key())
        .env("LANGFUSE_SECRET_KEY", mock.secret_key())
        // A busy machine is no reason to lose one.
        .env("TRACEFUSE_SHUTDOWN_TIMEOUT", "60")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "50000")
        .envs(receiver.variables());
    output(&mut example)?;
    integration::check_by_name(name, &mock)?;
    let (id, recorded) = witness::recorded(&mock)?;
    let recorded = receiver.expected(recorded);
    let got = receiver.read(&id, recorded.spans.len())?;
    Ok((recorded, got))
}

fn row(cell: impl Fn(&'static str) -> String) -> String {
    let cells = ASPECTS.iter().map(|aspect| format!("{:>9}", cell(aspect)));
    cells.collect()
}

/// How many spans have it, and how many of them wrongly.
fn cell(found: &Comparison, aspect: &'static str) -> String {
    let wrong = found.differences.iter();
    let wrong = wrong.filter(|(differing, _)| *differing == aspect).count();
    match (found.counts.get(aspect), wrong) {
        (None, 0) => "-".to_owned(),
        (Some(count), 0) => format!("{count} ok"),
        (_, wrong) => format!("{wrong} WRONG"),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
