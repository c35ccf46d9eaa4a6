//! Media: announced, uploaded, finished, read back.

use serde_json::{Value, json};
use tracefuse_server::ServerConfig;

use crate::support::Live;

/// The SHA-256 of `PNG`, and the id that follows from it.
const HASH: &str = "D0Y2x49l02OezloGS1rnU+NAhhShT7GKtNdUDSwkhUM=";
const ID: &str = "D0Y2x49l02OezloGS1rnU-";
const PNG: &[u8] = b"\x89PNG";

fn announcement(kind: &str, length: usize) -> Value {
    json!({ "contentType": kind, "contentLength": length, "sha256Hash": HASH, "traceId": "t", "observationId": "o", "field": "input" })
}

fn announce(live: &Live, body: &Value) -> Value {
    let answer = live
        .call()
        .json()
        .send("POST", "/api/public/media", body.to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()
}

#[test]
fn what_was_announced_is_uploaded_once_and_read_back() {
    let live = Live::start();
    let heard = announce(&live, &announcement("image/png", 4));
    assert_eq!(heard["mediaId"], ID);
    let url = heard["uploadUrl"].as_str().unwrap();
    let path = url
        .strip_prefix(&format!("http://{}", live.address))
        .unwrap();
    let put = |bytes: &[u8]| {
        live.call()
            .with("content-type", "image/png")
            .send("PUT", path, bytes)
            .status
    };
    assert_eq!(put(b"too long"), 413);
    assert_eq!(put(b"PNG"), 400, "too short");
    assert_eq!(put(b"\x89PNh"), 400, "another hash");
    assert_eq!(
        live.call().send("GET", &format!("/media/{ID}"), b"").status,
        404
    );
    assert_eq!(put(PNG), 200);
    assert_eq!(put(b"\x89PNh"), 400);
    assert_eq!(put(PNG), 200, "a client may repeat it");
    let done = json!({ "uploadedAt": "2026-11-27T12:00:00Z", "uploadHttpStatus": 200 }).to_string();
    let patch =
        live.call()
            .json()
            .send("PATCH", &format!("/api/public/media/{ID}"), done.as_bytes());
    assert_eq!(patch.status, 200);
    let known = live.get(&format!("/api/public/media/{ID}"));
    assert_eq!(
        (&known["contentType"], &known["contentLength"]),
        (&json!("image/png"), &json!(4))
    );
    let answer = live.call().send("GET", &format!("/media/{ID}"), b"");
    assert_eq!(
        (answer.bytes.as_slice(), answer.header("content-type")),
        (PNG, Some("image/png"))
    );
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .contains("sandbox")
    );
    assert_eq!(
        announce(&live, &announcement("image/png", 4))["uploadUrl"],
        Value::Null
    );
}

#[test]
fn a_later_announcement_corrects_the_first() {
    let live = Live::start();
    let path = format!("/api/public/media/{ID}/upload");
    announce(&live, &announcement("image/jpeg", 3));
    assert_eq!(live.call().send("PUT", &path, PNG).status, 413);
    let heard = announce(&live, &announcement("image/png", 4));
    assert!(heard["uploadUrl"].is_string());
    assert_eq!(live.call().send("PUT", &path, PNG).status, 200);
    // Another type of the same bytes: asked for again, as Langfuse does, and taken.
    let heard = announce(&live, &announcement("image/gif", 4));
    assert!(heard["uploadUrl"].is_string());
    assert_eq!(live.call().send("PUT", &path, PNG).status, 200);
    let known = live.get(&format!("/api/public/media/{ID}"));
    assert_eq!(known["contentType"], "image/gif");
    // The length of bytes that are there stays.
    announce(&live, &announcement("image/gif", 9));
    let known = live.get(&format!("/api/public/media/{ID}"));
    assert_eq!(known["contentLength"], 4);
}

#[test]
fn uploads_that_could_run_as_a_page_are_downloads() {
    for kind in [
        "image/svg+xml",
        "text/html",
        "application/xhtml+xml",
        "application/pdf",
        "IMAGE/SVG+XML",
    ] {
        let live = Live::start();
        announce(&live, &announcement(kind, 4));
        let put = live.call().with("content-type", kind).send(
            "PUT",
            &format!("/api/public/media/{ID}/upload"),
            PNG,
        );
        assert_eq!(put.status, 200);
        let answer = live.call().send("GET", &format!("/media/{ID}"), b"");
        assert_eq!(
            answer.header("content-type"),
            Some("application/octet-stream"),
            "{kind}"
        );
        assert_eq!(answer.header("content-disposition"), Some("attachment"));
    }
}

#[test]
fn announcements_and_uploads_that_do_not_fit_are_refused() {
    let mut config = ServerConfig::default();
    config.max_body = 1000;
    let live = Live::with(config);
    for (key, value) in [
        ("contentType", json!("")),
        ("contentLength", json!(0)),
        ("contentLength", json!(5000)),
        (
            "sha256Hash",
            json!("../../../../../../../../../../../../../../x"),
        ),
        ("traceId", json!("")),
        ("field", json!("elsewhere")),
    ] {
        let mut body = announcement("image/png", 4);
        body[key] = value.clone();
        let answer =
            live.call()
                .json()
                .send("POST", "/api/public/media", body.to_string().as_bytes());
        assert_eq!(answer.status, 400, "{key} {value}");
    }
    let upload = live
        .call()
        .send("PUT", "/api/public/media/unknown/upload", b"x");
    assert_eq!(upload.status, 403);
    assert_eq!(live.call().send("GET", "/media/unknown", b"").status, 404);
    assert_eq!(
        live.call()
            .send("GET", "/api/public/media/unknown", b"")
            .status,
        404
    );
    let patch = live.call().json().send(
        "PATCH",
        "/api/public/media/unknown",
        br#"{"uploadHttpStatus": 200}"#,
    );
    assert_eq!(patch.status, 404);
}
