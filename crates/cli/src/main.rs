//! The command `tracefuse`: a local viewer of traces, and tools around it. `args` has the arguments; each command is a
//! module. Everything that is stored or served is in `tracefuse-server`; what is drawn in the terminal is in
//! `tracefuse-console`.
#![forbid(unsafe_code)]

/// `println!` that does not panic when the reader of a pipe has gone.
macro_rules! say {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{}\n", format_args!($($text)*)));
    }};
}

/// [`say`] on stderr.
macro_rules! warn {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(&mut std::io::stderr(), format_args!("{}\n", format_args!($($text)*)));
    }};
}

mod args;
mod draw;
mod export;
mod forward;
mod import;
mod list;
mod mcp;
mod place;
mod spooled;
mod tail;
mod view;

use std::process::ExitCode;

use clap::Parser as _;
use tracefuse_server::{Store, StoreError};

use crate::args::{Args, Command};

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of a pipe has gone: `tracefuse list | head`.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            warn!("tracefuse: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> anyhow::Result<()> {
    let store = args.store;
    match args.command {
        Command::View(serve) => view::view(store, serve, None),
        Command::Forward(forward) => forward::run(store, forward),
        Command::Tail(tail) => tail::run(&existing(store)?, &tail),
        Command::Show(show) => draw::show(&existing(store)?, &show),
        Command::List(list) => list::run(&existing(store)?, &list),
        Command::Import(import) => import::run(store, &import),
        Command::Export(export) => {
            let path = place::store(store)?;
            export::run(&existing(Some(path.clone()))?, &path, &export)
        }
        Command::Mcp => mcp::run(existing(store)?),
    }
}

/// The store of commands that only read.
fn existing(store: Option<std::path::PathBuf>) -> anyhow::Result<Store> {
    let path = place::store(store)?;
    if place::is_memory(&path) {
        anyhow::bail!(
            "a store in memory is read by the process that has it alone: name a file with --store"
        );
    }
    if !path.exists() {
        anyhow::bail!(
            "there is no store at {}: start `tracefuse view` first, or name another one with --store",
            path.display()
        );
    }
    place::refuse_other_than_file(&path)?;
    Store::open_read_only(&path).map_err(|error| {
        let hint = match error {
            // The texts of these errors say what to do.
            StoreError::Older(_) | StoreError::Newer(_) => "",
            _ => ": name the file of a store with --store",
        };
        anyhow::Error::new(error).context(format!("cannot read {}{hint}", path.display()))
    })
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause
            .downcast_ref::<std::io::Error>()
            .map(std::io::Error::kind);
        // An error of serde_json does not give the error of the pipe as its source.
        let json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(std::io::ErrorKind::BrokenPipe)
    })
}
