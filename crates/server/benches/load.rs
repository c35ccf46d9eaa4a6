//! Takes in spans over a real socket and reads them back, and prints what it measured.
//!
//! `cargo bench -p tracefuse-server --bench load [SPANS] [GENERATIONS]`, by default a million and 100,000. The server is a
//! separate process, so that its memory is measured alone. Nothing else should run on the machine.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures: its clock is the system's, and it prints what it found"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{WORDS, get, load, percentiles, resident};
use tracefuse_server::{Server, ServerConfig, Store, StoreOptions};

const LANGFUSE: &str = "/api/public/otel/v1/traces";

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    if let [command, path] = arguments.as_slice()
        && command == "serve"
    {
        serve(path);
        return;
    }
    let number = |at: usize, default: u64| {
        arguments
            .get(at)
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let (small, large) = (number(0, 1_000_000), number(1, 100_000));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("traces.db");
    let begun = Instant::now();
    let (mut server, address) = start(&path);
    get(address, "/api/public/health");
    println!(
        "start to first answer: {:.0} ms",
        begun.elapsed().as_secs_f64() * 1e3
    );
    println!("resident, idle: {:.1} MB", resident(&server));
    let (rate, refused) = load(address, LANGFUSE, small, false);
    assert_eq!(refused, 0);
    println!("{small} small spans: {rate:.0} a second");
    let (rate, refused) = load(address, LANGFUSE, large, true);
    assert_eq!(refused, 0);
    println!("{large} generations of 8 KiB: {rate:.0} a second");
    println!("resident after the load: {:.1} MB", resident(&server));
    let begun = Instant::now();
    let waited = wait_for_index(&path);
    println!(
        "full-text index complete {:.0} s after the load: {waited}",
        begun.elapsed().as_secs_f64()
    );
    let size = std::fs::metadata(&path).map_or(0, |file| file.len());
    println!("file: {:.0} MB", size as f64 / 1e6);
    let store = Store::open_read_only(&path).unwrap();
    let parse = |query: &str| tracefuse_server::TraceQuery::parse(query, 0).unwrap();
    for (name, queries) in [
        ("trace list", vec!["limit=50".to_owned()]),
        (
            "trace list of a user",
            (0..20).map(|n| format!("user=user-{n}")).collect(),
        ),
        ("trace list with errors", vec!["errors=1".to_owned()]),
        (
            "full text, a word of many",
            WORDS.iter().map(|word| format!("q={word}")).collect(),
        ),
        (
            "full text, two words",
            WORDS
                .iter()
                .zip(WORDS.iter().skip(1))
                .map(|(a, b)| format!("q={a}+{b}"))
                .collect(),
        ),
        (
            "full text, a word of one",
            (0..20).map(|n| format!("q=unique{}", n * 37)).collect(),
        ),
    ] {
        let mut times = Vec::new();
        for round in 0..100 {
            let query = parse(&queries[round % queries.len()]);
            let begun = Instant::now();
            store.traces(&query).unwrap();
            times.push(begun.elapsed());
        }
        println!("{name}: {}", percentiles(&mut times));
    }
    for (name, path) in [
        (
            "list by the read API",
            "/api/public/traces?limit=50&fields=core,metrics",
        ),
        (
            "list by the read API with inputs and outputs",
            "/api/public/traces?limit=50",
        ),
        ("page of the list", "/"),
        ("page of the list with errors", "/?level=ERROR"),
        ("page of a search", "/?q=invoice+weather"),
        (
            "50 observations by the read API",
            "/api/public/v2/observations?limit=50",
        ),
    ] {
        let mut times: Vec<Duration> = (0..100)
            .map(|_| {
                let begun = Instant::now();
                get(address, path);
                begun.elapsed()
            })
            .collect();
        println!("{name}: {}", percentiles(&mut times));
    }
    println!("resident after reading: {:.1} MB", resident(&server));
    server.kill().unwrap();
    server.wait().unwrap();
    drop(store);
    let (mut server, address) = start(&path);
    get(address, "/api/public/health");
    println!("resident after a new start: {:.1} MB", resident(&server));
    server.kill().unwrap();
    server.wait().unwrap();
}

fn serve(path: &str) {
    let store = Store::open(path, StoreOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        let server = Server::new(ServerConfig::default());
        server
            .serve(&store, listener, std::future::pending())
            .await
            .unwrap();
    });
}

fn start(path: &std::path::Path) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .arg(path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    (child, line.trim().parse().unwrap())
}

fn wait_for_index(path: &std::path::Path) -> bool {
    let store = Store::open_read_only(path).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(900) {
        if store.is_indexed().unwrap() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    false
}
