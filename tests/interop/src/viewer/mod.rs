//! `cargo xtask viewer`: the programs for the official Python and JS SDKs, unmodified, against our server: by the address alone;
//! and a program that Phoenix instruments. What each of them sends is read back from the server. Called by `main`.

mod media;
mod openinference;

use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;
use tracefuse_http::Answer;
use tracefuse_server::{
    Bodies, ObservationRow, ScoreQuery, Store, StoreOptions, TraceQuery, TraceView,
};
use xtask::process::output;

use crate::http;
use crate::live::Live;
use crate::programs::quiet;
use crate::twins::{PROGRAMS, js, python};

/// Sends pictures; it exists for both SDKs, and has no example of ours beside it.
const MEDIA: &str = "media";

/// Both SDKs and the instrumentation; one that cannot be installed is reported.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    python::with_sdk(in_ci, |program| {
        check(&format!("Python SDK {}", python::VERSION), program)
    })?;
    js::with_sdk(in_ci, |program| {
        check(&format!("JS SDK {}", js::VERSION), program)
    })?;
    openinference::run(in_ci)
}

/// Runs each program against its own server, and prints what arrived.
fn check(sdk: &str, program: &dyn Fn(&str) -> Command) -> Result<()> {
    println!(
        "{sdk:18} {:12} traces  observations  generations  tokens      cost  scores",
        "program"
    );
    for name in PROGRAMS.iter().chain([&MEDIA]) {
        let seen = Seen::of(&mut program(name)).with_context(|| format!("{sdk}, {name}"))?;
        let arrived = Arrived::of(&seen.views);
        println!(
            "{sdk:18} {name:12} {:6}  {:12}  {:11}  {:6}  {:8.5}  {:6}",
            seen.views.len(),
            arrived.observations,
            arrived.generations,
            arrived.tokens,
            arrived.cost,
            seen.scores
        );
        expect(name, &seen, &arrived).with_context(|| format!("{sdk}, {name}"))?;
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

fn expect(program: &str, seen: &Seen, arrived: &Arrived) -> Result<()> {
    let Seen { views, scores, .. } = seen;
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
        "scores" => ensure!(*scores >= 4, "{scores} scores"),
        MEDIA => media::expect(seen)?,
        _ => {}
    }
    Ok(())
}

/// What a server has of a program that has ended. The server still answers.
struct Seen {
    live: Live,
    views: Vec<TraceView>,
    scores: usize,
    /// Has the store; removed after the server has ended.
    _folder: TempDir,
}

impl Seen {
    /// Runs the program against its own server.
    fn of(command: &mut Command) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Store::open(folder.path().join("traces.db"), StoreOptions::default())?;
        let live = Live::start(store)?;
        let url = format!("http://{}", live.address);
        quiet(command)
            .env("LANGFUSE_TRACING_ENVIRONMENT", "integration")
            .env("LANGFUSE_RELEASE", "1.2.3")
            .env("LANGFUSE_BASE_URL", &url)
            .env("LANGFUSE_PUBLIC_KEY", "pk-lf-local")
            .env("LANGFUSE_SECRET_KEY", "sk-lf-local")
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", &url);
        output(command)?;
        let rows = live.store.traces(&TraceQuery::default())?.rows;
        let views = rows.iter().map(|row| live.store.trace(&row.id));
        let views: Result<Vec<Option<TraceView>>, _> = views.collect();
        let scores = live.store.scores(&ScoreQuery::default())?.rows.len();
        Ok(Self {
            live,
            views: views?.into_iter().flatten().collect(),
            scores,
            _folder: folder,
        })
    }

    /// The only trace.
    fn trace(&self) -> Result<&TraceView> {
        match self.views.as_slice() {
            [view] => Ok(view),
            views => bail!("{} traces arrived", views.len()),
        }
    }

    fn bodies(&self, span: &ObservationRow) -> Result<Bodies> {
        let trace = self.trace()?.trace.id.as_str();
        let bodies = self.live.store.bodies(trace, &span.id)?;
        bodies.with_context(|| format!("{} is not there", span.name))
    }

    /// The detail of a span as the page shows it, in HTML.
    fn page(&self, span: &ObservationRow) -> Result<String> {
        let path = format!("traces/{}/spans/{}", self.trace()?.trace.id, span.id);
        let answer = self.fetch(&path)?;
        Ok(String::from_utf8_lossy(answer.body()).into_owned())
    }

    /// What a browser gets for a path.
    fn fetch(&self, path: &str) -> Result<Answer> {
        let answer = http::fetch(&format!("http://{}/{path}", self.live.address))?;
        ensure!(answer.status() == 200, "GET {path}: {}", answer.status());
        Ok(answer)
    }
}
