//! Media: announced, put where the answer says, finished, and read back (`docs/langfuse.md` 3.2).

use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::access::base64;
use super::answers::{answer, error, failed, invalid, not_found};
use super::body::whole;
use super::fields::iso;
use crate::app::App;
use crate::store::{Announcement, Change, Kind, StoreError};

pub(crate) async fn announce(
    State(app): State<App>,
    headers: HeaderMap,
    request: Request,
) -> Response {
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return (StatusCode::BAD_REQUEST, "Invalid JSON").into_response();
    };
    let text = |key: &str| {
        body.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let length = body
        .get("contentLength")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let (hash, kind) = (text("sha256Hash"), text("contentType"));
    let is_hash = hash.len() == 44
        && hash
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let checks = [
        ("contentType", kind.contains('/') && kind.len() <= 200),
        ("contentLength", length > 0),
        ("sha256Hash", is_hash),
        ("traceId", !text("traceId").is_empty()),
        (
            "field",
            matches!(text("field").as_str(), "input" | "output" | "metadata"),
        ),
    ];
    if let Some((place, _)) = checks.iter().find(|(_, fits)| !fits) {
        return invalid(place, "Invalid input");
    }
    if length > u64::try_from(app.config.max_body).unwrap_or(u64::MAX) {
        let message = format!("File size must be less than {} bytes", app.config.max_body);
        return error(StatusCode::BAD_REQUEST, "InvalidRequestError", &message);
    }
    let id: String = hash
        .replace('+', "-")
        .replace('/', "_")
        .chars()
        .take(22)
        .collect();
    let media = Announcement {
        media: id.clone(),
        content_type: kind.clone(),
        length,
        sha256: hash,
        trace_id: text("traceId"),
        observation_id: body
            .get("observationId")
            .and_then(Value::as_str)
            .map(str::to_owned),
        field: text("field"),
    };
    // Bytes that are there need no upload. With another type Langfuse asks for them again.
    let wanted = id.clone();
    let is_there = match app.read(move |store| store.media(&wanted)).await {
        Ok(known) => known.is_some_and(|known| known.bytes.is_some() && known.content_type == kind),
        Err(failure) => return failed(&failure),
    };
    if let Err(failure) = app
        .store
        .ingest(vec![Change(Kind::Announce(Box::new(media)))])
        .await
    {
        return failed(&failure);
    }
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost");
    let url = (!is_there).then(|| format!("http://{host}/api/public/media/{id}/upload"));
    answer(
        StatusCode::CREATED,
        &json!({ "mediaId": id, "uploadUrl": url }),
    )
}

/// The bytes: only of what was announced, and those that were announced. Bytes that are there already are not stored again.
pub(crate) async fn upload(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let wanted = id.clone();
    let known = match app.read(move |store| store.media(&wanted)).await {
        Ok(Some(known)) => known,
        Ok(None) => {
            return error(
                StatusCode::FORBIDDEN,
                "ForbiddenError",
                "these media were not announced: send POST /api/public/media first",
            );
        }
        Err(failure) => return failed(&failure),
    };
    let most = usize::try_from(known.length).unwrap_or(usize::MAX);
    let most = most.min(app.config.max_body);
    let Ok(bytes) = axum::body::to_bytes(request.into_body(), most).await else {
        let message = format!("{} bytes were announced, more came", known.length);
        return error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLargeError",
            &message,
        );
    };
    if u64::try_from(bytes.len()).ok() != Some(known.length) {
        let message = format!(
            "{} bytes were announced, {} came",
            known.length,
            bytes.len()
        );
        return error(StatusCode::BAD_REQUEST, "BadDigest", &message);
    }
    let announced = known.sha256;
    let hashed = tokio::task::spawn_blocking(move || {
        let hash = ring::digest::digest(&ring::digest::SHA256, &bytes);
        (base64(&announced).as_deref() == Some(hash.as_ref())).then_some(bytes)
    });
    let bytes = match hashed.await {
        Ok(Some(bytes)) => bytes,
        Ok(None) => {
            return error(
                StatusCode::BAD_REQUEST,
                "BadDigest",
                "the SHA-256 of the bytes is not the one that was announced",
            );
        }
        Err(failure) => return failed(&StoreError::Failed(failure.to_string())),
    };
    if known.bytes.is_some() {
        return StatusCode::OK.into_response();
    }
    let upload = Change(Kind::Upload {
        media: id,
        bytes: bytes.to_vec(),
    });
    match app.store.ingest(vec![upload]).await {
        Ok(_) => StatusCode::OK.into_response(),
        Err(failure) => failed(&failure),
    }
}

/// What the client says about its upload.
pub(crate) async fn uploaded(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(status) = body.get("uploadHttpStatus").and_then(Value::as_i64) else {
        return invalid("uploadHttpStatus", "Invalid input: expected number");
    };
    let wanted = id.clone();
    match app.read(move |store| store.media(&wanted)).await {
        Ok(Some(_)) => {}
        Ok(None) => return not_found("Media asset", &id),
        Err(failure) => return failed(&failure),
    }
    match app
        .store
        .ingest(vec![Change(Kind::Uploaded { media: id, status })])
        .await
    {
        Ok(_) => answer(StatusCode::OK, &json!({ "message": "OK" })),
        Err(failure) => failed(&failure),
    }
}

/// `GET /api/public/media/{id}`: what is known, and where the bytes are.
pub(crate) async fn one(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let wanted = id.clone();
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost")
        .to_owned();
    match app
        .read(move |store| Ok((store.media(&wanted)?, store.now_ns())))
        .await
    {
        Ok((Some(media), now_ns)) => answer(
            StatusCode::OK,
            &json!({
                "mediaId": media.id, "contentType": media.content_type, "contentLength": media.length,
                "uploadedAt": media.uploaded_ns.map(iso), "url": format!("http://{host}/media/{}", media.id),
                "urlExpiry": iso(now_ns.saturating_add(3_600_000_000_000)),
            }),
        ),
        Ok((None, _)) => not_found("Media asset", &id),
        Err(failure) => failed(&failure),
    }
}

/// `GET /media/{id}`: the bytes, for pages. What is no picture, sound or film of a plain type is a download: nothing that
/// was uploaded runs as a page of this server.
pub(crate) async fn bytes(State(app): State<App>, Path(id): Path<String>) -> Response {
    let wanted = id.clone();
    let media = match app.read(move |store| store.media(&wanted)).await {
        Ok(Some(media)) => media,
        Ok(None) => return not_found("Media asset", &id),
        Err(failure) => return failed(&failure),
    };
    let Some(bytes) = media.bytes else {
        return not_found("The upload of media asset", &id);
    };
    let kind = media.content_type.to_ascii_lowercase();
    let is_plain = kind != "image/svg+xml"
        && ["image/", "audio/", "video/"]
            .iter()
            .any(|start| kind.starts_with(start));
    let shown = if is_plain {
        kind.as_str()
    } else {
        "application/octet-stream"
    };
    let shown = HeaderValue::from_str(shown)
        .unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let disposition = if is_plain { "inline" } else { "attachment" };
    let headers = [
        (header::CONTENT_TYPE, shown),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static(disposition),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; sandbox"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("private, max-age=86400, immutable"),
        ),
    ];
    (headers, bytes).into_response()
}
