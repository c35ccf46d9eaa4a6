//! The facade's log lines, each written once where a tracer is made. What delivery logs is in the runtime's ledger.
//! Names and messages come through `plain_text`, so that none of them can forge a line.

use tracefuse_exporter::{Exporter, plain_text};

use crate::config::ConfigError;

pub(crate) fn off(error: &ConfigError) {
    let error = error.to_string();
    tracing::error!(
        target: "tracefuse", error = &*plain_text(&error),
        "tracing is off: its configuration cannot be used"
    );
}

/// Which server the layers of configuration came to: a variable that was put there by somebody else
/// would send prompts to a server of theirs.
pub(crate) fn delivers(exporter: &dyn Exporter) {
    let destination = exporter.destination().unwrap_or_default();
    if let Some(origin) = origin(&destination) {
        tracing::info!(
            target: "tracefuse", exporter = &*plain_text(exporter.name()), origin = &*plain_text(origin),
            "traces are delivered"
        );
    }
}

pub(crate) fn others_can_read(file: &str) {
    tracing::warn!(
        target: "tracefuse", file,
        "the file holds a key and every user of this machine can read it: chmod 600"
    );
}

/// Scheme, host and port of an address, whatever follows; nothing of one that holds credentials.
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
    use super::origin;

    #[test]
    fn of_an_address_only_the_origin_is_told() {
        for (destination, told) in [
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
            assert_eq!(origin(destination), told);
        }
    }
}
