//! Media leave the text, and every reference that stays there leads to what was uploaded.

use std::sync::Arc;

use mock_langfuse::{Action, MockLangfuse, Scenario};
use serde_json::{Value, json};
use tracefuse_core::record::Record;
use tracefuse_exporter::{Batch, Exporter};
use tracefuse_langfuse::LangfuseExporter;

use crate::support::{config, records, resource};

/// Sends records and waits for their uploads.
async fn sent_with_media(records: Vec<Record>) -> MockLangfuse {
    let server = MockLangfuse::start();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    let batch = Batch::new(Arc::new(resource(|_| {})), records);
    exporter.export(&batch).await.unwrap();
    exporter.flush().await.unwrap();
    server
}

/// The ids of the media that a text refers to.
fn references(text: &str) -> Vec<&str> {
    let parts = text.split("@@@langfuseMedia:type=").skip(1);
    parts
        .map(|part| part.split("|id=").nth(1).unwrap())
        .map(|part| part.split('|').next().unwrap())
        .collect()
}

/// Checks that each reference was announced for its observation and field, and uploaded; returns how many there are.
fn check_references(server: &MockLangfuse) -> usize {
    let media = server.media();
    let mut count = 0;
    for row in server.observations() {
        let metadata = serde_json::to_string(&row.metadata).unwrap();
        let input = row.input.clone().unwrap_or_default();
        let output = row.output.clone().unwrap_or_default();
        for (field, text) in [("input", input), ("output", output), ("metadata", metadata)] {
            for id in references(&text) {
                count += 1;
                let media = media.iter().find(|media| media.id == id).unwrap();
                assert!(media.bytes.is_some(), "{id} is uploaded");
                let used = (row.trace_id.clone(), Some(row.id.clone()), field.to_owned());
                assert!(media.used.contains(&used), "{} {field} {id}", row.name);
            }
        }
    }
    count
}

fn image(bytes: &str) -> Value {
    use base64::Engine as _;
    let data = base64::engine::general_purpose::STANDARD.encode(bytes);
    json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } })
}

#[tokio::test]
async fn equal_media_are_uploaded_once_and_referenced_each() {
    let server = sent_with_media(records(|recording| {
        recording.tracer.trace("chat").run(|trace| {
            let one = image("the same picture");
            let span = trace
                .generation("see")
                .input(json!([one, one, { "text": "dGhlIHNhbWUgcGljdHVyZQ==" }]))
                .start();
            span.set_output(json!({ "tool_result": [one], "uri": "(data:image/png;base64,dGhlIHNhbWUgcGljdHVyZQ==)" }));
            span.add_metadata("nested", json!({ "a": [one] }).to_string());
        });
    }))
    .await;
    assert_eq!(check_references(&server), 5);
    assert_eq!(server.media().len(), 1);
    let requests = server.requests();
    let puts = requests.iter().filter(|request| request.method == "PUT");
    assert_eq!(puts.count(), 1);
    let row = server
        .observations()
        .into_iter()
        .find(|row| row.name == "see");
    let input: Value = serde_json::from_str(&row.unwrap().input.unwrap()).unwrap();
    assert_eq!(
        input[2]["text"], "dGhlIHNhbWUgcGljdHVyZQ==",
        "the same digits as text"
    );
}

#[tokio::test]
async fn media_of_an_event_belong_to_the_events_observation() {
    let server = sent_with_media(records(|recording| {
        recording.tracer.trace("chat").run(|trace| {
            let span = trace.span("tool").input(image("of the span")).start();
            for name in ["first", "second"] {
                span.event(name)
                    .input(image("of both events"))
                    .output(image(name))
                    .metadata("m", image("of the span"))
                    .record();
            }
        });
    }))
    .await;
    assert_eq!(check_references(&server), 7);
    assert_eq!(server.media().len(), 4);
}

#[tokio::test]
async fn what_there_is_no_room_to_upload_gets_no_reference() {
    let server = sent_with_media(records(|recording| {
        recording.tracer.trace("album").run(|trace| {
            let images: Vec<Value> = (0..300).map(|n| image(&format!("picture {n}"))).collect();
            trace.set_input(&images);
        });
    }))
    .await;
    assert_eq!(check_references(&server), 256);
    let row = &server.observations()[0];
    let notes = row
        .input
        .as_ref()
        .unwrap()
        .matches("<media left out: image/png, ");
    assert_eq!(notes.count(), 44);
}

#[tokio::test]
async fn text_stays_text_whatever_its_mime_type_is() {
    let message = json!({ "role": "user", "content": [{ "type": "resource", "mimeType": "text/plain", "data": "user" }] });
    let server = sent_with_media(records(|recording| {
        recording
            .tracer
            .trace("chat")
            .run(|trace| trace.set_input(&message));
    }))
    .await;
    let row = &server.observations()[0];
    assert_eq!(row.input.as_deref(), Some(message.to_string().as_str()));
    assert!(server.media().is_empty());
}

/// The content types that the server takes for media.
const TYPES: &str = "image/png image/jpeg image/jpg image/webp image/gif image/svg+xml image/tiff image/bmp image/avif image/heic \
    audio/mpeg audio/mp3 audio/wav audio/ogg audio/oga audio/aac audio/mp4 audio/flac audio/opus audio/webm \
    video/mp4 video/webm video/ogg video/mpeg video/quicktime video/x-msvideo video/x-matroska \
    text/plain text/html text/css text/csv text/markdown text/x-python text/x-typescript \
    application/javascript application/x-yaml application/pdf application/msword application/vnd.ms-excel \
    application/vnd.openxmlformats-officedocument.spreadsheetml.sheet \
    application/vnd.openxmlformats-officedocument.wordprocessingml.document \
    application/vnd.openxmlformats-officedocument.presentationml.presentation \
    application/zip application/json application/xml application/octet-stream application/rtf application/x-ndjson \
    application/vnd.apache.parquet application/gzip application/x-tar application/x-7z-compressed";

#[tokio::test]
async fn every_type_that_the_server_takes_is_kept() {
    use base64::Engine as _;
    let base64 = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    for (form, refused) in [("uri", "image/heif"), ("stated", "audio/l16;rate=16000")] {
        let types: Vec<&str> = TYPES.split_whitespace().chain([refused]).collect();
        let server = sent_with_media(records(|recording| {
            recording.tracer.trace("files").run(|trace| {
                let part = |mime: &&str| {
                    let data = base64(&format!("a file of type {mime}"));
                    match form {
                        "uri" => json!(format!("data:{mime};base64,{data}")),
                        _ => json!({ "inlineData": { "mimeType": mime, "data": data } }),
                    }
                };
                trace.set_input(types.iter().map(part).collect::<Vec<Value>>());
            });
        }))
        .await;
        assert_eq!(check_references(&server), types.len(), "{form}");
        for mime in types {
            let media = server.media();
            let bytes = format!("a file of type {mime}");
            let media = media
                .iter()
                .find(|media| media.bytes.as_deref() == Some(bytes.as_bytes()));
            let kept = if mime == refused {
                "application/octet-stream"
            } else {
                mime
            };
            assert_eq!(media.unwrap().content_type, kept, "{form} {mime}");
        }
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_uploads_and_each_is_reported() {
    let server = MockLangfuse::start();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    let records = records(|recording| {
        let trace = recording.tracer.trace("chat");
        trace.run(|trace| trace.set_input(image("a picture")));
    });
    let batch = Batch::new(Arc::new(resource(|_| {})), records);
    exporter.export(&batch).await.unwrap();
    exporter.shutdown().await.unwrap();
    assert_eq!(check_references(&server), 1);
    assert_eq!(reports(&server), [json!([200, null])]);
}

#[tokio::test]
async fn an_upload_that_the_bucket_refuses_is_reported() {
    let bucket = MockLangfuse::builder()
        .scenario(Scenario::new().forever(Action::status(403).body("<Code>AccessDenied</Code>")))
        .start()
        .unwrap();
    let there = json!({ "mediaId": "m", "uploadUrl": format!("{}/a?X=1", bucket.url()) });
    let scenario = Scenario::new()
        .once(Action::status(207))
        .once(Action::status(201).body(&there.to_string()))
        .forever(Action::status(200).body("{}"));
    let server = MockLangfuse::builder().scenario(scenario).start().unwrap();
    let exporter = LangfuseExporter::new(config(&server)).unwrap();
    let records = records(|recording| {
        let trace = recording.tracer.trace("chat");
        trace.run(|trace| trace.set_input(image("a picture")));
    });
    let batch = Batch::new(Arc::new(resource(|_| {})), records);
    exporter.export(&batch).await.unwrap();
    exporter.flush().await.unwrap();
    let reports = reports(&server);
    assert_eq!(reports.len(), 1);
    assert_eq!(reports[0][0], 403);
    let words = reports[0][1].as_str().unwrap();
    assert!(words.contains("403"), "{words}");
    assert_eq!(bucket.requests().len(), 1, "it is not tried again");
}

/// Status and error of each upload, as they were reported to the server.
fn reports(server: &MockLangfuse) -> Vec<Value> {
    let requests = server.requests();
    let reports = requests.iter().filter(|request| request.method == "PATCH");
    reports
        .map(|request| {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            json!([body["uploadHttpStatus"], body["uploadHttpError"]])
        })
        .collect()
}
