//! Scores arrive once, with their type and target, and one that is refused harms no other.

use std::time::Duration;

use mock_langfuse::{Action, How, MockLangfuse, Scenario};
use serde_json::{Value, json};
use tracefuse::{OtlpConfig, score::ScoreValue, stats::RejectReason};

use crate::support::{config, failing, tracer};

const LONG: Duration = Duration::from_secs(20);

fn named(server: &MockLangfuse, name: &str) -> Value {
    let scores = server.scores();
    let mut found = scores.iter().filter(|score| score["name"] == name);
    let score = found.next().unwrap_or_else(|| panic!("no score {name}"));
    assert!(found.next().is_none(), "{name} is there twice");
    score.clone()
}

#[test]
fn every_type_and_target_arrives() {
    let server = MockLangfuse::builder()
        .score_config("cfg-1")
        .start()
        .unwrap();
    let tracer = tracefuse::builder()
        .langfuse(config(&server))
        .configure(|config| config.environment = Some("staging".into()))
        .build()
        .unwrap();
    let (trace, span) = tracer.trace("chat").run(|trace| {
        trace
            .score("quality", 0.9)
            .comment("short and right")
            .record();
        let span = trace.generation("answer").start();
        span.score("helpful", true).config_id("cfg-1").record();
        span.score("tone", "kind")
            .metadata("judge", json!({ "model": "gpt-4o" }))
            .record();
        (trace.id().unwrap(), span.id().unwrap())
    });
    let note = tracer
        .score_session("s-1", "note", ScoreValue::text("wants a refund"))
        .record();
    tracer
        .score_observation(trace, span, "late", -3)
        .environment("eval")
        .record();
    let report = tracer.shutdown().unwrap();

    assert_eq!(report.stats.exporters[0].exported, 7);
    let (trace, span) = (trace.to_string(), span.to_string());
    let quality = named(&server, "quality");
    assert_eq!(quality["value"], 0.9);
    assert_eq!(quality["dataType"], "NUMERIC");
    assert_eq!(quality["traceId"], trace);
    assert_eq!(quality["observationId"], Value::Null);
    assert_eq!(quality["comment"], "short and right");
    assert_eq!(quality["environment"], "staging");
    let helpful = named(&server, "helpful");
    assert_eq!(
        (&helpful["value"], &helpful["dataType"]),
        (&json!(1), &json!("BOOLEAN"))
    );
    assert_eq!(helpful["observationId"], span);
    assert_eq!(helpful["configId"], "cfg-1");
    let tone = named(&server, "tone");
    assert_eq!(
        (&tone["value"], &tone["dataType"]),
        (&json!("kind"), &json!("CATEGORICAL"))
    );
    assert_eq!(tone["metadata"], json!({ "judge": { "model": "gpt-4o" } }));
    let text = named(&server, "note");
    assert_eq!(text["id"], note.unwrap());
    assert_eq!(
        (&text["value"], &text["dataType"], &text["sessionId"]),
        (&json!("wants a refund"), &json!("TEXT"), &json!("s-1"))
    );
    let late = named(&server, "late");
    assert_eq!(
        (&late["value"], &late["environment"]),
        (&json!(-3.0), &json!("eval"))
    );
    assert_eq!(
        server.observations().len(),
        2,
        "spans go the other way, once"
    );
}

#[test]
fn a_score_that_is_sent_again_is_there_once() {
    for action in [
        Action::status(503),
        Action::status(429).header("retry-after", "0"),
        // Stored, but the answer is lost.
        Action::good().cut(0, How::Rst).stored(),
    ] {
        let server = failing(Scenario::new().times(2, action.clone()));
        let tracer = tracer(&server);
        tracer.score_session("s", "first", 1).record();
        tracer.score_session("s", "second", 2).record();
        let report = tracer.shutdown_within(LONG).unwrap();
        assert!(report.is_lossless(), "{action:?}");
        assert_eq!(server.scores().len(), 2, "{action:?}");
        let posts = server.requests();
        let tried = posts.iter().filter(|post| post.body == posts[0].body);
        assert!(tried.count() > 1, "{action:?}: it was not sent again");
    }
}

#[test]
fn a_refused_score_harms_no_neighbour() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    for n in 0..5 {
        tracer.trace("chat").run(|trace| {
            trace.score("good", n).record();
            trace.score("", n).record();
        });
    }
    tracer.score_session("s", "not-a-number", f64::NAN).record();
    let error = tracer.shutdown().unwrap_err();
    let stats = &error.report().stats.exporters[0];
    assert_eq!(
        (stats.exported, stats.rejected[&RejectReason::Invalid]),
        (10, 6)
    );
    assert_eq!((server.scores().len(), server.observations().len()), (5, 5));
    let requests = server.requests();
    let spans = requests
        .iter()
        .filter(|request| request.path.contains("otel"));
    assert_eq!(spans.count(), 1, "scores do not cut the spans' batch");
}

#[test]
fn a_new_score_with_an_old_id_changes_it() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    for value in [false, true] {
        tracer
            .score_session("s", "thumbs-up", value)
            .id("s/user-1")
            .record();
        tracer.flush().unwrap();
    }
    tracer.shutdown().unwrap();
    assert_eq!(server.scores().len(), 1);
    assert_eq!(named(&server, "thumbs-up")["value"], 1);
}

#[test]
fn masked_like_everything_else() {
    let server = MockLangfuse::start();
    let tracer = tracefuse::builder()
        .langfuse(config(&server))
        .masker(tracefuse::Mask::standard())
        .build()
        .unwrap();
    tracer
        .score_session("s", "note", 1)
        .comment("by a@example.com")
        .record();
    tracer.shutdown().unwrap();
    assert_eq!(named(&server, "note")["comment"], "by <email>");
}

#[test]
fn a_receiver_without_scores_says_so() {
    let server = MockLangfuse::start();
    let tracer = tracefuse::builder()
        .otlp(OtlpConfig::new(format!("{}/v1/traces", server.url())))
        .build()
        .unwrap();
    tracer.score_session("s", "quality", 1).record();
    let error = tracer.shutdown().unwrap_err();
    let stats = &error.report().stats.exporters[0];
    assert_eq!(stats.rejected[&RejectReason::Invalid], 1);
    assert!(server.requests().is_empty());
}

#[cfg(feature = "spool")]
#[test]
fn scores_wait_on_disk_like_spans() {
    let dir = tempfile::tempdir().unwrap();
    let server = MockLangfuse::start();
    let open = || {
        tracefuse::builder()
            .langfuse(config(&server))
            .spool(dir.path())
            .configure(|config| {
                config.delivery.max_retries = 0;
                config.delivery.circuit_breaker_threshold = 1;
            })
            .build()
            .unwrap()
    };
    server.pause();
    let tracer = open();
    let trace = tracer.trace("chat").run(|trace| {
        trace.score("quality", 0.5).comment("kept").record();
        trace.id().unwrap()
    });
    tracer
        .score_session("s", "note", ScoreValue::text("kept too"))
        .record();
    // It ends when all is on disk. A limit that a loaded machine may miss would leave the worker with its directory.
    let left = tracer.shutdown_within(LONG);
    assert!(left.is_err() || server.scores().is_empty());
    drop(tracer);

    server.resume();
    let tracer = open();
    assert!(server.wait_for(|server| server.scores().len() == 2, LONG));
    tracer.shutdown_within(LONG).unwrap();
    assert_eq!(named(&server, "quality")["traceId"], trace.to_string());
    assert_eq!(named(&server, "note")["value"], "kept too");
    assert_eq!(server.observations().len(), 1);
}
