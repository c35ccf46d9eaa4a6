//! Configuration that cannot be used says what to do.

use tracefuse::{Builder, Config, LangfuseConfig, Mode, Tracer};

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
    let one = refusal(|config| config.langfuse.public_key = Some("pk-lf-1".into()));
    assert!(one.contains("`LANGFUSE_SECRET_KEY` is not set"), "{one}");
}

#[test]
fn settings_that_would_fail_later_fail_at_once_with_a_reason() {
    let with_keys = |change: fn(&mut Config)| {
        refusal(|config| {
            config.langfuse.public_key = Some("pk-lf-1".into());
            config.langfuse.secret_key = Some("sk-lf-1".into());
            change(config);
        })
    };
    for (change, words) in [
        (
            (|c| c.langfuse.base_url = Some("http://langfuse.internal".into())) as fn(&mut Config),
            "use https",
        ),
        (
            |c| c.langfuse.base_url = Some("https://user:canary@host".into()),
            "user name or password",
        ),
        (
            |c| c.langfuse.base_url = Some("cloud.langfuse.com".into()),
            "https://",
        ),
        (
            |c| c.tracer.environment = Some("Prod.EU".into()),
            "lower-case",
        ),
        (
            |c| c.langfuse.secret_key = Some("sk-lf-canary\r\nx: y".into()),
            "line break",
        ),
        (|c| c.langfuse.secret_key = Some(String::new()), "empty"),
        (
            |c| {
                (c.langfuse.public_key, c.langfuse.secret_key) =
                    (Some("sk-lf-canary".into()), Some("pk-lf-1".into()))
            },
            "swapped",
        ),
        (
            |c| c.http.ca_file = Some("/does/not/exist.pem".into()),
            "cannot be read",
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
    let prod = tracefuse::builder().langfuse(LangfuseConfig::new("pk-lf-1", "sk-lf-1"));
    let prod = prod
        .configure(|config| config.environment = Some("Prod.EU".into()))
        .build();
    assert!(prod.unwrap_err().to_string().contains("lower-case"));
}

/// The guide's table is made from the code's: run with `UPDATE_DOCS=1` to write it anew.
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
            setting.default.to_owned(),
            setting.about.to_owned(),
            setting.accepts.to_owned(),
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
