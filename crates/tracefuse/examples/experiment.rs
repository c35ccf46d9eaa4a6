//! A function over a dataset: one trace for each item, evaluators as scores, a table, an exit code for CI.
//! `LANGFUSE_PUBLIC_KEY=.. LANGFUSE_SECRET_KEY=.. cargo run --example experiment --features experiments`
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]
#![expect(clippy::disallowed_methods, reason = "is the application")]

use std::process::ExitCode;
use std::time::Duration;

use tracefuse::langfuse::experiments::{Case, Evaluation, Experiment, Item};
use tracefuse::{Span, Usage};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let tracer = tracefuse::from_env()?;
    // Or from Langfuse: `datasets_from_env()?.dataset("capitals").get().await?`
    let items = ["France Paris", "Japan Tokyo", "Peru Lima", "Atlantis none"];
    let items = items.map(|pair| {
        let (country, capital) = pair.split_once(' ').unwrap_or_default();
        Item::new(country).expected(capital)
    });
    let report = Experiment::new(&tracer, "capitals")
        .run_name("first") // the time by default
        .metadata("model", "gpt-4o")
        .max_concurrency(2)
        .progress(true) // if standard error is a terminal
        .evaluator("exact-match", |case: &Case| {
            Some(case.output()) == case.expected()
        })
        .evaluator_async("style", style)
        .run_evaluator("items", |items| items.len())
        .run(items, capital)
        .await;
    println!("{report}");
    tracer.shutdown_async().await?;
    Ok(report.exit_code(0.9))
}

/// The function under test. What it records is below the item's task.
async fn capital(item: Item) -> Result<&'static str, String> {
    let ask = Span::current().generation("ask").input(&item.input);
    ask.model("gpt-4o")
        .try_run_async(async |span| {
            tokio::time::sleep(Duration::from_millis(300)).await; // in the place of a model
            span.set_usage(Usage::openai(12, 2));
            match item.input_text() {
                Some("France") => Ok("Paris"),
                Some("Japan") => Ok("Kyoto"),
                Some("Peru") => Ok("Lima"),
                other => Err(format!("no country: {}", other.unwrap_or("?"))),
            }
        })
        .await
}

async fn style(case: Case) -> Evaluation {
    let short = case.output_text().len() < 10;
    let style = if short { "short" } else { "long" };
    Evaluation::new("style", style).comment("by length")
}
