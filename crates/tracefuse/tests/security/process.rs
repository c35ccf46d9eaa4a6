//! A whole process, its terminal included: what it writes when all goes wrong holds no key and commands nothing.

use std::process::{Command, Stdio};
use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::ConsoleConfig;
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};

use crate::capture::Secret;
use crate::scenes::{PUBLIC, SECRET};

const ORDERS: &str = "TRACING_MODE";
const HOSTILE: &str = "\u{1b}]52;c;cm0=\u{7}\u{1b}]8;;http://evil\u{1b}\\\u{1b}]0;title\u{7}\u{1b}P$q\"p\u{1b}\\\u{9b}2J\u{202e}\u{e0041}";

struct Panics;

#[async_trait]
impl Exporter for Panics {
    fn name(&self) -> &str {
        "panics"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        panic!("a panic with all it can see: {batch:?}");
    }
}

/// Not a test by itself: does nothing unless the one below started it.
#[test]
fn a_child_that_is_configured_by_its_environment() {
    if std::env::var_os(ORDERS).is_none() {
        assert!(std::env::var_os("TRACEFUSE_TEST_CHILD").is_none());
        return;
    }
    let config = tracefuse::config::Config::from_env().unwrap();
    eprintln!("{config:?} {config:#?}");
    let builder = tracefuse::Builder::from_env().unwrap();
    let builder = builder.exporter(Panics).console(ConsoleConfig::new());
    eprintln!("{builder:?}");
    let tracer = builder.build().unwrap();
    tracer
        .trace(HOSTILE)
        .user_id(HOSTILE)
        .tag(HOSTILE)
        .run(|trace| {
            trace.set_input(HOSTILE);
            trace
                .generation(HOSTILE)
                .model(HOSTILE)
                .run(|span| span.record_error(HOSTILE));
        });
    let error = tracer.shutdown_within(Duration::from_secs(3)).unwrap_err();
    eprintln!("{error} {error:?} {tracer:?}");
    panic!("the end of {tracer:?}");
}

#[test]
fn a_process_that_fails_in_every_way_shows_no_key_and_commands_no_terminal() {
    let token = format!("the key is {SECRET}, {HOSTILE}");
    let server = MockLangfuse::builder()
        .keys(PUBLIC, SECRET)
        .scenario(Scenario::new().forever(Action::status(401).body(&token)))
        .start()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    for format in ["tree", "compact", "json"] {
        let child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "process::a_child_that_is_configured_by_its_environment",
            ])
            .env(ORDERS, "langfuse,print")
            .env("TRACEFUSE_CONSOLE_FORMAT", format)
            .env("TRACEFUSE_SPOOL_DIR", dir.path())
            .env("LANGFUSE_PUBLIC_KEY", PUBLIC)
            .env("LANGFUSE_SECRET_KEY", SECRET)
            .env("LANGFUSE_BASE_URL", server.url())
            .env("HTTPS_PROXY", format!("http://user:{SECRET}@proxy:1"))
            .env("NO_COLOR", "1")
            .env("RUST_BACKTRACE", "full")
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(!child.status.success(), "it panics at its end");
        for secret in [SECRET, &SECRET[6..]] {
            let secret = Secret::new(secret);
            secret.is_not_in(&child.stdout);
            secret.is_not_in(&child.stderr);
        }
        let (out, err) = (
            String::from_utf8(child.stdout),
            String::from_utf8(child.stderr),
        );
        let (out, err) = (out.unwrap(), err.unwrap());
        assert!(out.contains("52;c;cm0="), "{format}: {out}");
        assert!(err.contains("***") && err.contains("the end of"), "{err}");
        let loud = |c: char| (c.is_control() && c != '\n') || "\u{202e}\u{e0041}".contains(c);
        for text in [&out, &err] {
            assert!(!text.contains(loud), "{format}: {text:?}");
        }
    }
    for file in crate::scenes::files(dir.path()) {
        Secret::new(SECRET).is_not_in(file);
    }
    assert!(!server.requests().is_empty());
}
