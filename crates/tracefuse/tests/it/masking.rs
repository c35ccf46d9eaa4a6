//! What is masked never reaches the wire.

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::json;
use tracefuse::{Mask, Tracer};

use crate::support::{config, failing, row, tracer_with};

const CANARIES: [&str; 5] = [
    "canary@example.com",
    "4111 1111 1111 1111",
    "4111111111111111",
    "sk-lf-CANARY00-1234-5678",
    "canary-password",
];

fn masked(server: &MockLangfuse) -> Tracer {
    let builder = tracefuse::builder().langfuse(config(server));
    builder.masker(Mask::standard()).build().unwrap()
}

/// A span with every canary in every place.
fn record(tracer: &Tracer) {
    let all = json!({
        "text": CANARIES[..4].join(", "),
        "number": 4_111_111_111_111_111_u64,
        "arguments": r#"{"card": 4111111111111111, "password": "canary-password"}"#,
        "headers": { "Authorization": "Basic canary-password" },
    });
    let text = all["text"].as_str().unwrap().to_owned();
    tracer.trace("t").metadata("m", &all).run(|trace| {
        trace.set_input(&all);
        trace.set_output(all.to_string());
        trace
            .generation("g")
            .metadata("db_password", CANARIES[4])
            .run(|span| {
                span.add_metadata("m", &all);
                span.add_metadata("flat", 4_111_111_111_111_111_u64);
                span.event("e").input(&all).metadata("m", &text).record();
                span.record_error(&text);
            });
        trace.span("s").run(|span| span.set_status_message(&text));
    });
}

fn assert_clean(server: &MockLangfuse) {
    assert!(!server.requests().is_empty());
    for request in server.requests() {
        let body = String::from_utf8_lossy(&request.inflated);
        assert!(!request.inflated.is_empty());
        for canary in CANARIES {
            assert!(!body.contains(canary), "{canary} in {body}");
        }
    }
}

#[test]
fn no_canary_is_ever_on_the_wire() {
    let server = MockLangfuse::start();
    let tracer = masked(&server);
    record(&tracer);
    assert!(tracer.shutdown().unwrap().is_lossless());
    assert_clean(&server);
    let generation = row(&server, "g");
    assert_eq!(generation.metadata["db_password"], "<masked>");
    assert_eq!(generation.metadata["flat"], "<credit card>");
    let message = generation.status_message.unwrap();
    assert_eq!(
        message,
        "error: <email>, <credit card>, <credit card>, <api key>"
    );
    let input = row(&server, "t").input.unwrap();
    let input: serde_json::Value = serde_json::from_str(&input).unwrap();
    assert_eq!(input["number"], "<credit card>");
    assert_eq!(input["headers"]["Authorization"], "<masked>");
    assert_eq!(
        input["arguments"],
        r#"{"card": "<credit card>", "password": "<masked>"}"#
    );
}

#[test]
fn retries_and_refusals_send_nothing_else() {
    let scenario = Scenario::new()
        .once(Action::status(503))
        .once(Action::status(413));
    let server = failing(scenario);
    let tracer = masked(&server);
    record(&tracer);
    tracer.shutdown().unwrap();
    assert!(server.requests().len() > 3);
    assert_clean(&server);
}

#[test]
fn a_masker_that_panics_lets_nothing_through() {
    let server = MockLangfuse::start();
    let builder = tracefuse::builder().langfuse(config(&server));
    let mask = Mask::new().rewrite(|_, _| panic!("this is what the test is about"));
    let tracer = builder.masker(mask).build().unwrap();
    record(&tracer);
    let stats = tracer.shutdown().unwrap().stats;
    assert!(stats.exporters[0].masking_failures >= 10, "{stats:?}");
    assert_clean(&server);
    assert_eq!(row(&server, "t").input.as_deref(), Some("<masking failed>"));
}

#[test]
fn without_content_no_input_and_no_output_is_sent() {
    let server = MockLangfuse::start();
    let tracer = tracer_with(&server, |config| config.capture_content = false);
    record(&tracer);
    tracer.shutdown().unwrap();
    for row in server.observations() {
        assert_eq!((row.input, row.output), (None, None), "{}", row.name);
    }
    assert_eq!(row(&server, "g").metadata["db_password"], "canary-password");
}
