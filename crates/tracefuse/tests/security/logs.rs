//! What is logged: no payload, no forged line, and once which server the traces go to.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse::{Builder, LangfuseConfig, Mask, config::Config};

use crate::capture::{self, Secret};

const FORGERY: &str =
    "x\n2026-01-01 ERROR root logged in\r\u{1b}[31m\u{9b}2J\u{1b}]0;t\u{7}\u{202e}\u{2028}";

/// One that says what it likes.
struct Liar;

#[async_trait]
impl Exporter for Liar {
    fn name(&self) -> &str {
        "liar\nof a name"
    }
    async fn export(&self, _: &Batch) -> Result<ExportReport, ExportError> {
        Err(ExportError::reject(format!("liar: {FORGERY}")))
    }
}

/// Lines of ours: at any level, of whatever tests run beside this one.
fn ours() -> Vec<String> {
    let mut lines = capture::lines();
    lines.retain(|line| line.split(' ').nth(1) == Some("tracefuse"));
    lines
}

#[test]
fn no_name_and_no_words_of_others_forge_a_line() {
    capture::start();
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().forever(Action::status(400).body(&format!("server: {FORGERY}"))))
        .start()
        .unwrap();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let tracer = tracefuse::builder()
        .langfuse(config.base_url(server.url()))
        .exporter(Liar)
        .configure(|config| {
            config.warn_open_longer = Duration::from_millis(1);
            config.environment = Some("logs".to_owned());
        })
        .build()
        .unwrap();
    let open = tracer.trace(&format!("open {FORGERY}")).start();
    // Each looks for open traces, as often as it may.
    let logged = || ours().iter().any(|line| line.contains("trace=open x"));
    while !logged() {
        std::thread::park_timeout(Duration::from_millis(2));
        tracer
            .trace(FORGERY)
            .run(|trace| trace.record_error(FORGERY));
    }
    open.finish();
    let report = tracer.shutdown_within(Duration::from_secs(5));
    let said = format!(
        "{} {:?}",
        report.as_ref().unwrap_err(),
        tracer.stats().exporters
    );
    for words in ["server: x", "liar: x", "open x", r"liar\nof a name"] {
        assert!(ours().iter().any(|line| line.contains(words)), "{words}");
    }
    for line in ours().iter().chain([&said]) {
        let forged = |c: char| c.is_control() || "\u{202e}\u{2028}".contains(c);
        assert!(!line.contains(forged), "{line:?}");
    }
}

#[test]
fn no_payload_is_logged_and_what_a_masker_cannot_mask_is_not_sent() {
    capture::start();
    const PROMPT: &str = "the-prompt-CANARY-31415926";
    let server = MockLangfuse::builder()
        .scenario(
            Scenario::new()
                .once(Action::status(400))
                .once(Action::status(503)),
        )
        .start()
        .unwrap();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let masker = Mask::new().rewrite(|value, at| {
        let text = value.to_string();
        assert!(
            !text.contains(PROMPT),
            "a masker that fails at {}",
            at.path()
        );
        None
    });
    let tracer = tracefuse::builder()
        .langfuse(config.base_url(server.url()))
        .masker(masker)
        .configure(|config| {
            config.warn_open_longer = Duration::from_nanos(1);
            config.delivery.max_queue_bytes = 64 * 1024;
        })
        .build()
        .unwrap();
    for n in 0..20 {
        tracer.trace("request").metadata("m", PROMPT).run(|trace| {
            trace.set_input([PROMPT, &"x".repeat(n * 500)]);
            trace.set_output("fine");
        });
    }
    // Whether all arrived is not the question here.
    let _ = tracer.shutdown_within(Duration::from_secs(5));
    let secret = Secret::new(PROMPT);
    capture::lines()
        .iter()
        .for_each(|line| secret.is_not_in(line));
    secret.is_not_in(format!("{tracer:?} {:?}", tracer.stats()));
    assert!(!server.observations().is_empty());
    for row in server.observations() {
        assert_eq!(row.input.as_deref(), Some("<masking failed>"), "the value");
        assert_eq!(row.output.as_deref(), Some("fine"), "and not its neighbour");
    }
    for request in server.requests() {
        secret.is_not_in(&request.inflated);
    }
}

#[test]
fn where_traces_go_is_logged_once_and_code_has_the_last_word() {
    capture::start();
    // As the environment or a file would have it.
    let mut config = Config::default();
    config.langfuse.public_key = "pk-lf-effective".into();
    config.langfuse.secret_key = "sk-lf-effective".into();
    config.langfuse.base_url = "https://from-the-environment.example/below".into();
    config.langfuse.export_path = "a/path-of-theirs".into();
    config.tracer.delivery.batch_size = 5;
    let mut batch_size = 0;
    let tracer = Builder::from_config(config.clone())
        .unwrap()
        .configure(|config| {
            batch_size = config.delivery.batch_size;
            config.delivery.batch_size = 7;
        })
        .build()
        .unwrap();
    assert_eq!(
        batch_size, 5,
        "code sees what was configured, and changes it"
    );
    tracer.trace("request").run(|_| {});
    let logged = |host: &str| -> Vec<String> {
        let mut lines = ours();
        lines.retain(|line| line.contains(host) && line.contains("traces are delivered"));
        lines
    };
    let lines = logged("from-the-environment");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("INFO "), "{lines:?}");
    assert!(
        lines[0].ends_with("origin=https://from-the-environment.example"),
        "{lines:?}"
    );
    // Settings in code win over the environment of this process.
    config.langfuse.base_url = "https://from-code.example".into();
    let _tracer = Builder::from_config(config).unwrap().build().unwrap();
    assert_eq!(logged("https://from-code.example").len(), 1);
    assert_eq!(logged("from-the-environment").len(), 1);
}
