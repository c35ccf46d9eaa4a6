//! A malformed value is refused with what is accepted; each documented default is the default.

use std::time::Duration;

use tracefuse_core::SampleRate;
use tracefuse_runtime::TailSampling;

use super::super::{Config, PipelineConfig, SETTINGS};
#[cfg(feature = "spool")]
use super::super::{Durability, WhenFull};
use super::Given;

#[test]
fn a_malformed_value_is_an_error_that_says_what_to_do() {
    let env = |name, value| Given::env(&[(name, value)]).refusal();
    assert_eq!(
        env("LANGFUSE_SAMPLE_RATE", "1.5"),
        "`LANGFUSE_SAMPLE_RATE` is \"1.5\": expected a number from 0 to 1. Remove it to keep every trace"
    );
    assert_eq!(
        env("TRACING_MODE", "lanfguse"),
        "`TRACING_MODE` is \"lanfguse\": expected `langfuse`, `print` (or `console`), `otlp`, `local`, or `none` (or `off`, `noop`, `disabled`)"
    );
    assert!(env("TRACING_MODE", "print,none").contains("expected"));
    assert!(env("LANGFUSE_FLUSH_INTERVAL", "-1").contains("seconds"));
    assert_eq!(
        Given::toml("batch_size = \"many\"").refusal(),
        "`batch_size` in tracefuse.toml is \"many\": expected a whole number from 1 to 100000"
    );
    let shown = Given::env(&[("TRACEFUSE_OVERLOAD", "\u{1b}[31m\n")]).refusal();
    assert!(!shown.contains(['\u{1b}', '\n']), "{shown:?}");
}

#[test]
fn values_that_no_queue_can_mean_are_refused_with_the_range() {
    for (name, values, range) in [
        (
            "LANGFUSE_FLUSH_AT",
            ["0", "1000000000", "-1"],
            "from 1 to 100000",
        ),
        (
            "TRACEFUSE_MAX_QUEUE_SIZE",
            ["0", "99999999999", ""],
            "from 1 to 100000000",
        ),
        (
            "TRACEFUSE_MAX_QUEUE_BYTES",
            ["0", "18446744073709551615", "1e3"],
            "from 1 to",
        ),
        (
            "TRACEFUSE_MAX_BATCH_BYTES",
            ["0", "18446744073709551615", "x"],
            "from 1 to",
        ),
        (
            "LANGFUSE_FLUSH_INTERVAL",
            ["1e19", "inf", "NaN"],
            "from 0 to 86400",
        ),
        (
            "LANGFUSE_TIMEOUT",
            ["0", "1e18", "-0.1"],
            "from 0.001 to 3600",
        ),
        (
            "TRACEFUSE_ATTEMPT_TIMEOUT",
            ["0", "1e18", "x"],
            "from 0.001 to 86400",
        ),
        (
            "TRACEFUSE_BATCH_TIMEOUT",
            ["0", "1e18", "x"],
            "from 0.001 to 86400",
        ),
        (
            "TRACEFUSE_RETRY_BASE",
            ["0", "1e18", "x"],
            "from 0.001 to 3600",
        ),
        (
            "TRACEFUSE_RETRY_CAP",
            ["0", "1e18", "x"],
            "from 0.001 to 86400",
        ),
        (
            "TRACEFUSE_MAX_AGE",
            ["0", "1e18", "x"],
            "from 0.001 to 2592000",
        ),
        (
            "TRACEFUSE_CIRCUIT_BREAKER_THRESHOLD",
            ["0", "4294967295", "x"],
            "from 1 to",
        ),
        (
            "TRACEFUSE_CIRCUIT_BREAKER_RESET",
            ["0", "1e18", "x"],
            "from 0.001 to 86400",
        ),
        (
            "TRACEFUSE_MAX_RETRIES",
            ["4294967295", "-1", "x"],
            "from 0 to 1000000",
        ),
        (
            "TRACEFUSE_SHUTDOWN_TIMEOUT",
            ["1e18", "-1", "x"],
            "from 0 to 86400",
        ),
        (
            "TRACEFUSE_FLUSH_TIMEOUT",
            ["1e18", "-1", "x"],
            "from 0 to 86400",
        ),
        (
            "TRACEFUSE_WARN_OPEN_LONGER",
            ["-1", "1e18", "x"],
            "from 0 to",
        ),
        ("TRACEFUSE_WARN_OPEN_MORE", ["0", "-1", "x"], "from 1 to"),
        (
            "TRACEFUSE_SPOOL_MAX_BYTES",
            ["0", "18446744073709551615", "x"],
            "from 1 to",
        ),
        (
            "TRACEFUSE_SPOOL_MAX_FILES",
            ["1", "18446744073709551615", "x"],
            "from 2 to 1000000",
        ),
        (
            "TRACEFUSE_SPOOL_MAX_AGE",
            ["0", "1e18", "x"],
            "from 0.001 to 31536000",
        ),
        (
            "TRACEFUSE_CONNECT_TIMEOUT",
            ["0", "1e18", "-0.1"],
            "from 0.001 to 3600",
        ),
        (
            "TRACEFUSE_POOL_IDLE_TIMEOUT",
            ["3601", "1e18", "-0.1"],
            "from 0 to 3600",
        ),
        (
            "TRACEFUSE_OVERLOAD",
            ["block:1e18", "block:", "block:-1"],
            "up to 86400",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_MAX_SPANS",
            ["0", "99999999999", "x"],
            "from 1 to 100000000",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_MAX_BYTES",
            ["0", "18446744073709551615", "1e3"],
            "from 1 to",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_MAX_AGE",
            ["0", "1e18", "x"],
            "from 0.001 to 2592000",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_KEEP_SLOWER_THAN",
            ["-1", "1e18", "x"],
            "from 0 to 2592000",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_KEEP_COSTLIER_THAN",
            ["-0.01", "NaN", "inf"],
            "a number of at least 0",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_KEEP_MORE_TOKENS_THAN",
            ["-1", "18446744073709551615", "1.5"],
            "from 0 to 1000000000000",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING_RATE",
            ["1.5", "-0.1", "NaN"],
            "from 0 to 1",
        ),
        (
            "TRACEFUSE_TAIL_SAMPLING",
            ["maybe", "2", "on off"],
            "true or false",
        ),
    ] {
        for value in values.into_iter().filter(|value| !value.is_empty()) {
            let error = Given::env(&[(name, value)]).refusal();
            assert!(error.contains(name) && error.contains(range), "{error}");
        }
    }
}

/// The ends of a range as a setting states it, such as "a whole number from 1 to 100000".
fn range(accepts: &str) -> Option<(String, String)> {
    let (low, rest) = accepts.split_once(" from ")?.1.split_once(" to ")?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.');
    let high = rest[..end.unwrap_or(rest.len())].trim_end_matches('.');
    Some((low.to_owned(), high.to_owned()))
}

#[test]
fn every_range_ends_where_it_says() {
    let mut checked = 0;
    for setting in SETTINGS {
        let Some((low, high)) = range(&setting.accepts()) else {
            continue;
        };
        checked += 1;
        let takes = |text: &str| setting.takes(text);
        assert!(takes(&low) && takes(&high), "{} {low} {high}", setting.key);
        let above = format!("{high}0");
        let twice = (high.parse::<f64>().unwrap() * 2.0).to_string();
        let words = [
            "", "x", "NaN", "inf", "-1", "-0.5", "1e400", "0x10", "5 s", "1,5",
        ];
        for text in words.into_iter().chain([&*above, &*twice]) {
            assert!(!takes(text), "{} takes {text:?}", setting.key);
        }
        assert!(low == "0" || !takes("0"), "{} takes 0", setting.key);
    }
    assert!(checked >= 20, "{checked}");
}

#[test]
fn each_name_that_a_setting_accepts_is_taken() {
    let mut checked = 0;
    for setting in SETTINGS {
        let accepts = setting.accepts();
        // Names are in backticks; a prefix or a pattern is no name.
        let names = accepts.split('`').skip(1).step_by(2);
        for name in names.filter(|name| !name.contains(['-', '=', ':'])) {
            assert!(setting.takes(name), "{} {name}", setting.key);
            assert!(
                setting.takes(&name.to_ascii_uppercase()),
                "{} {name}",
                setting.key
            );
            checked += 1;
        }
    }
    assert!(checked >= 15, "{checked}");
}

#[test]
fn every_setting_of_delivery_can_be_set() {
    let seconds = Duration::from_secs;
    let config = Given::env(&[
        ("TRACEFUSE_ATTEMPT_TIMEOUT", "40"),
        ("TRACEFUSE_BATCH_TIMEOUT", "41"),
        ("TRACEFUSE_RETRY_BASE", "1"),
        ("TRACEFUSE_RETRY_CAP", "42"),
        ("TRACEFUSE_MAX_AGE", "43"),
        ("TRACEFUSE_OVERLOAD", "block:2"),
        ("TRACEFUSE_CONNECT_TIMEOUT", "3"),
        ("TRACEFUSE_POOL_IDLE_TIMEOUT", "0"),
        ("TRACEFUSE_SPOOL_MAX_FILES", "50"),
        ("TRACEFUSE_SPOOL_MAX_AGE", "44"),
        ("TRACEFUSE_SPOOL_DURABILITY", "disk"),
        ("TRACEFUSE_SPOOL_WHEN_FULL", "drop_newest"),
    ])
    .config();
    #[cfg(feature = "langfuse")]
    let http = &config.langfuse.http;
    #[cfg(feature = "langfuse")]
    assert_eq!(
        (http.connect_timeout, http.pool_idle_timeout),
        (seconds(3), seconds(0))
    );
    #[cfg(feature = "otlp")]
    let http = &config.otlp.transport.http;
    #[cfg(feature = "otlp")]
    assert_eq!(
        (http.connect_timeout, http.pool_idle_timeout),
        (seconds(3), seconds(0))
    );
    let tracer = &config.tracer;
    assert_eq!(
        (tracer.spool_max_files, tracer.spool_max_age),
        (50, seconds(44))
    );
    #[cfg(feature = "spool")]
    assert_eq!(
        (tracer.spool_durability, tracer.spool_when_full),
        (Durability::Disk, WhenFull::DropNewest)
    );
    let delivery = config.tracer.delivery;
    let expected = PipelineConfig::new()
        .attempt_timeout(seconds(40))
        .batch_timeout(seconds(41))
        .retry_base(seconds(1))
        .retry_cap(seconds(42))
        .max_age(seconds(43))
        .overload(tracefuse_runtime::Overload::Block(seconds(2)));
    assert_eq!(delivery, expected);
}

#[test]
fn each_rule_of_tail_sampling_can_be_set() {
    let sampling = |toml| Given::toml(toml).config().tracer.tail_sampling;
    assert_eq!(sampling(""), None);
    let all = sampling(
        "[tail_sampling]\nkeep_errors = false\nkeep_slower_than = 10\nkeep_costlier_than = 0.5\n\
         keep_more_tokens_than = 50000\nrate = 0.05\nmax_spans = 7\nmax_bytes = 8\nmax_age = 9\n",
    );
    let expected = TailSampling::new()
        .keep_errors(false)
        .keep_slower_than(Duration::from_secs(10))
        .keep_costlier_than(0.5)
        .keep_more_tokens_than(50_000)
        .rate(SampleRate::new(0.05).unwrap())
        .max_spans(7)
        .max_bytes(8)
        .max_age(Duration::from_secs(9));
    assert_eq!(all, Some(expected));
}

#[test]
fn tail_sampling_can_be_turned_on_alone_and_off_with_rules() {
    let env = |env: &[(&'static str, &'static str)]| Given::env(env).config().tracer.tail_sampling;
    let (switch, rate) = ("TRACEFUSE_TAIL_SAMPLING", "TRACEFUSE_TAIL_SAMPLING_RATE");
    assert_eq!(env(&[(switch, "true")]), Some(TailSampling::new()));
    assert_eq!(env(&[(switch, "false"), (rate, "0.5")]), None);
    let half = TailSampling::new().rate(SampleRate::new(0.5).unwrap());
    assert_eq!(env(&[(rate, "0.5")]), Some(half.clone()));
    assert_eq!(env(&[(rate, "0.5"), (switch, "true")]), Some(half));
    assert_eq!(env(&[(rate, "1")]), None, "its default changes nothing");
}

#[test]
#[cfg(feature = "console")]
fn what_the_terminal_keeps_can_be_set_within_its_range() {
    let print = |name, value| Given::env(&[("TRACING_MODE", "print"), (name, value)]);
    let spans = print("TRACEFUSE_CONSOLE_MAX_HELD_SPANS", "0").config();
    assert_eq!(spans.console.max_held_spans, 0);
    let age = print("TRACEFUSE_CONSOLE_MAX_HELD_AGE", "0.5").config();
    assert_eq!(age.console.max_held_age, Duration::from_millis(500));
    for (name, value, range) in [
        (
            "TRACEFUSE_CONSOLE_MAX_HELD_SPANS",
            "10000001",
            "from 0 to 10000000",
        ),
        ("TRACEFUSE_CONSOLE_MAX_HELD_AGE", "86401", "from 0 to 86400"),
        ("TRACEFUSE_CONSOLE_WIDTH", "0", "from 1 to 10000"),
    ] {
        let error = print(name, value).refusal();
        assert!(error.contains(name) && error.contains(range), "{error}");
    }
}

#[test]
fn each_documented_default_is_the_default() {
    for setting in SETTINGS {
        let mut config = Config::default();
        let default = setting.default();
        if setting.takes(&default) && !default.is_empty() && setting.key != "mode" {
            setting.apply(&mut config, setting.key, &default).unwrap();
            // What it sets is what was there; names in words (`default`) are texts of optional settings.
            if !matches!(setting.key, "environment" | "service_name") {
                assert_eq!(config.tracer, Config::default().tracer, "{}", setting.key);
                assert_eq!(
                    format!("{config:?}"),
                    format!("{:?}", Config::default()),
                    "{}",
                    setting.key
                );
            }
        }
    }
}

#[test]
#[cfg(feature = "langfuse")]
fn secrets_are_in_no_error_and_no_debug_text() {
    let canary = "sk-lf-CANARY";
    let config = Given::dotenv(&format!("LANGFUSE_SECRET_KEY={canary}\n")).config();
    assert_eq!(config.langfuse.secret_key.expose(), canary);
    assert!(!format!("{config:?}").contains("CANARY"));
    for (name, value) in [
        ("LANGFUSE_HOST", "CANARY\u{1b}"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "CANARY"),
        ("HTTPS_PROXY", "socks5://user:CANARY@proxy"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://user:CANARY@host"),
    ] {
        let shown = format!("{:?}", Given::env(&[(name, value)]).read());
        assert!(!shown.contains("CANARY"), "{shown}");
    }
    let toml = Given::toml("https_proxy = \"socks5://user:CANARY@proxy\"").refusal();
    assert!(toml.contains("SOCKS") && !toml.contains("CANARY"), "{toml}");
}
