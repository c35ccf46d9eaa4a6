//! Other local viewers beside `tracefuse view`: the same bodies of OTLP to each, one after the other, and one table.
//!
//! `cargo bench -p tracefuse-server --bench peers SPANS GENERATIONS NAME=PROGRAM ..`, where a name is `tracefuse`, `trace-view`,
//! `otelite` or `phoenix` and the program is its path. Nothing else should run on the machine. trace-view listens on all
//! interfaces: run it where no other machine reaches it, such as below `unshare --net`.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures: its clock is the system's, and it prints what it found"
)]

#[expect(dead_code, reason = "shared with `load`, which uses the rest")]
mod common;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Connection, load, percentiles, resident};
use rusqlite::{Connection as Database, OpenFlags};

/// How long what was answered may take until it is stored.
const STORED: Duration = Duration::from_secs(600);

/// A viewer: how it is started, and where it is asked.
struct Viewer {
    name: &'static str,
    start: fn(&str, &Path, u16, u16) -> Command,
    /// Whether lists are at the second port.
    second: bool,
    /// Answers as soon as it serves.
    ready: &'static str,
    /// Its list of the newest traces or sessions, without inputs and outputs where that can be asked for.
    list: &'static str,
    /// Its file, and the table of spans in it.
    file: &'static str,
    table: &'static str,
}

const VIEWERS: [Viewer; 4] = [
    Viewer {
        name: "tracefuse",
        start: |program, folder, port, _| {
            let mut command = Command::new(program);
            command
                .arg("view")
                .arg("--store")
                .arg(folder.join("traces.db"));
            command.arg("--listen").arg(format!("127.0.0.1:{port}"));
            command
        },
        second: false,
        ready: "/api/public/health",
        list: "/api/public/traces?limit=50&fields=core,metrics",
        file: "traces.db",
        table: "span",
    },
    Viewer {
        name: "trace-view",
        start: |program, folder, port, _| {
            let mut command = Command::new(program);
            command.arg("--db").arg(folder.join("traces.db"));
            command.args(["--port", &port.to_string(), "serve"]);
            command
        },
        second: false,
        ready: "/api/sessions",
        list: "/api/sessions",
        file: "traces.db",
        table: "spans",
    },
    Viewer {
        name: "otelite",
        start: |program, folder, port, second| {
            let mut command = Command::new(program);
            command.args(["--log-level", "error", "serve", "--addr"]);
            command.arg(format!("127.0.0.1:{second}"));
            command.arg("--storage-path").arg(folder);
            command.env("OTELITE_OTLP_HTTP_PORT", port.to_string());
            command.env("OTELITE_OTLP_GRPC_PORT", free_port().to_string());
            command.env("HOME", folder);
            command
        },
        second: true,
        ready: "/api/health",
        list: "/api/traces?limit=50",
        file: "otelite.db",
        table: "spans",
    },
    Viewer {
        name: "phoenix",
        start: |program, folder, port, second| {
            let mut command = Command::new(program);
            command.arg("serve").env("PHOENIX_HOST", "127.0.0.1");
            command.env("PHOENIX_PORT", port.to_string());
            command.env("PHOENIX_GRPC_PORT", second.to_string());
            command.env("PHOENIX_WORKING_DIR", folder);
            command.env("PHOENIX_TELEMETRY_ENABLED", "false");
            command.env("PHOENIX_ALLOW_EXTERNAL_RESOURCES", "false");
            command
        },
        second: false,
        ready: "/healthz",
        list: "/v1/projects/default/spans?limit=50",
        file: "phoenix.db",
        table: "spans",
    },
];

/// A process that ends with the measurement.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| argument != "--bench")
        .collect();
    let [small, large, programs @ ..] = arguments.as_slice() else {
        println!("SPANS GENERATIONS NAME=PROGRAM ..");
        return;
    };
    let (small, large): (u64, u64) = (small.parse().unwrap(), large.parse().unwrap());
    println!(
        "| | binary | first answer | resident: idle | after | {small} small spans, a second: answered | stored | {large} generations of 8 KiB, a second: answered | stored | list p50 | p95 | not stored |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for viewer in &VIEWERS {
        let named = programs.iter().filter_map(|named| named.split_once('='));
        for (_, program) in named.filter(|(name, _)| *name == viewer.name) {
            measure(viewer, program, small, large);
        }
    }
}

fn measure(viewer: &Viewer, program: &str, small: u64, large: u64) {
    let folder = tempfile::tempdir().unwrap();
    let (port, second) = (free_port(), free_port());
    let begun = Instant::now();
    let mut command = (viewer.start)(program, folder.path(), port, second);
    command
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let running = Running(command.spawn().unwrap());
    let at = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let (ingest, pages) = (at(port), at(if viewer.second { second } else { port }));
    while !answers(pages, viewer.ready) {
        assert!(begun.elapsed() < STORED, "{} does not start", viewer.name);
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = begun.elapsed();
    std::thread::sleep(Duration::from_secs(5));
    let idle = resident(&running.0);
    let file = folder.path().join(viewer.file);
    let (small_rate, small_stored, stored) = take(viewer, ingest, &file, small, small, false);
    let (large_rate, large_stored, stored) =
        take(viewer, ingest, &file, large, stored + large, true);
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            assert!(answers(pages, viewer.list), "{}", viewer.list);
            begun.elapsed()
        })
        .collect();
    let binary = std::fs::metadata(program).map_or(0, |file| file.len());
    println!(
        "| {} | {:.1} MB | {:.0} ms | {idle:.1} MB | {:.1} MB | {small_rate:.0} | {small_stored:.0} | {large_rate:.0} | {large_stored:.0} | {} | {} |",
        viewer.name,
        binary as f64 / 1e6,
        started.as_secs_f64() * 1e3,
        resident(&running.0),
        percentiles(&mut times).replace(", ", " | "),
        (small + large).saturating_sub(stored),
    );
}

/// Sends spans; the rate until they were answered, the rate until they were stored, and how many are stored.
fn take(
    viewer: &Viewer,
    to: SocketAddr,
    file: &Path,
    spans: u64,
    expected: u64,
    is_large: bool,
) -> (f64, f64, u64) {
    let begun = Instant::now();
    let (rate, refused) = load(to, "/v1/traces", spans, is_large);
    if refused > 0 {
        println!(
            "{}: {refused} requests were not answered with 200",
            viewer.name
        );
    }
    let (mut stored, mut changed) = (count(file, viewer.table), Instant::now());
    // Until all is there, or nothing comes any more.
    while stored < expected
        && changed.elapsed() < Duration::from_secs(20)
        && begun.elapsed() < STORED
    {
        std::thread::sleep(Duration::from_millis(50));
        let now = count(file, viewer.table);
        if now > stored {
            (stored, changed) = (now, Instant::now());
        }
    }
    let took = changed.saturating_duration_since(begun).as_secs_f64();
    (rate, spans as f64 / took, stored)
}

fn answers(address: SocketAddr, path: &str) -> bool {
    let status = Connection::to(address).and_then(|mut to| to.ask("GET", path, &[]));
    status.is_ok_and(|status| status == 200)
}

fn count(file: &Path, table: &str) -> u64 {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let count = Database::open_with_flags(file, flags).and_then(|database| {
        database.busy_timeout(Duration::from_secs(10))?;
        let count = format!("SELECT count(*) FROM {table}");
        database.query_row(&count, [], |row| row.get::<_, i64>(0))
    });
    count.map_or(0, |count| count.unsigned_abs())
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
