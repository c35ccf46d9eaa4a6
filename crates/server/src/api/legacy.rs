//! The older endpoints that read: traces, observations and sessions by page, as Langfuse 3 answers them.

use axum::extract::{Path, Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use super::answers::{answer, failed, invalid, not_found};
use super::body::whole;
use super::fields::{iso, old_observation, trace as shown};
use super::filter;
use super::observations::conditions;
use super::params::{Params, Refusal, refusal};
use super::score_fields::old_score;
use crate::app::App;
use crate::model::{Order, ScoreQuery, TraceQuery};
use crate::store::{
    Conditions, ObservationQuery, Parts, SESSION_ENVIRONMENT, Store, StoreError, WholeTrace,
};

/// Observations that the answer of one trace has.
const MOST_OBSERVATIONS: usize = 100_000;

/// Page and limit of a list.
pub(super) fn place(params: &Params) -> Result<(usize, usize), Refusal> {
    let page = params.number("page", 1, 1_000_000)?;
    let limit = params.number("limit", 50, 1000)?;
    for (name, number) in [("page", page), ("limit", limit)] {
        if number == 0 {
            return Err(refusal(name, "Too small: expected number to be >=1"));
        }
    }
    Ok((page, limit))
}

/// A condition that one of these values is in a column; none without values.
pub(super) fn among(column: &str, values: Vec<String>) -> Option<(String, Vec<Sql>)> {
    let places = vec!["?"; values.len()].join(", ");
    let values: Vec<Sql> = values.into_iter().map(Sql::from).collect();
    (!values.is_empty()).then(|| (format!("{column} IN ({places})"), values))
}

pub(super) fn paged(data: &[Value], page: usize, limit: usize, total: usize) -> Response {
    let meta = json!({ "page": page, "limit": limit, "totalItems": total, "totalPages": total.div_ceil(limit) });
    answer(StatusCode::OK, &json!({ "data": data, "meta": meta }))
}

const GROUPS: &[&str] = &["core", "io", "scores", "observations", "metrics"];

/// Groups of fields of a trace: all if `fields` names none. Core fields are always shown.
#[derive(Clone, Copy, Debug)]
struct Groups {
    parts: Parts,
    metrics: bool,
}

impl Groups {
    fn of(params: &Params) -> Self {
        // Langfuse passes over names that it does not know.
        let mut names = params.all("fields");
        names.retain(|name| GROUPS.contains(&name.as_str()));
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
        let (page, limit) = place(&params)?;
        let filters = filter::of_traces(&params)?;
        // A condition of `filter` wins over the parameter of the same name.
        let unfiltered = |name: &str, column: &str| text(name).filter(|_| !filters.has(column));
        let unlimited = |time: Option<i64>| time.filter(|_| !filters.has("timestamp"));
        let mut conditions = Conditions::new();
        let environments = params.list("environment")?;
        if !filters.has("environment") {
            conditions.extend(among("environment", environments));
        }
        let tags = params.list("tags")?;
        let query = TraceQuery {
            from_ns: unlimited(params.time("fromTimestamp")?),
            to_ns: unlimited(params.time("toTimestamp")?),
            name: unfiltered("name", "name"),
            user_id: unfiltered("userId", "userId"),
            session_id: unfiltered("sessionId", "sessionId"),
            release: unfiltered("release", "release"),
            version: unfiltered("version", "version"),
            tags: match filters.has("tags") {
                true => Vec::new(),
                false => tags,
            },
            order: order(&params)?,
            limit,
            ..TraceQuery::default()
        };
        conditions.extend(filters.rows);
        Ok((query, conditions, page))
    };
    let (query, conditions, page) = match read() {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let limit = query.limit;
    let groups = Groups::of(&params);
    let found = app.read(move |store| {
        let (traces, total) = store.traces_of_page(&query, &conditions, page, groups.parts)?;
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

/// The parameter `orderBy`, such as `timestamp.asc`.
fn order(params: &Params) -> Result<Order, Refusal> {
    let Some(given) = params.filled("orderBy") else {
        return Ok(Order::Newest);
    };
    let (column, direction) = given.split_once('.').unwrap_or((given, ""));
    match (column, direction.to_ascii_uppercase().as_str()) {
        ("timestamp" | "startTime" | "createdAt", "DESC") => Ok(Order::Newest),
        ("timestamp" | "startTime" | "createdAt", "ASC") => Ok(Order::Oldest),
        ("latency", "DESC") => Ok(Order::Slowest),
        ("totalCost", "DESC") => Ok(Order::Costliest),
        ("totalTokens", "DESC") => Ok(Order::MostTokens),
        _ => Err(refusal(
            "orderBy",
            "this server orders traces by timestamp.desc, timestamp.asc, latency.desc, totalCost.desc and totalTokens.desc",
        )),
    }
}

pub(super) fn put(to: &mut Value, name: &str, value: Value) {
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

/// `DELETE /api/public/traces`: those of a list. One that is not there is none to delete.
pub(crate) async fn delete_all(State(app): State<App>, request: Request) -> Response {
    let body = match whole(&app, request).await {
        Ok(body) => body,
        Err(response) => return response,
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let ids = body.get("traceIds").and_then(Value::as_array);
    let ids: Option<Vec<&str>> =
        ids.and_then(|ids| ids.iter().map(Value::as_str).collect::<Option<_>>());
    let Some(ids) = ids.filter(|ids| (1..=1000).contains(&ids.len())) else {
        return invalid(
            "traceIds",
            "Invalid input: expected 1 to 1000 ids of traces",
        );
    };
    for id in ids {
        if let Err(failure) = app.store.delete_trace(id).await {
            return failed(&failure);
        }
    }
    answer(
        StatusCode::OK,
        &json!({ "message": "Traces deleted successfully" }),
    )
}

/// `GET /api/public/observations`.
pub(crate) async fn observations(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = place(&params).and_then(|place| {
        let filters = conditions(&params)?;
        if !filters.bodies.is_empty() {
            let message = "metadata, input and output are filtered by /api/public/v2/observations alone: this endpoint counts all \
                           rows, and would read each body for it";
            return Err(refusal("filter", message));
        }
        Ok((place, filters.rows))
    });
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

fn session_of(row: &crate::model::SessionRow, environment: &str) -> Value {
    json!({ "id": row.id, "createdAt": iso(row.first_ns), "projectId": "local", "environment": environment })
}

/// `GET /api/public/sessions`.
pub(crate) async fn sessions(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = || -> Result<_, Refusal> {
        let mut conditions = Conditions::new();
        for (name, compare) in [("fromTimestamp", ">="), ("toTimestamp", "<")] {
            if let Some(time) = params.time(name)? {
                conditions.push((format!("first_ns {compare} ?"), vec![time.into()]));
            }
        }
        conditions.extend(among(SESSION_ENVIRONMENT, params.list("environment")?));
        Ok((place(&params)?, conditions))
    };
    let ((page, limit), conditions) = match read() {
        Ok(read) => read,
        Err(response) => return *response,
    };
    match app
        .read(move |store| store.sessions_of_page(&conditions, page, limit))
        .await
    {
        Ok((rows, total)) => {
            let data: Vec<Value> = rows
                .iter()
                .map(|(row, environment)| session_of(row, environment))
                .collect();
            paged(&data, page, limit, total)
        }
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
        let first = view.traces.first();
        let environment = first.map_or("default", |trace| trace.environment.as_str());
        let mut session = session_of(&view.session, environment);
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
