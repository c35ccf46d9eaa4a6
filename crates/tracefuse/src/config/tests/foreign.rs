//! What other programs, or modes that are not used, have set cannot stop a tracer; nothing can stop one that is off.

use std::time::Duration;

use super::super::Mode;
use super::Given;

#[test]
#[cfg(all(feature = "otlp", feature = "langfuse"))]
fn opentelemetrys_names_are_read_the_one_for_traces_first() {
    let env = [
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "api-key=a%2Cb"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "api-key=other"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "ca.pem"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a%20b,team=x"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("LANGFUSE_TIMEOUT", "7"),
    ];
    let mut given = Given::env(&env);
    let config = given.config();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(config.otlp.transport.headers, [pair("api-key", "a,b")]);
    assert_eq!(
        config.otlp.transport.http.timeout,
        Duration::from_millis(2500)
    );
    assert_eq!(config.langfuse.http.timeout, Duration::from_secs(7));
    assert!(config.otlp.transport.gzip);
    let ca_file = Some(std::path::Path::new("ca.pem"));
    assert_eq!(config.otlp.transport.http.ca_file.as_deref(), ca_file);
    assert_eq!(config.langfuse.http.ca_file, None, "it is for OTLP alone");
    assert_eq!(config.otlp_protocol, "grpc");
    assert_eq!(
        config.tracer.resource_attributes,
        [pair("service.name", "a b"), pair("team", "x")]
    );
    assert!(config.tracer.enabled, "only `true` is true");
    given.env.push(("LANGFUSE_TRACING_ENABLED", "true"));
    given.env.retain(|(name, _)| *name != "OTEL_SDK_DISABLED");
    given.env.push(("OTEL_SDK_DISABLED", "True"));
    assert!(!given.config().tracer.enabled);
    let private = Given::env(&[("TRACEFUSE_CA_FILE", "own.pem")]).config();
    for http in [private.langfuse.http, private.otlp.transport.http] {
        assert_eq!(
            http.ca_file.as_deref(),
            Some(std::path::Path::new("own.pem"))
        );
    }
}

/// The modes that are compiled in: `otlp` is no default feature.
fn built(modes: &[&'static str]) -> Vec<&'static str> {
    let is_built = |mode: &&str| cfg!(feature = "otlp") || *mode != "otlp";
    modes.iter().copied().filter(is_built).collect()
}

/// Whether the exporter of a variable is compiled in. Without it, the variable is not looked at.
fn is_read(variable: &str) -> bool {
    cfg!(feature = "otlp") || !variable.contains("_OTLP_")
}

#[test]
fn malformed_variables_of_others_are_skipped_once() {
    for (name, value) in [
        ("ALL_PROXY", "socks5://127.0.0.1:1080"),
        ("all_proxy", "socks5h://127.0.0.1:1080"),
        ("HTTPS_PROXY", "ftp://proxy"),
        ("https_proxy", "http://pro xy"),
        ("http_proxy", "socks4://proxy:1"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "snappy"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "broken"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a b=c"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0D%0Ac: d"),
        ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "=x"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "99999999999999999999"),
        ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "-1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=b,broken"),
    ]
    .into_iter()
    .filter(|(name, _)| is_read(name))
    {
        for mode in built(&["langfuse", "print", "otlp", "none"]) {
            let given = Given::env(&[(name, value), ("TRACING_MODE", mode)]);
            let (config, warnings) = given.read();
            let config = config.unwrap();
            assert_eq!(config.tracer.resource_attributes, [], "{name}");
            let expected = usize::from(mode != "none");
            assert_eq!(warnings.len(), expected, "{name} {warnings:?}");
            for warning in warnings {
                assert!(
                    warning.starts_with(&format!("`{name}` is ignored: expected ")),
                    "{warning}"
                );
            }
        }
    }
}

#[test]
#[cfg(feature = "langfuse")]
fn what_can_be_used_is_taken_in_place_of_what_is_skipped() {
    let env = [
        ("HTTPS_PROXY", "socks5://proxy"),
        ("ALL_PROXY", "http://proxy:3128"),
        ("OTEL_RESOURCE_ATTRIBUTES", "broken"),
    ];
    let given = Given {
        dotenv: "OTEL_RESOURCE_ATTRIBUTES=team=x".into(),
        ..Given::env(&env)
    };
    let config = given.config();
    assert_eq!(config.langfuse.http.proxy.https, "http://proxy:3128");
    let attributes = config.tracer.resource_attributes;
    assert_eq!(attributes, [("team".to_owned(), "x".to_owned())]);
}

#[test]
fn tracing_that_is_off_never_fails() {
    let broken: &[(&str, &str)] = &[
        ("LANGFUSE_SAMPLE_RATE", "1.5"),
        ("LANGFUSE_FLUSH_AT", "many"),
        ("TRACEFUSE_NO_SETTING", "1"),
        ("TRACEFUSE_CONSOLE_FORMAT", "xml"),
        ("ALL_PROXY", "socks5://x"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "broken"),
    ];
    let switches = [
        ("TRACING_MODE", "none"),
        ("TRACING_MODE", "off"),
        ("TRACING_MODE", "NoOp"),
        ("TRACING_MODE", "disabled"),
        ("TRACING_MODE", "none,off"),
        ("LANGFUSE_TRACING_ENABLED", "false"),
        ("TRACEFUSE_ENABLED", "0"),
        ("OTEL_SDK_DISABLED", "true"),
    ];
    for (name, value) in switches {
        // In the environment with broken files, in `.env` with a broken `tracefuse.toml`, in the latter.
        let mut given = Given::env(broken);
        given.toml = "= = =";
        given.dotenv = format!("LANGFUSE_SECRET_KEY broken\n{name}={value}\n");
        assert!(given.config().is_off(), "{name}={value} in .env");
        given.dotenv = "LANGFUSE_SECRET_KEY broken".into();
        given.env.push((name, value));
        assert!(given.config().is_off(), "{name}={value}");
        given.toml = "unreadable";
        given.dotenv = "unreadable".into();
        assert!(given.config().is_off(), "{name}={value}");
    }
    for toml in ["mode = \"off\"", "enabled = false", "sdk_disabled = true"] {
        let given = Given {
            toml,
            ..Given::env(broken)
        };
        assert!(given.config().is_off(), "{toml}");
    }
    // A later layer switches it on again.
    let given = Given {
        toml: "mode = \"none\"",
        ..Given::env(&[("TRACING_MODE", "print")])
    };
    assert!(!given.config().is_off());
}

#[test]
fn foreign_lines_of_dotenv_are_skipped_with_one_warning() {
    let given = Given::dotenv("FOO\nX='it''s'\nTRACING_MODE=print\nkey: value\n");
    let (config, warnings) = given.read();
    assert_eq!(config.unwrap().modes, [Mode::Print]);
    assert_eq!(
        warnings,
        ["lines 1, 2, 4 of `.env` skipped: not `NAME=value`"]
    );
    let (_, warnings) = Given::dotenv("FOO\n").read();
    assert_eq!(warnings, ["line 1 of `.env` skipped: not `NAME=value`"]);
    let (config, warnings) = Given::dotenv("unreadable").read();
    assert!(config.is_ok());
    assert_eq!(warnings, ["`.env` cannot be read; the file is ignored"]);
    for ours in [
        "LANGFUSE_SECRET_KEY 'CANARY'",
        "export TRACEFUSE_MEDIA",
        "export\tTRACEFUSE_MEDIA",
        "TRACING_MODE: print",
    ] {
        let error = Given::dotenv(&format!("\nFOO\n{ours}\n")).refusal();
        assert_eq!(error, "line 3 of `.env` is not `NAME=value`");
    }
}

#[test]
fn a_setting_of_a_mode_that_is_not_used_cannot_stop_it() {
    for (name, value, modes) in [
        ("TRACEFUSE_CONSOLE_FORMAT", "xml", ["langfuse", "otlp"]),
        ("LANGFUSE_OTEL_COMPRESSION", "zstd", ["print", "otlp"]),
        ("TRACEFUSE_OTLP_CONVENTIONS", "mine", ["print", "langfuse"]),
        ("LANGFUSE_TIMEOUT", "soon", ["print", "print"]),
    ]
    .into_iter()
    .filter(|(name, ..)| is_read(name))
    {
        for mode in built(&modes) {
            let (config, warnings) = Given::env(&[(name, value), ("TRACING_MODE", mode)]).read();
            assert!(config.is_ok(), "{name} {mode}");
            assert!(
                warnings.len() == 1 && warnings[0].contains(name),
                "{warnings:?}"
            );
        }
    }
    let used = Given::env(&[
        ("TRACEFUSE_CONSOLE_FORMAT", "xml"),
        ("TRACING_MODE", "langfuse,print"),
    ]);
    assert!(used.refusal().contains("`tree`, `compact` or `json`"));
}

#[test]
fn an_unknown_setting_of_ours_is_an_error_that_names_the_nearest() {
    assert_eq!(
        Given::env(&[("TRACEFUSE_BATCHSIZE", "5")]).refusal(),
        "`TRACEFUSE_BATCHSIZE` is not a setting; is `TRACEFUSE_BATCH_SIZE` meant?"
    );
    for (toml, what) in [
        (
            "[langfuse]\nbase_ulr = \"x\"",
            "`langfuse.base_ulr` in tracefuse.toml is not a setting; is `langfuse.base_url` meant?",
        ),
        (
            "[langfuse]\nhost = \"x\"",
            "`langfuse.host` in tracefuse.toml is not a setting; is `langfuse.base_url` meant?",
        ),
        (
            "langfuse = 5",
            "`langfuse` in tracefuse.toml is not a setting",
        ),
    ] {
        let error = Given::toml(toml).refusal();
        assert!(error.starts_with(what), "{error}");
    }
}

#[test]
fn a_similar_langfuse_variable_is_warned_of() {
    let env = [
        ("LANGFUSE_FLUSH_INTERVALL", "1"),
        ("LANGFUSE_DEBUG", "true"),
    ];
    let (config, warnings) = Given::env(&env).read();
    assert!(config.is_ok());
    assert_eq!(
        warnings,
        ["`LANGFUSE_FLUSH_INTERVALL` has no effect; is `LANGFUSE_FLUSH_INTERVAL` meant?"]
    );
}
