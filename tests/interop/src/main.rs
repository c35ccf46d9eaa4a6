//! Our examples as separate processes: `cargo xtask` runs this program for its commands `demo`, `integration`, `peers`,
//! `python`, `js`, `mcp`, `relay` and `viewer`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod demo;
mod http;
mod install;
mod integration;
mod live;
mod mcp;
mod npm;
mod ours;
mod peers;
mod programs;
mod read_back;
mod relay;
mod service;
mod twins;
mod venv;
mod viewer;

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let in_ci = rest.iter().any(|argument| argument == "--ci");
    let result = match command.as_str() {
        "demo" => demo::run(&rest),
        "integration" => integration::run(),
        "mcp" => mcp::run(in_ci),
        "peers" => peers::run(in_ci),
        "python" => twins::python::run(in_ci),
        "js" => twins::js::run(in_ci),
        "relay" => relay::run(in_ci),
        "viewer" if in_ci => viewer::run(in_ci),
        "viewer" => ours::run().and_then(|()| viewer::run(in_ci)),
        _ => {
            eprintln!(
                "demo, integration, peers, python, js, mcp, relay or viewer; `cargo xtask` explains them"
            );
            return ExitCode::FAILURE;
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
