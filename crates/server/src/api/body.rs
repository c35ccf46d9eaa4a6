//! The body of a request, within the limits of the server, inflated.
//! Called by the handlers that take something in.

use std::io::Read as _;

use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::Response;
use bytes::Bytes;

use super::answers::error;
use crate::app::App;

/// The beginning of a text of the request, for a message.
pub(super) fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The body within the limits, inflated.
pub(crate) async fn whole(app: &App, request: Request) -> Result<Bytes, Response> {
    let encoding = request.headers().get(header::CONTENT_ENCODING);
    let encoding = encoding
        .and_then(|encoding| encoding.to_str().ok())
        .unwrap_or_default();
    let encoding = encoding.trim().to_ascii_lowercase();
    let limit = app.config.max_body;
    let too_large = |limit: usize| {
        let message = format!("Body exceeds the limit of this server, {limit} bytes");
        error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLargeError",
            &message,
        )
    };
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let Ok(body) = axum::body::to_bytes(request.into_body(), limit).await else {
        return Err(too_large(limit));
    };
    match encoding.as_str() {
        "" | "identity" => Ok(body),
        "gzip" | "x-gzip" => {
            let most = app.config.max_inflated;
            let inflated = tokio::task::spawn_blocking(move || inflate(&body, most)).await;
            match inflated {
                Ok(Some(plain)) if plain.len() <= most => Ok(plain.into()),
                Ok(Some(_)) => Err(too_large(most)),
                _ => Err(error(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestError",
                    "Failed to decompress request body",
                )),
            }
        }
        other => {
            let message = format!(
                "Content-Encoding {:?} is not read: send gzip or none",
                short(other)
            );
            Err(error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestError",
                &message,
            ))
        }
    }
}

/// At most one byte more than `most`; `None` if it is no gzip.
fn inflate(body: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    let decoder = flate2::read::MultiGzDecoder::new(body);
    decoder.take(limit).read_to_end(&mut plain).ok()?;
    Some(plain)
}
