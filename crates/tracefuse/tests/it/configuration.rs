//! Configuration that cannot be used says what to do.

use std::time::Duration;

use tracefuse::{
    Builder, LangfuseConfig, Tracer,
    config::{Config, ConfigError, Mode},
};

fn refusal(change: impl FnOnce(&mut Config)) -> String {
    let mut config = Config::default();
    change(&mut config);
    Builder::from_config(config)
        .and_then(Builder::build)
        .unwrap_err()
        .to_string()
}

#[test]
fn mode_langfuse_without_keys_names_the_variables_and_the_modes_that_need_none() {
    let both = refusal(|_| {});
    for words in [
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "TRACING_MODE=print",
        "TRACING_MODE=none",
    ] {
        assert!(both.contains(words), "{both}");
    }
    let one = refusal(|config| config.langfuse.public_key = "pk-lf-1".into());
    assert!(one.contains("`LANGFUSE_SECRET_KEY` is not set"), "{one}");
}

#[test]
fn settings_that_would_fail_later_fail_at_once_with_a_reason() {
    let with_keys = |change: fn(&mut Config)| {
        refusal(|config| {
            config.langfuse = LangfuseConfig::new("pk-lf-1", "sk-lf-1");
            change(config);
        })
    };
    for (change, words) in [
        (
            (|c| c.langfuse.base_url = "http://langfuse.internal".into()) as fn(&mut Config),
            "use https",
        ),
        (
            |c| c.langfuse.base_url = "https://user:canary@host".into(),
            "user name or password",
        ),
        (
            |c| c.langfuse.base_url = "cloud.langfuse.com".into(),
            "https://",
        ),
        (
            |c| c.langfuse.secret_key = "sk-lf-canary\r\nx: y".into(),
            "line break",
        ),
        (
            |c| c.langfuse.secret_key = "'sk-lf-canary'".into(),
            "without quotes",
        ),
        (
            |c| c.langfuse = LangfuseConfig::new("sk-lf-canary", "pk-lf-1"),
            "swapped",
        ),
        (
            |c| c.langfuse.http.ca_file = Some("/does/not/exist.pem".into()),
            "cannot be read: No such file",
        ),
        (
            |c| c.langfuse.http.timeout = Duration::ZERO,
            "expected 0.001 to 3600 s",
        ),
        (|c| c.tracer.delivery.batch_size = 0, "from 1 to 100000"),
        (
            |c| c.tracer.shutdown_timeout = Duration::MAX,
            "from 0 s to 86400 s",
        ),
        (
            |c| c.langfuse.http.connect_timeout = Duration::ZERO,
            "for connecting is 0 s",
        ),
        (
            |c| c.langfuse.http.pool_idle_timeout = Duration::MAX,
            "expected 0 to 3600 s",
        ),
        (
            |c| c.tracer.spool_max_files = 0,
            "`spool_max_files` is 0: expected a whole number from 2 to 1000000",
        ),
        (
            |c| c.tracer.spool_max_age = Duration::ZERO,
            "`spool_max_age` is 0 s: expected a time from 0.001 s to 31536000 s",
        ),
    ] {
        let message = with_keys(change);
        assert!(
            message.contains(words) && !message.contains("canary"),
            "{message}"
        );
    }
}

#[test]
fn modes_that_need_nothing_work_without_anything() {
    for modes in [vec![Mode::None], vec![Mode::Print], vec![Mode::Otlp]] {
        let mut config = Config::default();
        let enabled = modes != [Mode::None];
        config.modes = modes;
        let tracer = Builder::from_config(config).unwrap().build().unwrap();
        assert_eq!(tracer.is_enabled(), enabled);
    }
    let mut off = Config::default();
    off.tracer.enabled = false;
    assert!(
        !Builder::from_config(off)
            .unwrap()
            .build()
            .unwrap()
            .is_enabled()
    );
}

#[test]
fn a_tracer_without_exporters_does_nothing_and_says_nothing() {
    let tracer: Tracer = tracefuse::builder().build().unwrap();
    tracer.trace("x").run(|_| {});
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert!(tracefuse::langfuse(LangfuseConfig::new("", "")).is_err());
}

/// Settings from the texts of the two files, as the environment would give them.
fn built(toml: &str, dotenv: &str) -> Result<Tracer, ConfigError> {
    Builder::from_config(Config::from_files(toml, dotenv)?)?.build()
}

const KEYS: &str = "LANGFUSE_PUBLIC_KEY=pk-lf-1\nLANGFUSE_SECRET_KEY=sk-lf-1\n";

#[test]
fn messages_name_the_variable_that_was_set_and_the_remedy() {
    for (toml, dotenv, words) in [
        (
            "",
            "LANGFUSE_HOST=localhost:3000",
            ["`LANGFUSE_HOST`: ", "add https://, or add http://"],
        ),
        (
            "",
            "LANGFUSE_BASEURL=cloud.langfuse.com",
            ["`LANGFUSE_BASEURL`: ", "add https://"],
        ),
        (
            "",
            "LANGFUSE_HOST=http://langfuse.internal:3000",
            ["`LANGFUSE_HOST`: ", "`TRACEFUSE_ALLOW_PLAINTEXT_HTTP=true`"],
        ),
        (
            "",
            "LANGFUSE_HOST=https://x/api/public/otel",
            ["`LANGFUSE_HOST`: ", "address alone"],
        ),
        (
            "[langfuse]\nbase_url = \"x\"",
            "",
            ["`langfuse.base_url` in tracefuse.toml: ", "add https://"],
        ),
        (
            "",
            "TRACEFUSE_CA_FILE=/no/ca.pem",
            ["`TRACEFUSE_CA_FILE`: ", "No such file"],
        ),
        (
            "",
            "LANGFUSE_OTEL_TRACES_EXPORT_PATH=a/..",
            ["`LANGFUSE_OTEL_TRACES_EXPORT_PATH`: ", "'..'"],
        ),
        (
            "",
            "LANGFUSE_SECRET_KEY='\"sk-lf-1\"'",
            ["`LANGFUSE_SECRET_KEY`: ", "without quotes"],
        ),
        (
            "mode = \"otlp\"",
            "OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4318",
            ["`OTEL_EXPORTER_OTLP_ENDPOINT`: ", "add https://"],
        ),
        (
            "mode = \"otlp\"",
            "OTEL_EXPORTER_OTLP_CERTIFICATE=/no/ca.pem",
            ["`OTEL_EXPORTER_OTLP_CERTIFICATE`: ", "No such file"],
        ),
        (
            "",
            "TRACEFUSE_CA_FILE=/no/\u{1b}[31m.pem",
            ["`TRACEFUSE_CA_FILE`: ", "\\u{1b}"],
        ),
    ] {
        let error = built(toml, &format!("{KEYS}{dotenv}")).unwrap_err();
        for words in words {
            assert!(error.to_string().contains(words), "{error}");
        }
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains('\u{1b}'), "{shown:?}");
        let cause = std::error::Error::source(&error);
        assert!(cause.is_none(), "a cause is repeated: {error} {cause:?}");
    }
}

#[test]
fn variables_of_others_do_not_stop_a_tracer() {
    for others in [
        "ALL_PROXY=socks5://127.0.0.1:1080",
        "OTEL_EXPORTER_OTLP_COMPRESSION=zstd",
        "OTEL_EXPORTER_OTLP_HEADERS=broken",
        "OTEL_EXPORTER_OTLP_ENDPOINT=collector:4317",
        "OTEL_EXPORTER_OTLP_CERTIFICATE=/no/ca.pem",
        "OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        "OTEL_RESOURCE_ATTRIBUTES=a=b,broken",
        "OTEL_TRACES_SAMPLER=nonsense",
        "NO_COLOR=\u{7}",
        "NO_PROXY=[[[",
        "FOO",
        "X='it''s'",
    ] {
        for mode in ["langfuse", "print"] {
            for host in ["http://127.0.0.1:9", "https://langfuse.example"] {
                let dotenv = format!("{KEYS}TRACING_MODE={mode}\nLANGFUSE_HOST={host}\n{others}\n");
                let tracer = built("", &dotenv).unwrap();
                assert!(tracer.is_enabled(), "{others}");
            }
        }
    }
}

#[test]
fn tracing_that_is_off_is_built_whatever_else_is_set() {
    let broken = "LANGFUSE_HOST=x\nLANGFUSE_SECRET_KEY='\"'\nLANGFUSE_FLUSH_AT=0\nTRACEFUSE_X=1\n";
    for off in [
        "TRACING_MODE=none",
        "TRACING_MODE=off",
        "OTEL_SDK_DISABLED=true",
    ] {
        let tracer = built("= =", &format!("{broken}{off}")).unwrap();
        assert!(!tracer.is_enabled());
    }
    let off = tracefuse::builder()
        .langfuse(LangfuseConfig::new("", ""))
        .configure(|config| {
            config.enabled = false;
            config.delivery.batch_size = 0;
        });
    assert!(!off.build().unwrap().is_enabled());
}

#[test]
fn an_environment_in_capitals_is_used_in_every_mode() {
    for mode in ["langfuse", "print", "otlp"] {
        for name in ["Production", "Prod.EU", "langfuse"] {
            let dotenv = format!("{KEYS}TRACING_MODE={mode}\nLANGFUSE_TRACING_ENVIRONMENT={name}");
            assert!(built("", &dotenv).unwrap().is_enabled(), "{mode} {name}");
        }
    }
}

/// The guide's table is made from the code's: run with `UPDATE_DOCS=1` to write it.
#[test]
fn the_guides_table_of_settings_is_the_codes() {
    let mut table = String::from(
        "| key in `tracefuse.toml` | variables | default | what it does | accepts |\n| --- | --- | --- | --- | --- |\n",
    );
    for setting in tracefuse::config::SETTINGS {
        let variables: Vec<String> = setting
            .variables
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let cells = [
            format!("`{}`", setting.key),
            variables.join(", "),
            setting.default(),
            setting.about.to_owned(),
            setting.accepts(),
        ];
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/guide/configuration.md"
    );
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once("<!-- settings -->\n").unwrap();
    let (shown, tail) = rest.split_once("<!-- end of settings -->").unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(
            path,
            format!("{head}<!-- settings -->\n{table}<!-- end of settings -->{tail}"),
        )
        .unwrap();
        return;
    }
    assert_eq!(
        shown, table,
        "docs/guide/configuration.md is out of date: run the tests once with UPDATE_DOCS=1"
    );
}
