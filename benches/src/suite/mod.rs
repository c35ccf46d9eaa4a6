//! Starts the measuring programs, interleaved, each as a process; collects and prints the results.
//! Driven by the program `suite`.

pub mod delivery;
pub mod growth;
pub mod hot;
pub mod memory;
pub mod process;
pub mod svg;
pub mod targets;

use crate::measure::median;
use serde_json::Value;

/// The median of a number over runs.
pub fn mid(runs: &[Value], key: &str) -> f64 {
    median(&mut runs.iter().filter_map(|run| run[key].as_f64()).collect::<Vec<_>>())
}

/// The median over runs of the ratio within one run, which noise on the machine changes least.
pub fn ratio(ours: &[Value], theirs: &[Value], of: impl Fn(&Value) -> Option<f64>) -> f64 {
    let pairs = ours.iter().zip(theirs);
    median(&mut pairs.filter_map(|(a, b)| Some(of(a)? / of(b)?)).collect::<Vec<_>>())
}

/// A number in a table.
pub fn cell(value: f64) -> String {
    match value {
        v if v.is_nan() => String::new(),
        v if v < 10.0 => format!("{v:.2}"),
        v if v < 100.0 => format!("{v:.1}"),
        v => format!("{v:.0}"),
    }
}

/// Bytes per second of the encoders, and the ratio.
pub fn print_encoding(runs: &[Value]) {
    println!(
        "### Encoding, finished spans to protobuf\n\n| ratio to ours | encoder | MB/s | work |\n|--:|---|--:|---|"
    );
    let mut targets = Vec::new();
    for work in ["small spans", "generations of 4 KiB + 4 KiB"] {
        let runs: Vec<Value> = runs.iter().map(|run| run[work].clone()).collect();
        for way in ["ours", "prost", "prost, messages built before"] {
            let pairs = runs.iter().filter_map(|run| Some(run["ours"].as_f64()? / run[way].as_f64()?));
            let ratio = median(&mut pairs.collect::<Vec<_>>());
            println!("| {ratio:.2} | {way} | {:.0} | {work} |", mid(&runs, way) / 1e6);
            if way != "ours" {
                targets.push(targets::Target::at_least(format!("{work}: times as fast as {way}"), ratio, 3.0));
            }
        }
    }
    println!();
    targets::print("Encoding", &targets);
}
