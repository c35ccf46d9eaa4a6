//! `cargo xtask viewer`: the programs for the official Python and JS SDKs, unmodified, against our server: by the address alone.
//! What each of them sends is read back from the server. Called by `main`.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use tracefuse_server::{ScoreQuery, Store, StoreOptions, TraceQuery, TraceView};
use xtask::process::output;

use crate::live::Live;
use crate::programs::quiet;
use crate::twins::{PROGRAMS, js, python};

/// Both SDKs; one that cannot be installed is reported.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    python::with_sdk(in_ci, |program| {
        check(&format!("Python SDK {}", python::VERSION), program)
    })?;
    js::with_sdk(in_ci, |program| {
        check(&format!("JS SDK {}", js::VERSION), program)
    })
}

/// Runs each program against its own server, and prints what arrived.
fn check(sdk: &str, program: &dyn Fn(&str) -> Command) -> Result<()> {
    println!(
        "{sdk:18} {:12} traces  observations  generations  tokens      cost  scores",
        "program"
    );
    for name in PROGRAMS {
        let views = recorded(&mut program(name))?;
        let arrived = Arrived::of(&views.0);
        println!(
            "{sdk:18} {name:12} {:6}  {:12}  {:11}  {:6}  {:8.5}  {:6}",
            views.0.len(),
            arrived.observations,
            arrived.generations,
            arrived.tokens,
            arrived.cost,
            views.1
        );
        expect(name, &views.0, &arrived, views.1).with_context(|| format!("{sdk}, {name}"))?;
    }
    Ok(())
}

/// Sums over all traces.
#[derive(Default)]
struct Arrived {
    observations: u64,
    generations: usize,
    tokens: u64,
    cost: f64,
}

impl Arrived {
    fn of(views: &[TraceView]) -> Self {
        let mut arrived = Self::default();
        for view in views {
            arrived.observations += view.trace.spans;
            arrived.tokens += view.trace.total_tokens;
            arrived.cost += view.trace.cost.unwrap_or(0.0);
            let kinds = view
                .observations
                .iter()
                .filter(|row| row.kind.as_str() == "generation");
            arrived.generations += kinds.count();
        }
        arrived
    }
}

fn expect(program: &str, views: &[TraceView], arrived: &Arrived, scores: usize) -> Result<()> {
    ensure!(!views.is_empty(), "no trace arrived");
    for view in views {
        let trace = &view.trace;
        ensure!(
            trace.environment == "integration",
            "the environment is {:?}",
            trace.environment
        );
        ensure!(
            trace.release.as_deref() == Some("1.2.3"),
            "the release is {:?}",
            trace.release
        );
        ensure!(
            (trace.open, trace.notes) == (0, 0),
            "open spans or notes: {trace:?}"
        );
        ensure!(!trace.name.is_empty(), "the trace has no name");
    }
    match program {
        "llm_call" => {
            let rows = views.iter().flat_map(|view| &view.observations);
            let generation = rows.clone().find(|row| row.kind.as_str() == "generation");
            let generation = generation.context("no generation arrived")?;
            ensure!(
                generation.model.as_deref() == Some("gpt-4o"),
                "the model is {:?}",
                generation.model
            );
            ensure!(arrived.tokens == 27, "{} tokens", arrived.tokens);
            ensure!(
                (arrived.cost - 0.00021).abs() < 1e-9,
                "a cost of {}",
                arrived.cost
            );
            ensure!(
                generation.prompt == Some(("translate".to_owned(), 3)),
                "the prompt is {:?}",
                generation.prompt
            );
            ensure!(generation.ttft_ns.is_some(), "no time of the first token");
        }
        "tool" => {
            let mut rows = views.iter().flat_map(|view| &view.observations);
            ensure!(
                rows.any(|row| row.kind.as_str() == "tool"),
                "no tool arrived"
            );
        }
        "nested" => ensure!(
            arrived.observations >= 3,
            "{} observations",
            arrived.observations
        ),
        "scores" => ensure!(scores >= 4, "{scores} scores"),
        _ => {}
    }
    Ok(())
}

/// What the server has of a program, once the program has ended: traces, and the number of scores.
fn recorded(command: &mut Command) -> Result<(Vec<TraceView>, usize)> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("traces.db"), StoreOptions::default())?;
    let live = Live::start(store)?;
    quiet(command)
        .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
        .env("LANGFUSE_RELEASE", "1.2.3")
        .env("LANGFUSE_BASE_URL", format!("http://{}", live.address))
        .env("LANGFUSE_PUBLIC_KEY", "pk-lf-local")
        .env("LANGFUSE_SECRET_KEY", "sk-lf-local");
    output(command)?;
    let rows = live.store.traces(&TraceQuery::default())?.rows;
    let views = rows.iter().map(|row| live.store.trace(&row.id));
    let views: Result<Vec<Option<TraceView>>, _> = views.collect();
    let scores = live.store.scores(&ScoreQuery::default())?.rows.len();
    Ok((views?.into_iter().flatten().collect(), scores))
}
