//! The facade's log lines, written through `tracing`. As long as the application has no subscriber, a problem is written
//! to standard error once, and repeated through `tracing` at the first export if there is a subscriber then. What
//! delivery logs is in the runtime's ledger. Texts are escaped, so that none of them can forge a line.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tracefuse_exporter::contain::log_line;
use tracefuse_exporter::{Exporter, plain_text};

use crate::config::ConfigError;

/// The most problems that are kept for a subscriber.
const MOST: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Severity {
    Error,
    Warning,
}

/// The problems that were written to standard error.
static UNHEARD: Mutex<Vec<(Severity, String)>> = Mutex::new(Vec::new());

/// Tracing is off because of its configuration.
pub(crate) fn off(error: &ConfigError) {
    let text = format!("tracing is off: its configuration cannot be used: {error:?}");
    problem(Severity::Error, &text);
}

/// A setting that is skipped, or that probably has another effect than was intended.
pub(crate) fn warning(text: &str) {
    problem(Severity::Warning, text);
}

fn problem(severity: Severity, text: &str) {
    let text = plain_text(text);
    if is_heard() {
        log(severity, &text);
        return;
    }
    let mut unheard = unheard();
    if unheard.len() < MOST && unheard.iter().all(|(_, known)| *known != text) {
        unheard.push((severity, text.clone().into_owned()));
        drop(unheard);
        print(&text);
    }
}

/// One line on standard error. If it is closed, there is nothing left to write to.
pub(crate) fn print(text: &str) {
    let _ = std::io::stderr().write_all(format!("tracefuse: {text}\n").as_bytes());
}

fn log(severity: Severity, text: &str) {
    log_line(|| match severity {
        Severity::Error => tracing::error!(target: "tracefuse", "{text}"),
        Severity::Warning => tracing::warn!(target: "tracefuse", "{text}"),
    });
}

/// Whether a log line would reach anything: a subscriber of `tracing`, or with the feature `log` a logger of `log`.
pub(crate) fn is_heard() -> bool {
    #[cfg(feature = "log")]
    if log::max_level() != log::LevelFilter::Off {
        return true;
    }
    tracing::dispatcher::has_been_set()
}

pub(crate) fn unheard() -> MutexGuard<'static, Vec<(Severity, String)>> {
    UNHEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Logs again the problems that no subscriber received, if there is one now.
pub(crate) fn repeat() {
    if is_heard() {
        // Taken out first: a subscriber must not run under the lock.
        let problems = std::mem::take(&mut *unheard());
        for (severity, text) in problems {
            log(severity, &text);
        }
    }
}

/// Which server the configuration chose: a variable that another person set could send prompts to another server.
pub(crate) fn delivers(exporter: &dyn Exporter) {
    let destination = exporter.destination().unwrap_or_default();
    if let Some(origin) = origin(&destination) {
        log_line(|| {
            tracing::info!(
                target: "tracefuse", exporter = &*plain_text(exporter.name()), origin = &*plain_text(origin),
                "traces are delivered"
            );
        });
    }
}

/// Scheme, host and port of an address. `None` if the address contains credentials.
fn origin(destination: &str) -> Option<&str> {
    let (scheme, rest) = destination.split_once("://")?;
    let end = rest.find(['/', '?', '#', ' ']).unwrap_or(rest.len());
    let authority = rest
        .get(..end)
        .filter(|host| !host.is_empty() && !host.contains('@'))?;
    destination.get(..scheme.len() + "://".len() + authority.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_origin_of_an_address_is_logged() {
        for (destination, logged) in [
            (
                "https://cloud.langfuse.com/api/public/otel/v1/traces pk-lf-1",
                Some("https://cloud.langfuse.com"),
            ),
            ("http://[::1]:4318/v1/traces", Some("http://[::1]:4318")),
            ("https://host?key=canary", Some("https://host")),
            ("https://user:canary@host/x", None),
            ("https:///x", None),
            ("a queue", None),
            ("", None),
        ] {
            assert_eq!(origin(destination), logged);
        }
    }
}
