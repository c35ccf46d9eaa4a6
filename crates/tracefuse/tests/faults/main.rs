//! The catalogue of faults, each on real sockets and held against the same check. `cargo xtask faults` prints it as a
//! table; `cargo test --test faults NAME` runs those whose name holds NAME.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a table for people"
)]

mod answers;
mod case;
mod connections;
mod disk;
mod hostile;
mod life;
mod load;
mod memory;

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use case::{Case, Outcome};

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let table = wanted.iter().any(|word| word == "--table");
    // The harness's own flags mean nothing here.
    let names: Vec<&String> = wanted
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut cases: Vec<Case> = Vec::new();
    cases.extend(answers::cases());
    cases.extend(connections::cases());
    cases.extend(load::cases());
    cases.extend(life::cases());
    cases.extend(disk::cases());
    cases.extend(hostile::cases());
    if wanted.iter().any(|word| word == "--list") {
        for case in &cases {
            println!("{}: test", case.name);
        }
        return ExitCode::SUCCESS;
    }
    cases.retain(|case| {
        names.is_empty() || names.iter().any(|name| case.name.contains(name.as_str()))
    });
    let mut rows = String::new();
    let (mut held, mut broken) = (0, Vec::new());
    for case in cases {
        let name = case.name;
        memory::reset_peak();
        let before = memory::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| case.run()));
        let peak = memory::peak().saturating_sub(before);
        let verdict = match &outcome {
            Ok(Outcome {
                verdict: Ok(()), ..
            }) => {
                held += 1;
                "holds".to_owned()
            }
            Ok(Outcome {
                verdict: Err(words),
                ..
            }) => {
                broken.push(format!("{name}: {words}"));
                "BROKEN".to_owned()
            }
            Err(_) => {
                broken.push(format!("{name}: an assertion failed, see above"));
                "BROKEN".to_owned()
            }
        };
        let outcome = outcome.unwrap_or_else(|_| Outcome::default());
        let _ = writeln!(
            rows,
            "| {name} | {} | {} | {} | {} | {} | {} | {:?} | {} | {verdict} |",
            outcome.recorded,
            outcome.exported,
            outcome.rejected,
            outcome.dropped,
            outcome.spooled,
            outcome.duplicates,
            outcome.slowest_end,
            memory::mebibytes(peak),
        );
        if !table {
            println!("fault {name} ... {verdict}");
        }
    }
    if table {
        println!(
            "| fault | sent | exported | rejected | dropped | spooled | duplicates | worst end() | peak memory | verdict |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        print!("{rows}");
    }
    println!("\n{held} faults hold, {} broken", broken.len());
    for words in &broken {
        println!("  {words}");
        // Beside the panics, which a log that keeps its end shows last.
        eprintln!("BROKEN {words}");
    }
    if broken.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
