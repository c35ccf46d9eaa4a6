//! Everything that is logged in this process, by `tracing` and by `log`, at the finest level; and what a
//! secret looks like, also if delivery failed.

use std::fmt::{self, Write as _};
use std::sync::{Mutex, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = Line::new(attributes.metadata());
        attributes.record(&mut line);
        keep(line.0);
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("recorded later".to_owned());
        values.record(&mut line);
        keep(line.0);
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut line = Line::new(event.metadata());
        event.record(&mut line);
        keep(line.0);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// As the plainest of subscribers would write it: values as they are, without quotes.
struct Line(String);

impl Line {
    fn new(metadata: &Metadata<'_>) -> Self {
        Self(format!("{} {}", metadata.level(), metadata.target()))
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        write!(self.0, " {field}={value}").unwrap();
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

struct Bridge;

impl log::Log for Bridge {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        keep(format!(
            "{} {} {}",
            record.level(),
            record.target(),
            record.args()
        ));
    }
    fn flush(&self) {}
}

fn keep(line: String) {
    LINES.lock().unwrap().push(line);
}

/// Begins to keep what is logged, once for this process.
pub(crate) fn start() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        tracing::subscriber::set_global_default(Everything).unwrap();
        log::set_logger(&Bridge).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// What was logged so far, by all tests of this process.
pub(crate) fn lines() -> Vec<String> {
    LINES.lock().unwrap().clone()
}

/// A secret, and the forms in which it could come out.
pub(crate) struct Secret {
    forms: Vec<String>,
}

impl Secret {
    /// `text` itself, its base64 at any position of what was encoded, its hex and its list of bytes.
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut forms = vec![text.to_owned()];
        for offset in 0..3 {
            // What does not depend on the neighbours: the groups of four that are all the secret's.
            let padded = [&b"\0\0"[..offset], bytes].concat();
            let inner = (offset.div_ceil(3) * 3)..(padded.len() / 3 * 3);
            for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                forms.push(engine.encode(&padded[inner.clone()]));
            }
        }
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        forms.extend([
            hex.to_ascii_uppercase(),
            hex,
            list.join(", "),
            list.join(","),
        ]);
        Self { forms }
    }

    /// The form of it that is in `text`.
    pub(crate) fn found_in(&self, text: &[u8]) -> Option<&str> {
        let is_in = |form: &&String| {
            let form = form.as_bytes();
            text.windows(form.len()).any(|window| window == form)
        };
        self.forms.iter().find(is_in).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn is_not_in(&self, what: impl AsRef<[u8]>) {
        let what = what.as_ref();
        if let Some(form) = self.found_in(what) {
            panic!("{form} is in {}", String::from_utf8_lossy(what));
        }
    }
}

#[test]
fn a_secret_is_recognised_in_every_form() {
    use base64::engine::general_purpose::STANDARD;

    let secret = Secret::new("sk-lf-CANARY-0123456789");
    for before in ["", "p", "pk", "pk-", "pk-lf-1234:", "user:", "x:"] {
        for after in ["", "1", "12", "@host"] {
            let encoded = STANDARD.encode(format!("{before}sk-lf-CANARY-0123456789{after}"));
            assert!(secret.found_in(encoded.as_bytes()).is_some(), "{encoded}");
        }
    }
    for text in [
        "it is sk-lf-CANARY-0123456789.".to_owned(),
        format!("{:?}", "sk-lf-CANARY-0123456789".as_bytes()),
        "736b2d6c662d43414e4152592d30313233343536373839".to_owned(),
    ] {
        assert!(secret.found_in(text.as_bytes()).is_some(), "{text}");
    }
    for text in ["", "sk-lf-***", "sk-lf-CANARY", "pk-lf-…6789"] {
        assert_eq!(secret.found_in(text.as_bytes()), None);
    }
}

#[test]
fn what_is_logged_is_kept_whichever_way_it_comes() {
    start();
    tracing::trace!(field = "by-tracing-1", "words");
    tracing::trace_span!("span", field = "by-tracing-2").in_scope(|| {});
    log::trace!("by-{}", "log");
    for text in ["by-tracing-1", "by-tracing-2", "by-log"] {
        assert!(lines().iter().any(|line| line.contains(text)), "{text}");
    }
}
