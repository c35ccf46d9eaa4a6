//! Which addresses and which keys are taken, and what a request looks like that was made of them.

use mock_langfuse::{Action, MockLangfuse, Scenario, Tls};
use proptest::prelude::*;
use tracefuse::{LangfuseConfig, OtlpConfig, Tracer};

use crate::scenes::{PUBLIC, SECRET};

fn langfuse(url: &str) -> Result<Tracer, String> {
    let config = LangfuseConfig::new(PUBLIC, SECRET).base_url(url);
    tracefuse::langfuse(config).map_err(|error| error.to_string())
}

fn otlp(url: &str) -> Result<Tracer, String> {
    let config = OtlpConfig::new(url).header("x-team", SECRET);
    let tracer = tracefuse::builder().otlp(config).build();
    tracer.map_err(|error| error.to_string())
}

#[test]
fn keys_go_in_clear_text_to_this_machine_alone() {
    for (host, is_this_machine) in [
        ("localhost", true),
        ("LOCALHOST", true),
        ("LocalHost:3000", true),
        ("127.0.0.1", true),
        ("127.255.255.254", true),
        ("[::1]:4318", true),
        ("[0:0:0:0:0:0:0:1]", true),
        ("[::ffff:127.0.0.1]", true),
        ("[::FFFF:7F00:1]", true),
        ("localhost.evil.com", false),
        ("localhost.", false),
        ("evil-localhost", false),
        ("127.0.0.1.nip.io", false),
        ("127.0.0.1.", false),
        ("127.1", false),
        ("0127.0.0.1", false),
        ("0x7f.0.0.1", false),
        ("0x7f000001", false),
        ("0X7F000001", false),
        ("2130706433", false),
        ("017700000001", false),
        ("0.0.0.0", false),
        ("[::]", false),
        ("[::127.0.0.1]", false),
        ("[::ffff:10.0.0.1]", false),
        ("[fe80::1]", false),
        ("[64:ff9b::127.0.0.1]", false),
        ("10.0.0.1", false),
        ("192.168.0.1", false),
        ("169.254.169.254", false),
        ("128.0.0.1", false),
        ("ip6-localhost", false),
        ("langfuse", false),
    ] {
        for result in [
            langfuse(&format!("http://{host}")),
            otlp(&format!("http://{host}")),
        ] {
            match (result, is_this_machine) {
                (Ok(_), true) => {}
                (Err(words), false) => {
                    assert!(words.contains("clear text"), "{host}: {words}");
                    assert!(!words.contains(SECRET));
                }
                (result, _) => panic!("{host}: {:?}", result.map(drop)),
            }
        }
        assert!(
            langfuse(&format!("https://{host}")).is_ok(),
            "{host}: https is fine"
        );
        let allowed = LangfuseConfig::new(PUBLIC, SECRET)
            .base_url(format!("http://{host}"))
            .allow_plaintext_http(true);
        assert!(
            tracefuse::langfuse(allowed).is_ok(),
            "{host}: it was allowed"
        );
    }
}

#[test]
fn an_address_with_a_name_or_password_is_refused_and_not_repeated() {
    for url in [
        "https://user:CANARY@host",
        "https://CANARY@host",
        "https://CANARY:@host",
        "https://:CANARY@host/path",
        "http://user:CANARY@localhost:3000",
        "HTTPS://USER:CANARY@HOST",
        "https://user:CANARY%40@host",
        "https://user:CANARY@evil@host",
        "https://host@CANARY:443",
    ] {
        for words in [langfuse(url).unwrap_err(), otlp(url).unwrap_err()] {
            assert!(!words.contains("CANARY"), "{url}: {words}");
            assert!(
                words.contains("user name or password") || words.contains("not valid"),
                "{words}"
            );
        }
    }
}

#[test]
fn a_redirect_is_not_followed_and_takes_no_key_along() {
    let thief = MockLangfuse::start();
    for status in [301, 302, 303, 307, 308] {
        let there = format!("{}/api/public/otel/v1/traces", thief.url());
        let server = MockLangfuse::builder()
            .scenario(Scenario::new().forever(Action::status(status).header("location", &there)))
            .start()
            .unwrap();
        let config = LangfuseConfig::new(server.public_key(), server.secret_key());
        let tracer = tracefuse::langfuse(config.base_url(server.url())).unwrap();
        tracer.trace("request").run(|_| {});
        let error = tracer
            .shutdown_within(std::time::Duration::from_millis(500))
            .unwrap_err()
            .to_string();
        assert!(error.contains("redirects are not followed"), "{error}");
        assert!(error.contains(&thief.url()), "{error}");
        assert!(!server.requests().is_empty());
    }
    assert!(thief.requests().is_empty() && thief.observations().is_empty());
}

#[test]
fn a_certificate_that_is_not_trusted_ends_it_and_nothing_is_sent_in_clear_text() {
    for tls in [
        Tls::SelfSigned,
        Tls::Expired,
        Tls::WrongHost,
        Tls::PlainHttp,
        Tls::Good,
    ] {
        let server = MockLangfuse::builder().tls(tls).start().unwrap();
        let mut config = LangfuseConfig::new(server.public_key(), server.secret_key());
        // The strongest word there is for "never mind", and it is about something else.
        config = config.base_url(server.url()).allow_plaintext_http(true);
        // Trusting the authority helps where the certificate is right.
        let authority = tempfile::NamedTempFile::new().unwrap();
        if let (Some(pem), true) = (server.ca_pem(), tls != Tls::Good) {
            std::fs::write(authority.path(), pem).unwrap();
            config = config.ca_file(authority.path());
        }
        let tracer = tracefuse::langfuse(config).unwrap();
        tracer.trace("request").run(|_| {});
        let error = tracer
            .shutdown_within(std::time::Duration::from_millis(500))
            .unwrap_err();
        let words = error.to_string();
        assert!(
            words.contains("certificate") || words.contains("TLS"),
            "{tls:?}: {words}"
        );
        assert!(server.requests().is_empty(), "{tls:?}");
    }
    let server = MockLangfuse::builder().tls(Tls::Good).start().unwrap();
    let authority = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(authority.path(), server.ca_pem().unwrap()).unwrap();
    let config = LangfuseConfig::new(server.public_key(), server.secret_key());
    let config = config.base_url(server.url()).ca_file(authority.path());
    let tracer = tracefuse::langfuse(config).unwrap();
    tracer.trace("request").run(|_| {});
    assert!(tracer.shutdown().unwrap().is_lossless());
}

/// What a request may be made of: any text, and text that is nearly a header.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,12}[\r\n\u{0}\u{7f}\u{85}\u{2028}]{0,2}(x-evil: 1)?[ -~]{0,4}",
        "[a-zA-Z0-9/._~%?#&=-]{0,20}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is configured and recorded, a request has the one head that we mean, or is not made.
    #[test]
    fn no_text_that_is_configured_or_recorded_adds_a_header_or_changes_the_path(
        key in text(), path in text(), release in text(), environment in text(), user in text(),
    ) {
        let key = format!("pk-lf-{key}");
        let server = MockLangfuse::builder().keys(&key, "sk-lf-1").start().unwrap();
        let config = LangfuseConfig::new(&key, "sk-lf-1")
            .base_url(server.url())
            .export_path(path.clone());
        let tracer = tracefuse::builder().langfuse(config).configure(|config| {
            config.release = Some(release.clone());
            config.version = Some(release);
            config.environment = Some(environment.clone());
            config.service_name = Some(environment);
        });
        let tracer = match tracer.build() {
            Ok(tracer) => tracer,
            Err(error) => {
                prop_assert!(key.len() < 8 || !error.to_string().contains(&key));
                return Ok(());
            }
        };
        tracer.trace(&user).user_id(&user).session_id(&user).tag(&user).run(|_| {});
        // With another path the server does not know it.
        let _ = tracer.shutdown_within(std::time::Duration::from_secs(2));
        let requests = server.requests();
        prop_assert!(!requests.is_empty());
        for request in requests {
            let mut names: Vec<&str> = request.headers.keys().map(String::as_str).collect();
            // Present or not, by what the server takes.
            names.retain(|name| *name != "content-encoding");
            prop_assert_eq!(names, [
                "authorization", "content-length", "content-type", "host", "user-agent",
                "x-langfuse-ingestion-version", "x-langfuse-public-key", "x-langfuse-sdk-name",
                "x-langfuse-sdk-version",
            ]);
            prop_assert_eq!(&request.headers["x-langfuse-public-key"], &key);
            let segments = |path: &str| path.split('/').filter(|part| !part.is_empty()).count();
            prop_assert_eq!(segments(&request.path), segments(&path));
            prop_assert!(!request.path.contains(['?', '#', ' ', '\r', '\n']));
        }
    }

    /// The same of an OTLP backend's headers, which may have any name.
    #[test]
    fn no_header_that_is_configured_adds_another(name in text(), value in text()) {
        let server = MockLangfuse::start();
        let config = OtlpConfig::traces_endpoint(format!("{}/v1/traces", server.url()))
            .header(name.clone(), value.clone());
        let tracer = match tracefuse::builder().otlp(config).build() {
            Ok(tracer) => tracer,
            Err(error) => {
                let words = error.to_string();
                prop_assert!(value.len() < 8 || !words.contains(&value), "{}", words);
                return Ok(());
            }
        };
        tracer.trace("request").run(|_| {});
        let _ = tracer.shutdown_within(std::time::Duration::from_secs(2));
        for request in server.requests() {
            let own = ["content-length", "content-type", "host", "user-agent"];
            for header in request.headers.keys() {
                let known = own.contains(&header.as_str()) || *header == name.to_ascii_lowercase();
                prop_assert!(known, "{}", header);
            }
        }
    }
}
