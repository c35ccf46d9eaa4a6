//! One end-to-end run of one peer against a running sink.
//!
//! e2e --peer NAME --url URL --work small|generation --spans N [--profile default|lossless] [--down]

use std::time::Instant;

use serde_json::{Value, json};
use tracefuse_benches::http::get;
use tracefuse_benches::measure::{arg, usage};
use tracefuse_benches::peer::{Profile, Target};
use tracefuse_benches::peers::find;
use tracefuse_benches::work::{ATTRS, Generation};

fn main() {
    let entry = find(&arg("--peer").expect("--peer"));
    let url = arg("--url").expect("--url");
    let work = arg("--work").unwrap_or_else(|| "small".into());
    let wanted: usize = arg("--spans").map_or(20_000, |n| n.parse().unwrap());
    let delay = arg("--delay-ms").unwrap_or_else(|| "0".into());
    let lossless = arg("--profile").as_deref() == Some("lossless");
    let down = std::env::args().any(|a| a == "--down");
    get(&url, &format!("/reset?delay_ms={delay}")).unwrap();
    let profile = if lossless { Profile::Lossless(wanted * 2) } else { Profile::Default };
    let address = if down { "http://127.0.0.1:9".to_owned() } else { url.clone() };
    let generation = Generation::of(4096);
    std::sync::LazyLock::force(&ATTRS);

    let peer = (entry.open)(&Target::Http { url: address, profile });
    // From here on: building clients and loading certificates is not what is measured.
    let (cpu_before, _) = usage();
    let start = Instant::now();
    // Traces of 100 small spans, or of 10 generations and their root.
    let (traces, made) = if work == "small" { (wanted / 100, 100) } else { (wanted / 10, 11) };
    for _ in 0..traces {
        if work == "small" { peer.attrs(99) } else { peer.generations(10, &generation) }
    }
    let produced = start.elapsed().as_secs_f64();
    peer.finish();
    let total = start.elapsed().as_secs_f64();
    let (cpu, rss) = usage();
    let stats: Value = serde_json::from_str(&get(&url, "/stats").unwrap()).unwrap();
    let expected = (traces * made) as u64;
    println!(
        "{}",
        json!({
            "peer": entry.name, "work": work, "profile": if lossless { "lossless" } else { "default" },
            "delay_ms": delay, "down": down, "produced_s": produced, "total_s": total, "cpu_s": cpu - cpu_before, "rss_mib": rss,
            "expected": expected, "received": stats["spans"], "requests": stats["requests"], "bytes": stats["bytes"],
            "max_body": stats["max_body"],
        })
    );
    std::process::exit(0);
}
