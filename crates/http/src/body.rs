//! The body of an answer, read up to a limit.
//! Called by `client`.

use bytes::{Bytes, BytesMut};
use http_body::Body;
use hyper::body::Incoming;

use super::endpoint::Endpoint;
use super::error::{HttpError, HttpErrorKind};
use super::explain::explain;

/// The whole body, unless it has more than `most` bytes.
pub(super) async fn read(
    endpoint: &Endpoint,
    mut body: Incoming,
    most: usize,
) -> Result<Bytes, HttpError> {
    let too_large = || {
        let message = format!(
            "{} answered with more than {} KiB, which is not read",
            endpoint.origin(),
            most / 1024
        );
        HttpError::new(HttpErrorKind::BodyTooLarge, message)
    };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = next_frame(&mut body).await {
        let frame = frame.map_err(|error| explain(endpoint, error))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        if whole.len().saturating_add(piece.len()) > most {
            return Err(too_large());
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

async fn next_frame(body: &mut Incoming) -> Option<Result<http_body::Frame<Bytes>, hyper::Error>> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *body).poll_frame(context)).await
}
