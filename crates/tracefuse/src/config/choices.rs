//! Forms that one setting alone has: the names of its choices, and how an address, a rate or a list of pairs is read.
//! Used by the table of settings.

#[cfg(feature = "console")]
use std::fmt::Debug;
#[cfg(feature = "console")]
use std::str::FromStr;

use tracefuse_core::SampleRate;
use tracefuse_runtime::{Overload, limits};

use super::Mode;
#[cfg(any(feature = "langfuse", feature = "otlp", feature = "spool"))]
use super::form::Choice;
#[cfg(feature = "langfuse")]
use super::form::Flag;
use super::form::{Own, seconds};
#[cfg(feature = "otlp")]
use super::otel::pairs;

pub(super) const MODES: &str =
    "`langfuse`, `print` (or `console`), `otlp`, `local`, or `none` (or `off`, `noop`, `disabled`)";
pub(super) const RATE: &str = "a number from 0 to 1. Remove it to keep every trace";
pub(super) const PAIRS: &str = "`name=value` pairs, with commas, percent-encoded";
#[cfg(feature = "otlp")]
pub(super) const ADDRESS: &str = "an address that begins with http:// or https://";

pub(super) const OVERLOAD: Own<Overload> = Own {
    accepts: "`block_briefly`, `drop_newest`, `drop_oldest` or `block:SECONDS`, up to 86400",
    parse: overload,
    show: |overload| match overload {
        Overload::BlockBriefly => "block_briefly".to_owned(),
        Overload::DropNewest => "drop_newest".to_owned(),
        Overload::DropOldest => "drop_oldest".to_owned(),
        Overload::Block(wait) => format!("block:{}", wait.as_secs_f64()),
        _ => String::new(),
    },
};

#[cfg(feature = "spool")]
pub(super) const DURABILITY: Choice<super::Durability> = Choice(&[
    ("process", super::Durability::Process),
    ("disk", super::Durability::Disk),
]);

#[cfg(feature = "spool")]
pub(super) const WHEN_FULL: Choice<super::WhenFull> = Choice(&[
    ("drop_oldest", super::WhenFull::DropOldest),
    ("drop_newest", super::WhenFull::DropNewest),
]);

#[cfg(feature = "langfuse")]
pub(super) const MEDIA: Own<tracefuse_langfuse::MediaMode> = Own {
    accepts: "`upload`, `strip` or `keep`; also `true` and `false` for the first and the last",
    parse: |text| {
        use super::form::Form as _;
        use tracefuse_langfuse::MediaMode;
        match Flag.parse(text) {
            Some(true) => Some(MediaMode::Upload),
            Some(false) => Some(MediaMode::Keep),
            None => Choice(&[
                ("upload", MediaMode::Upload),
                ("strip", MediaMode::Strip),
                ("keep", MediaMode::Keep),
            ])
            .parse(text),
        }
    },
    show: |_| "upload".to_owned(),
};

/// A choice that has its names itself, in lower case, as those of the console have.
#[cfg(feature = "console")]
pub(super) const fn named<T: FromStr + Debug>(accepts: &'static str) -> Own<T> {
    Own {
        accepts,
        parse: |text| text.to_ascii_lowercase().parse().ok(),
        show: |value| format!("{value:?}").to_ascii_lowercase(),
    }
}

#[cfg(feature = "otlp")]
pub(super) const CONVENTIONS: Choice<tracefuse_otlp::Conventions> = Choice(&[
    ("gen_ai", tracefuse_otlp::Conventions::GenAi),
    ("gen_ai/dup", tracefuse_otlp::Conventions::GenAiWithOlder),
    ("openinference", tracefuse_otlp::Conventions::OpenInference),
]);

#[cfg(any(feature = "langfuse", feature = "otlp"))]
pub(super) const PROXY: Own<String> = Own {
    accepts: "the address of an HTTP proxy, such as http://proxy.example:3128 (SOCKS is not supported)",
    parse: |text| tracefuse_http::ProxyConfig::accepts(text).then(|| text.to_owned()),
    show: String::clone,
};

#[cfg(any(feature = "langfuse", feature = "otlp"))]
pub(super) fn some<T: for<'a> From<&'a str>>(text: &str) -> Option<T> {
    Some(text.into())
}

/// Several with commas.
pub(super) fn modes(text: &str) -> Option<Vec<Mode>> {
    let mut modes = Vec::new();
    for name in text
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        let mode = match name.to_ascii_lowercase().as_str() {
            "langfuse" => Mode::Langfuse,
            "print" | "console" => Mode::Print,
            "otlp" => Mode::Otlp,
            "local" => Mode::Local,
            "none" | "off" | "noop" | "disabled" => Mode::None,
            _ => return None,
        };
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    // `none` together with another mode would be a contradiction.
    (modes.len() < 2 || !modes.contains(&Mode::None)).then_some(modes)
}

pub(super) fn rate(text: &str) -> Option<SampleRate> {
    SampleRate::new(text.parse().ok()?).ok()
}

/// `block:SECONDS` waits for room.
pub(super) fn overload(text: &str) -> Option<Overload> {
    match text.to_ascii_lowercase().as_str() {
        "block_briefly" => Some(Overload::BlockBriefly),
        "drop_newest" => Some(Overload::DropNewest),
        "drop_oldest" => Some(Overload::DropOldest),
        other => {
            let wait = other.strip_prefix("block:").and_then(seconds)?;
            limits::BLOCK
                .contains(&wait)
                .then_some(Overload::Block(wait))
        }
    }
}

#[cfg(feature = "otlp")]
pub(super) fn base(text: &str) -> Option<String> {
    Some(tracefuse_otlp::OtlpConfig::new(text).transport.endpoint)
}

/// Pairs whose names and values an HTTP header can have.
#[cfg(feature = "otlp")]
pub(super) fn headers(text: &str) -> Option<Vec<(String, String)>> {
    let pairs = pairs(text)?;
    let mut headers = tracefuse_http::Headers::new();
    let fit = pairs
        .iter()
        .all(|(name, value)| headers.insert(name, value).is_ok());
    fit.then_some(pairs)
}

/// A whole number of milliseconds; 0 would be no limit, which delivery does not have.
#[cfg(feature = "otlp")]
pub(super) fn milliseconds(text: &str) -> Option<std::time::Duration> {
    let time = std::time::Duration::from_millis(text.parse().ok()?);
    tracefuse_http::TIMEOUT_RANGE
        .contains(&time)
        .then_some(time)
}
