//! Scores read back: version 3 of the endpoint, and the older ones.

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};

use super::answers::{answer, failed, not_found};
use super::fields::Groups;
use super::legacy::{among, paged, place, put};
use super::params::{Params, Refusal, refusal};
use super::score_fields::{old_score, score};
use crate::app::App;
use crate::model::ScoreQuery;
use crate::store::Conditions;

const TYPES: &[&str] = &["NUMERIC", "CATEGORICAL", "BOOLEAN", "CORRECTION", "TEXT"];
const GROUPS: &[&str] = &["core", "details", "subject", "annotation"];
const SOURCES: &[&str] = &["API", "EVAL", "ANNOTATION"];

pub(crate) async fn configs() -> Response {
    let meta = json!({ "page": 1, "limit": 50, "totalItems": 0, "totalPages": 0 });
    answer(StatusCode::OK, &json!({ "data": [], "meta": meta }))
}

/// The parameters of the older endpoints, as filters.
fn old_query(params: &Params) -> Result<(ScoreQuery, Conditions), Refusal> {
    let text = |name: &str| params.filled(name).map(str::to_owned);
    let kind = text("dataType").map(|kind| kind.to_uppercase());
    if let Some(kind) = kind.as_deref().filter(|kind| !TYPES.contains(kind)) {
        let message = format!(
            "Invalid dataType value: {kind:?}. Allowed: {}",
            TYPES.join(", ")
        );
        return Err(refusal("dataType", &message));
    }
    if params.filled("filter").is_some() {
        let message = "this server filters scores by its other parameters only";
        return Err(refusal("filter", message));
    }
    let mut conditions = Conditions::new();
    for (name, column) in [
        ("configId", "config_id"),
        ("scoreIds", "id"),
        ("observationId", "observation_id"),
        ("environment", "environment"),
        // This server has neither queues nor dataset runs: no score matches.
        ("queueId", "NULL"),
        ("datasetRunId", "NULL"),
    ] {
        conditions.extend(among(column, params.list(name)?));
    }
    for tag in params.list("traceTags")? {
        let tagged = "trace_id IN (SELECT id FROM trace WHERE instr(tags, ?) > 0)";
        conditions.push((tagged.to_owned(), vec![Value::from(tag).to_string().into()]));
    }
    let operator = params.word("operator", &["<", ">", "<=", ">=", "!=", "="])?;
    // Langfuse compares if both are given.
    if let (Some(value), Some(operator)) = (params.decimal("value")?, operator) {
        let numeric = "data_type IN ('NUMERIC', 'BOOLEAN')";
        conditions.push((
            format!("{numeric} AND CAST(value AS REAL) {operator} ?"),
            vec![value.into()],
        ));
    }
    let query = ScoreQuery {
        trace_id: text("traceId"),
        session_id: text("sessionId"),
        name: text("name"),
        user_id: text("userId"),
        data_type: kind,
        source: text("source").map(|source| source.to_uppercase()),
        from_ns: params.time("fromTimestamp")?,
        to_ns: params.time("toTimestamp")?,
        ..ScoreQuery::default()
    };
    Ok((query, conditions))
}

/// `GET /api/public/v3/scores`.
pub(crate) async fn newest(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let (query, conditions) = match newest_query(&params) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    let limit = query.limit;
    let groups = Groups {
        names: params.all("fields"),
        expand: Vec::new(),
    };
    match app
        .read(move |store| store.scores_where(&query, conditions))
        .await
    {
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

/// Filters of version 3, in which several values are between commas: the parameter and the column.
const LISTS: &[(&str, &str)] = &[
    ("id", "id"),
    ("name", "name"),
    ("environment", "environment"),
    ("configId", "config_id"),
    ("traceId", "trace_id"),
    ("sessionId", "session_id"),
    ("observationId", "observation_id"),
    // This server has neither queues nor authors nor experiments: no score matches.
    ("queueId", "NULL"),
    ("authorUserId", "NULL"),
    ("experimentId", "NULL"),
];

/// The other parameters of version 3. `userId` is no part of Langfuse's, and works here.
const OTHERS: &[&str] = &[
    "limit",
    "fields",
    "cursor",
    "source",
    "dataType",
    "value",
    "valueMin",
    "valueMax",
    "fromTimestamp",
    "toTimestamp",
    "userId",
];

fn newest_query(params: &Params) -> Result<(ScoreQuery, Conditions), Refusal> {
    let is_known =
        |name: &&str| OTHERS.contains(name) || LISTS.iter().any(|(parameter, _)| parameter == name);
    if let Some(name) = params.names().find(|name| !is_known(name)) {
        return Err(refusal(name, &format!("Unrecognized key: {name:?}")));
    }
    params.each_once(&[])?;
    let fields = params.all("fields");
    if let Some(group) = fields
        .iter()
        .find(|group| !GROUPS.contains(&group.as_str()))
    {
        return Err(refusal("fields", &format!("Invalid option {group:?}")));
    }
    let mut conditions = Conditions::new();
    let mut among = |column: &str, values: Vec<Sql>| {
        if !values.is_empty() {
            let places = vec!["?"; values.len()].join(", ");
            conditions.push((format!("{column} IN ({places})"), values));
        }
    };
    let texts = |values: Vec<String>| values.into_iter().map(Sql::from).collect::<Vec<Sql>>();
    for (name, column) in LISTS {
        among(column, texts(params.list(name)?));
    }
    let kinds = words(params, "dataType", TYPES)?;
    let kind = match kinds.as_slice() {
        [kind] => Some(kind.as_str()),
        _ => None,
    };
    let values = params.list("value")?;
    if !values.is_empty() {
        let values = values.iter().map(|value| stored(kind, value));
        let values: Option<Vec<Sql>> = values.collect();
        let message = "value filter requires a single dataType from: NUMERIC, BOOLEAN, CATEGORICAL, and values of it";
        let column = match kind {
            Some("CATEGORICAL") => "value",
            _ => "CAST(value AS REAL)",
        };
        among(column, values.ok_or_else(|| refusal("value", message))?);
    }
    let bounds = [
        (params.decimal("valueMin")?, ">="),
        (params.decimal("valueMax")?, "<="),
    ];
    among("data_type", texts(kinds.clone()));
    among("source", texts(words(params, "source", SOURCES)?));
    for (bound, compare) in bounds {
        let Some(bound) = bound else { continue };
        if kind != Some("NUMERIC") {
            let message = "valueMin and valueMax require dataType=NUMERIC as a single value";
            return Err(refusal("valueMin", message));
        }
        let condition = format!("CAST(value AS REAL) {compare} ?");
        conditions.push((condition, vec![bound.into()]));
    }
    let is_given = |name: &str| params.filled(name).is_some();
    if is_given("observationId") && !is_given("traceId") {
        let message =
            "observationId filter requires traceId — observation IDs are scoped to a trace";
        return Err(refusal("observationId", message));
    }
    let targets = ["traceId", "sessionId", "experimentId"];
    if targets.iter().filter(|name| is_given(name)).count() > 1 {
        let message = "At most one of traceId, sessionId, experimentId may be specified";
        return Err(refusal("traceId", message));
    }
    let query = ScoreQuery {
        user_id: params.filled("userId").map(str::to_owned),
        from_ns: params.time("fromTimestamp")?,
        to_ns: params.time("toTimestamp")?,
        limit: params.number("limit", 50, 100)?,
        cursor: params.one("cursor").map(str::to_owned),
        ..ScoreQuery::default()
    };
    if query.limit == 0 {
        return Err(refusal("limit", "Too small: expected number to be >=1"));
    }
    Ok((query, conditions))
}

/// Words between commas, in any case; they are upper-case in the store.
fn words(params: &Params, name: &str, known: &[&str]) -> Result<Vec<String>, Refusal> {
    let words = params.list(name)?.into_iter().map(|word| {
        let word = word.to_uppercase();
        if known.contains(&word.as_str()) {
            return Ok(word);
        }
        let known = known.join(", ");
        let message = format!("Invalid {name} value: {word:?}. Allowed: {known}");
        Err(refusal(name, &message))
    });
    words.collect()
}

/// A value of this type in the form in which it is stored; `None` if the type has no such value.
fn stored(kind: Option<&str>, value: &str) -> Option<Sql> {
    match (kind?, value) {
        ("NUMERIC", number) => {
            let number = number.parse::<f64>().ok();
            number.filter(|number| number.is_finite()).map(Sql::from)
        }
        ("BOOLEAN", "true") => Some(1.0.into()),
        ("BOOLEAN", "false") => Some(0.0.into()),
        // A text is stored as JSON.
        ("CATEGORICAL", text) => Some(Value::from(text).to_string().into()),
        _ => None,
    }
}

/// `GET /api/public/scores` and `/v2/scores`, by page. A score of a trace has what the trace says about itself.
pub(crate) async fn list(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let read = old_query(&params).and_then(|query| Ok((query, place(&params)?)));
    let ((mut query, conditions), (page, limit)) = match read {
        Ok(read) => read,
        Err(response) => return *response,
    };
    query.limit = limit;
    let groups = params.all("fields");
    let has_trace = groups.is_empty()
        || groups.iter().any(|group| group == "trace")
        || groups.iter().all(|group| group != "score");
    let found = app.read(move |store| {
        let (rows, total) = store.scores_of_page(&query, conditions, page)?;
        let mut data = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut shown = old_score(row);
            if has_trace && let Some(trace) = &row.trace_id {
                let trace = store.trace_row(trace)?.map(|trace| {
                    json!({ "userId": trace.user_id, "tags": trace.tags, "environment": trace.environment, "sessionId": trace.session_id })
                });
                put(&mut shown, "trace", trace.unwrap_or_default());
            }
            data.push(shown);
        }
        Ok((data, total))
    });
    match found.await {
        Ok((data, total)) => paged(&data, page, limit, total),
        Err(failure) => failed(&failure),
    }
}

/// `DELETE /api/public/scores/{id}`: 202 as Langfuse answers, which deletes later; here it is deleted then.
pub(crate) async fn delete(State(app): State<App>, Path(id): Path<String>) -> Response {
    match app.store.delete_score(&id).await {
        Ok(true) => answer(
            StatusCode::ACCEPTED,
            &json!({ "message": "Score deleted successfully" }),
        ),
        Ok(false) => not_found("Score", &id),
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
