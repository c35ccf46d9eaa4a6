//! A whole process without a log subscriber: what is wrong with its configuration is on standard error, once.

use std::process::Command;
use std::time::Duration;

use mock_langfuse::MockLangfuse;

/// What the child has to do. Not a name that tracefuse reads.
const CHILD: &str = "SILENCE_CHILD";

/// Does nothing unless one of the tests below started it.
#[test]
fn a_child_does_what_it_was_started_for() {
    match std::env::var(CHILD).as_deref() {
        Ok("noop") => {
            for _ in 0..2 {
                assert!(!tracefuse::from_env_or_noop().is_enabled());
            }
        }
        Ok("export") => {
            let tracer = tracefuse::from_env().unwrap();
            for _ in 0..3 {
                tracer.trace("x").run(|_| {});
                let _ = tracer.flush_within(Duration::from_secs(5));
            }
            let _ = tracer.shutdown_within(Duration::from_secs(5));
        }
        Ok("later") => {
            let tracer = tracefuse::from_env().unwrap();
            tracing_subscriber::fmt()
                .with_writer(std::io::stderr)
                .with_ansi(false)
                .init();
            for _ in 0..2 {
                tracer.trace("x").run(|_| {});
                tracer.flush().unwrap();
            }
        }
        Ok("build") => drop(tracefuse::from_env().unwrap()),
        #[cfg(feature = "log")]
        Ok("log") => {
            log::set_logger(&Logger).unwrap();
            log::set_max_level(log::LevelFilter::Info);
            let tracer = tracefuse::from_env().unwrap();
            tracer.trace("x").run(|_| {});
            let _ = tracer.flush_within(Duration::from_secs(5));
            let _ = tracer.shutdown_within(Duration::from_secs(5));
        }
        Ok("check") => match tracefuse::langfuse::auth_check_from_env() {
            Ok(project) => eprintln!("project {}", project.name),
            Err(error) => eprintln!("{:?}: {error}", error.problem()),
        },
        _ => {}
    }
}

/// A logger of `log`, as env_logger is one.
#[cfg(feature = "log")]
struct Logger;

#[cfg(feature = "log")]
impl log::Log for Logger {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "tracefuse"
    }
    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("LOG {} {}\n", record.level(), record.args());
            let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
        }
    }
    fn flush(&self) {}
}

/// What a child with this environment writes to standard error.
fn stderr_of(child: &str, environment: &[(&str, &str)]) -> String {
    let child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "--nocapture",
            "silence::a_child_does_what_it_was_started_for",
        ])
        .env_clear()
        .env(CHILD, child)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let stderr = String::from_utf8(child.stderr).unwrap();
    assert!(child.status.success(), "{stderr}");
    stderr
}

fn count(text: &str, words: &str) -> usize {
    text.matches(words).count()
}

#[test]
fn a_tracer_that_is_off_by_mistake_is_on_stderr_once() {
    let stderr = stderr_of("noop", &[("LANGFUSE_PUBLIC_KEY", "pk-lf-1")]);
    assert_eq!(count(&stderr, "tracefuse: tracing is off"), 1, "{stderr}");
    assert_eq!(
        count(&stderr, "`LANGFUSE_SECRET_KEY` is not set"),
        1,
        "{stderr}"
    );
    for off in ["none", "off", "noop", "disabled"] {
        assert_eq!(
            stderr_of("noop", &[("TRACING_MODE", off), ("TRACEFUSE_X", "1")]),
            ""
        );
    }
}

#[test]
fn a_wrong_key_is_on_stderr_once() {
    let server = MockLangfuse::start();
    let (url, keys) = (
        server.url(),
        [
            ("LANGFUSE_PUBLIC_KEY", "pk-lf-other"),
            ("LANGFUSE_SECRET_KEY", "sk-lf-other"),
        ],
    );
    let mut environment = keys.to_vec();
    environment.push(("LANGFUSE_HOST", &url));
    let stderr = stderr_of("export", &environment);
    assert_eq!(
        count(&stderr, "tracefuse: exporter `langfuse`"),
        1,
        "{stderr}"
    );
    assert_eq!(count(&stderr, "answered 401"), 1, "{stderr}");
    assert!(!stderr.contains("sk-lf-other"), "{stderr}");
}

#[test]
fn a_subscriber_that_comes_later_hears_it_at_the_first_export() {
    let server = MockLangfuse::builder()
        .keys("odd", "odder")
        .start()
        .unwrap();
    let url = server.url();
    let environment = [
        ("LANGFUSE_PUBLIC_KEY", "odd"),
        ("LANGFUSE_SECRET_KEY", "odder"),
        ("LANGFUSE_HOST", &url),
        ("LANGFUSE_TRACING_ENVIRONMENT", "Production"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
    ];
    let stderr = stderr_of("later", &environment);
    for words in [
        "the public key does not begin with pk-lf-",
        "the secret key does not begin with sk-lf-",
        "is stored by Langfuse as \"production\"",
        "`ALL_PROXY` is ignored",
    ] {
        let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(words)).collect();
        let [printed, logged] = lines.as_slice() else {
            panic!("{} lines with {words}: {stderr}", lines.len())
        };
        assert!(
            printed.contains("tracefuse: ") && !printed.contains("WARN"),
            "{printed}"
        );
        assert!(logged.contains("WARN tracefuse: "), "{logged}");
    }
    assert_eq!(server.observations().len(), 2, "and it is delivered");
}

#[test]
fn an_environment_that_is_stored_otherwise_is_said_in_every_mode() {
    let of = |mode: &str, name: &str| {
        stderr_of(
            "build",
            &[
                ("TRACING_MODE", mode),
                ("LANGFUSE_PUBLIC_KEY", "pk-lf-1"),
                ("LANGFUSE_SECRET_KEY", "sk-lf-1"),
                ("LANGFUSE_TRACING_ENVIRONMENT", name),
            ],
        )
    };
    // Also where it is printed: what is tried in the terminal is deployed to Langfuse.
    for mode in ["langfuse", "print", "otlp", "langfuse,print"] {
        let stderr = of(mode, "Production");
        let words = "is stored by Langfuse as \"production\"";
        assert_eq!(count(&stderr, words), 1, "{mode}: {stderr}");
        let stderr = of(mode, "Prod.EU");
        let words = "is stored by Langfuse as \"default\"";
        assert_eq!(count(&stderr, words), 1, "{mode}: {stderr}");
        assert_eq!(of(mode, "production"), "", "{mode}");
    }
    assert_eq!(of("none", "Production"), "");
}

#[cfg(feature = "log")]
#[test]
fn a_logger_of_log_hears_every_line_without_a_subscriber() {
    let server = MockLangfuse::start();
    let url = server.url();
    let environment = [
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-other"),
        ("LANGFUSE_SECRET_KEY", "sk-lf-other"),
        ("LANGFUSE_HOST", &url),
        ("LANGFUSE_TRACING_ENVIRONMENT", "Production"),
        ("ALL_PROXY", "socks5://127.0.0.1:1"),
    ];
    let stderr = stderr_of("log", &environment);
    for (level, words) in [
        ("WARN", "is stored by Langfuse as \"production\""),
        ("WARN", "`ALL_PROXY` is ignored"),
        ("INFO", "traces are delivered"),
        ("ERROR", "the receiver refuses our requests"),
        (
            "ERROR",
            "spans were not delivered by the end of the shutdown",
        ),
    ] {
        let lines: Vec<&str> = stderr.lines().filter(|line| line.contains(words)).collect();
        let [line] = lines.as_slice() else {
            panic!("{} lines with {words}: {stderr}", lines.len())
        };
        assert!(line.starts_with(&format!("LOG {level} ")), "{line}");
    }
    // The logger hears it, so nothing is printed beside it.
    assert_eq!(count(&stderr, "tracefuse: "), 0, "{stderr}");
    assert!(!stderr.contains("sk-lf-other"), "{stderr}");
}

#[test]
fn the_keys_of_the_environment_can_be_checked_in_every_mode() {
    let server = MockLangfuse::start();
    let url = server.url();
    let keys = [
        ("LANGFUSE_PUBLIC_KEY", server.public_key()),
        ("LANGFUSE_SECRET_KEY", server.secret_key()),
        ("LANGFUSE_HOST", url.as_str()),
    ];
    for mode in ["langfuse", "print", "none"] {
        let mut environment = keys.to_vec();
        environment.extend([
            ("TRACING_MODE", mode),
            ("LANGFUSE_TRACING_ENABLED", "false"),
        ]);
        let stderr = stderr_of("check", &environment);
        assert!(stderr.contains("project mock"), "{mode}: {stderr}");
    }
    let without = stderr_of("check", &[]);
    assert!(
        without.contains("Config: the public key is empty: set `LANGFUSE_PUBLIC_KEY`"),
        "{without}"
    );
    let mut wrong = keys.to_vec();
    wrong.push(("LANGFUSE_HOST", "localhost:3000"));
    let wrong = stderr_of("check", &wrong);
    assert!(
        wrong.contains("Config: `LANGFUSE_HOST`: ") && wrong.contains("add http://"),
        "{wrong}"
    );
}
