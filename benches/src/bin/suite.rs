//! Runs every measurement and prints the tables as markdown.
//!
//! suite [--reps N] [--quick] [--only NAME,NAME] [--scenarios a,b] [--part hot,delivery,encode,growth,memory]

use tracefuse_benches::measure::arg;
use tracefuse_benches::peers::Entry;
use tracefuse_benches::suite::{delivery, growth, hot, memory, process};

fn main() {
    let quick = std::env::args().any(|a| a == "--quick");
    let reps: usize = arg("--reps").map_or(if quick { 2 } else { 5 }, |reps| reps.parse().unwrap());
    let only = arg("--only");
    let wanted = |entry: &Entry| only.as_ref().is_none_or(|only| only.split(',').any(|name| name == entry.name));
    let parts = arg("--part").unwrap_or_else(|| "hot,delivery,encode,growth,memory".into());
    let has = |part: &str| parts.split(',').any(|p| p == part);
    println!("Medians of {reps} interleaved repetitions.\n");
    if has("hot") {
        let scenarios = arg("--scenarios").unwrap_or_else(|| "a,b,c,d,e,b2".into());
        let runs = hot::measure(reps, wanted, &scenarios);
        hot::print(&runs);
        hot::judge(&runs);
    }
    if has("delivery") {
        delivery::run(reps, wanted, if quick { 10 } else { 1 });
    }
    if has("encode") {
        let runs: Vec<_> = (0..reps).filter_map(|_| process::child("encode", &[])).collect();
        tracefuse_benches::suite::print_encoding(&runs);
    }
    if has("growth") {
        growth::run(reps, quick);
    }
    if has("memory") {
        memory::run(quick);
    }
}
