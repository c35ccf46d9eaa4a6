//! Tests of the viewer's pages in headless Chromium, driven over WebDriver: `cargo xtask pages [NAME ..]`.
//!
//! Each case has a server with its own store on a free port, and its own session of the browser. Screenshots are in
//! `target/pages`; `--docs` copies those of the guide into it.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod browser;
mod cases;
mod install;
mod sample;
mod scripts;
mod send;
mod system;
mod view;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::timeout;

use browser::Driver;
use view::View;

/// The longest that one case may take, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &[String]) -> Result<()> {
    let is_set = |option: &str| arguments.iter().any(|argument| argument == option);
    let names: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|name| !name.starts_with("--"))
        .collect();
    if names.is_empty() {
        scripts::check(is_set("--ci"))?;
    }
    let browser = match install::browser(is_set("--ci")) {
        Ok(browser) => browser,
        Err(reason) => {
            println!("pages: not run in a browser, because {reason}");
            return Ok(());
        }
    };
    let driver = Driver::start(&browser).await?;
    let mut failed = Vec::new();
    for (name, case) in cases::ALL {
        if !names.is_empty() && !names.contains(name) {
            continue;
        }
        let begin = Instant::now();
        let result = one(&driver, name, *case, is_set("--docs")).await;
        let took = begin.elapsed().as_secs_f64();
        match result {
            Ok(()) => println!("pages: {name}: ok, {took:.1} s"),
            Err(error) => {
                println!("pages: {name}: FAILED, {took:.1} s: {error:#}");
                failed.push(*name);
            }
        }
    }
    driver.stop().await;
    if !failed.is_empty() {
        bail!("{} failed: {}", failed.len(), failed.join(", "));
    }
    Ok(())
}

/// Runs a case; afterwards the browser must have asked no other host, and have nothing to complain about.
async fn one(driver: &Driver, name: &str, case: cases::Case, docs: bool) -> Result<()> {
    let view = View::open(driver, name, docs).await?;
    let result = match timeout(LIMIT, case(&view)).await {
        Ok(Ok(())) => view.check_requests().await,
        Ok(Err(error)) => Err(error),
        Err(_) => Err(anyhow::anyhow!("not done after {LIMIT:?}")),
    };
    if result.is_err() {
        let _ = view.screenshot(&format!("failed-{name}")).await;
    }
    view.close().await;
    result
}
