//! Phoenix's OpenInference instrumentation of the OpenAI client, sent by the OpenTelemetry SDK of Python to `/v1/traces`.
//! Called by `viewer`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tracefuse_server::ObservationRow;
use xtask::process::root;

use super::Seen;
use crate::install::Wanted;
use crate::venv::venv;

/// The newest versions on PyPI when this was last changed.
const PACKAGES: &[&str] = &[
    "openinference-instrumentation-openai==0.1.66",
    "openai==3.57.0",
    "opentelemetry-sdk==1.45.2",
    "opentelemetry-exporter-otlp-proto-http==1.45.2",
];

const MODEL: &str = "gpt-5-mini-2025-08-07";

/// Runs the program and reads back what it did; packages that cannot be installed are reported.
pub(super) fn run(in_ci: bool) -> Result<()> {
    let wanted = Wanted {
        name: "viewer",
        packages: PACKAGES,
        size: "90 MB",
        variable: "TRACEFUSE_VENV_VIEWER",
    };
    wanted.check(
        in_ci,
        || venv(&wanted),
        |venv| {
            let program = root().join("tests/interop/python/openai_by_openinference.py");
            let seen = Seen::of(Command::new(venv.program("python")).arg(program))?;
            println!("{} and {}:", PACKAGES[0], PACKAGES[1]);
            for row in &seen.trace()?.observations {
                print(row);
            }
            expect(&seen)
        },
    )
}

fn print(row: &ObservationRow) {
    println!(
        "  {:12} {:16} {:24} {:24} {:?}",
        row.kind.as_str(),
        row.name,
        row.model.as_deref().unwrap_or_default(),
        row.status_message.as_deref().unwrap_or_default(),
        row.usage
    );
}

fn expect(seen: &Seen) -> Result<()> {
    let view = seen.trace()?;
    let trace = &view.trace;
    ensure!(
        (
            trace.name.as_str(),
            trace.user_id.as_deref(),
            trace.session_id.as_deref()
        ) == ("assistant", Some("ada"), Some("chat-17")),
        "the trace is {trace:?}"
    );
    ensure!(trace.tags == ["web"], "the tags are {:?}", trace.tags);
    let root = view.observations.iter().find(|row| row.parent.is_none());
    let root = root.context("there is no root")?;
    ensure!(root.kind.as_str() == "agent", "the root is {:?}", root.kind);
    let below = view.observations.iter();
    let below: Vec<&ObservationRow> = below
        .filter(|row| row.parent.as_ref() == Some(&root.id))
        .collect();
    let [calls, answers, streams, embeds, fails] = below.as_slice() else {
        anyhow::bail!("{} spans are below the root", below.len());
    };
    let usage = |units: &[(&str, u64)]| -> BTreeMap<String, u64> {
        let units = units
            .iter()
            .map(|(name, units)| ((*name).to_owned(), *units));
        units.collect()
    };
    let reasoning = ("output_reasoning_tokens", 4);
    let expected = [
        (
            calls,
            "generation",
            MODEL,
            usage(&[("input", 40), ("output", 8), reasoning, ("total", 52)]),
        ),
        (
            answers,
            "generation",
            MODEL,
            usage(&[
                ("input", 24),
                ("input_cached_tokens", 16),
                ("output", 8),
                reasoning,
                ("total", 52),
            ]),
        ),
        (
            streams,
            "generation",
            MODEL,
            usage(&[("input", 9), ("output", 2), ("total", 11)]),
        ),
        (
            embeds,
            "embedding",
            "text-embedding-3-small",
            usage(&[("input", 6), ("total", 6)]),
        ),
    ];
    for (row, kind, model, usage) in expected {
        ensure!(
            (row.kind.as_str(), row.model.as_deref(), row.level.as_str())
                == (kind, Some(model), "DEFAULT"),
            "{row:?}"
        );
        ensure!(
            row.usage == usage,
            "{}: {:?} instead of {usage:?}",
            row.name,
            row.usage
        );
    }
    ensure!(streams.ttft_ns.is_some(), "no time of the first token");
    // The tool call, and its result in the next request, as the page shows them.
    shows(
        seen,
        calls,
        &[
            "Be brief.",
            "How warm is it in Paris?",
            "weather",
            "call_1",
            "Paris",
        ],
    )?;
    shows(
        seen,
        answers,
        &["call_1", "degrees", "It is 18 degrees in Paris."],
    )?;
    shows(seen, streams, &["18 degrees"])?;
    let parameters = seen.bodies(calls)?.parameters;
    ensure!(
        parameters
            .get("temperature")
            .is_some_and(|value| value.to_string().contains("0.2")),
        "the parameters are {parameters:?}"
    );
    ensure!(
        fails.level.as_str() == "ERROR" && fails.kind.as_str() == "generation",
        "{fails:?}"
    );
    ensure!(fails.model.as_deref() == Some("gpt-0"), "{fails:?}");
    shows(
        seen,
        fails,
        &["openai.NotFoundError", "The model `gpt-0` does not exist"],
    )
}

fn shows(seen: &Seen, span: &ObservationRow, texts: &[&str]) -> Result<()> {
    let page = seen.page(span)?;
    for text in texts {
        ensure!(
            page.contains(text),
            "the page of {} does not show {text:?}: {page}",
            span.name
        );
    }
    // Messages are shown as such.
    ensure!(
        page.contains("class=\"message role-user\""),
        "no message of the user: {page}"
    );
    Ok(())
}
