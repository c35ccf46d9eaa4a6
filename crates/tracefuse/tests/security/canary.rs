//! A secret key and a proxy's password are in nothing that can be seen, whatever goes wrong.

use std::error::Error;
use std::fmt::Debug;
use std::time::Duration;

use tracefuse::exporter::{Batch, ExportError, ExportReport, Exporter, async_trait};
use tracefuse::{ConsoleConfig, LangfuseConfig, OtlpConfig, config::Config};
use tracefuse_http::{HttpConfig, ProxyConfig};

use crate::capture::{self, Secret};
use crate::scenes::{self, PASSWORD, PUBLIC, SECRET, Scene};

/// Whole, and by their halves: half a key is worth a lot to who has the time to guess the rest.
fn secrets() -> Vec<Secret> {
    let halves = |text: &'static str| {
        let (first, second) = text.split_at(text.len() / 2);
        [text, first, second].map(Secret::new)
    };
    [SECRET, PASSWORD].into_iter().flat_map(halves).collect()
}

/// What a person may get to see.
#[derive(Default)]
struct Seen(Vec<Vec<u8>>);

impl Seen {
    fn debug(&mut self, value: &impl Debug) {
        self.0.push(format!("{value:?} {value:#?}").into_bytes());
    }

    fn error(&mut self, error: &(dyn Error + 'static)) {
        let mut next = Some(error);
        while let Some(error) = next {
            self.0
                .push(format!("{error} {error:#} {error:?} {error:#?}").into_bytes());
            next = error.source();
        }
    }

    #[track_caller]
    fn are_clean(&self, of: &str) {
        for secret in secrets() {
            for what in &self.0 {
                assert_eq!(
                    secret.found_in(what),
                    None,
                    "{of}: {}",
                    String::from_utf8_lossy(what)
                );
            }
        }
    }
}

/// Sees what a third-party exporter sees, and then falls over.
struct Panics(std::sync::Arc<std::sync::Mutex<Seen>>);

#[async_trait]
impl Exporter for Panics {
    fn name(&self) -> &str {
        "panics"
    }
    async fn export(&self, batch: &Batch) -> Result<ExportReport, ExportError> {
        self.0.lock().unwrap().debug(batch);
        panic!("this is what the test is about: {batch:?}");
    }
}

fn play(scene: Scene) -> Seen {
    let mut seen = Seen::default();
    let spool = tempfile::tempdir().unwrap();
    let screen = tempfile::NamedTempFile::new().unwrap();
    let shown = std::sync::Arc::new(std::sync::Mutex::new(Seen::default()));
    seen.debug(&scene.config);
    let builder = tracefuse::builder()
        .langfuse(scene.config)
        .console(ConsoleConfig::new().writer(screen.reopen().unwrap()))
        .exporter(Panics(shown.clone()))
        .configure(|config| scenes::quick(config, spool.path()));
    seen.debug(&builder);
    let tracer = builder.build().unwrap();
    seen.debug(&tracer);
    for n in 0..5 {
        tracer.trace("request").input(n).run(|trace| {
            seen.debug(&trace);
            seen.debug(trace.root());
            trace.generation("answer").model("gpt-4o").run(|span| {
                seen.debug(&span);
                span.record_error("it failed");
            });
        });
    }
    if let Err(error) = tracer.flush_within(Duration::from_millis(700)) {
        seen.error(&error);
    }
    seen.0.extend(scenes::files(spool.path()));
    seen.debug(&tracer.stats());
    match tracer.shutdown_within(Duration::from_millis(700)) {
        Ok(report) => seen.debug(&report),
        Err(error) => {
            seen.error(&error);
            seen.debug(error.report());
        }
    }
    seen.0.extend(scenes::files(spool.path()));
    seen.0.push(std::fs::read(screen.path()).unwrap());
    seen.0.append(&mut shown.lock().unwrap().0);
    if let Some(server) = scene.server {
        let sent = server.requests();
        let token = sent
            .iter()
            .all(|request| request.headers.contains_key("authorization"));
        assert!(token, "{}: it was sent all the same", scene.name);
    }
    seen
}

#[test]
fn no_secret_is_in_anything_that_can_be_seen_whatever_goes_wrong() {
    capture::start();
    let (mut spooled, mut failed) = (0, 0);
    for scene in scenes::all() {
        let name = scene.name;
        let seen = play(scene);
        seen.are_clean(name);
        spooled += usize::from(
            seen.0
                .iter()
                .any(|what| what.windows(4).any(|four| four == b"TFSP")),
        );
        failed += 1;
    }
    // The scenes do what they are for.
    assert!(spooled >= 10 && failed >= 25, "{spooled} of {failed}");
    let lines = capture::lines();
    for source in ["rustls", "tracefuse"] {
        let logs = |line: &&String| {
            line.split(' ')
                .nth(1)
                .is_some_and(|of| of.starts_with(source))
        };
        assert!(
            lines.iter().filter(logs).count() > 5,
            "nothing of {source} was kept"
        );
    }
    for secret in secrets() {
        lines.iter().for_each(|line| secret.is_not_in(line));
    }
}

#[test]
fn no_configuration_shows_a_secret_right_or_wrong() {
    capture::start();
    let mut seen = Seen::default();
    let proxy = format!("http://user:{PASSWORD}@proxy:3128");
    let http = HttpConfig::new().proxy(ProxyConfig::new().http(&proxy).https(&proxy));
    seen.debug(&http);
    seen.debug(&LangfuseConfig::new(PUBLIC, SECRET).http(http.clone()));
    let otlp = OtlpConfig::new("https://otlp.example")
        .header("authorization", format!("Bearer {SECRET}"))
        .http(http);
    seen.debug(&otlp);
    let builder = tracefuse::builder().otlp(otlp);
    seen.debug(&builder);
    seen.debug(&builder.build().unwrap());

    let mut config = Config::default();
    let http = HttpConfig::new().proxy(ProxyConfig::new().http(&proxy).https(&proxy));
    config.langfuse = LangfuseConfig::new(PUBLIC, SECRET)
        .base_url(format!("https://user:{PASSWORD}@langfuse.example"))
        .http(http.clone());
    config.otlp = OtlpConfig::new(format!("https://user:{PASSWORD}@otlp.example"))
        .header("x-key", SECRET)
        .http(http);
    seen.debug(&config);
    seen.error(&tracefuse::Builder::from_config(config).unwrap_err());

    let refused = |config: LangfuseConfig| tracefuse::langfuse(config).unwrap_err();
    let with_key = |key: &str| LangfuseConfig::new(PUBLIC, key);
    for config in [
        with_key(&format!("{SECRET}\r\nx: y")),
        with_key(&format!(" {SECRET}")),
        LangfuseConfig::new(SECRET, PUBLIC),
        with_key(SECRET).base_url(format!("https://{SECRET}@host")),
        with_key(SECRET).base_url(format!("https://host/#{SECRET}")),
        with_key(SECRET).base_url(format!("{SECRET}://host")),
        with_key(SECRET).base_url(format!("https://host:{SECRET}")),
        with_key(SECRET).base_url(format!("http://host.example/?{SECRET}")),
        with_key(SECRET).proxy(ProxyConfig::new().https(format!("socks5://user:{PASSWORD}@x"))),
        with_key(SECRET).proxy(ProxyConfig::new().https(format!("http://user:{PASSWORD} @x"))),
    ] {
        seen.error(&refused(config));
    }
    let header = OtlpConfig::default().header("x-key", format!("{SECRET}\n"));
    seen.error(&tracefuse::builder().otlp(header).build().unwrap_err());
    seen.are_clean("a configuration");
}
