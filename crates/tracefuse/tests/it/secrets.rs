//! A canary key is in nothing that can be printed.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use tracefuse::LangfuseConfig;

const SECRET: &str = "sk-lf-CANARY-0123456789";
const PUBLIC: &str = "pk-lf-visible-in-part-1234";
/// Base64 of `PUBLIC:SECRET`, at each of the three offsets a part of it may have.
const ENCODED: [&str; 3] = ["Q0FOQVJZ", "NBTkFSW", "DQU5BUl"];

#[track_caller]
fn clean(what: &str) {
    assert!(!what.contains("CANARY"), "{what}");
    assert!(!ENCODED.iter().any(|part| what.contains(part)), "{what}");
}

#[test]
fn the_secret_key_is_in_no_debug_text_error_or_report() {
    let echo = Action::status(401).body("bad key sk-lf-CANARY-0123456789 for you");
    let server = MockLangfuse::builder()
        .keys(PUBLIC, SECRET)
        .scenario(Scenario::new().forever(echo))
        .start()
        .unwrap();
    let config = LangfuseConfig::new(PUBLIC, SECRET).base_url(server.url());
    clean(&format!("{config:?}"));
    let builder = tracefuse::builder().langfuse(config);
    clean(&format!("{builder:?}"));
    let tracer = builder.build().unwrap();
    clean(&format!("{tracer:?}"));
    tracer
        .trace("x")
        .run(|trace| clean(&format!("{trace:?} {:?}", trace.root())));
    let error = tracer.shutdown_within(Duration::from_secs(5)).unwrap_err();
    clean(&format!("{error} {error:?}"));
    assert!(error.to_string().contains("bad key ***"), "{error}");
    clean(&format!("{:?}", tracer.stats()));
    assert!(
        server
            .requests()
            .iter()
            .all(|request| request.headers.contains_key("authorization")),
        "it was sent all the same"
    );
}
