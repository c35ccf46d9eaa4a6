//! Settings that cannot work are refused at the start, in a sentence that says what to do.

use tracefuse_exporter::Exporter as _;
use tracefuse_langfuse::{LangfuseConfig, LangfuseExporter};

fn good() -> LangfuseConfig {
    LangfuseConfig::new("pk-lf-1234567890abcd", "sk-lf-canary")
}

#[track_caller]
fn check(config: LangfuseConfig, sentence: &str) {
    let error = LangfuseExporter::new(config).unwrap_err().to_string();
    assert!(
        error.contains(sentence),
        "expected {sentence:?} in {error:?}"
    );
    assert!(!error.contains("canary"), "{error}");
}

#[test]
fn keys_that_cannot_be_keys_are_refused_and_not_repeated() {
    check(
        LangfuseConfig::new("", "sk-lf-canary"),
        "the public key is empty: set `LANGFUSE_PUBLIC_KEY`",
    );
    check(
        LangfuseConfig::new("pk-lf-1", ""),
        "the secret key is empty: set `LANGFUSE_SECRET_KEY`",
    );
    for broken in [
        "sk-lf-canary\r\nX: y",
        "sk-lf-canary\n",
        " sk-lf-canary",
        "sk-lf-canary\u{7f}",
        "sk-lf-canäry-canary",
    ] {
        check(
            LangfuseConfig::new("pk-lf-1", broken),
            "pasted into `LANGFUSE_SECRET_KEY`",
        );
        check(
            LangfuseConfig::new(broken, "sk-lf-1"),
            "pasted into `LANGFUSE_PUBLIC_KEY`",
        );
    }
    check(
        LangfuseConfig::new("sk-lf-canary", "pk-lf-1"),
        "the keys are swapped",
    );
}

#[test]
fn addresses_that_would_leak_keys_are_refused_and_not_repeated() {
    check(
        good().base_url("https://me:canary@langfuse.example.com"),
        "holds a user name or password",
    );
    check(good().base_url("http://langfuse.example.com"), "use https");
    check(good().base_url("cloud.langfuse.com"), "add https://");
    check(good().base_url(""), "the URL is not valid");
    check(
        good().base_url("https://cloud.langfuse.com/api/public/otel"),
        "the server's address alone",
    );
    check(
        good().export_path("a/../b"),
        "the export path cannot be used: ",
    );
    for fine in [
        "http://localhost:3000",
        "http://127.0.0.1:3000/",
        "https://host/below/a/path/",
    ] {
        assert!(
            LangfuseExporter::new(good().base_url(fine)).is_ok(),
            "{fine}"
        );
    }
    let trusted = good()
        .base_url("http://langfuse:3000")
        .allow_plaintext_http(true);
    assert!(LangfuseExporter::new(trusted).is_ok());
}

#[test]
fn limits_and_files_are_checked_before_anything_is_sent() {
    check(good().ca_file("does/not/exist.pem"), "does/not/exist.pem");
    assert!(good().gzip);
}

#[test]
fn the_destination_is_an_address_and_a_project() {
    let destination = |config| LangfuseExporter::new(config).unwrap().destination();
    let own = destination(good());
    let exporter = LangfuseExporter::new(good()).unwrap();
    assert_eq!(exporter.name(), "langfuse");
    let shown = format!("{exporter:?}");
    assert!(shown.contains("/api/public/otel/v1/traces") && shown.contains("gzip"));
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(own, destination(good()));
    let other = destination(good().base_url("https://eu.example.com"));
    assert!(own.is_some() && other.is_some() && own != other);
    assert!(other.is_some_and(|text| text.contains("eu.example.com") && text.contains("pk-lf-")));
}

#[test]
fn debug_shows_enough_to_tell_keys_apart_and_no_more() {
    // Of a short key nothing is shown.
    for (key, tail) in [("pk-lf-123456", ""), ("pk-lf-1234567", "4567")] {
        let shown = format!("{:?}", LangfuseConfig::new(key, "sk-lf-1"));
        assert!(shown.contains(&format!("pk-lf-…{tail},")), "{shown}");
    }
    let shown = format!("{:?}", good());
    assert!(
        shown.contains("pk-lf-…abcd") && shown.contains("sk-lf-***"),
        "{shown}"
    );
    assert!(
        !shown.contains("1234567890") && !shown.contains("canary"),
        "{shown}"
    );
}
