//! The project's own commands: `cargo xtask` lists them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool"
)]

mod assembly;
mod bench;
mod ci;
mod fuzz;
mod instructions;
mod interop;
mod mock;
mod package;
mod rig;
mod shape;
mod surface;
mod tidy;

use std::process::ExitCode;

// The other modules import it as `crate::process`.
use xtask::process;

const HELP: &str = "\
cargo xtask <command>

  demo         run the RAG agent against the viewer's server, read its trace back and draw it; `--view` leaves
               the page open; with LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY set, send it there
  test         everything: unit, behaviour, documentation and example tests, tidy, integration
  integration  run every example as a separate process against the local server, read back, compare
  peers        install Arize Phoenix and MLflow (Python 3.10 or later, 1.3 GB, once), send them the examples'
               traces by OTLP, read them back by their APIs, compare; TRACEFUSE_VENV_PEERS names another venv
  python       install the official Python SDK (Python 3.10 or later, 100 MB, once), run the twins of our examples,
               compare what the local server has of both; TRACEFUSE_VENV_PYTHON names another venv
  js           install the official JS SDK (Node.js 20 or later and npm, 40 MB, once), run the twins of our examples,
               compare as `python` does; TRACEFUSE_NODE_JS names another folder with node_modules
  mcp          an agent and tool servers that speak MCP, in Rust and in Python with the official package `mcp`
               (Python 3.10 or later, 150 MB, once), in both directions; prints the trees that the local server has;
               TRACEFUSE_VENV_MCP names another venv
  relay        install an OTLP relay (Python 3.10 or later, 50 MB, once), send the examples' traces through it to the
               local server, with the relay or the server away for a while too, and compare;
               TRACEFUSE_VENV_RELAY names another venv
  viewer       run our examples, an agent of rig and the programs for the official Python and JS SDKs against our local
               server (`tracefuse-server`), read back what arrived; installs what `python` and `js` install
  pages        the viewer's pages in headless Chromium (Debian: chromium, chromium-driver), the types of their scripts
               by TypeScript (npm); screenshots in target/pages; [NAME ..], --docs writes the pictures of the guide
  rig          the tests with rig, async-openai and genai, and with the newest rig and swiftide if the default toolchain
               or an installed nightly can compile them
  faults       every fault of the catalogue, and how the spans were delivered, as a table; [NAME ..]
  soak         ten million spans, or N, against a server that fails one request in ten
  fuzz         run the fuzz targets: [TARGET] [SECONDS]
  mock         run the local server: [--port N] [--scenario FILE]; it prints a line for each trace that arrives, with
               the address of its tree, /mock/traces/{id}/tree, which the server's keys open
  bench        measure beside the peers and judge by the targets: [--quick] [--reps N] [--part hot,delivery,
               encode,growth] [--only NAMES]; bench shape: crates, build time and size of a program
  instructions count instructions per span under valgrind and compare with benches/instructions.toml; [--bless]
  assembly     look through a program without exporters for what its calls were given
  tidy         check the architecture: arrows, module headers, links, paths, commands in documents, file sizes,
               import circles, words
  api          compare the public API of each crate with docs/api, which CI does; [--bless] writes it
  package      pack each crate that is published and compile it from its archive alone, which takes minutes
  ci           all that a change must pass";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let result = match command.as_str() {
        "ci" => ci::run(),
        "test" => ci::test(),
        "tidy" => tidy::run(),
        command if interop::COMMANDS.contains(&command) => interop::run(command, &rest),
        "pages" => interop::pages(&rest),
        "bench" => bench::run(&rest),
        "instructions" => instructions::run(&rest),
        "api" => surface::run(&rest),
        "assembly" => assembly::run(),
        "rig" => rig::run(),
        "package" => package::run(),
        "faults" => ci::faults(&rest),
        "soak" => ci::soak(&rest),
        "fuzz" => fuzz::run(&rest),
        "mock" => mock::run(&rest),
        _ => {
            println!("{HELP}");
            return if command.is_empty() || command == "help" {
                ExitCode::SUCCESS
            } else {
                ExitCode::FAILURE
            };
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
