//! Memory of open spans, and of a burst and after it.

use super::cell;
use super::process::{Sink, child};

pub fn run(quick: bool) {
    println!("### Memory: spans of four attributes that are open at once\n");
    println!("| open | start, ns each | end, ns each | bytes each | MiB | MiB after their end |\n|--:|--:|--:|--:|--:|--:|");
    for spans in [1_000, 10_000, 100_000, if quick { 100_000 } else { 1_000_000 }] {
        row("memory", &["--spans", &spans.to_string()], &["spans", "start_ns", "end_ns", "bytes", "mib", "after_mib"]);
    }
    println!("\n### Memory: a burst of small spans, default settings\n");
    println!("| spans | MiB before | at most | delivered | 10 s later | dropped |\n|--:|--:|--:|--:|--:|--:|");
    let sink = Sink::start();
    for spans in [20_000, 200_000, if quick { 200_000 } else { 1_000_000 }] {
        let args = ["--spans", &spans.to_string(), "--url", &sink.url];
        row("memory", &args, &["spans", "before_mib", "most_mib", "delivered_mib", "idle_mib", "dropped"]);
    }
    println!();
}

fn row(program: &str, args: &[&str], columns: &[&str]) {
    let run = child(program, args).unwrap_or_default();
    let number = |name: &&str| run[*name].as_f64().unwrap_or(f64::NAN);
    println!("| {} |", columns.iter().map(|name| cell(number(name))).collect::<Vec<_>>().join(" | "));
}
