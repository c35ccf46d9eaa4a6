//! The facade as a dependency, beside the alternatives: crates, clean build time, bytes in the program.
//! Called by `bench shape`. Each is a separate program, built without a cache, that sends one span to Langfuse.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::process::{cargo, output, root, succeed};

struct Shape {
    name: &'static str,
    title: &'static str,
    dependencies: &'static str,
    main: &'static str,
}

const EMPTY: Shape = Shape {
    name: "empty",
    title: "an empty program",
    dependencies: "",
    main: "fn main() {}\n",
};
const OURS: &str = "fn main() -> Result<(), Box<dyn std::error::Error>> {
    let tracer = tracefuse::from_env()?;
    tracer.trace(\"request\").run(|trace| trace.span(\"work\").metadata(\"step\", 1).run(|_| {}));
    tracer.shutdown()?;
    Ok(())
}
";
/// Ours come first and are compared with the last one.
const SHAPES: [Shape; 3] = [
    Shape {
        name: "tracefuse",
        title: "tracefuse",
        dependencies: "tracefuse = { path = \"ROOT/crates/tracefuse\" }",
        main: OURS,
    },
    Shape {
        name: "tracefuse-langfuse",
        title: "tracefuse, feature `langfuse` alone",
        dependencies: "tracefuse = { path = \"ROOT/crates/tracefuse\", default-features = false, features = [\"langfuse\"] }",
        main: OURS,
    },
    // As the README of opentelemetry-langfuse sets it up, with no feature that this does not need.
    Shape {
        name: "opentelemetry",
        title: "opentelemetry, -otlp, -langfuse, tracing-opentelemetry",
        dependencies: "opentelemetry = \"0.33\"
opentelemetry_sdk = { version = \"0.33\", features = [\"rt-tokio\"] }
opentelemetry-otlp = { version = \"0.33\", default-features = false, features = [\"http-proto\", \"reqwest-client\", \"trace\"] }
opentelemetry-langfuse = \"0.7\"
tokio = { version = \"1\", features = [\"rt-multi-thread\"] }
tracing = \"0.1\"
tracing-opentelemetry = { version = \"0.34\", default-features = false }
tracing-subscriber = { version = \"0.3\", default-features = false, features = [\"registry\", \"std\"] }",
        main: "use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use opentelemetry_sdk::trace::span_processor_with_async_runtime::BatchSpanProcessor;
use tracing_subscriber::layer::SubscriberExt as _;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _entered = runtime.enter();
    let exporter = opentelemetry_langfuse::ExporterBuilder::from_env()?.build()?;
    let processor = BatchSpanProcessor::builder(exporter, opentelemetry_sdk::runtime::Tokio).build();
    let provider = SdkTracerProvider::builder().with_span_processor(processor).build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(\"request\"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;
    tracing::info_span!(\"request\").in_scope(|| tracing::info_span!(\"work\", step = 1).in_scope(|| {}));
    provider.shutdown()?;
    Ok(())
}
",
    },
];

/// Of one program.
struct Measured {
    crates: usize,
    seconds: f64,
    /// Of all processors; counted on Linux alone.
    cpu: Option<f64>,
    bytes: u64,
}

pub(crate) fn run() -> Result<()> {
    let empty = measure(&EMPTY)?;
    println!(
        "| | crates | clean release build, s | its CPU, s | added to a stripped program, KiB |\n\
         |---|--:|--:|--:|--:|"
    );
    let mut all = Vec::new();
    for shape in &SHAPES {
        let measured = measure(shape).with_context(|| shape.title)?;
        let cpu = measured
            .cpu
            .map_or_else(String::new, |cpu| format!("{cpu:.1}"));
        println!(
            "| {} | {} | {:.1} | {cpu} | {} |",
            shape.title,
            measured.crates,
            measured.seconds,
            (measured.bytes - empty.bytes) / 1024,
        );
        all.push(measured);
    }
    judge(&all, empty.bytes)
}

fn judge(all: &[Measured], empty: u64) -> Result<()> {
    let (ours, peer) = all.first().zip(all.last()).context("nothing to compare")?;
    let time = |of: &Measured| of.cpu.unwrap_or(of.seconds);
    let size = |of: &Measured| (of.bytes - empty) as f64;
    println!("\n| ratio | target | | what |\n|--:|--:|---|---|");
    for (what, ratio) in [
        ("crates", ours.crates as f64 / peer.crates as f64),
        ("time of a clean build", time(ours) / time(peer)),
        ("size of a program", size(ours) / size(peer)),
    ] {
        let verdict = if ratio < 1.0 { "reached" } else { "missed" };
        println!("| {ratio:.2} | < 1 | {verdict} | {what}: tracefuse, of the peers |");
    }
    Ok(())
}

fn measure(shape: &Shape) -> Result<Measured> {
    let folder = write(shape)?;
    let tree = [
        "tree",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let text = output(cargo(&tree).current_dir(&folder))?;
    let names = text.lines().map(|line| line.trim_end_matches(" (*)"));
    let crates = names.collect::<BTreeSet<_>>().len() - 1;
    succeed(cargo(&["fetch", "--quiet"]).current_dir(&folder))?;
    let target = folder.join("target");
    let mut build = cargo(&["build", "--release", "--quiet", "--offline"]);
    build.current_dir(&folder).env("CARGO_TARGET_DIR", &target);
    let (start, before) = (Instant::now(), children_cpu());
    succeed(&mut build)?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = children_cpu()
        .zip(before)
        .map(|(after, before)| after - before);
    let program = format!("shape-{}{}", shape.name, std::env::consts::EXE_SUFFIX);
    let bytes = std::fs::metadata(target.join("release").join(program))?.len();
    ensure!(bytes > 0, "an empty file");
    Ok(Measured {
        crates,
        seconds,
        cpu,
        bytes,
    })
}

/// Writes a separate package, without the results of an earlier build.
fn write(shape: &Shape) -> Result<PathBuf> {
    let folder = root().join("target/shape").join(shape.name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(folder.join("src"))?;
    let dependencies = shape
        .dependencies
        .replace("ROOT", &root().display().to_string());
    let manifest = format!(
        "[package]\nname = \"shape-{}\"\nedition = \"2024\"\n\n[workspace]\n\n[profile.release]\nlto = \"thin\"\nstrip = true\n\n\
         [dependencies]\n{dependencies}\n",
        shape.name
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::write(folder.join("src/main.rs"), shape.main)?;
    Ok(folder)
}

/// Seconds that all processes we have waited for were busy.
fn children_cpu() -> Option<f64> {
    let stat = std::fs::read_to_string(Path::new("/proc/self/stat")).ok()?;
    // The name of the program may hold anything, and ends with the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(13);
    let ticks: f64 = fields.next()?.parse::<f64>().ok()? + fields.next()?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}
