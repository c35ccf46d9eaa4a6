//! Our examples beside the same programs for an official SDK: what the local server has of both must mean the same, and
//! each difference needs a reason. Called by `main` through `python` and `js`.

mod facts;
pub(crate) mod js;
pub(crate) mod python;

use std::collections::BTreeSet;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use mock_langfuse::MockLangfuse;
use xtask::process::output;

use self::facts::{Facts, facts, same};
use crate::programs::{examples, quiet};

/// Programs that exist as an example of ours and as a twin.
pub(crate) const PROGRAMS: &[&str] = &["quickstart", "nested", "llm_call", "tool", "scores"];

/// An experiment, which Python SDK 5 and we record alike and the JS SDK differently. Ours ends with code 1, because one of
/// its items fails.
const EXPERIMENT: &str = "experiment";

/// An official SDK.
struct Sdk<'a> {
    /// The programs that exist for it.
    programs: &'a [&'a str],
    /// Its name and version, for the heading of a column.
    name: &'a str,
    /// Every difference there may be between it and us, beside [`COMMON`].
    explained: &'a [Explained],
}

impl Sdk<'_> {
    fn explained(&self) -> impl Iterator<Item = &Explained> {
        COMMON.iter().chain(self.explained)
    }
}

/// The differences from every official SDK.
const COMMON: &[Explained] = &[
    difference(
        "*",
        "(resource)",
        "telemetry.sdk.*",
        "the name and version of the SDK",
    ),
    difference(
        "*",
        "(scope)",
        "name",
        "begins with langfuse-sdk, so that the panel shows the user's keys alone; the rest is our own",
    ),
    difference("*", "(scope)", "version", "our version"),
    difference(
        "nested",
        "order / charge",
        "metadata tags",
        "the tag of a span: theirs has tags for traces only",
    ),
    difference(
        "*",
        "score *",
        "dataType",
        "ours is always given; theirs leaves it to the server, unless the program gives it",
    ),
];

/// A difference with its reason; `*` is every program, every place, or the rest of a name.
struct Explained {
    program: &'static str,
    place: &'static str,
    field: &'static str,
    why: &'static str,
}

const fn difference(
    program: &'static str,
    place: &'static str,
    field: &'static str,
    why: &'static str,
) -> Explained {
    Explained {
        program,
        place,
        field,
        why,
    }
}

/// Runs each program and its twin. Fails at a difference that is not explained, and at an explanation without a difference.
fn check(sdk: &Sdk<'_>, twin: &dyn Fn(&str) -> Command) -> Result<()> {
    let programs = examples()?;
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    for name in sdk.programs {
        let ours = programs
            .get(*name)
            .with_context(|| format!("the example `{name}` was not built"))?;
        let theirs = recorded(name, &mut twin(name))?;
        let ours = recorded(name, &mut Command::new(ours))?;
        compare(sdk, name, &theirs, &ours, &mut used, &mut wrong);
    }
    for (at, known) in sdk.explained().enumerate() {
        if !used.contains(&at) {
            wrong.push(format!(
                "{}, {}, {}: explained, and there is no such difference",
                known.program, known.place, known.field
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("not the same:\n  {}", wrong.join("\n  "))
}

/// The explanation of a difference, and its reason.
fn explanation(
    sdk: &Sdk<'_>,
    program: &str,
    place: &str,
    field: &str,
) -> Option<(usize, &'static str)> {
    let fits = |pattern: &str, name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let mut known = sdk.explained().enumerate();
    let (at, found) = known.find(|(_, known)| {
        fits(known.program, program) && fits(known.place, place) && fits(known.field, field)
    })?;
    Some((at, found.why))
}

/// What a server has of a program.
fn recorded(name: &str, command: &mut Command) -> Result<Facts> {
    let mock = MockLangfuse::start();
    quiet(command)
        .env("TRACING_MODE", "langfuse")
        .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
        .env("LANGFUSE_RELEASE", "1.2.3")
        .env("LANGFUSE_BASE_URL", mock.url())
        .env("LANGFUSE_PUBLIC_KEY", mock.public_key())
        .env("LANGFUSE_SECRET_KEY", mock.secret_key());
    if name == EXPERIMENT {
        let ended = command.output()?;
        let code = ended.status.code();
        let words = String::from_utf8_lossy(&ended.stderr);
        ensure!(
            matches!(code, Some(0 | 1)),
            "{name} ended with {code:?}: {words}"
        );
    } else {
        output(command)?;
    }
    let facts = facts(&mock);
    let program = command.get_program().to_string_lossy();
    ensure!(!facts.is_empty(), "{program} recorded nothing");
    Ok(facts)
}

/// Prints each difference with its reason; collects the used reasons, and the differences without one.
fn compare(
    sdk: &Sdk<'_>,
    program: &str,
    theirs: &Facts,
    ours: &Facts,
    used: &mut BTreeSet<usize>,
    wrong: &mut Vec<String>,
) {
    let keys: BTreeSet<_> = theirs.keys().chain(ours.keys()).collect();
    let mut rows = Vec::new();
    for key @ (place, field) in &keys {
        let value = |facts: &Facts| facts.get(*key).cloned();
        let (theirs, ours) = (value(theirs), value(ours));
        if same(theirs.as_deref(), ours.as_deref()) {
            continue;
        }
        let why = match explanation(sdk, program, place, field) {
            Some((at, why)) => {
                used.insert(at);
                why
            }
            None => {
                wrong.push(format!("{program}, {place}, {field}: not explained"));
                "NOT EXPLAINED"
            }
        };
        let shown = |value: Option<String>| cell(&value.unwrap_or_else(|| "absent".to_owned()));
        rows.push(format!(
            "| {place} | {field} | {} | {} | {why} |",
            shown(theirs),
            shown(ours)
        ));
    }
    println!(
        "\n### {program}: {} the same, {} different\n",
        keys.len() - rows.len(),
        rows.len()
    );
    println!("| where | what | {} | tracefuse | why |", sdk.name);
    println!("| --- | --- | --- | --- | --- |");
    rows.iter().for_each(|row| println!("{row}"));
}

/// One line of at most 60 characters, with the table's own sign escaped.
fn cell(text: &str) -> String {
    let line = text.replace('\n', "\\n").replace('|', "\\|");
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
