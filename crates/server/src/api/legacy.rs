//! The older endpoints that read: traces, observations and sessions by page, as Langfuse 3 answers them.

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::answers::{answer, failed, not_found};
use super::fields::{iso, old_observation, old_score, trace as shown};
use super::observations::conditions;
use super::params::{Params, Refusal};
use crate::app::App;
use crate::model::{Order, ScoreQuery, TraceQuery};
use crate::store::{ObservationQuery, Parts, Store, StoreError, WholeTrace};

/// Observations that the answer of one trace has.
const MOST_OBSERVATIONS: usize = 100_000;

/// Page and limit of a list.
fn place(params: &Params, most: usize) -> Result<(usize, usize), Refusal> {
    let page = params.number("page", 1, 1_000_000)?.max(1);
    let limit = params.number("limit", 50, most)?.max(1);
    Ok((page, limit))
}

fn paged(data: &[Value], page: usize, limit: usize, total: usize) -> Response {
    let meta = json!({ "page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit) });
    answer(StatusCode::OK, &json!({ "data": data, "meta": meta }))
}

/// Groups of fields of a trace: all if `fields` names none. Core fields are always shown.
#[derive(Clone, Copy, Debug)]
struct Groups {
    parts: Parts,
    metrics: bool,
}

impl Groups {
    fn of(params: &Params) -> Self {
        let names = params.all("fields");
        let has = |name: &str| names.is_empty() || names.iter().any(|known| known == name);
        Self {
            parts: Parts {
                io: has("io"),
                observations: has("observations"),
                scores: has("scores"),
            },
            metrics: has("metrics"),
        }
    }

    /// The fields of a trace; without the group `metrics`, Langfuse shows a latency and a cost of -1.
    fn shown(self, trace: &WholeTrace) -> Value {
        let mut fields = shown(&trace.row, &trace.bodies);
        if !self.metrics {
            put(&mut fields, "latency", (-1).into());
            put(&mut fields, "totalCost", (-1).into());
        }
        fields
    }
}

/// `GET /api/public/traces`.
pub(crate) async fn traces(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = || -> Result<_, Refusal> {
        let text = |name: &str| params.filled(name).map(str::to_owned);
        let (page, limit) = place(&params, 1000)?;
        let query = TraceQuery {
            from_ns: params.time("fromTimestamp")?,
            to_ns: params.time("toTimestamp")?,
            name: text("name"),
            user_id: text("userId"),
            session_id: text("sessionId"),
            environment: text("environment"),
            release: text("release"),
            version: text("version"),
            tags: params.all("tags"),
            order: match params.filled("orderBy") {
                Some("timestamp.asc") => Order::Oldest,
                _ => Order::Newest,
            },
            limit,
            ..TraceQuery::default()
        };
        Ok((query, page))
    };
    let (query, page) = match read() {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let limit = query.limit;
    let groups = Groups::of(&params);
    let found = app.read(move |store| {
        let (traces, total) = store.traces_of_page(&query, page, groups.parts)?;
        let data = traces.into_iter().map(|trace| {
            let mut fields = groups.shown(&trace);
            put(&mut fields, "observations", trace.observations.into());
            put(&mut fields, "scores", trace.scores.into());
            fields
        });
        Ok((data.collect::<Vec<Value>>(), total))
    });
    match found.await {
        Ok((data, total)) => paged(&data, page, limit, total),
        Err(failure) => failed(&failure),
    }
}

fn put(to: &mut Value, name: &str, value: Value) {
    if let Value::Object(fields) = to {
        fields.insert(name.to_owned(), value);
    }
}

fn scores_of(store: &Store, trace: &str) -> Result<Vec<crate::model::ScoreRow>, StoreError> {
    let query = ScoreQuery {
        trace_id: Some(trace.to_owned()),
        limit: 1000,
        ..ScoreQuery::default()
    };
    Ok(store.scores(&query)?.rows)
}

/// `GET /api/public/traces/{id}`: with observations and scores.
pub(crate) async fn trace(State(app): State<App>, Path(id): Path<String>, uri: Uri) -> Response {
    let groups = Groups::of(&Params::of(&uri));
    let wanted = id.clone();
    let found = app.read(move |store| {
        let Some(row) = store.trace_row(&wanted)? else {
            return Ok(None);
        };
        let mut trace = WholeTrace {
            row,
            ..WholeTrace::default()
        };
        let mut observations = Vec::new();
        if groups.parts.io {
            trace.bodies = store.trace_bodies(&wanted)?.unwrap_or_default();
        }
        if groups.parts.observations {
            let query = ObservationQuery {
                conditions: vec![("t.id = ?".to_owned(), vec![wanted.clone().into()])],
                with_bodies: true,
                limit: MOST_OBSERVATIONS,
                ..ObservationQuery::default()
            };
            let newest_first = store.observations(&query)?.0;
            observations = newest_first.iter().rev().map(old_observation).collect();
        }
        let scores = match groups.parts.scores {
            true => scores_of(store, &wanted)?,
            false => Vec::new(),
        };
        let scores: Vec<Value> = scores.iter().map(old_score).collect();
        let mut fields = groups.shown(&trace);
        put(&mut fields, "observations", observations.into());
        put(&mut fields, "scores", scores.into());
        Ok(Some(fields))
    });
    match found.await {
        Ok(Some(trace)) => answer(StatusCode::OK, &trace),
        Ok(None) => not_found("Trace", &id),
        Err(failure) => failed(&failure),
    }
}

/// `DELETE /api/public/traces/{id}`.
pub(crate) async fn delete(State(app): State<App>, Path(id): Path<String>) -> Response {
    match app.store.delete_trace(&id).await {
        Ok(true) => answer(
            StatusCode::OK,
            &json!({ "message": "Trace deleted successfully" }),
        ),
        Ok(false) => not_found("Trace", &id),
        Err(failure) => failed(&failure),
    }
}

/// `GET /api/public/observations`.
pub(crate) async fn observations(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = place(&params, 1000).and_then(|place| Ok((place, conditions(&params)?)));
    let ((page, limit), conditions) = match read {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let found = app.read(move |store| {
        let total = store.count_observations(&conditions)?;
        let query = ObservationQuery {
            conditions,
            with_bodies: true,
            skip: page.saturating_sub(1).saturating_mul(limit),
            limit,
            ..ObservationQuery::default()
        };
        let rows = store.observations(&query)?.0;
        Ok((rows.iter().map(old_observation).collect::<Vec<_>>(), total))
    });
    match found.await {
        Ok((data, total)) => paged(&data, page, limit, total),
        Err(failure) => failed(&failure),
    }
}

/// `GET /api/public/observations/{id}`: the newest of this id.
pub(crate) async fn observation(State(app): State<App>, Path(id): Path<String>) -> Response {
    let query = ObservationQuery {
        conditions: vec![("s.id = ?".to_owned(), vec![id.clone().into()])],
        with_bodies: true,
        limit: 1,
        ..ObservationQuery::default()
    };
    match app.read(move |store| store.observations(&query)).await {
        Ok((rows, _)) => match rows.first() {
            Some(row) => answer(StatusCode::OK, &old_observation(row)),
            None => not_found("Observation", &id),
        },
        Err(failure) => failed(&failure),
    }
}

fn session_of(row: &crate::model::SessionRow) -> Value {
    json!({ "id": row.id, "createdAt": iso(row.first_ns), "projectId": "local", "environment": "default" })
}

/// `GET /api/public/sessions`.
pub(crate) async fn sessions(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let (page, limit) = match place(&params, 1000) {
        Ok(place) => place,
        Err(response) => return *response,
    };
    match app
        .read(move |store| store.sessions_of_page(page, limit))
        .await
    {
        Ok((rows, total)) => paged(
            &rows.iter().map(session_of).collect::<Vec<_>>(),
            page,
            limit,
            total,
        ),
        Err(failure) => failed(&failure),
    }
}

/// `GET /api/public/sessions/{id}`: with its traces.
pub(crate) async fn session(State(app): State<App>, Path(id): Path<String>) -> Response {
    let wanted = id.clone();
    let found = app.read(move |store| {
        let Some(view) = store.session(&wanted)? else {
            return Ok(None);
        };
        let mut session = session_of(&view.session);
        let mut traces = Vec::with_capacity(view.traces.len());
        for row in &view.traces {
            let bodies = store.trace_bodies(&row.id)?.unwrap_or_default();
            traces.push(shown(row, &bodies));
        }
        put(&mut session, "traces", traces.into());
        Ok(Some(session))
    });
    match found.await {
        Ok(Some(session)) => answer(StatusCode::OK, &session),
        Ok(None) => not_found("Session", &id),
        Err(failure) => failed(&failure),
    }
}
