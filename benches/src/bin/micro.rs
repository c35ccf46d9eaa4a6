//! The hot path of one peer in one scenario, as one line of JSON.
//!
//! micro --peer NAME --scenario a|b|c|d|e|b2 [--rounds N]

use std::time::{Duration, Instant};

use serde_json::json;
use tracefuse_benches::measure::{allocations, arg, median, process_cpu};
use tracefuse_benches::peer::{AGENT_SPANS, Peer, Target};
use tracefuse_benches::peers::find;
use tracefuse_benches::work::{ATTRS, Generation};

/// Children per trace, so that the root costs 1 % of what is measured.
const CHILDREN: usize = 100;

fn main() {
    let entry = find(&arg("--peer").expect("--peer"));
    let scenario = arg("--scenario").expect("--scenario");
    let rounds: usize = arg("--rounds").map_or(60, |r| r.parse().unwrap());
    let target = if scenario == "e" { Target::Off } else { Target::Discard };
    let peer = (entry.open)(&target);
    let peer: &dyn Peer = &*peer;
    let generation = Generation::of(1024);
    std::sync::LazyLock::force(&ATTRS);

    let (traces, children, made): (usize, usize, usize) = match scenario.as_str() {
        "c" => (20, CHILDREN, CHILDREN + 1),
        "d" => (130, AGENT_SPANS, AGENT_SPANS),
        _ => (40, CHILDREN, CHILDREN + 1),
    };
    let trace = || match scenario.as_str() {
        "a" => peer.bare(CHILDREN),
        "b" | "b2" | "e" => peer.attrs(CHILDREN),
        "c" => peer.generations(CHILDREN, &generation),
        "d" => peer.agent(),
        other => panic!("no scenario {other}"),
    };
    let spans = (traces * children) as f64;
    let threads = if scenario == "b2" { 2 } else { 1 };

    // Warm up: pools fill, and the clock is calibrated, once in a process.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(200) {
        (0..traces).for_each(|_| trace());
        peer.flush();
    }
    let before = peer.delivered();
    let (mut wall, mut cpu) = (Vec::new(), 0.0);
    for _ in 0..rounds {
        let busy = process_cpu();
        if threads == 1 {
            let start = Instant::now();
            (0..traces).for_each(|_| trace());
            wall.push(start.elapsed().as_nanos() as f64 / spans);
        } else {
            wall.push(contended(peer, traces) / spans);
        }
        peer.flush();
        cpu += (process_cpu() - busy).as_nanos() as f64;
    }
    // Contended rounds warm each new thread up with a trace of two spans.
    let expected = (rounds * threads * (traces * made + if threads == 2 { 2 } else { 0 })) as u64;
    let delivered = peer.delivered().zip(before).filter(|_| scenario != "e").map(|(after, before)| after - before);
    let (allocs, bytes) = allocations(|| (0..traces).for_each(|_| trace()));
    peer.flush();

    let least = wall.iter().copied().fold(f64::INFINITY, f64::min);
    println!(
        "{}",
        json!({
            "peer": entry.name, "scenario": scenario, "ns": median(&mut wall), "min_ns": least,
            "cpu_ns": cpu / (rounds as f64 * spans * threads as f64),
            "allocs": allocs as f64 / spans, "alloc_bytes": bytes as f64 / spans,
            "lost": delivered.map(|d| expected as i64 - d as i64),
        })
    );
    std::process::exit(0);
}

/// Wall nanoseconds of the slower of two threads doing the same rounds at once.
fn contended(peer: &dyn Peer, traces: usize) -> f64 {
    let barrier = std::sync::Barrier::new(2);
    let round = || {
        peer.attrs(1);
        barrier.wait();
        let start = Instant::now();
        (0..traces).for_each(|_| peer.attrs(CHILDREN));
        let took = start.elapsed().as_nanos() as f64;
        // Some peers keep records in the thread; they must leave before the thread does.
        peer.flush();
        took
    };
    std::thread::scope(|s| {
        let other = s.spawn(round);
        let mine = round();
        mine.max(other.join().unwrap())
    })
}
