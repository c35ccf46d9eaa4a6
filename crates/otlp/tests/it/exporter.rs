//! One request and what each answer to it means.

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tracefuse_core::record::{Resource, ScoreRecord, ScoreTarget, Timestamp};
use tracefuse_exporter::{Advice, Batch, ExportError, ExportReport, Exporter};
use tracefuse_otlp::{HttpConfig, OtlpConfig, OtlpExporter};

use crate::support::{Request, records, serve, serve_each};

/// More than a body that is too small to be worth compressing.
const SPANS: usize = 20;

fn batch(spans: usize) -> Batch {
    let records = records(|tracer, _| (0..spans).for_each(|_| tracer.trace("x").run(|_| {})));
    Batch::new(Arc::new(Resource::default()), records)
}

async fn exported(
    config: impl FnOnce(String) -> OtlpConfig,
    answer: (&str, &str, &[u8]),
) -> (Result<ExportReport, ExportError>, Request) {
    let (address, request) = serve(answer.0, answer.1, answer.2).await;
    let exporter = OtlpExporter::new(config(address)).unwrap();
    let result = exporter.export(&batch(SPANS)).await;
    (result, request.await.unwrap())
}

#[tokio::test]
async fn the_request_is_what_the_specification_asks_for() {
    let config = |address| OtlpConfig::new(address).header("x-api-key", "k").gzip(true);
    let (result, request) = exported(config, ("200 OK", "", b"")).await;
    assert_eq!(result.unwrap(), ExportReport::accepted(SPANS));
    assert!(
        request.head.starts_with("post /v1/traces http/1.1\r\n"),
        "{}",
        request.head
    );
    for header in [
        "content-type: application/x-protobuf",
        "content-encoding: gzip",
        "x-api-key: k",
    ] {
        assert!(
            request.head.contains(&format!("\r\n{header}\r\n")),
            "{}",
            request.head
        );
    }
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(&*request.body)
        .read_to_end(&mut body)
        .unwrap();
    let request = ExportTraceServiceRequest::decode(&*body).unwrap();
    assert_eq!(request.resource_spans[0].scope_spans[0].spans.len(), SPANS);
}

#[tokio::test]
async fn a_full_address_is_used_as_it_is() {
    let config = |address| OtlpConfig::traces_endpoint(format!("{address}/otlp/in"));
    let (_, request) = exported(config, ("200 OK", "", b"")).await;
    assert!(
        request.head.starts_with("post /otlp/in http/1.1\r\n"),
        "{}",
        request.head
    );
}

#[tokio::test]
async fn spans_that_a_backend_rejects_of_a_request_it_takes_are_counted() {
    for (claimed, rejected) in [(2, 2), (300, SPANS), (0, 0), (-1, 0)] {
        let answer = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: claimed,
                error_message: "too\u{1b}[31m old".into(),
            }),
        };
        let (result, _) = exported(OtlpConfig::new, ("200 OK", "", &answer.encode_to_vec())).await;
        let report = result.unwrap();
        assert_eq!(
            (report.accepted, report.rejected.len()),
            (SPANS - rejected, rejected),
            "{claimed}"
        );
        assert!(
            report
                .rejected
                .iter()
                .all(|rejection| rejection.reason == "too\\u{1b}[31m old")
        );
    }
}

#[tokio::test]
async fn a_score_is_refused_and_the_spans_beside_it_are_sent() {
    let target = ScoreTarget::Session("s".into());
    let score = ScoreRecord::new("quality", 0.5.into(), target, Timestamp::default());
    let of = |records| Batch::new(Arc::new(Resource::default()), records);
    let rejected = |report: &ExportReport| -> Vec<_> {
        let rejected = report.rejected.iter();
        rejected
            .map(|rejection| (rejection.index, rejection.reason.contains("no scores")))
            .collect()
    };
    let (address, request) = serve("200 OK", "", b"").await;
    let exporter = OtlpExporter::new(OtlpConfig::new(address)).unwrap();
    let alone = of(vec![score.clone().into(), score.clone().into()]);
    let report = exporter.export(&alone).await.unwrap();
    assert_eq!(report.accepted, 0);
    assert_eq!(rejected(&report), [(Some(0), true), (Some(1), true)]);
    let mut mixed = records(|tracer, _| tracer.trace("x").run(|_| {}));
    mixed.insert(0, score.into());
    let report = exporter.export(&of(mixed)).await.unwrap();
    assert_eq!(report.accepted, 1);
    assert_eq!(rejected(&report), [(Some(0), true)]);
    let body = request.await.unwrap().body;
    let sent = ExportTraceServiceRequest::decode(&*body).unwrap();
    assert_eq!(sent.resource_spans[0].scope_spans[0].spans.len(), 1);
}

#[tokio::test]
async fn each_answer_has_its_advice() {
    for (status, advice, maybe_delivered) in [
        ("301 Moved", Advice::Stop, false),
        ("400 Bad Request", Advice::Reject, false),
        ("401 Unauthorized", Advice::Stop, false),
        ("404 Not Found", Advice::Stop, false),
        ("408 Timeout", Advice::Retry, true),
        ("413 Too Large", Advice::Split, false),
        (
            "429 Slow Down",
            Advice::Pause(Some(Duration::from_secs(3))),
            false,
        ),
        ("500 Oops", Advice::Retry, true),
        ("502 Bad Gateway", Advice::Retry, true),
        ("503 Unavailable", Advice::Retry, true),
    ] {
        let (result, _) = exported(OtlpConfig::new, (status, "retry-after: 3\r\n", b"words")).await;
        let error = result.unwrap_err();
        assert_eq!(
            (error.advice(), error.maybe_delivered()),
            (advice, maybe_delivered),
            "{status}"
        );
        assert!(error.to_string().contains(&status[..3]), "{error}");
    }
    let (result, _) = exported(
        OtlpConfig::new,
        ("200 OK", "content-type: text/html\r\n", b"<html>"),
    )
    .await;
    assert_eq!(
        result.unwrap_err().advice(),
        Advice::Retry,
        "a web page is no answer"
    );
}

#[tokio::test]
async fn a_refusal_in_html_or_xml_is_of_another_kind_of_server() {
    for (kind, body, advice) in [
        ("text/html; charset=utf-8", "no", Advice::Stop),
        ("application/problem+xml", "", Advice::Stop),
        ("text/plain", " \n<Error>", Advice::Stop),
        ("text/plain", "no", Advice::Reject),
        ("application/json", r#"{"error":"<bad>"}"#, Advice::Reject),
    ] {
        let headers = format!("content-type: {kind}\r\n");
        let answer = ("400 Bad Request", headers.as_str(), body.as_bytes());
        let error = exported(OtlpConfig::new, answer).await.0.unwrap_err();
        assert_eq!(error.advice(), advice, "{error}");
    }
}

#[tokio::test]
async fn after_a_receiver_refuses_gzip_no_request_is_compressed() {
    for (status, advice, is_compressed) in [
        ("415 Unsupported Media Type", Advice::Retry, false),
        ("503 Unavailable", Advice::Retry, true),
    ] {
        let (address, requests) = serve_each(&[status, status]).await;
        let exporter = OtlpExporter::new(OtlpConfig::new(address).gzip(true)).unwrap();
        let error = exporter.export(&batch(SPANS)).await.unwrap_err();
        assert_eq!(error.advice(), advice);
        let says_so = error.to_string().contains("refuses gzip");
        assert_eq!(says_so, !is_compressed, "{error}");
        let error = exporter.export(&batch(SPANS)).await.unwrap_err();
        assert!(!error.to_string().contains("refuses gzip"), "{error}");
        let heads = requests.await.unwrap();
        let compressed = heads
            .iter()
            .map(|request| request.head.contains("content-encoding: gzip"));
        assert_eq!(compressed.collect::<Vec<_>>(), [true, is_compressed]);
    }
}

#[test]
fn its_destination_is_the_address_that_it_sends_to() {
    let exporter = OtlpExporter::new(OtlpConfig::new("http://localhost:4318")).unwrap();
    assert_eq!(exporter.name(), "otlp");
    let address = "http://localhost:4318/v1/traces";
    assert_eq!(exporter.destination().as_deref(), Some(address));
    let shown = format!("{exporter:?}");
    assert!(shown.contains(address) && shown.contains("gzip"), "{shown}");
}

#[test]
fn a_setting_that_cannot_be_used_is_named() {
    let with_file = HttpConfig::default().ca_file("does/not/exist.pem");
    for (config, setting) in [
        (OtlpConfig::new("no address"), "endpoint"),
        (OtlpConfig::default().header("a b", "x"), "headers"),
        (OtlpConfig::default().http(with_file), "ca_file"),
    ] {
        assert_eq!(OtlpExporter::new(config).unwrap_err().setting(), setting);
    }
}

#[tokio::test]
async fn header_values_are_in_no_text_of_ours() {
    let config =
        |address| OtlpConfig::new(address).header("authorization", "Bearer canary-0123456789");
    clean(&format!("{:?}", config("http://localhost".into())));
    let echo = b"you sent Bearer canary-0123456789, or is it canary-0123456789?";
    let (result, request) = exported(config, ("401 Unauthorized", "", echo)).await;
    let error = result.unwrap_err();
    clean(&format!("{error} {error:?}"));
    assert!(error.to_string().contains("you sent ***"), "{error}");
    assert!(
        request
            .head
            .contains("authorization: bearer canary-0123456789"),
        "it was sent all the same"
    );
    clean(&format!(
        "{:?}",
        OtlpExporter::new(config("http://localhost".into())).unwrap()
    ));
    let broken = OtlpConfig::default().header("authorization", "canary\r\nx: y");
    clean(&OtlpExporter::new(broken).unwrap_err().to_string());
}

#[track_caller]
fn clean(text: &str) {
    assert!(!text.contains("canary"), "{text}");
}
