//! What is taken in: OTLP, the batch API and scores.
//! Bodies are inflated and read on threads for blocking work; the answer comes once everything is on disk.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::{Value, json};
use tracefuse_core::SpanId;

use super::answers::{answer, error, failed, invalid};
use super::body::{short, whole};
use crate::app::App;
use crate::take::{self, Taken};

/// What the sender's request has that a Langfuse server refuses.
fn notes(headers: &HeaderMap) -> Vec<String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut notes = Vec::new();
    if let Some(version) = text("x-langfuse-ingestion-version") {
        let is_good = version.trim().is_empty()
            || version
                .trim()
                .parse::<f64>()
                .is_ok_and(|version| version < 5.0);
        if !is_good {
            notes.push(format!(
                "Langfuse refuses x-langfuse-ingestion-version {:?}",
                short(version)
            ));
        }
    }
    if text("authorization").is_some_and(|value| {
        value
            .get(..7)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer "))
    }) {
        notes.push("Langfuse refuses a bearer token for spans: send both keys".to_owned());
    }
    notes
}

pub(crate) async fn otlp(State(app): State<App>, request: Request) -> Response {
    let headers = request.headers().clone();
    let mut notes = notes(&headers);
    // Langfuse's own address alone has Langfuse's rules.
    if request.uri().path() == "/v1/traces" {
        notes.clear();
    }
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.unwrap_or_default().to_ascii_lowercase();
    let is_json = match (kind.contains("json"), kind.contains("protobuf")) {
        (true, _) => true,
        (_, true) => false,
        _ => {
            notes.push("Langfuse refuses a content type other than protobuf and JSON".to_owned());
            body.first()
                .is_some_and(|first| matches!(first, b'{' | b' ' | b'\n'))
        }
    };
    let read = {
        let body = body.clone();
        tokio::task::spawn_blocking(move || take::otlp(&body, is_json, &notes)).await
    };
    let mut taken = match read {
        Ok(Ok(taken)) => taken,
        Ok(Err(failure)) => {
            return error(
                StatusCode::BAD_REQUEST,
                "InvalidRequestError",
                &failure.to_string(),
            );
        }
        Err(failure) => {
            return error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                &failure.to_string(),
            );
        }
    };
    let changes = std::mem::take(&mut taken.changes);
    if let Err(failure) = app.store.ingest(changes).await {
        return failed(&failure);
    }
    if let Some(tee) = app.config.tee.clone() {
        let kind = match is_json {
            true => "application/json",
            false => "application/x-protobuf",
        };
        // The body is stored: the answer is the same if the tee panics.
        let _ = tokio::task::spawn_blocking(move || tee.take(&body, kind)).await;
    }
    partial_success(&taken, is_json)
}

/// OTLP's answer: what was refused, if anything.
fn partial_success(taken: &Taken, is_json: bool) -> Response {
    let refused = i64::try_from(taken.refused).unwrap_or(i64::MAX);
    let reason = taken.reason.clone().unwrap_or_default();
    if is_json {
        let body = match refused {
            0 => json!({}),
            _ => {
                json!({ "partialSuccess": { "rejectedSpans": refused.to_string(), "errorMessage": reason } })
            }
        };
        return answer(StatusCode::OK, &body);
    }
    let partial = ExportTracePartialSuccess {
        rejected_spans: refused,
        error_message: reason,
    };
    let body = ExportTraceServiceResponse {
        partial_success: (refused > 0).then_some(partial),
    };
    let kind = [(header::CONTENT_TYPE, "application/x-protobuf")];
    (StatusCode::OK, kind, body.encode_to_vec()).into_response()
}

/// Metrics and logs are accepted and discarded, so that an SDK which sends them too gets no error.
/// The answer is in the encoding of the request: an empty message has no bytes in protobuf.
pub(crate) async fn discarded(headers: HeaderMap) -> Response {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    if kind.is_some_and(|kind| kind.to_ascii_lowercase().contains("protobuf")) {
        let kind = [(header::CONTENT_TYPE, "application/x-protobuf")];
        return (StatusCode::OK, kind, Vec::new()).into_response();
    }
    answer(StatusCode::OK, &json!({}))
}

pub(crate) async fn batch(State(app): State<App>, request: Request) -> Response {
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let read = tokio::task::spawn_blocking(move || {
        let body = take::parse_json::<Value>(&body).ok()?;
        Some(take::batch_events(&body))
    });
    let outcome = match read.await {
        Ok(Some(Ok(outcome))) => outcome,
        Ok(None) => return (StatusCode::BAD_REQUEST, "Invalid JSON").into_response(),
        Err(failure) => {
            return error(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerError",
                &failure.to_string(),
            );
        }
        Ok(Some(Err(failure))) => {
            let body =
                json!({ "message": "Invalid request data", "errors": [failure.to_string()] });
            return answer(StatusCode::BAD_REQUEST, &body);
        }
    };
    if let Err(failure) = app.store.ingest(outcome.changes).await {
        return failed(&failure);
    }
    let successes: Vec<Value> = outcome
        .successes
        .iter()
        .map(|id| json!({ "id": id, "status": 201 }))
        .collect();
    let errors = outcome.errors.iter();
    let errors: Vec<Value> = errors
        .map(|(id, message)| json!({ "id": id, "status": 400, "message": "Invalid request data", "error": message }))
        .collect();
    answer(
        StatusCode::MULTI_STATUS,
        &json!({ "successes": successes, "errors": errors }),
    )
}

/// One score, or a list of them as servers from 4.59 on take it.
pub(crate) async fn scores(State(app): State<App>, request: Request) -> Response {
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    match take::parse_json::<Value>(&body) {
        Ok(Value::Object(score)) => {
            let change = match take::score(&score, &SpanId::random().to_string()) {
                Ok(change) => change,
                Err((place, message)) => return invalid(place, &message),
            };
            let id = change.score_id().to_owned();
            match app.store.ingest(vec![change]).await {
                Ok(_) => answer(StatusCode::OK, &json!({ "id": id })),
                Err(failure) => failed(&failure),
            }
        }
        Ok(Value::Array(scores)) => {
            let (mut changes, mut errors) = (Vec::new(), Vec::new());
            for score in scores {
                let score = score.as_object().cloned().unwrap_or_default();
                match take::score(&score, &SpanId::random().to_string()) {
                    Ok(change) => changes.push(change),
                    Err((place, message)) => {
                        errors.push(json!({ "message": format!("{place}: {message}") }))
                    }
                }
            }
            let accepted = changes.len();
            if let Err(failure) = app.store.ingest(changes).await {
                return failed(&failure);
            }
            match errors.len() {
                0 => answer(StatusCode::ACCEPTED, &json!({ "message": "Accepted" })),
                rejected => {
                    let body =
                        json!({ "accepted": accepted, "rejected": rejected, "errors": errors });
                    answer(StatusCode::MULTI_STATUS, &body)
                }
            }
        }
        Ok(_) => invalid("", "Invalid input: expected object"),
        Err(_) => (StatusCode::BAD_REQUEST, "Invalid JSON").into_response(),
    }
}
