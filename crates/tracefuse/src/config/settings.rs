//! The table of settings: their key in `tracefuse.toml`, their variables, how a text becomes a value.
//! Walked by `source`; printed into the guide by a test, so that the documentation cannot rot.

use std::str::FromStr;
use std::time::Duration;

use tracefuse_core::SampleRate;
use tracefuse_runtime::{Overload, SpoolMode, WhileOpen};

use super::otel::{is_true, milliseconds, pairs};
use super::{Config, ConfigError, Mode};

/// One thing that can be configured outside of code.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// Key in `tracefuse.toml`, such as `langfuse.base_url`.
    pub key: &'static str,
    /// Environment variables, the first that is set wins. The names of the official SDKs are honoured.
    pub variables: &'static [&'static str],
    /// What it accepts.
    pub accepts: &'static str,
    /// Its default, in words.
    pub default: &'static str,
    /// What it does.
    pub about: &'static str,
    secret: bool,
    apply: fn(&mut Config, &str) -> bool,
}

impl Setting {
    /// Whether the value is a key to something by itself.
    pub(crate) fn is_credential(&self) -> bool {
        matches!(self.key, "langfuse.secret_key" | "otlp.headers")
    }

    /// Parses `text` into the configuration; `name` is where it came from.
    pub(crate) fn apply(
        &self,
        config: &mut Config,
        name: &str,
        text: &str,
    ) -> Result<(), ConfigError> {
        if (self.apply)(config, text.trim()) {
            return Ok(());
        }
        Err(ConfigError::value(
            name,
            (!self.secret).then_some(text),
            self.accepts,
        ))
    }
}

fn set<T>(slot: &mut T, value: Option<T>) -> bool {
    let Some(value) = value else { return false };
    *slot = value;
    true
}

fn parse<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

fn positive<T: FromStr + PartialOrd + Default>(text: &str) -> Option<T> {
    parse(text).filter(|value| *value > T::default())
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// Seconds, with a fraction, as the official SDKs take them.
fn seconds(text: &str) -> Option<Duration> {
    parse::<f64>(text).and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn text(text: &str) -> Option<Option<String>> {
    Some((!text.is_empty()).then(|| text.to_owned()))
}

fn one_of(value: &str, known: &[&str]) -> Option<Option<String>> {
    let value = value.to_ascii_lowercase();
    known.contains(&value.as_str()).then_some(Some(value))
}

fn compression(text: &str) -> Option<Option<bool>> {
    match text.to_ascii_lowercase().as_str() {
        "gzip" => Some(Some(true)),
        "none" => Some(Some(false)),
        _ => None,
    }
}

fn media(text: &str) -> Option<Option<String>> {
    match flag(text) {
        Some(true) => Some(Some("upload".into())),
        Some(false) => Some(Some("keep".into())),
        None => one_of(text, &["upload", "strip", "keep"]),
    }
}

fn modes(text: &str) -> Option<Vec<Mode>> {
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
            "none" | "noop" => Mode::None,
            _ => return None,
        };
        if !modes.contains(&mode) {
            modes.push(mode);
        }
    }
    // `none` beside another mode would be a contradiction.
    (modes.len() < 2 || !modes.contains(&Mode::None)).then_some(modes)
}

/// `block:SECONDS` waits for room.
fn overload(text: &str) -> Option<Overload> {
    match text.to_ascii_lowercase().as_str() {
        "drop_newest" => Some(Overload::DropNewest),
        "drop_oldest" => Some(Overload::DropOldest),
        other => other
            .strip_prefix("block:")
            .and_then(seconds)
            .map(Overload::Block),
    }
}

fn while_open(text: &str) -> Option<WhileOpen> {
    match text.to_ascii_lowercase().as_str() {
        "hold" => Some(WhileOpen::Hold),
        "no_op" => Some(WhileOpen::NoOp),
        _ => None,
    }
}

fn spool_mode(text: &str) -> Option<SpoolMode> {
    match text.to_ascii_lowercase().as_str() {
        "on_failure" => Some(SpoolMode::OnFailure),
        "write_ahead" => Some(SpoolMode::WriteAhead),
        _ => None,
    }
}

macro_rules! settings {
    ($($key:literal $variables:expr, $accepts:literal, $default:literal, $about:literal, $secret:literal, $apply:expr;)*) => {
        /// Every setting, in the order the guide lists them.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            key: $key, variables: &$variables, accepts: $accepts, default: $default, about: $about,
            secret: $secret, apply: $apply,
        }),*];
    };
}

settings! {
    "mode" ["TRACING_MODE"], "`langfuse`, `print`, `otlp` or `none`, several with commas", "langfuse",
        "where traces go", false, |c, t| set(&mut c.modes, modes(t));
    "enabled" ["LANGFUSE_TRACING_ENABLED", "TRACEFUSE_ENABLED"], "true or false", "true",
        "whether anything is recorded", false, |c, t| set(&mut c.tracer.enabled, flag(t));
    "sdk_disabled" ["OTEL_SDK_DISABLED"], "true; anything else is false", "false",
        "OpenTelemetry's switch for the same: `true` wins over `enabled`", false, |c, t| {
            c.tracer.enabled &= !is_true(t);
            true
        };
    "langfuse.public_key" ["LANGFUSE_PUBLIC_KEY"], "a key that begins with `pk-lf-`", "",
        "public key of the Langfuse project", true, |c, t| set(&mut c.langfuse.public_key, text(t));
    "langfuse.secret_key" ["LANGFUSE_SECRET_KEY"], "a key that begins with `sk-lf-`", "",
        "secret key of the Langfuse project", true, |c, t| set(&mut c.langfuse.secret_key, text(t));
    "langfuse.base_url" ["LANGFUSE_BASE_URL", "LANGFUSE_HOST", "LANGFUSE_BASEURL"], "an https address", "https://cloud.langfuse.com",
        "address of the Langfuse server", true, |c, t| set(&mut c.langfuse.base_url, text(t));
    "langfuse.export_path" ["LANGFUSE_OTEL_TRACES_EXPORT_PATH"], "a path", "api/public/otel/v1/traces",
        "path of the OTLP endpoint", false, |c, t| set(&mut c.langfuse.export_path, text(t));
    "langfuse.compression" ["LANGFUSE_OTEL_COMPRESSION"], "`gzip` or `none`", "gzip",
        "compression of requests", false, |c, t| set(&mut c.langfuse.compression, compression(t));
    "langfuse.media" ["TRACEFUSE_MEDIA", "LANGFUSE_MEDIA_UPLOAD_ENABLED"], "`upload`, `strip` or `keep`; also `true` and `false` for the first and the last", "upload",
        "what becomes of images, sound and files in inputs and outputs", false, |c, t| set(&mut c.langfuse.media, media(t));
    "environment" ["LANGFUSE_TRACING_ENVIRONMENT"], "lower-case letters, digits, `-` and `_`, at most 40, not beginning with `langfuse`", "default",
        "deployment environment", false, |c, t| set(&mut c.tracer.environment, text(t));
    "release" ["LANGFUSE_RELEASE", "GITHUB_SHA", "CI_COMMIT_SHA", "VERCEL_GIT_COMMIT_SHA", "RENDER_GIT_COMMIT", "CIRCLE_SHA1", "HEROKU_SLUG_COMMIT"], "text", "",
        "release of the application", false, |c, t| set(&mut c.tracer.release, text(t));
    "version" ["TRACEFUSE_VERSION"], "text", "",
        "version of the application", false, |c, t| set(&mut c.tracer.version, text(t));
    "service_name" ["OTEL_SERVICE_NAME"], "text", "unknown_service",
        "name of the service", false, |c, t| set(&mut c.tracer.service_name, text(t));
    "resource_attributes" ["OTEL_RESOURCE_ATTRIBUTES"], "`name=value` pairs, with commas, percent-encoded", "",
        "attributes of the service, such as `service.name=shop,team=checkout`; settings of their own win", false,
        |c, t| set(&mut c.tracer.resource_attributes, pairs(t));
    "sample_rate" ["LANGFUSE_SAMPLE_RATE"], "a number from 0 to 1. Remove it to keep every trace", "1",
        "share of traces that is recorded", false,
        |c, t| set(&mut c.tracer.sample_rate, parse(t).and_then(|rate| SampleRate::new(rate).ok()));
    "batch_size" ["LANGFUSE_FLUSH_AT", "TRACEFUSE_BATCH_SIZE"], "a whole number from 1", "100",
        "records per batch", false, |c, t| set(&mut c.tracer.batch_size, positive(t));
    "flush_interval" ["LANGFUSE_FLUSH_INTERVAL", "TRACEFUSE_FLUSH_INTERVAL"], "seconds, such as 5 or 0.5", "5",
        "longest wait for a batch to fill, in seconds", false, |c, t| set(&mut c.tracer.flush_interval, seconds(t));
    "max_batch_bytes" ["TRACEFUSE_MAX_BATCH_BYTES"], "a whole number of bytes", "4194304",
        "encoded bytes per batch, before compression", false, |c, t| set(&mut c.tracer.max_batch_bytes, positive(t));
    "max_queue_size" ["TRACEFUSE_MAX_QUEUE_SIZE"], "a whole number from 1", "10000",
        "records held in memory", false, |c, t| set(&mut c.tracer.max_queue_size, positive(t));
    "max_queue_bytes" ["TRACEFUSE_MAX_QUEUE_BYTES"], "a whole number of bytes", "33554432",
        "bytes held in memory", false, |c, t| set(&mut c.tracer.max_queue_bytes, positive(t));
    "overload" ["TRACEFUSE_OVERLOAD"], "`drop_newest`, `drop_oldest` or `block:SECONDS`", "drop_newest",
        "what happens to a span when the queue is full", false, |c, t| set(&mut c.tracer.overload, overload(t));
    "while_open" ["TRACEFUSE_WHILE_OPEN"], "`hold` or `no_op`", "hold",
        "what happens to spans while the circuit breaker is open", false,
        |c, t| set(&mut c.tracer.while_open, while_open(t));
    "spool_dir" ["TRACEFUSE_SPOOL_DIR"], "the path of a directory", "",
        "where spans wait on disk that cannot be delivered (feature `spool`)", false,
        |c, t| set(&mut c.tracer.spool_dir, text(t).map(|path| path.map(Into::into)));
    "spool_mode" ["TRACEFUSE_SPOOL_MODE"], "`on_failure` or `write_ahead`", "on_failure",
        "when spans go to disk: when they cannot be delivered, or always before they are sent", false,
        |c, t| set(&mut c.tracer.spool_mode, spool_mode(t));
    "spool_max_bytes" ["TRACEFUSE_SPOOL_MAX_BYTES"], "a whole number of bytes", "268435456",
        "bytes on disk; beyond, the oldest are dropped", false, |c, t| set(&mut c.tracer.spool_max_bytes, positive(t));
    "max_retries" ["TRACEFUSE_MAX_RETRIES"], "a whole number", "3",
        "retries of a batch in a row", false, |c, t| set(&mut c.tracer.max_retries, parse(t));
    "circuit_breaker_threshold" ["TRACEFUSE_CIRCUIT_BREAKER_THRESHOLD"], "a whole number from 1", "5",
        "failed attempts in a row that open the circuit breaker", false,
        |c, t| set(&mut c.tracer.circuit_breaker_threshold, positive(t));
    "circuit_breaker_reset" ["TRACEFUSE_CIRCUIT_BREAKER_RESET"], "seconds", "60",
        "how long the circuit breaker stays open, in seconds", false,
        |c, t| set(&mut c.tracer.circuit_breaker_reset, seconds(t));
    "shutdown_timeout" ["TRACEFUSE_SHUTDOWN_TIMEOUT"], "seconds", "5",
        "longest a shutdown may take, in seconds", false, |c, t| set(&mut c.tracer.shutdown_timeout, seconds(t));
    "flush_timeout" ["TRACEFUSE_FLUSH_TIMEOUT"], "seconds", "5",
        "longest a flush may take, in seconds", false, |c, t| set(&mut c.tracer.flush_timeout, seconds(t));
    "warn_open_longer" ["TRACEFUSE_WARN_OPEN_LONGER"], "seconds", "600",
        "how long a trace may be open before a log line names it, in seconds", false,
        |c, t| set(&mut c.tracer.warn_open_longer, seconds(t));
    "warn_open_more" ["TRACEFUSE_WARN_OPEN_MORE"], "a whole number", "10000",
        "how many spans may be open before a log line says so", false, |c, t| set(&mut c.tracer.warn_open_more, positive(t));
    "backtraces" ["TRACEFUSE_BACKTRACES"], "true or false", "false",
        "whether a stack trace is captured with each recorded error", false, |c, t| set(&mut c.tracer.backtraces, flag(t));
    "capture_content" ["TRACEFUSE_CAPTURE_CONTENT"], "true or false", "true",
        "whether inputs and outputs are recorded", false, |c, t| set(&mut c.tracer.capture_content, flag(t));
    "timeout" ["LANGFUSE_TIMEOUT"], "seconds", "10",
        "limit of one attempt, in seconds", false, |c, t| set(&mut c.http.timeout, seconds(t).map(Some));
    "ca_file" ["TRACEFUSE_CA_FILE", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"], "the path of a PEM file", "",
        "certificate authorities to trust beside the system's", false,
        |c, t| set(&mut c.http.ca_file, text(t).map(|path| path.map(Into::into)));
    "allow_plaintext_http" ["TRACEFUSE_ALLOW_PLAINTEXT_HTTP"], "true or false", "false",
        "whether credentials may travel over plain http beyond loopback", false,
        |c, t| set(&mut c.http.allow_plaintext_http, flag(t));
    "http_proxy" ["http_proxy"], "an address", "",
        "proxy for http addresses", true, |c, t| set(&mut c.http.http_proxy, text(t));
    "https_proxy" ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], "an address", "",
        "proxy for https addresses", true, |c, t| set(&mut c.http.https_proxy, text(t));
    "no_proxy" ["NO_PROXY", "no_proxy"], "hosts, with commas", "",
        "hosts reached without a proxy", false, |c, t| set(&mut c.http.no_proxy, text(t));
    "console.format" ["TRACEFUSE_CONSOLE_FORMAT"], "`tree`, `compact` or `json`", "tree",
        "how traces are printed", false, |c, t| set(&mut c.console.format, one_of(t, &["tree", "compact", "json"]));
    "console.color" ["TRACEFUSE_CONSOLE_COLOR"], "`auto`, `always` or `never`", "auto",
        "whether traces are printed in colour; `NO_COLOR` is honoured by `auto`", false,
        |c, t| set(&mut c.console.color, one_of(t, &["auto", "always", "never"]));
    "console.width" ["TRACEFUSE_CONSOLE_WIDTH"], "a whole number of columns", "the terminal's",
        "width of what is printed", false, |c, t| set(&mut c.console.width, positive(t).map(Some));
    "console.stream" ["TRACEFUSE_CONSOLE_STREAM"], "`stdout` or `stderr`", "stdout",
        "where traces are printed", false, |c, t| set(&mut c.console.stream, one_of(t, &["stdout", "stderr"]));
    "console.text" ["TRACEFUSE_CONSOLE_TEXT"], "`full`, `line` or `none`", "line",
        "how much of inputs, outputs, metadata and errors is printed: all of it, a line each, or of errors alone a line each", false,
        |c, t| set(&mut c.console.text, one_of(t, &["full", "line", "none"]));
    "console.fold" ["TRACEFUSE_CONSOLE_FOLD"], "true or false", "true",
        "whether a tree shows five or more equal siblings as one row with their number", false, |c, t| set(&mut c.console.fold, flag(t).map(Some));
    "console.live" ["TRACEFUSE_CONSOLE_LIVE"], "true or false", "false",
        "whether a line is printed for each span that ends, before the tree of its trace", false, |c, t| set(&mut c.console.live, flag(t).map(Some));
    "otlp.endpoint" ["OTEL_EXPORTER_OTLP_ENDPOINT"], "an address", "http://localhost:4318",
        "base address of the OpenTelemetry backend", true, |c, t| set(&mut c.otlp.endpoint, text(t));
    "otlp.traces_endpoint" ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "an address", "",
        "full address for traces", true, |c, t| set(&mut c.otlp.traces_endpoint, text(t));
    "otlp.headers" ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"], "`name=value` pairs, with commas, percent-encoded", "",
        "headers for the OpenTelemetry backend", true, |c, t| set(&mut c.otlp.headers, pairs(t));
    "otlp.timeout_ms" ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"], "a whole number of milliseconds from 1", "that of `timeout`",
        "limit of one attempt to reach the OpenTelemetry backend, in milliseconds", false,
        |c, t| set(&mut c.otlp.timeout, milliseconds(t).map(Some));
    "otlp.compression" ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"], "`gzip` or `none`", "none",
        "compression of requests to the OpenTelemetry backend", false,
        |c, t| set(&mut c.otlp.compression, compression(t));
    "otlp.protocol" ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"], "`http/protobuf`; another is an error in mode `otlp`", "http/protobuf",
        "how the OpenTelemetry backend is spoken to", false, |c, t| set(&mut c.otlp.protocol, text(t));
    "otlp.conventions" ["TRACEFUSE_OTLP_CONVENTIONS"], "`gen_ai` or `openinference`", "gen_ai",
        "names of attributes: OpenTelemetry's, or OpenInference's, which Arize Phoenix reads", false,
        |c, t| set(&mut c.otlp.conventions, one_of(t, &["gen_ai", "openinference"]));
}
