//! End to end: two bursts through the real exporters to a sink in another process, losses counted.

use std::collections::BTreeMap;

use serde_json::Value;

use super::process::{Sink, child};
use super::targets::{self, Target};
use super::{mid, ratio};
use crate::peers::{ALL, Entry};

type Runs = BTreeMap<&'static str, Vec<Value>>;

const FLOOR: &str = "floor-serialise-2";
/// The floor with gzip.
const GZIP_FLOOR: &str = "floor-serialise-2-gzip";
const PEERS: [&str; 3] = ["otel-otlp-proto", "fastrace-local", "tracing-otel"];

/// A burst, and what of it should be reached: of the floor's rate, of the best peer's rate, and of the floor's CPU.
struct Burst {
    title: &'static str,
    work: &'static str,
    spans: usize,
    of_floor: f64,
    of_best: f64,
    cpu: f64,
}

const BURSTS: [Burst; 2] = [
    Burst { title: "200,000 small spans", work: "small", spans: 200_000, of_floor: 0.8, of_best: 1.5, cpu: 1.3 },
    Burst {
        title: "20,000 generations of 4 KiB + 4 KiB",
        work: "generation",
        spans: 20_000,
        of_floor: 0.9,
        of_best: 2.0,
        cpu: 1.3,
    },
];

pub fn run(reps: usize, wanted: impl Fn(&Entry) -> bool, scale: usize) {
    let sink = Sink::start();
    let mut all = Vec::new();
    for burst in &BURSTS {
        let spans = (burst.spans / scale).to_string();
        for (profile, title) in
            [("lossless", "queues sized so that nothing is dropped"), ("default", "default settings")]
        {
            let entries = ALL.iter().filter(|e| e.http && wanted(e));
            let entries: Vec<_> = entries
                .filter(|e| match profile {
                    "lossless" => e.name != "tracefuse-block",
                    _ => e.name != FLOOR && e.name != GZIP_FLOOR,
                })
                .collect();
            let mut runs = Runs::new();
            for _ in 0..reps {
                for entry in &entries {
                    let args = ["--peer", entry.name, "--url", &sink.url, "--work", burst.work, "--spans", &spans];
                    let run = child("e2e", &[&args[..], &["--profile", profile]].concat());
                    runs.entry(entry.name).or_default().extend(run);
                }
            }
            print(&format!("{}, {title}", burst.title), &runs);
            if profile == "lossless" { judge(burst, &runs, &mut all) } else { judge_losses(burst, &runs, &mut all) }
        }
    }
    targets::print("Delivery", &all);
}

fn rate(run: &Value) -> Option<f64> {
    Some(run["received"].as_f64()? / run["total_s"].as_f64()?)
}

fn lost(run: &Value) -> Option<f64> {
    Some((run["expected"].as_f64()? - run["received"].as_f64()?) / run["expected"].as_f64()? * 100.0)
}

fn median_of(runs: &[Value], of: impl Fn(&Value) -> Option<f64>) -> f64 {
    crate::measure::median(&mut runs.iter().filter_map(of).collect::<Vec<_>>())
}

fn cpu(runs: &[Value]) -> f64 {
    median_of(runs, |run| Some(run["cpu_s"].as_f64()? / run["expected"].as_f64()? * 1e5))
}

fn print(title: &str, runs: &Runs) {
    println!("### {title}\n");
    println!(
        "| spans/s, of the floor | peer | spans/s | produce s | total s | CPU s per 100k | peak MiB | lost | requests | bytes per span |"
    );
    println!("|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|");
    for entry in ALL.iter().filter(|e| runs.contains_key(e.name)) {
        let mine = runs.get(entry.name).map_or(&[][..], Vec::as_slice);
        let floor = runs.get(FLOOR).map_or(f64::NAN, |floor| ratio(mine, floor, rate));
        let floor = if floor.is_nan() { String::new() } else { format!("{floor:.2}") };
        println!(
            "| {floor} | {} | {:.0} | {:.3} | {:.3} | {:.3} | {:.0} | {:.1} % | {:.0} | {:.0} |",
            entry.name,
            median_of(mine, rate),
            mid(mine, "produced_s"),
            mid(mine, "total_s"),
            cpu(mine),
            mid(mine, "rss_mib"),
            median_of(mine, lost),
            mid(mine, "requests"),
            mid(mine, "bytes") / mid(mine, "received").max(1.0),
        );
    }
    println!();
}

fn judge(burst: &Burst, runs: &Runs, all: &mut Vec<Target>) {
    let of = |name| runs.get(name).map_or(&[][..], Vec::as_slice);
    let ours = of("tracefuse");
    let best = PEERS.iter().map(|peer| ratio(ours, of(peer), rate)).fold(f64::NAN, f64::min);
    let title = burst.title;
    all.push(Target::at_least(
        format!("{title}: spans/s, of the serialize-and-post floor"),
        ratio(ours, of(FLOOR), rate),
        burst.of_floor,
    ));
    all.push(Target::at_least(format!("{title}: spans/s, of the best peer"), best, burst.of_best));
    let of_floor = cpu(ours) / cpu(of(FLOOR));
    all.push(Target::at_most(format!("{title}: CPU per span, of the floor"), of_floor, burst.cpu));
    all.push(Target::at_least(
        format!("{title}, gzip: spans/s, of the floor that gzips as well"),
        ratio(of("tracefuse-gzip"), of(GZIP_FLOOR), rate),
        0.8,
    ));
}

fn judge_losses(burst: &Burst, runs: &Runs, all: &mut Vec<Target>) {
    for (name, how) in [("tracefuse", "default settings"), ("tracefuse-block", "waiting for room")] {
        let ours = runs.get(name).map_or(&[][..], Vec::as_slice);
        all.push(Target::at_most(format!("{}, {how}: peak MiB", burst.title), mid(ours, "rss_mib"), 64.0));
        let worst = ours.iter().filter_map(lost).fold(f64::NAN, f64::max);
        all.push(Target::at_most(format!("{}, {how}: per cent lost", burst.title), worst, 0.0));
    }
}
