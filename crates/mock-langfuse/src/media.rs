//! Media: announced by `POST /api/public/media`, put where the answer says, finished by `PATCH` (`docs/langfuse.md` 3.2).
//! Called by `router`; this server is also the bucket that takes the uploads.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::answers::Incoming;
use crate::auth::{Access, refusal};
use crate::media_types::TYPES;
use crate::reply::Reply;
use crate::state::Shared;
use crate::time;

/// Bytes that Next.js reads of a request.
const MAX_BODY: usize = 1 << 20;
/// The largest upload, in bytes.
const MAX_LENGTH: f64 = 1e9;

/// Where to upload; nowhere if it was uploaded already.
pub(crate) fn announce(shared: &Shared, request: &Incoming) -> Reply {
    let body = match request.json(MAX_BODY, "1mb") {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Some(reply) = refusal(shared, request, &[Access::Project]) {
        return reply;
    }
    let issues = issues(&body);
    if !issues.is_empty() {
        return Reply::invalid(vec![
            json!({ "code": "invalid_union", "errors": [issues], "path": [], "message": "Invalid input" }),
        ]);
    }
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let length = body["contentLength"].as_f64().unwrap_or(0.0);
    if length > MAX_LENGTH {
        return Reply::error(
            400,
            "InvalidRequestError",
            "File size must be less than 1000000000 bytes",
        );
    }
    let hash = text("sha256Hash");
    let id: String = hash
        .replace('+', "-")
        .replace('/', "_")
        .chars()
        .take(22)
        .collect();
    let mut store = shared.lock();
    let media = store.media.entry(id.clone()).or_default();
    let is_there = media.reported == Some(200) && media.content_type == text("contentType");
    (media.id, media.content_type, media.hash) = (id.clone(), text("contentType"), hash);
    media.length = length as u64;
    let observation = body["observationId"].as_str().map(str::to_owned);
    media
        .used
        .push((text("traceId"), observation, text("field")));
    let host = request.header("host").unwrap_or_default();
    let scheme = if shared.tls { "https" } else { "http" };
    let url = format!("{scheme}://{host}/mock/upload/{id}?X-Amz-Signature=mock");
    Reply::json(
        201,
        &json!({ "mediaId": id, "uploadUrl": (!is_there).then_some(url) }),
    )
}

/// What is wrong with an announcement, and where.
fn issues(body: &Value) -> Vec<Value> {
    let text = |key: &str| body[key].as_str();
    let is_hash = |hash: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        hash.len() == 44 && hash.bytes().all(known)
    };
    let is_count = |number: f64| number > 0.0 && number.fract() == 0.0;
    let checks = [
        (
            "contentType",
            text("contentType").is_some_and(|kind| TYPES.contains(&kind)),
        ),
        (
            "contentLength",
            body["contentLength"].as_f64().is_some_and(is_count),
        ),
        ("sha256Hash", text("sha256Hash").is_some_and(is_hash)),
        ("traceId", body["traceId"].is_string()),
        (
            "observationId",
            body["observationId"].is_string() || body["observationId"].is_null(),
        ),
        (
            "field",
            text("field").is_some_and(|field| matches!(field, "input" | "output" | "metadata")),
        ),
        ("datasetId", body["datasetId"].is_null()),
        ("datasetItemId", body["datasetItemId"].is_null()),
    ];
    let wrong = checks.iter().filter(|(_, fits)| !fits);
    wrong.map(|(path, _)| json!({ "code": "invalid_value", "path": [path], "message": "Invalid input" })).collect()
}

/// The bucket: what does not fit what was announced is refused.
pub(crate) fn put(shared: &Shared, request: &Incoming, id: &str) -> Reply {
    let mut store = shared.lock();
    let Some(media) = store.media.get_mut(id) else {
        return Reply::new(403, "application/xml", "<Code>AccessDenied</Code>");
    };
    let sum = STANDARD.encode(digest(&SHA256, &request.body));
    let fits = request.header("content-type") == Some(media.content_type.as_str())
        && request.header("x-amz-checksum-sha256") == Some(media.hash.as_str())
        && request.header("authorization").is_none()
        && request.body.len() as u64 == media.length
        && sum == media.hash;
    if !fits {
        return Reply::new(400, "application/xml", "<Code>BadDigest</Code>");
    }
    media.bytes = Some(request.body.clone());
    Reply::new(200, "application/xml", "")
}

/// What the client says of its upload.
pub(crate) fn uploaded(shared: &Shared, request: &Incoming, id: &str) -> Reply {
    let body = match request.json(MAX_BODY, "1mb") {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Some(reply) = refusal(shared, request, &[Access::Project]) {
        return reply;
    }
    let issue = |path: &str, message: &str| json!({ "code": "invalid_type", "path": [path], "message": message });
    let mut issues = Vec::new();
    let at = body.get("uploadedAt");
    if at.and_then(time::javascript).is_none() {
        issues.push(issue(
            "uploadedAt",
            "Invalid input: expected date, received Date",
        ));
    }
    let status = body["uploadHttpStatus"]
        .as_u64()
        .filter(|status| *status > 0);
    if status.is_none() {
        issues.push(issue("uploadHttpStatus", "Invalid input: expected number"));
    }
    for (key, fits) in [
        ("uploadHttpError", body["uploadHttpError"].is_string()),
        ("uploadTimeMs", body["uploadTimeMs"].is_number()),
    ] {
        if !fits && !body[key].is_null() {
            issues.push(issue(key, "Invalid input"));
        }
    }
    if !issues.is_empty() {
        return Reply::invalid(issues);
    }
    match shared.lock().media.get_mut(id) {
        Some(media) => {
            media.reported = status;
            Reply::json(200, &json!({ "message": "OK" }))
        }
        None => {
            let message = format!("Media asset {id} not found in project mock-project");
            Reply::error(404, "LangfuseNotFoundError", &message)
        }
    }
}
