//! The API: what is taken in, and what is read back as Langfuse answers it.
//! Called by `server` for its router. Bodies are read by `take`, rows by `store`.

mod access;
mod answers;
mod body;
mod body_filter;
mod fields;
mod filter;
mod ingest;
mod legacy;
mod media;
mod observations;
mod params;
mod score_fields;
mod scores;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::response::Response;
use axum::routing::{get, patch, post, put};
use serde_json::{Map, Value, json};

use crate::app::App;
pub(crate) use access::guard;
use answers::{answer, error};

/// The routes of the API.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/v1/traces", post(ingest::otlp))
        .route("/api/public/otel/v1/traces", post(ingest::otlp))
        .route("/v1/metrics", post(ingest::discarded))
        .route("/v1/logs", post(ingest::discarded))
        .route("/api/public/otel/v1/metrics", post(ingest::discarded))
        .route("/api/public/ingestion", post(ingest::batch))
        .route("/api/public/scores", post(ingest::scores).get(scores::list))
        .route("/api/public/v2/scores", get(scores::list))
        .route("/api/public/v3/scores", get(scores::newest))
        .route(
            "/api/public/scores/{score}",
            get(scores::one).delete(scores::delete),
        )
        .route("/api/public/v2/scores/{score}", get(scores::one))
        .route("/api/public/score-configs", get(scores::configs))
        .route("/api/public/media", post(media::announce))
        .route(
            "/api/public/media/{media}",
            patch(media::uploaded).get(media::one),
        )
        .route("/api/public/media/{media}/upload", put(media::upload))
        .route("/media/{media}", get(media::bytes))
        .route("/api/public/projects", get(projects))
        .route("/api/public/health", get(health))
        .route("/api/public/ready", get(health))
        .route("/api/public/v2/observations", get(observations::list))
        .route("/api/public/observations", get(legacy::observations))
        .route(
            "/api/public/observations/{observation}",
            get(legacy::observation),
        )
        .route(
            "/api/public/traces",
            get(legacy::traces).delete(legacy::delete_all),
        )
        .route(
            "/api/public/traces/{trace}",
            get(legacy::trace).delete(legacy::delete),
        )
        .route("/api/public/sessions", get(legacy::sessions))
        .route("/api/public/sessions/{session}", get(legacy::session))
}

/// A client requests this to check its keys.
async fn projects() -> Response {
    let organization = json!({ "id": "local", "name": "local" });
    let project =
        json!({ "id": "local", "name": "local", "organization": organization, "metadata": {} });
    answer(StatusCode::OK, &json!({ "data": [project] }))
}

/// The version of Langfuse whose API this is, and our own.
async fn health(State(app): State<App>) -> Response {
    let readable = app.read(|store| store.trace_row("")).await;
    let (status, word) = match readable {
        Ok(_) => (StatusCode::OK, "OK"),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "the store cannot be read"),
    };
    let server = concat!("tracefuse ", env!("CARGO_PKG_VERSION"));
    let forward = app.config.tee.as_ref().map(|tee| {
        let counts = tee.counts().into_iter();
        counts
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect::<Map<String, Value>>()
    });
    let mut body = json!({ "status": word, "version": "4.59.0", "server": server });
    if let (Some(forward), Some(body)) = (forward, body.as_object_mut()) {
        body.insert("forward".to_owned(), forward.into());
    }
    answer(status, &body)
}

/// Endpoints that Langfuse has and this server does not.
const NOT_SERVED: &[&str] = &[
    "annotation-queues",
    "comments",
    "dataset-items",
    "dataset-run-items",
    "datasets",
    "events",
    "generations",
    "llm-connections",
    "metrics",
    "models",
    "organizations",
    "prompts",
    "scim",
    "spans",
];

/// The answer of a path that is not served.
pub(crate) async fn missing(method: Method, uri: Uri) -> Response {
    let path = uri.path();
    let rest = path
        .trim_start_matches("/api/public/")
        .trim_start_matches("v2/");
    let first = rest.split('/').next().unwrap_or_default();
    if NOT_SERVED.contains(&first) {
        let message = format!(
            "{method} {path} is part of Langfuse's API and not served here: this server keeps traces, observations, scores and media"
        );
        return error(StatusCode::NOT_IMPLEMENTED, "NotImplementedError", &message);
    }
    let message = format!(
        "there is no {method} {path} here: send spans to /api/public/otel/v1/traces or /v1/traces, and read /api/public/v2/observations"
    );
    error(StatusCode::NOT_FOUND, "LangfuseNotFoundError", &message)
}

/// The answer of a path that has another method only, also of a page.
pub(crate) async fn not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("{} takes no {method}", uri.path());
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowedError",
        &message,
    )
}
