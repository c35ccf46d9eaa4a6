//! `cargo xtask relay`: our examples, each its own process, through a third-party OTLP relay to the local server; what
//! arrives is compared with what was recorded. Called by `main`.

mod seen;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use mock_langfuse::{Action, MockLangfuse, Scenario};

use self::seen::{Identity, Spans, contents, difference, identities};
use crate::install::Wanted;
use crate::integration;
use crate::programs::{Programs, built, quiet};
use crate::service::{Service, free_port};
use crate::venv::{Venv, venv};
use xtask::process::{output, target};

const NAME: &str = "relay";
const ROTEL: &str = "rotel==0.0.1a15";
/// Where Langfuse takes OTLP, and the relay too: `LANGFUSE_BASE_URL` may then name either.
const BASE: &str = "/api/public/otel";
/// How long the relay or the server is down.
const AWAY: Duration = Duration::from_secs(3);
/// How long a span that the relay has may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

/// All of it.
pub(crate) fn run(in_ci: bool) -> Result<()> {
    let wanted = Wanted {
        name: NAME,
        packages: &[ROTEL],
        size: "50 MB",
        variable: "TRACEFUSE_VENV_RELAY",
    };
    wanted.check(in_ci, || venv(&wanted), check)
}

fn check(venv: &Venv) -> Result<()> {
    let folder = target().join(NAME).join("run");
    fs::create_dir_all(&folder)?;
    let mut stage = Stage {
        relay: Relay {
            program: rotel(venv)?,
            port: free_port()?,
            folder,
            service: None,
        },
        server: MockLangfuse::start(),
        programs: examples()?,
    };
    println!("{}", ROTEL.replace("==", " "));
    println!(
        "\n{:<10}{:<28}{:>10}{:>8}{:>7}{:>12}{:>12}{:>10}",
        "mode", "meanwhile", "processes", "spans", "lost", "more often", "ids, times", "contents"
    );
    let mut wrong = Vec::new();
    for mode in [Mode::Otlp, Mode::Langfuse] {
        let direct = direct(mode, &stage.programs)?;
        for trouble in [Trouble::None, Trouble::NoRelay, Trouble::NoServer] {
            let words = |line: &str| format!("{}, {}: {line}", mode.name(), trouble.name());
            let found = stage.through(mode, trouble, &direct)?;
            wrong.extend(found.iter().map(|line| words(line)));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("not as recorded:\n  {}", wrong.join("\n  "))
}

/// The wheel has it beside its modules.
fn rotel(venv: &Venv) -> Result<PathBuf> {
    let find =
        "import importlib.util as u; print(u.find_spec('rotel').submodule_search_locations[0])";
    let folder = output(Command::new(venv.program("python")).args(["-c", find]))?;
    let program = Path::new(folder.trim()).join("rotel-agent");
    ensure!(program.exists(), "{} is not there", program.display());
    Ok(program)
}

fn examples() -> Result<Programs> {
    let features = ["--features", "otlp,opentelemetry"];
    let mut programs = built(&[&["-p", "tracefuse", "--examples"][..], &features].concat())?;
    // The SDK of OpenTelemetry gives a shutdown 5 s, which may be shorter than the relay's outage.
    let known = integration::names().filter(|name| *name != "opentelemetry");
    let known: BTreeSet<&str> = known.collect();
    programs.retain(|name, _| known.contains(name.as_str()));
    ensure!(programs.len() == known.len(), "not all examples were built");
    Ok(programs)
}

/// Which exporter's traces go through the relay; the other's go to the witness.
#[derive(Clone, Copy)]
enum Mode {
    Otlp,
    Langfuse,
}

impl Mode {
    fn name(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Langfuse => "langfuse",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Otlp => Self::Langfuse,
            Self::Langfuse => Self::Otlp,
        }
    }

    /// What sends an exporter's traces to `url`, with the keys of `server`.
    fn variables(self, url: &str, server: &MockLangfuse) -> Vec<(&'static str, String)> {
        match self {
            Self::Otlp => vec![
                ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("{url}{BASE}")),
                (
                    "OTEL_EXPORTER_OTLP_HEADERS",
                    format!("authorization={}", basic(server).replace(' ', "%20")),
                ),
            ],
            Self::Langfuse => vec![
                ("LANGFUSE_BASE_URL", url.to_owned()),
                ("LANGFUSE_PUBLIC_KEY", server.public_key().to_owned()),
                ("LANGFUSE_SECRET_KEY", server.secret_key().to_owned()),
            ],
        }
    }
}

fn basic(server: &MockLangfuse) -> String {
    let keys = format!("{}:{}", server.public_key(), server.secret_key());
    let keys = base64::engine::general_purpose::STANDARD.encode(keys);
    format!("Basic {keys}")
}

#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    None,
    /// Our side waits and retries.
    NoRelay,
    /// The relay waits and retries.
    NoServer,
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::NoRelay => "the relay is down for 3 s",
            Self::NoServer => "the server says 503 for 3 s",
        }
    }
}

/// The relay, which can be stopped and started again on the same port.
struct Relay {
    program: PathBuf,
    port: u16,
    folder: PathBuf,
    service: Option<Service>,
}

impl Relay {
    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn start(&mut self, server: &MockLangfuse) -> Result<()> {
        let mut command = Command::new(&self.program);
        quiet(&mut command)
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{}", self.port)])
            .args([
                "--otlp-grpc-endpoint",
                &format!("127.0.0.1:{}", free_port()?),
            ])
            .args([
                "--otlp-receiver-traces-http-path",
                &format!("{BASE}/v1/traces"),
            ])
            .args(["--exporter", "otlp", "--otlp-exporter-protocol", "http"])
            .args([
                "--otlp-exporter-endpoint",
                &format!("{}{BASE}", server.url()),
            ])
            .args(["--pid-file", "rotel.pid", "--log-file", "rotel.log"])
            .current_dir(&self.folder)
            .env(
                "ROTEL_OTLP_EXPORTER_CUSTOM_HEADERS",
                format!(
                    "authorization={},x-langfuse-ingestion-version=4",
                    basic(server)
                ),
            );
        let log = self.folder.join("output.log");
        let mut service = Service::start("the relay", &mut command, &log)?;
        service.wait_until_listening(self.port, Duration::from_secs(30))?;
        self.service = Some(service);
        Ok(())
    }
}

/// What all runs of a check share.
struct Stage {
    relay: Relay,
    server: MockLangfuse,
    programs: Programs,
}

impl Stage {
    /// All examples at once through the relay; prints a line, returns the differences.
    fn through(&mut self, mode: Mode, trouble: Trouble, direct: &Spans) -> Result<Vec<String>> {
        let witness = MockLangfuse::start();
        self.relay.service = None;
        self.server.clear();
        if trouble != Trouble::NoRelay {
            self.relay.start(&self.server)?;
        }
        if trouble == Trouble::NoServer {
            self.server
                .set_scenario(Scenario::new().forever(Action::status(503)));
        }
        let mut running = Running(Vec::new());
        for (name, program) in &self.programs {
            let mut command = example(name, program);
            command
                .env("TRACING_MODE", "langfuse,otlp")
                .envs(mode.variables(&self.relay.url(), &self.server))
                .envs(mode.other().variables(&witness.url(), &witness));
            let child = command.stdout(Stdio::null()).spawn()?;
            running.0.push((name.clone(), child));
        }
        let began = Instant::now();
        match trouble {
            Trouble::None => running.ended()?,
            Trouble::NoRelay => {
                std::thread::sleep(AWAY);
                // None of them has given up.
                for (name, child) in &mut running.0 {
                    ensure!(
                        child.try_wait()?.is_none(),
                        "`{name}` has ended without the relay"
                    );
                }
                self.relay.start(&self.server)?;
                running.ended()?;
            }
            Trouble::NoServer => {
                // The relay takes their spans at once.
                running.ended()?;
                std::thread::sleep(AWAY.saturating_sub(began.elapsed()));
                ensure!(
                    self.server.observations().is_empty(),
                    "the server was not away"
                );
                self.server.set_scenario(Scenario::default());
            }
        }
        let recorded = identities(&witness);
        let complete = |server: &MockLangfuse| identities(server).len() >= recorded.len();
        self.server.wait_for(complete, PATIENCE);
        Ok(report(
            mode,
            trouble,
            self.programs.len(),
            &recorded,
            &self.server,
            direct,
        ))
    }
}

/// One example, with its name in all its spans.
fn example(name: &str, program: &Path) -> Command {
    let mut command = Command::new(program);
    quiet(&mut command)
        .env("LANGFUSE_TRACING_ENVIRONMENT", name)
        // They end at once, so their shutdown has to wait for as long as the relay is away.
        .env("TRACEFUSE_SHUTDOWN_TIMEOUT", "60")
        .env("TRACEFUSE_FLUSH_TIMEOUT", "60")
        .env("TRACEFUSE_MAX_RETRIES", "30")
        .env("TRACEFUSE_CIRCUIT_BREAKER_THRESHOLD", "100");
    command
}

/// Running examples; they are stopped when this is dropped.
struct Running(Vec<(String, Child)>);

impl Running {
    fn ended(&mut self) -> Result<()> {
        for (name, child) in &mut self.0 {
            let status = child.wait()?;
            ensure!(status.success(), "the example `{name}` failed: {status}");
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for (_, child) in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a server has if the examples send to it themselves.
fn direct(mode: Mode, programs: &Programs) -> Result<Spans> {
    let server = MockLangfuse::start();
    for (name, program) in programs {
        let mut command = example(name, program);
        command
            .env("TRACING_MODE", mode.name())
            .envs(mode.variables(&server.url(), &server));
        output(&mut command).with_context(|| format!("the example `{name}`"))?;
    }
    Ok(contents(&server))
}

/// Prints the line of a run, and returns its differences as text.
fn report(
    mode: Mode,
    trouble: Trouble,
    processes: usize,
    recorded: &BTreeMap<String, Identity>,
    server: &MockLangfuse,
    direct: &Spans,
) -> Vec<String> {
    let got = identities(server);
    let lost = recorded.keys().filter(|id| !got.contains_key(*id)).count();
    let moved = got
        .iter()
        .filter(|(id, it)| recorded.get(*id) != Some(it))
        .count();
    let often = server
        .deliveries()
        .values()
        .filter(|delivery| delivery.stored != 1)
        .count();
    let through = contents(server);
    let differ = difference(direct, &through);
    let ok = |wrong: usize| match wrong {
        0 => "ok".to_owned(),
        wrong => format!("{wrong} WRONG"),
    };
    println!(
        "{:<10}{:<28}{processes:>10}{:>8}{lost:>7}{often:>12}{:>12}{:>10}",
        mode.name(),
        trouble.name(),
        recorded.len(),
        ok(moved),
        ok(differ.len()),
    );
    let mut wrong = differ;
    for (count, words) in [
        (lost, "spans are lost"),
        (
            moved,
            "spans have another parent or time, or were never recorded",
        ),
        (often, "spans are not stored once"),
        (usize::from(recorded.is_empty()), "nothing was recorded"),
    ] {
        if count > 0 {
            wrong.push(format!("{count} {words}"));
        }
    }
    wrong
}
