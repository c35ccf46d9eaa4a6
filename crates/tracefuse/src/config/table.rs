//! The table of settings: key in `tracefuse.toml`, variables, meaning, form, and the field that it sets.
//! It is the parser, the documentation (a test compares the guide with it) and the list of known names.

use tracefuse_runtime::{SpoolMode, TailSampling as Tail, WhileOpen, limits};

#[cfg(feature = "langfuse")]
use super::choices::MEDIA;
#[cfg(feature = "console")]
use super::choices::named;
#[cfg(feature = "otlp")]
use super::choices::{ADDRESS, CONVENTIONS, base, headers, milliseconds};
#[cfg(feature = "spool")]
use super::choices::{DURABILITY, WHEN_FULL};
use super::choices::{MODES, OVERLOAD, PAIRS, RATE, modes, rate};
#[cfg(any(feature = "langfuse", feature = "otlp"))]
use super::choices::{PROXY, some};
use super::form::{Choice, Flag, Own, Path, Seconds, Text, Whole};
use super::otel::{pairs, show_pairs};
#[cfg(any(feature = "langfuse", feature = "otlp"))]
use super::setting::HttpField;
use super::setting::{Field, Group, SdkDisabled, Setting, Value};
use super::tail::{TOKENS, TailField, TailSwitch, dollars};
use super::tracer::{OPEN_LONGER, OPEN_MORE, SPOOL_AGE, SPOOL_BYTES, SPOOL_FILES, WAIT};

/// The value of a setting whose exporter may not be compiled in.
macro_rules! compiled {
    (Every $value:expr) => { &$value };
    (Spool $value:expr) => { compiled!(@ feature = "spool", $value) };
    (Langfuse $value:expr) => { compiled!(@ feature = "langfuse", $value) };
    (Console $value:expr) => { compiled!(@ feature = "console", $value) };
    (Otlp $value:expr) => { compiled!(@ feature = "otlp", $value) };
    (Http $value:expr) => { compiled!(@ any(feature = "langfuse", feature = "otlp"), $value) };
    (@ $when:meta, $value:expr) => {{
        #[cfg($when)]
        let value: &dyn Value = &$value;
        #[cfg(not($when))]
        let value: &dyn Value = &super::setting::Absent;
        value
    }};
}

macro_rules! settings {
    ($($group:ident $(($secret:ident))? $key:literal $variables:expr, $about:literal, $value:expr;)*) => {
        /// Every setting, in the order in which the guide lists them.
        pub static SETTINGS: &[Setting] = &[$(Setting {
            key: $key,
            variables: &$variables,
            about: $about,
            secret: settings!(@ $($secret)?),
            group: Group::$group,
            value: compiled!($group $value),
        }),*];
    };
    (@ secret) => { true };
    (@) => { false };
}

settings! {
    Every "mode" ["TRACING_MODE"], "where traces go; several with commas",
        Field(Own { accepts: MODES, parse: modes, show: |_| "langfuse".to_owned() }, |c| &mut c.modes);
    Every "enabled" ["LANGFUSE_TRACING_ENABLED", "TRACEFUSE_ENABLED"], "whether anything is recorded",
        Field(Flag, |c| &mut c.tracer.enabled);
    Every "sdk_disabled" ["OTEL_SDK_DISABLED"], "OpenTelemetry's switch for the same: `true` wins over `enabled`",
        SdkDisabled;

    Langfuse "langfuse.public_key" ["LANGFUSE_PUBLIC_KEY"], "public key of the Langfuse project",
        Field(Own { accepts: "a key that begins with `pk-lf-`", parse: some, show: String::clone }, |c| &mut c.langfuse.public_key);
    Langfuse(secret) "langfuse.secret_key" ["LANGFUSE_SECRET_KEY"], "secret key of the Langfuse project",
        Field(Own { accepts: "a key that begins with `sk-lf-`", parse: some, show: |_| String::new() }, |c| &mut c.langfuse.secret_key);
    Langfuse(secret) "langfuse.base_url" ["LANGFUSE_BASE_URL", "LANGFUSE_HOST", "LANGFUSE_BASEURL"], "address of the Langfuse server",
        Field(Own { accepts: "an address that begins with https://, or with http:// for a server on this machine", parse: some, show: String::clone },
            |c| &mut c.langfuse.base_url);
    Langfuse "langfuse.export_path" ["LANGFUSE_OTEL_TRACES_EXPORT_PATH"], "path of the OTLP endpoint",
        Field(Own { accepts: "a path", parse: some, show: String::clone }, |c| &mut c.langfuse.export_path);
    Langfuse "langfuse.compression" ["LANGFUSE_OTEL_COMPRESSION"], "compression of requests",
        Field(Choice(&[("gzip", true), ("none", false)]), |c| &mut c.langfuse.gzip);
    Langfuse "langfuse.media" ["TRACEFUSE_MEDIA", "LANGFUSE_MEDIA_UPLOAD_ENABLED"], "what happens to images, sound and files in inputs and outputs",
        Field(MEDIA, |c| &mut c.langfuse.media);
    Langfuse "langfuse.prompt_cache_ttl" ["LANGFUSE_PROMPT_CACHE_DEFAULT_TTL_SECONDS"],
        "how long a prompt is used before it is fetched again, in seconds (feature `prompts`)",
        Field(Seconds(tracefuse_langfuse::PROMPT_CACHE_TTL_RANGE), |c| &mut c.langfuse.prompt_cache_ttl);

    Every "environment" ["LANGFUSE_TRACING_ENVIRONMENT"],
        "deployment environment. Langfuse stores it in lower case, without a leading `langfuse`, at most 40 characters of `a-z`, `0-9`, `-` and `_`; another name is stored as `default`",
        Field(Text("default"), |c| &mut c.tracer.environment);
    Every "release" ["LANGFUSE_RELEASE", "GITHUB_SHA", "CI_COMMIT_SHA", "VERCEL_GIT_COMMIT_SHA", "RENDER_GIT_COMMIT", "CIRCLE_SHA1", "HEROKU_SLUG_COMMIT"],
        "release of the application", Field(Text(""), |c| &mut c.tracer.release);
    Every "version" ["TRACEFUSE_VERSION"], "version of the application", Field(Text(""), |c| &mut c.tracer.version);
    Every "service_name" ["OTEL_SERVICE_NAME"], "name of the service", Field(Text("unknown_service"), |c| &mut c.tracer.service_name);
    Every "resource_attributes" ["OTEL_RESOURCE_ATTRIBUTES"],
        "attributes of the service, such as `service.name=shop,team=checkout`; a setting for the same attribute wins",
        Field(Own { accepts: PAIRS, parse: pairs, show: |pairs| show_pairs(pairs) }, |c| &mut c.tracer.resource_attributes);
    Every "sample_rate" ["LANGFUSE_SAMPLE_RATE"], "share of traces that is recorded",
        Field(Own { accepts: RATE, parse: rate, show: |rate| rate.rate().to_string() },
            |c| &mut c.tracer.sample_rate);
    Every "tail_sampling.keep_errors" ["TRACEFUSE_TAIL_SAMPLING_KEEP_ERRORS"], "whether a trace with an error is kept at any rate",
        TailField(Flag, "true", Tail::keep_errors);
    Every "tail_sampling.keep_slower_than" ["TRACEFUSE_TAIL_SAMPLING_KEEP_SLOWER_THAN"], "a trace that took longer is kept at any rate, in seconds",
        TailField(Seconds(OPEN_LONGER), "", Tail::keep_slower_than);
    Every "tail_sampling.keep_costlier_than" ["TRACEFUSE_TAIL_SAMPLING_KEEP_COSTLIER_THAN"],
        "a trace whose recorded cost is higher is kept at any rate, in US dollars",
        TailField(Own { accepts: "a number of at least 0", parse: dollars, show: f64::to_string }, "", Tail::keep_costlier_than);
    Every "tail_sampling.keep_more_tokens_than" ["TRACEFUSE_TAIL_SAMPLING_KEEP_MORE_TOKENS_THAN"], "a trace that used more tokens is kept at any rate",
        TailField(Whole(TOKENS), "", Tail::keep_more_tokens_than);
    Every "tail_sampling.rate" ["TRACEFUSE_TAIL_SAMPLING_RATE"], "share of all other traces that is kept",
        TailField(Own { accepts: RATE, parse: rate, show: |rate| rate.rate().to_string() }, "1", Tail::rate);
    Every "tail_sampling.max_spans" ["TRACEFUSE_TAIL_SAMPLING_MAX_SPANS"], "spans that wait for the end of their trace; beyond, the oldest trace is kept",
        TailField(Whole(limits::MAX_QUEUE_SIZE), "10000", Tail::max_spans);
    Every "tail_sampling.max_bytes" ["TRACEFUSE_TAIL_SAMPLING_MAX_BYTES"], "bytes that wait for the end of their trace; beyond, the oldest trace is kept",
        TailField(Whole(limits::MAX_QUEUE_BYTES), "33554432", Tail::max_bytes);
    Every "tail_sampling.max_age" ["TRACEFUSE_TAIL_SAMPLING_MAX_AGE"], "longest a trace waits after its first span ended, in seconds; then it is kept",
        TailField(Seconds(limits::MAX_AGE), "600", Tail::max_age);
    Every "tail_sampling.enabled" ["TRACEFUSE_TAIL_SAMPLING"],
        "whether traces wait for their end; true if one of the rules and limits of `tail_sampling` is not its default, unless this is false",
        TailSwitch;
    Every "backtraces" ["TRACEFUSE_BACKTRACES"], "whether a stack trace is captured with each recorded error",
        Field(Flag, |c| &mut c.tracer.backtraces);
    Every "capture_content" ["TRACEFUSE_CAPTURE_CONTENT"], "whether inputs and outputs are recorded",
        Field(Flag, |c| &mut c.tracer.capture_content);

    Every "batch_size" ["LANGFUSE_FLUSH_AT", "TRACEFUSE_BATCH_SIZE"], "records at which a batch is due",
        Field(Whole(limits::BATCH_SIZE), |c| &mut c.tracer.delivery.batch_size);
    Every "max_batch_size" ["TRACEFUSE_MAX_BATCH_SIZE"], "records per batch when more than `batch_size` wait",
        Field(Whole(limits::MAX_BATCH_SIZE), |c| &mut c.tracer.delivery.max_batch_size);
    Every "flush_interval" ["LANGFUSE_FLUSH_INTERVAL", "TRACEFUSE_FLUSH_INTERVAL"], "longest wait for a batch to fill, in seconds",
        Field(Seconds(limits::FLUSH_INTERVAL), |c| &mut c.tracer.delivery.flush_interval);
    Every "max_batch_bytes" ["TRACEFUSE_MAX_BATCH_BYTES"], "encoded bytes per batch, before compression",
        Field(Whole(limits::MAX_BATCH_BYTES), |c| &mut c.tracer.delivery.max_batch_bytes);
    Every "max_queue_size" ["TRACEFUSE_MAX_QUEUE_SIZE"], "records kept in memory per exporter",
        Field(Whole(limits::MAX_QUEUE_SIZE), |c| &mut c.tracer.delivery.max_queue_size);
    Every "max_queue_bytes" ["TRACEFUSE_MAX_QUEUE_BYTES"], "bytes kept in memory per exporter",
        Field(Whole(limits::MAX_QUEUE_BYTES), |c| &mut c.tracer.delivery.max_queue_bytes);
    Every "overload" ["TRACEFUSE_OVERLOAD"], "what happens to a span when the queue is full",
        Field(OVERLOAD, |c| &mut c.tracer.delivery.overload);
    Every "while_open" ["TRACEFUSE_WHILE_OPEN"], "what happens to spans while the circuit breaker is open",
        Field(Choice(&[("hold", WhileOpen::Hold), ("no_op", WhileOpen::NoOp)]), |c| &mut c.tracer.delivery.while_open);
    Every "max_retries" ["TRACEFUSE_MAX_RETRIES"], "retries of a batch in a row",
        Field(Whole(limits::MAX_RETRIES), |c| &mut c.tracer.delivery.max_retries);
    Every "retry_base" ["TRACEFUSE_RETRY_BASE"], "upper limit of the random wait before the first retry, in seconds; it doubles with each retry",
        Field(Seconds(limits::RETRY_BASE), |c| &mut c.tracer.delivery.retry_base);
    Every "retry_cap" ["TRACEFUSE_RETRY_CAP"], "upper limit of the random wait before any retry, in seconds",
        Field(Seconds(limits::RETRY_CAP), |c| &mut c.tracer.delivery.retry_cap);
    Every "attempt_timeout" ["TRACEFUSE_ATTEMPT_TIMEOUT"],
        "longest one call of an exporter may take, in seconds; at least 5 s more than `timeout` for an exporter that uses HTTP",
        Field(Seconds(limits::ATTEMPT_TIMEOUT), |c| &mut c.tracer.delivery.attempt_timeout);
    Every "batch_timeout" ["TRACEFUSE_BATCH_TIMEOUT"], "longest a batch is retried in a row, waits included, in seconds; then other batches are sent first",
        Field(Seconds(limits::BATCH_TIMEOUT), |c| &mut c.tracer.delivery.batch_timeout);
    Every "max_age" ["TRACEFUSE_MAX_AGE"], "longest a record is kept in memory after its first failed attempt, in seconds",
        Field(Seconds(limits::MAX_AGE), |c| &mut c.tracer.delivery.max_age);
    Every "circuit_breaker_threshold" ["TRACEFUSE_CIRCUIT_BREAKER_THRESHOLD"], "failed attempts in a row that open the circuit breaker",
        Field(Whole(limits::CIRCUIT_BREAKER_THRESHOLD), |c| &mut c.tracer.delivery.circuit_breaker_threshold);
    Every "circuit_breaker_reset" ["TRACEFUSE_CIRCUIT_BREAKER_RESET"], "how long the circuit breaker stays open, in seconds",
        Field(Seconds(limits::CIRCUIT_BREAKER_RESET), |c| &mut c.tracer.delivery.circuit_breaker_reset);
    Every "spool_dir" ["TRACEFUSE_SPOOL_DIR"], "directory for spans that cannot be delivered (feature `spool`)",
        Field(Path("the path of a directory"), |c| &mut c.tracer.spool_dir);
    Every "spool_mode" ["TRACEFUSE_SPOOL_MODE"], "when spans go to disk: when they cannot be delivered, or always before they are sent",
        Field(Choice(&[("on_failure", SpoolMode::OnFailure), ("write_ahead", SpoolMode::WriteAhead)]), |c| &mut c.tracer.spool_mode);
    Every "spool_max_bytes" ["TRACEFUSE_SPOOL_MAX_BYTES"], "bytes on disk; beyond, the oldest batches are dropped",
        Field(Whole(SPOOL_BYTES), |c| &mut c.tracer.spool_max_bytes);
    Every "spool_max_files" ["TRACEFUSE_SPOOL_MAX_FILES"], "files on disk, one for each batch; beyond, the oldest batches are dropped",
        Field(Whole(SPOOL_FILES), |c| &mut c.tracer.spool_max_files);
    Every "spool_max_age" ["TRACEFUSE_SPOOL_MAX_AGE"], "how long a batch is kept on disk, in seconds; then it is dropped",
        Field(Seconds(SPOOL_AGE), |c| &mut c.tracer.spool_max_age);
    Spool "spool_durability" ["TRACEFUSE_SPOOL_DURABILITY"],
        "what a batch on disk survives: the end of the process, or a power cut too, which costs milliseconds for each batch",
        Field(DURABILITY, |c| &mut c.tracer.spool_durability);
    Spool "spool_when_full" ["TRACEFUSE_SPOOL_WHEN_FULL"], "what is dropped when a bound of the spool is reached",
        Field(WHEN_FULL, |c| &mut c.tracer.spool_when_full);
    Every "shutdown_timeout" ["TRACEFUSE_SHUTDOWN_TIMEOUT"], "longest a shutdown may take, in seconds",
        Field(Seconds(WAIT), |c| &mut c.tracer.shutdown_timeout);
    Every "flush_timeout" ["TRACEFUSE_FLUSH_TIMEOUT"], "longest a flush may take, in seconds",
        Field(Seconds(WAIT), |c| &mut c.tracer.flush_timeout);
    Every "warn_open_longer" ["TRACEFUSE_WARN_OPEN_LONGER"], "how long a trace may be open before a log line names it, in seconds",
        Field(Seconds(OPEN_LONGER), |c| &mut c.tracer.warn_open_longer);
    Every "warn_open_more" ["TRACEFUSE_WARN_OPEN_MORE"], "how many spans may be open before a log line says so",
        Field(Whole(OPEN_MORE), |c| &mut c.tracer.warn_open_more);

    Http "timeout" ["LANGFUSE_TIMEOUT"], "longest one HTTP attempt may take, in seconds",
        HttpField(Seconds(tracefuse_http::TIMEOUT_RANGE), |h| &mut h.timeout);
    Http "connect_timeout" ["TRACEFUSE_CONNECT_TIMEOUT"], "the part of `timeout` that a new connection may take, in seconds: name, address, proxy and TLS",
        HttpField(Seconds(tracefuse_http::TIMEOUT_RANGE), |h| &mut h.connect_timeout);
    Http "pool_idle_timeout" ["TRACEFUSE_POOL_IDLE_TIMEOUT"],
        "how long an unused connection is kept for the next request, in seconds; 0 keeps none. Shorter than the server keeps it",
        HttpField(Seconds(tracefuse_http::POOL_IDLE_RANGE), |h| &mut h.pool_idle_timeout);
    Http "ca_file" ["TRACEFUSE_CA_FILE"], "certificate authorities to trust in addition to the system's",
        HttpField(Path("the path of a PEM file"), |h| &mut h.ca_file);
    Http "allow_plaintext_http" ["TRACEFUSE_ALLOW_PLAINTEXT_HTTP"],
        "whether keys and prompts may go to another machine by plain http, such as `http://langfuse:3000` in a container network",
        HttpField(Flag, |h| &mut h.allow_plaintext_http);
    Http(secret) "http_proxy" ["http_proxy"], "proxy for http addresses", HttpField(PROXY, |h| &mut h.proxy.http);
    Http(secret) "https_proxy" ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"], "proxy for https addresses",
        HttpField(PROXY, |h| &mut h.proxy.https);
    Http "no_proxy" ["NO_PROXY", "no_proxy"], "hosts reached without a proxy; this machine always is",
        HttpField(Own { accepts: "hosts, with commas", parse: some, show: String::clone }, |h| &mut h.proxy.no_proxy);

    Console "console.format" ["TRACEFUSE_CONSOLE_FORMAT"], "how traces are printed", Field(named("`tree`, `compact` or `json`"), |c| &mut c.console.format);
    Console "console.color" ["TRACEFUSE_CONSOLE_COLOR"], "whether traces are printed in colour; `auto` follows `NO_COLOR`",
        Field(named("`auto`, `always` or `never`"), |c| &mut c.console.color);
    Console "console.width" ["TRACEFUSE_CONSOLE_WIDTH"], "width of what is printed, in columns",
        Field(super::form::Maybe(Whole(tracefuse_console::limits::WIDTH), "the terminal's"), |c| &mut c.console.width);
    Console "console.stream" ["TRACEFUSE_CONSOLE_STREAM"], "where traces are printed",
        Field(named("`stdout` or `stderr`"), |c| &mut c.console.stream);
    Console "console.text" ["TRACEFUSE_CONSOLE_TEXT"],
        "how much of inputs, outputs, metadata and errors is printed: all of it, one line each, or one line of errors alone",
        Field(named("`full`, `line` or `none`"), |c| &mut c.console.text);
    Console "console.fold" ["TRACEFUSE_CONSOLE_FOLD"], "whether a tree shows five or more equal siblings as one row with their number",
        Field(Flag, |c| &mut c.console.fold);
    Console "console.max_held_spans" ["TRACEFUSE_CONSOLE_MAX_HELD_SPANS"],
        "spans that wait for the root of their trace; beyond, the oldest trace is printed as it is",
        Field(Whole(tracefuse_console::limits::MAX_HELD_SPANS), |c| &mut c.console.max_held_spans);
    Console "console.max_held_age" ["TRACEFUSE_CONSOLE_MAX_HELD_AGE"],
        "how long a span waits for the root of its trace, in seconds; then the trace is printed as it is",
        Field(Seconds(tracefuse_console::limits::MAX_HELD_AGE), |c| &mut c.console.max_held_age);
    Console "console.live" ["TRACEFUSE_CONSOLE_LIVE"], "whether a line is printed for each span that ends, before the tree of its trace",
        Field(Flag, |c| &mut c.console.live);

    Otlp(secret) "otlp.endpoint" ["OTEL_EXPORTER_OTLP_ENDPOINT"], "base address of the OpenTelemetry backend; `/v1/traces` is appended",
        Field(Own { accepts: ADDRESS, parse: base, show: |address| address.trim_end_matches("/v1/traces").to_owned() }, |c| &mut c.otlp.transport.endpoint);
    Otlp(secret) "otlp.traces_endpoint" ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"], "full address for traces",
        Field(Own { accepts: ADDRESS, parse: some, show: |_| String::new() }, |c| &mut c.otlp.transport.endpoint);
    Otlp(secret) "otlp.headers" ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"], "headers for the OpenTelemetry backend",
        Field(Own { accepts: PAIRS, parse: headers, show: |_| String::new() }, |c| &mut c.otlp.transport.headers);
    Otlp "otlp.timeout_ms" ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
        "longest one attempt to reach the OpenTelemetry backend may take, in milliseconds",
        Field(Own { accepts: "a whole number of milliseconds from 1 to 3600000", parse: milliseconds, show: |_| "that of `timeout`".to_owned() },
            |c| &mut c.otlp.transport.http.timeout);
    Otlp "otlp.ca_file" ["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
        "certificate authorities to trust for the OpenTelemetry backend, in place of `ca_file`",
        Field(Path("the path of a PEM file"), |c| &mut c.otlp.transport.http.ca_file);
    Otlp "otlp.compression" ["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"],
        "compression of requests to the OpenTelemetry backend",
        Field(Choice(&[("gzip", true), ("none", false)]), |c| &mut c.otlp.transport.gzip);
    Otlp "otlp.protocol" ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"], "protocol of the OpenTelemetry backend",
        Field(Own { accepts: "`http/protobuf`; another is an error in mode `otlp`", parse: some, show: String::clone }, |c| &mut c.otlp_protocol);
    Otlp "otlp.conventions" ["TRACEFUSE_OTLP_CONVENTIONS"], "names of attributes: OpenTelemetry's, these with the older names beside them, or OpenInference's, which Arize Phoenix reads",
        Field(CONVENTIONS, |c| &mut c.otlp.conventions);
}
