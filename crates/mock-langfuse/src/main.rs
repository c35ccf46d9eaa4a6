//! `mock-langfuse`: the server as a program. Prints its address and each trace that arrives, until it is interrupted.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mock_langfuse::{MockLangfuse, Scenario};

const HELP: &str =
    "mock-langfuse [--port N] [--scenario FILE] [--public-key KEY] [--secret-key KEY]";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
    let (mut public, mut secret) = ("pk-lf-mock".to_owned(), "sk-lf-mock".to_owned());
    let mut builder = MockLangfuse::builder();
    while let Some(option) = arguments.next() {
        let mut value = || {
            arguments
                .next()
                .ok_or_else(|| format!("{option} needs a value"))
        };
        match option.as_str() {
            "--port" => builder = builder.port(value()?.parse()?),
            "--scenario" => {
                let scenario: Scenario = std::fs::read_to_string(value()?)?.parse()?;
                builder = builder.scenario(scenario);
            }
            "--public-key" => public = value()?,
            "--secret-key" => secret = value()?,
            other => return Err(format!("{other} is not an option").into()),
        }
    }
    let server = builder.keys(&public, &secret).start()?;
    println!("{}", server.url());
    println!(
        "LANGFUSE_BASE_URL={} LANGFUSE_PUBLIC_KEY={public} LANGFUSE_SECRET_KEY={secret}",
        server.url()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let stopped = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| print_arrivals(&server, &stopped));
        let interrupted = runtime.block_on(tokio::signal::ctrl_c());
        stopped.store(true, Ordering::Relaxed);
        interrupted
    })?;
    println!("{}", server.trees());
    Ok(())
}

/// One line for each trace of which spans arrived. Ids and names come from the sender, so control characters are escaped.
fn print_arrivals(server: &MockLangfuse, stopped: &AtomicBool) {
    let mut seen = 0;
    while !stopped.load(Ordering::Relaxed) {
        for trace in server.arrivals(&mut seen, Duration::from_millis(200)) {
            let plural = |count: usize, word: &str| match count {
                1 => format!("1 {word}"),
                _ => format!("{count} {word}s"),
            };
            println!(
                "trace {} {}: {}, {}, {}",
                trace.trace_id.escape_debug(),
                trace.name.escape_debug(),
                plural(trace.spans, "span"),
                plural(trace.errors, "error"),
                server.tree_url(&trace.trace_id).escape_debug()
            );
        }
    }
}
