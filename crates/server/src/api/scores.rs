//! Scores read back: version 3 of the endpoint, and the older ones.

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::answers::{answer, failed, invalid, not_found};
use super::fields::{Groups, old_score, score};
use super::params::{Params, Refusal, refusal};
use crate::app::App;
use crate::model::ScoreQuery;

const TYPES: &[&str] = &["NUMERIC", "CATEGORICAL", "BOOLEAN", "CORRECTION", "TEXT"];

pub(crate) async fn configs() -> Response {
    let meta = json!({ "page": 1, "limit": 50, "totalItems": 0, "totalPages": 0 });
    answer(StatusCode::OK, &json!({ "data": [], "meta": meta }))
}

fn query(params: &Params, most: usize) -> Result<ScoreQuery, Refusal> {
    let text = |name: &str| params.filled(name).map(str::to_owned);
    let kind = text("dataType").map(|kind| kind.to_uppercase());
    if let Some(kind) = kind.as_deref().filter(|kind| !TYPES.contains(kind)) {
        let message = format!(
            "Invalid dataType value: {kind:?}. Allowed: {}",
            TYPES.join(", ")
        );
        return Err(refusal("dataType", &message));
    }
    Ok(ScoreQuery {
        trace_id: text("traceId"),
        observation_id: text("observationId"),
        session_id: text("sessionId"),
        name: text("name"),
        user_id: text("userId"),
        data_type: kind,
        source: text("source").map(|source| source.to_uppercase()),
        environment: text("environment"),
        from_ns: params.time("fromTimestamp")?,
        to_ns: params.time("toTimestamp")?,
        limit: params.number("limit", 50, most)?.max(1),
        cursor: None,
    })
}

/// `GET /api/public/v3/scores`.
pub(crate) async fn newest(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let mut query = match query(&params, 100) {
        Ok(query) => query,
        Err(response) => return *response,
    };
    if query.observation_id.is_some() && query.trace_id.is_none() {
        let message =
            "observationId filter requires traceId — observation IDs are scoped to a trace";
        return invalid("observationId", message);
    }
    query.cursor = params.one("cursor").map(str::to_owned);
    let limit = query.limit;
    let groups = Groups {
        names: params.all("fields"),
        expand: Vec::new(),
    };
    match app.read(move |store| store.scores(&query)).await {
        Ok(page) => {
            let data: Vec<Value> = page.rows.iter().map(|row| score(row, &groups)).collect();
            let mut meta = json!({ "limit": limit });
            if let (Some(next), Value::Object(meta)) = (page.next, &mut meta) {
                meta.insert("cursor".to_owned(), next.into());
            }
            answer(StatusCode::OK, &json!({ "data": data, "meta": meta }))
        }
        Err(failure) => failed(&failure),
    }
}

/// `GET /api/public/scores` and `/v2/scores`, by page.
pub(crate) async fn list(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = query(&params, 1000)
        .and_then(|query| Ok((query, params.number("page", 1, 1_000_000)?.max(1))));
    let (query, page) = match read {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let limit = query.limit;
    match app
        .read(move |store| store.scores_of_page(&query, page))
        .await
    {
        Ok((rows, total)) => {
            let data: Vec<Value> = rows.iter().map(old_score).collect();
            let meta = json!({ "page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit) });
            answer(StatusCode::OK, &json!({ "data": data, "meta": meta }))
        }
        Err(failure) => failed(&failure),
    }
}

pub(crate) async fn one(State(app): State<App>, Path(id): Path<String>) -> Response {
    let wanted = id.clone();
    match app.read(move |store| store.score(&wanted)).await {
        Ok(Some(row)) => answer(StatusCode::OK, &old_score(&row)),
        Ok(None) => not_found("Score", &id),
        Err(failure) => failed(&failure),
    }
}
