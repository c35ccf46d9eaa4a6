//! The hot path: every peer in every scenario, peers interleaved.

use std::collections::BTreeMap;

use serde_json::Value;

use super::process::child;
use super::targets::{self, Target};
use super::{cell, mid, ratio};
use crate::peers::{ALL, Entry};

const SCENARIOS: [(&str, &str); 6] = [
    ("a", "(a) bare"),
    ("b", "(b) 4 attributes"),
    ("c", "(c) generation, 1 KiB + 1 KiB"),
    ("d", "(d) agent, 31 spans"),
    ("e", "(e) not recorded"),
    ("b2", "(b) two threads"),
];
const FLOOR: &str = "floor-chunk-tsc";
/// Its worker reads what it gets, on the other processor.
const READING_FLOOR: &str = "floor-chunk-reads";
const PEERS: [&str; 5] = ["fastrace-local", "fastrace-span", "tracing-registry", "otel-sdk", "tracing-otel"];

type Runs = BTreeMap<(&'static str, &'static str), Vec<Value>>;

pub fn measure(reps: usize, wanted: impl Fn(&Entry) -> bool, scenarios: &str) -> Runs {
    let mut runs = Runs::new();
    for _ in 0..reps {
        for (scenario, _) in SCENARIOS.iter().filter(|(key, _)| scenarios.split(',').any(|s| s == *key)) {
            for entry in ALL.iter().filter(|e| if *scenario == "e" { e.off } else { e.micro }).filter(|e| wanted(e)) {
                let run = child("micro", &["--peer", entry.name, "--scenario", scenario]);
                runs.entry((entry.name, scenario)).or_default().push(run.unwrap_or_default());
            }
        }
    }
    runs
}

pub fn print(runs: &Runs) {
    let of = |name, scenario| runs.get(&(name, scenario)).map_or(&[][..], Vec::as_slice);
    let table = |title: &str, value: &dyn Fn(&'static str, &'static str) -> f64| {
        println!("### {title}\n\n| peer | {} |", SCENARIOS.map(|(_, title)| title).join(" | "));
        println!("|---{}|", "|--:".repeat(SCENARIOS.len()));
        for entry in ALL.iter().filter(|e| runs.keys().any(|(name, _)| *name == e.name)) {
            let cells = SCENARIOS.map(|(scenario, _)| cell(value(entry.name, scenario)));
            println!("| {} | {} |", entry.name, cells.join(" | "));
        }
        println!();
    };
    table("Multiples of the chunk floor (TSC), caller", &|name, s| {
        ratio(of(name, s), of(FLOOR, s), |r| r["ns"].as_f64())
    });
    table("Multiples of the floor whose worker reads, caller", &|name, s| {
        ratio(of(name, s), of(READING_FLOOR, s), |r| r["ns"].as_f64())
    });
    table("Caller, ns per span", &|name, s| mid(of(name, s), "ns"));
    table("Caller, ns per span, least of the rounds", &|name, s| mid(of(name, s), "min_ns"));
    table("Whole process, CPU ns per span", &|name, s| mid(of(name, s), "cpu_ns"));
    table("Allocations per span on the caller", &|name, s| mid(of(name, s), "allocs"));
    table("Bytes allocated per span on the caller", &|name, s| mid(of(name, s), "alloc_bytes"));
    let lost: f64 =
        runs.iter().filter(|((_, s), _)| *s != "e").flat_map(|(_, r)| r).filter_map(|r| r["lost"].as_f64()).sum();
    println!("Spans lost in all these runs: {lost}.\n");
}

pub fn judge(runs: &Runs) {
    let of = |name, scenario| runs.get(&(name, scenario)).map_or(&[][..], Vec::as_slice);
    let floor = |scenario| ratio(of("tracefuse", scenario), of(FLOOR, scenario), |r| r["ns"].as_f64());
    let reading = |scenario| ratio(of("tracefuse", scenario), of(READING_FLOOR, scenario), |r| r["ns"].as_f64());
    let best = |scenario| {
        let ratios = PEERS.map(|peer| ratio(of("tracefuse", scenario), of(peer, scenario), |r| r["ns"].as_f64()));
        ratios.into_iter().fold(f64::NAN, f64::max)
    };
    let cpu = |scenario| ratio(of("tracefuse", scenario), of("tracing-registry", scenario), |r| r["cpu_ns"].as_f64());
    let mut all = Vec::new();
    for (scenario, of_floor, of_best) in
        [("a", 1.3, 0.9), ("b", 2.0, 0.35), ("c", 2.3, 0.5), ("d", 1.75, 0.5), ("b2", 2.0, 0.33)]
    {
        let title = SCENARIOS.iter().find(|(key, _)| *key == scenario).map_or("", |(_, title)| title);
        all.push(Target::at_most(format!("{title}: of the chunk floor"), floor(scenario), of_floor));
        all.push(Target::at_most(format!("{title}: of the floor whose worker reads"), reading(scenario), 0.5));
        all.push(Target::at_most(format!("{title}: of the best peer"), best(scenario), of_best));
    }
    all.push(Target::at_most("(b) CPU of the process, of tracing + registry", cpu("b"), 0.4));
    all.push(Target::at_most("(c) CPU of the process, of tracing + registry", cpu("c"), 0.65));
    for name in ["tracefuse", "tracefuse-unsampled"] {
        all.push(Target::at_most(
            format!("(e) {name}: ns per span that is not recorded"),
            mid(of(name, "e"), "min_ns"),
            2.0,
        ));
        all.push(Target::at_most(format!("(e) {name}: allocations"), mid(of(name, "e"), "allocs").floor(), 0.0));
    }
    all.push(Target::at_most(
        "(e) breaker open, no room: ns per span that is refused",
        mid(of("tracefuse-no-room", "e"), "min_ns"),
        10.0,
    ));
    targets::print("Hot path", &all);
}
