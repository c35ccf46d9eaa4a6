//! The spool through the facade, against a real server: what a kill, an outage and a full disk cannot take.
#![expect(
    clippy::disallowed_methods,
    reason = "hands a child its orders by the environment, and looks into the spool's files"
)]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::{LangfuseConfig, Tracer, config::SpoolMode};

const LIVES: usize = 24;
const DIRECTORY: &str = "TRACEFUSE_TEST_SPOOL";
const ADDRESS: &str = "TRACEFUSE_TEST_ADDRESS";
const LONG: Duration = Duration::from_secs(20);

fn tracer(server: &LangfuseConfig, dir: &Path, mode: SpoolMode) -> Tracer {
    tracefuse::builder()
        .langfuse(server.clone())
        .spool(dir)
        .configure(|config| {
            config.spool_mode = mode;
            config.delivery.batch_size = 5;
            config.delivery.max_retries = 0;
            config.delivery.circuit_breaker_threshold = 1;
            config.delivery.circuit_breaker_reset = Duration::from_millis(100);
        })
        .build()
        .unwrap()
}

fn address(server: &MockLangfuse) -> LangfuseConfig {
    LangfuseConfig::new(server.public_key(), server.secret_key()).base_url(server.url())
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some() {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn an_outage_loses_nothing_and_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().times(6, Action::status(503)))
        .start()
        .unwrap();
    let tracer = tracer(&address(&server), dir.path(), SpoolMode::OnFailure);
    for n in 0..2_000 {
        tracer.trace(&n.to_string()).run(|_| {});
    }
    assert!(server.wait_for(|server| server.deliveries().len() == 2_000, LONG));
    assert!(tracer.shutdown_within(LONG).unwrap().is_lossless());
    assert!(
        server
            .deliveries()
            .values()
            .all(|delivery| delivery.acknowledged == 1)
    );
    assert!(files(dir.path()).is_empty());
}

/// Not a test by itself: does nothing unless the loop below started it.
#[test]
fn a_child_records_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIRECTORY) else {
        assert!(std::env::var(ADDRESS).is_err());
        return;
    };
    let server =
        LangfuseConfig::new("pk-lf-mock", "sk-lf-mock").base_url(std::env::var(ADDRESS).unwrap());
    let tracer = tracer(&server, Path::new(&dir), SpoolMode::WriteAhead);
    let mut output = std::io::stdout().lock();
    let recovered = tracer.stats().exporters[0].recovered;
    for n in 0u64.. {
        let trace = tracer.trace(&format!("{}-{n}", std::process::id())).start();
        let id = trace.id().unwrap();
        trace.finish();
        // Ending a span promises it to the disk within about a millisecond; wait until that is so.
        while {
            let stats = tracer.stats();
            let stats = &stats.exporters[0];
            stats.pending() > 0 || stats.recorded < recovered + n + 1
        } {
            std::thread::yield_now();
        }
        writeln!(output, "@{id}").unwrap();
        output.flush().unwrap();
    }
}

#[test]
fn what_was_promised_to_the_disk_survives_kill_9_and_comes_with_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockLangfuse::builder()
        .keys("pk-lf-mock", "sk-lf-mock")
        .scenario(Scenario::new().seed(7).forever(Action::fail_percent(50)))
        .start()
        .unwrap();
    let mut promised = BTreeSet::new();
    for life in 0..LIVES {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "a_child_records_until_it_is_killed",
            ])
            .env(DIRECTORY, dir.path())
            .env(ADDRESS, server.url())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (mut said, lines) = (0, 1 + life * 7 % 40);
        // After the kill the rest of the pipe is read too: what it holds was said before.
        for line in output.split(b'\n') {
            let line = String::from_utf8(line.unwrap()).unwrap();
            // The harness writes on the same pipe; a line that was cut off promised nothing.
            if let Some(id) = line
                .split_once('@')
                .map(|(_, id)| id)
                .filter(|id| id.len() == 32)
            {
                promised.insert(id.to_owned());
                said += 1;
                if said == lines {
                    child.kill().unwrap();
                }
            }
        }
        child.wait().unwrap();
    }
    assert!(promised.len() >= LIVES, "{}", promised.len());
    server.set_scenario(Scenario::new());
    let last = tracer(&address(&server), dir.path(), SpoolMode::OnFailure);
    let arrived = server.wait_for(
        |server| {
            let there: BTreeSet<String> = server.trace_ids().into_iter().collect();
            promised.is_subset(&there)
        },
        LONG,
    );
    let there: BTreeSet<String> = server.trace_ids().into_iter().collect();
    assert!(
        arrived,
        "{} of {} missing; {:#?}",
        promised.difference(&there).count(),
        promised.len(),
        last.stats()
    );
    let report = last.shutdown_within(LONG).unwrap();
    assert_eq!(report.stats.exporters[0].spooled, 0);
    assert!(report.stats.is_balanced());
}

#[test]
fn no_key_is_written_to_disk_and_prompts_are_this_users_alone() {
    let dir = tempfile::tempdir().unwrap();
    let config = LangfuseConfig::new("pk-lf-canary-public", "sk-lf-canary-secret")
        // Nothing listens there.
        .base_url("http://127.0.0.1:9");
    let tracer = tracer(&config, dir.path(), SpoolMode::OnFailure);
    tracer.trace("t").run(|trace| trace.set_input("the prompt"));
    let report = tracer.shutdown().unwrap();
    assert_eq!(report.stats.exporters[0].spooled, 1);
    let files = files(dir.path());
    assert_eq!(files.len(), 1);
    let bytes = std::fs::read(&files[0]).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(holds("the prompt"));
    // Whole, in part, or as the header has them.
    for secret in ["canary", "sk-lf", "cGstbGYtY2FuYXJ5", "c2stbGY"] {
        assert!(!holds(secret), "{secret}");
    }
    #[cfg(unix)]
    for (path, mode) in [
        (files[0].as_path(), 0o600),
        (files[0].parent().unwrap(), 0o700),
    ] {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            path.metadata().unwrap().permissions().mode() & 0o777,
            mode,
            "{path:?}"
        );
    }
}
