//! Images and sound leave the text, arrive beside it, and never cost a span.

use std::time::Duration;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::{Value, json};
use tracefuse::{Tracer, langfuse::MediaMode};

use crate::support::{config, row, tracer};

const LONG: Duration = Duration::from_secs(20);
/// `hello`.
const HELLO: &str = "aGVsbG8=";
const REFERENCE: &str =
    "@@@langfuseMedia:type=image/png|id=LPJNul-wow4m6Dsqxbninh|source=base64_data_uri@@@";

fn with(server: &MockLangfuse, mode: MediaMode) -> Tracer {
    let config = config(server).media(mode);
    tracefuse::builder().langfuse(config).build().unwrap()
}

fn see(tracer: &Tracer) -> (String, String) {
    tracer.trace("chat").run(|trace| {
        let image = json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{HELLO}") } });
        let span = trace.generation("see").input(json!([{ "role": "user", "content": [image] }])).start();
        span.set_output(json!({ "type": "input_audio", "input_audio": { "format": "wav", "data": "d29ybGQ=" } }));
        span.add_metadata("thumb", format!("data:image/png;base64,{HELLO}"));
        (span.trace_id().unwrap().to_string(), span.id().unwrap().to_string())
    })
}

#[test]
fn media_are_uploaded_and_referenced() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let (trace, span) = see(&tracer);
    tracer.shutdown_within(LONG).unwrap();

    let row = row(&server, "see");
    let input: Value = serde_json::from_str(row.input.as_deref().unwrap()).unwrap();
    assert_eq!(input[0]["content"][0]["image_url"]["url"], REFERENCE);
    assert_eq!(row.metadata["thumb"], REFERENCE);
    let output = row.output.unwrap();
    assert!(output.contains("@@@langfuseMedia:type=audio/wav|id=") && !output.contains("d29ybGQ"));
    let media = server.media();
    assert_eq!(media.len(), 2);
    let hello = media
        .iter()
        .find(|media| media.content_type == "image/png")
        .unwrap();
    assert_eq!(hello.bytes.as_deref(), Some(&b"hello"[..]));
    assert_eq!(hello.reported, Some(200));
    let used = |field: &str| (trace.clone(), Some(span.clone()), field.to_owned());
    assert_eq!(hello.used, [used("input"), used("metadata")]);
    let puts = server.requests();
    let puts = puts.iter().filter(|request| request.method == "PUT");
    assert_eq!(
        puts.count(),
        2,
        "what is there already is not uploaded again"
    );
}

#[test]
fn stripped_or_kept_they_go_nowhere() {
    let server = MockLangfuse::start();
    let stripping = with(&server, MediaMode::Strip);
    see(&stripping);
    stripping.shutdown().unwrap();
    let stripped = row(&server, "see").input.unwrap();
    assert!(
        stripped.contains("<media left out: image/png, 5 bytes>"),
        "{stripped}"
    );
    server.clear();
    let keeping = with(&server, MediaMode::Keep);
    see(&keeping);
    keeping.shutdown().unwrap();
    assert!(row(&server, "see").input.unwrap().contains(HELLO));
    assert!(server.media().is_empty());
}

#[test]
fn an_image_that_no_batch_holds_arrives_whole() {
    let server = MockLangfuse::start();
    let tracer = tracer(&server);
    let image = "iVBORw0K".repeat(750_000);
    tracer.trace("large").run(|trace| {
        trace.set_input(json!({ "inlineData": { "mimeType": "image/png", "data": image } }));
    });
    tracer.shutdown_within(LONG).unwrap();
    let input = row(&server, "large").input.unwrap();
    assert!(
        input.contains("@@@langfuseMedia:type=image/png|id="),
        "{}",
        input.len()
    );
    assert_eq!(server.media()[0].bytes.as_ref().unwrap().len(), 4_500_000);
}

#[test]
fn an_upload_that_fails_costs_no_span_and_a_passing_failure_no_media() {
    // The spans' request goes well, then the announcement of the first image fails once.
    let server = MockLangfuse::builder()
        .scenario(
            Scenario::new()
                .once(Action::good())
                .once(Action::status(503)),
        )
        .start()
        .unwrap();
    let tracer = tracer(&server);
    see(&tracer);
    assert!(tracer.shutdown_within(LONG).unwrap().is_lossless());
    assert_eq!(
        server
            .media()
            .iter()
            .filter(|media| media.bytes.is_some())
            .count(),
        2
    );

    let server = MockLangfuse::builder()
        .scenario(
            Scenario::new()
                .once(Action::good())
                .forever(Action::status(400)),
        )
        .start()
        .unwrap();
    let tracer = crate::support::tracer(&server);
    see(&tracer);
    let report = tracer.shutdown_within(LONG).unwrap();
    assert!(report.is_lossless());
    assert_eq!(
        (
            report.stats.exporters[0].exported,
            server.observations().len()
        ),
        (2, 2)
    );
    assert!(server.media().is_empty());
}

#[test]
fn a_retried_batch_uploads_once() {
    let server = MockLangfuse::builder()
        .scenario(Scenario::new().times(2, Action::status(503)))
        .start()
        .unwrap();
    let tracer = tracer(&server);
    see(&tracer);
    tracer.shutdown_within(LONG).unwrap();
    let requests = server.requests();
    let announced = requests
        .iter()
        .filter(|request| request.path == "/api/public/media");
    assert_eq!(announced.count(), 3, "input, output, metadata");
    let spans: Vec<_> = requests
        .iter()
        .filter(|request| request.path.contains("otel"))
        .map(|request| &request.body)
        .collect();
    assert_eq!(spans.len(), 3);
    assert!(spans.iter().all(|body| *body == spans[0]));
}
