//! Answers in JSON, and how an error of the store is reported.
//! Used by all handlers of the API.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::store::StoreError;

pub(crate) fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [
        (header::CONTENT_TYPE, "application/json; charset=utf-8"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (status, kind, body.to_string()).into_response()
}

/// An error with one of Langfuse's names.
pub(crate) fn error(status: StatusCode, name: &str, message: &str) -> Response {
    answer(status, &json!({ "message": message, "error": name }))
}

/// A query or a body that is not as it should be.
pub(crate) fn invalid(place: &str, message: &str) -> Response {
    let issue = json!({ "code": "custom", "path": [place], "message": message });
    answer(
        StatusCode::BAD_REQUEST,
        &json!({ "message": "Invalid request data", "error": [issue] }),
    )
}

/// The answer to an error of the store. Clients repeat a request after a full disk or a lock.
pub(crate) fn failed(failure: &StoreError) -> Response {
    let status = match failure {
        StoreError::Cursor => {
            return error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestError",
                "Invalid cursor format",
            );
        }
        StoreError::Full | StoreError::Locked | StoreError::Closed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = error(status, "StoreError", &failure.to_string());
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    response
}

pub(crate) fn not_found(what: &str, id: &str) -> Response {
    let message = format!("{what} {id} not found");
    error(StatusCode::NOT_FOUND, "LangfuseNotFoundError", &message)
}
