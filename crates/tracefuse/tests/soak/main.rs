//! Many spans at full speed against a server in another process that fails one request in ten, in mixed ways:
//! the numbers add up, nothing is lost, and memory stays flat. `cargo xtask soak` runs ten million, `cargo test` 100,000.
#![expect(
    clippy::print_stdout,
    reason = "two programs that talk by their output"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "reads what the system says of this process"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::{LangfuseConfig, config::Overload};

const DEFAULT: u64 = 100_000;
const THREADS: u64 = 2;
/// Memory may move by so much after the first tenth.
const FLAT: u64 = 16 << 20;
/// For one span to find room, and for the server to take the rest at the end. Not a measure: other work may slow the server.
const LIMIT: Duration = Duration::from_secs(3600);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|word| word == "--server") {
        serve();
        return ExitCode::SUCCESS;
    }
    let spans = arguments.iter().find_map(|word| word.parse().ok());
    if spans.is_none() && arguments.iter().any(|word| !word.starts_with('-')) {
        // The test runner was asked for another test.
        return ExitCode::SUCCESS;
    }
    match soak(spans.unwrap_or(DEFAULT)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            println!("BROKEN: {words}");
            ExitCode::FAILURE
        }
    }
}

/// The server: says its address, waits for a line, says what it has.
fn serve() {
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().seed(5).forever(Action::fail_percent(10)))
        .start()
        .unwrap();
    println!(
        "{} {} {}",
        server.url(),
        server.public_key(),
        server.secret_key()
    );
    std::io::stdout().flush().unwrap();
    let _ = std::io::stdin().lock().read_line(&mut String::new());
    let deliveries = server.deliveries();
    let stored = deliveries.values().filter(|got| got.stored > 0).count();
    let twice = deliveries
        .values()
        .filter(|got| got.acknowledged > 1)
        .count();
    println!("{stored} {twice}");
}

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> (Self, LangfuseConfig) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("--server")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut server = Self {
            child,
            input,
            output,
        };
        let words = server.line();
        let words: Vec<&str> = words.split_whitespace().collect();
        let config = LangfuseConfig::new(words[1], words[2]).base_url(words[0]);
        (server, config.gzip(false))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line
    }

    /// Spans it has, and how many it acknowledged twice.
    fn has(mut self) -> (u64, u64) {
        self.input.write_all(b"\n").unwrap();
        let line = self.line();
        let mut numbers = line.split_whitespace().map(|word| word.parse().unwrap());
        let has = (numbers.next().unwrap(), numbers.next().unwrap());
        self.child.wait().unwrap();
        has
    }
}

fn soak(spans: u64) -> Result<(), String> {
    let (server, config) = Server::start();
    let tracer = tracefuse::builder()
        .langfuse(config)
        .configure(|config| {
            // Every span is to arrive, so those who record wait for room.
            config.delivery.overload = Overload::Block(LIMIT);
            config.delivery.batch_size = 2_000;
        })
        .build()
        .unwrap();
    let started = Instant::now();
    let mut memory = Vec::new();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                let tracer = tracer.clone();
                let mine = spans / THREADS + u64::from(thread < spans % THREADS);
                scope.spawn(move || record(&tracer, mine))
            })
            .collect();
        while !threads
            .iter()
            .all(std::thread::ScopedJoinHandle::is_finished)
        {
            std::thread::park_timeout(Duration::from_millis(20));
            let stats = tracer.stats();
            assert!(stats.is_balanced(), "at this very moment: {stats:#?}");
            memory.push((stats.exporters[0].recorded, resident()));
        }
    });
    let shutdown = tracer.shutdown_within(LIMIT);
    let report = match &shutdown {
        Ok(report) => report,
        Err(incomplete) => incomplete.report(),
    };
    let took = started.elapsed();
    let stats = &report.stats.exporters[0];
    let (has, twice) = server.has();
    let warm: Vec<u64> = memory
        .iter()
        .filter(|(recorded, _)| *recorded > spans / 10)
        .map(|(_, bytes)| *bytes)
        .collect();
    let (least, most) = (warm.iter().min().copied(), warm.iter().max().copied());
    let (least, most) = (least.unwrap_or_default(), most.unwrap_or_default());
    println!(
        "{spans} spans in {:.1} s, {:.0} a second; {} attempts failed; exported {}, rejected {}, dropped {}; \
         the server has {has}, {twice} of them acknowledged twice; resident {} to {} MiB after the first tenth, {} samples",
        took.as_secs_f64(),
        spans as f64 / took.as_secs_f64(),
        stats.failed_attempts,
        stats.exported,
        stats.rejected_total(),
        stats.dropped_total(),
        least >> 20,
        most >> 20,
        warm.len(),
    );
    if let Err(incomplete) = &shutdown {
        return Err(incomplete.to_string());
    }
    if !report.stats.is_balanced() || stats.recorded != spans {
        return Err(format!("the numbers do not add up: {stats:#?}"));
    }
    if stats.exported != spans || has != spans {
        return Err(format!(
            "{} exported, the server has {has}, of {spans}",
            stats.exported
        ));
    }
    if stats.failed_attempts == 0 {
        return Err("nothing failed, so nothing was shown".to_owned());
    }
    // The first tenth of a short run is too little to warm up in.
    if spans > 1_000_000 && most - least > FLAT {
        return Err(format!("memory moved by {} MiB", (most - least) >> 20));
    }
    Ok(())
}

/// Traces of ten spans.
fn record(tracer: &tracefuse::Tracer, spans: u64) {
    let mut left = spans;
    while left > 0 {
        let children = left.min(10) - 1;
        tracer.trace("request").user_id("user").run(|trace| {
            for n in 0..children {
                trace
                    .span("step")
                    .metadata("n", n)
                    .metadata("kind", "small")
                    .run(|_| {});
            }
        });
        left -= children + 1;
    }
}

/// Bytes resident now, where Linux tells; zero elsewhere.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
