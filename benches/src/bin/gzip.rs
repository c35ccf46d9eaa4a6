//! gzip by backend and level, on bodies as the Langfuse exporter sends them, whose texts are this repository's own:
//! a table. zlib-rs is what tracefuse uses, through flate2; miniz_oxide is flate2's default.
//!
//! gzip [--rounds N]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use flate2::{Compression, write::GzEncoder};
use tracefuse_benches::measure::{arg, median};
use tracefuse_core::{Trace, Tracer, Usage};
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};
use tracefuse_runtime::{Pipeline, PipelineConfig};

const SPANS: usize = 99;

fn main() {
    let rounds: usize = arg("--rounds").map_or(15, |rounds| rounds.parse().unwrap());
    let text = text();
    let small = |trace: &Trace, n: usize| {
        let from = text.get(n * 1000..n * 1000 + 40).unwrap_or("a question");
        let span = trace.tool("search").metadata("query", from).metadata("step", n);
        span.metadata("score", n as f64 * 0.37 % 1.0).metadata("stage", "retrieval-augmented").run(|_| {});
    };
    let generation = |trace: &Trace, n: usize| {
        let of = |at: usize| text.get(at..at + 4096).unwrap_or(&text[..4096]);
        let span = trace.generation("answer").model("gpt-4o-2024-08-06").model_parameter("temperature", 0.7);
        let usage = Usage::new(812 + n as u64, 164);
        span.input(of(n * 8192 % (text.len() - 8192)))
            .output(of(n * 8192 % (text.len() - 8192) + 4096))
            .usage(usage)
            .run(|_| {});
    };
    println!("| work | backend | level | smaller, times | MB/s | µs per span |\n|---|---|--:|--:|--:|--:|");
    table("small spans", &body(small), rounds);
    table("generations of 4 KiB + 4 KiB", &body(generation), rounds);
}

type Way = (&'static str, u32, fn(&[u8], u32) -> Vec<u8>);

fn table(work: &str, body: &[u8], rounds: usize) {
    let levels = [1, 2, 3, 4, 6];
    let mut ways: Vec<Way> = levels.map(|level| ("zlib-rs", level, zlib as _)).to_vec();
    ways.extend(levels.map(|level| ("miniz_oxide", level, miniz as fn(&[u8], u32) -> Vec<u8>)));
    let mut times = vec![Vec::new(); ways.len()];
    // Interleaved, so that other load on the machine affects all of them.
    for _ in 0..rounds {
        for ((_, level, compress), times) in ways.iter().zip(&mut times) {
            let start = Instant::now();
            (0..5).for_each(|_| drop(std::hint::black_box(compress(body, *level))));
            times.push(start.elapsed().as_secs_f64() / 5.0);
        }
    }
    for ((backend, level, compress), times) in ways.iter().zip(&mut times) {
        let smaller = body.len() as f64 / compress(body, *level).len() as f64;
        let seconds = median(times);
        let (rate, each) = (body.len() as f64 / seconds / 1e6, seconds * 1e6 / (SPANS + 1) as f64);
        println!("| {work} | {backend} | {level} | {smaller:.2} | {rate:.0} | {each:.1} |");
    }
}

fn zlib(body: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(level));
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn miniz(body: &[u8], level: u32) -> Vec<u8> {
    miniz_oxide::deflate::compress_to_vec(body, level as u8)
}

/// The text of this repository, code and prose, in a fixed order.
fn text() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["docs", "crates/core/src", "crates/runtime/src", "crates/otlp/src", "crates/mock-langfuse/src"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let text: String = files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).collect();
    // So that any position is the start of a character.
    text.chars().filter(char::is_ascii).collect()
}

fn collect(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|end| end == "rs" || end == "md") {
            files.push(path);
        }
    }
}

/// The body of a request with one batch.
fn body(record: impl Fn(&Trace, usize)) -> Vec<u8> {
    let (url, received) = receiver();
    let langfuse = LangfuseConfig::new("pk-lf-bench", "sk-lf-bench").base_url(&url).gzip(false);
    let mut config = PipelineConfig::default();
    config.batch_size = SPANS + 1;
    let exporter = LangfuseExporter::new(langfuse).unwrap();
    let pipeline = Pipeline::builder().exporter(exporter).config(config).build().unwrap();
    let tracer = Tracer::builder(pipeline).build();
    let trace = tracer.trace("request").user_id("user-8f31c2").session_id("session-1").tag("bench");
    trace.run(|trace| (0..SPANS).for_each(|n| record(&trace, n)));
    let _ = tracer.shutdown();
    received.recv_timeout(Duration::from_secs(10)).unwrap()
}

fn receiver() -> (String, Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, answers) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while let Some(body) = receive(&mut stream) {
                let _ = tell.send(body);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
            }
        }
    });
    (url, answers)
}

fn receive(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?.to_lowercase();
    let length = head.split("content-length: ").nth(1)?.lines().next()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(body)
}
