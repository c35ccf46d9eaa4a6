//! Cost per span as things grow: a table and a plot for each.

use serde_json::Value;

use super::process::child;
use super::svg;
use crate::measure::arg;

const SERIES: [(&str, &str); 6] = [
    ("spans", "spans per trace"),
    ("depth", "depth of nesting"),
    ("traces", "traces open at once"),
    ("attributes", "attributes per span"),
    ("same-key", "times that one attribute is set"),
    ("open", "spans open at once"),
];

pub fn run(reps: usize, quick: bool) {
    println!("### Growth: ns per span on the caller, least of the rounds\n");
    for (key, title) in SERIES {
        let args = if quick { &["--series", key, "--quick"][..] } else { &["--series", key] };
        let runs: Vec<Value> = (0..reps).filter_map(|_| child("growth", args)).collect();
        let points = least(&runs);
        let heads: Vec<_> = points.iter().map(|(x, _)| x.to_string()).collect();
        let cells: Vec<_> = points.iter().map(|(_, y)| format!("{y:.0}")).collect();
        println!("| {title} | {} |\n|---{}|", heads.join(" | "), "|--:".repeat(points.len()));
        println!("| ns per span | {} |\n", cells.join(" | "));
        if let Some(folder) = arg("--plots") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(format!("{folder}/{key}.svg"), svg::plot(title, &points)).unwrap();
        }
    }
}

/// Point by point the least of the runs.
fn least(runs: &[Value]) -> Vec<(u64, f64)> {
    let points = |run: &Value| -> Vec<(u64, f64)> {
        let points = run.as_array().into_iter().flatten();
        points.filter_map(|p| Some((p[0].as_u64()?, p[1].as_f64()?))).collect()
    };
    let mut all = runs.iter().map(points);
    let first = all.next().unwrap_or_default();
    all.fold(first, |least, run| least.into_iter().zip(run).map(|((x, a), (_, b))| (x, a.min(b))).collect())
}
