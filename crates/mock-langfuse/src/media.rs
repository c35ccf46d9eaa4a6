//! Media: announced by `POST /api/public/media`, put where the answer says, told by `PATCH` (`docs/langfuse.md` 3.2).
//! Called by `server`; the place of the upload is this server, in the part of a bucket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use crate::answers::{Incoming, Reply};
use crate::server::Shared;

/// One thing that was announced, and what became of it.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Media {
    /// The first 22 digits of its hash.
    pub id: String,
    /// Type, as it was announced.
    pub content_type: String,
    /// Base64 of its SHA-256, as it was announced.
    pub hash: String,
    /// Length in bytes, as it was announced.
    pub length: u64,
    /// Where it is used: trace id, observation id, field.
    pub used: Vec<(String, Option<String>, String)>,
    /// What was uploaded.
    pub bytes: Option<Bytes>,
    /// The status the client says its upload had.
    pub told: Option<u64>,
}

/// Where to upload; nowhere if it is there already.
pub(crate) fn announce(shared: &Shared, request: &Incoming) -> Reply {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Reply::text(400, "Invalid JSON");
    };
    let text = |key: &str| body[key].as_str().map(str::to_owned);
    let hash = text("sha256Hash").filter(|hash| hash.len() == 44);
    let field =
        text("field").filter(|field| matches!(field.as_str(), "input" | "output" | "metadata"));
    let length = body["contentLength"]
        .as_u64()
        .filter(|length| (1..=1 << 30).contains(length));
    let kind = text("contentType").filter(|kind| kind.contains('/'));
    let (Some(hash), Some(field), Some(length), Some(kind), Some(trace)) =
        (hash, field, length, kind, text("traceId"))
    else {
        return Reply::json(400, &json!({ "message": "Invalid request data" }));
    };
    let id: String = hash
        .replace('+', "-")
        .replace('/', "_")
        .chars()
        .take(22)
        .collect();
    let mut store = shared.lock();
    let media = store.media.entry(id.clone()).or_insert_with(|| Media {
        id: id.clone(),
        content_type: kind,
        hash,
        length,
        ..Media::default()
    });
    media.used.push((trace, text("observationId"), field));
    let host = request.header("host").unwrap_or_default();
    let scheme = if shared.tls { "https" } else { "http" };
    let url = format!("{scheme}://{host}/mock/upload/{id}?X-Amz-Signature=mock");
    let url = media.bytes.is_none().then_some(url);
    Reply::json(201, &json!({ "mediaId": id, "uploadUrl": url }))
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
pub(crate) fn told(shared: &Shared, request: &Incoming, id: &str) -> Reply {
    let body = serde_json::from_slice::<Value>(&request.body).unwrap_or_default();
    let Some(status) = body["uploadHttpStatus"]
        .as_u64()
        .filter(|_| body["uploadedAt"].is_string())
    else {
        return Reply::json(400, &json!({ "message": "Invalid request data" }));
    };
    match shared.lock().media.get_mut(id) {
        Some(media) => {
            media.told = Some(status);
            Reply::json(200, &json!({}))
        }
        None => Reply::json(404, &json!({ "message": "Media asset not found" })),
    }
}
