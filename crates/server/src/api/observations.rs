//! `GET /api/public/v2/observations` (`docs/langfuse.md` 4).

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use rusqlite::types::Value as Sql;
use serde_json::{Value, json};
use tracefuse_core::Level;

use super::answers::{answer, error, failed, invalid};
use super::fields::{Groups, observation};
use super::filter::{self, Filters};
use super::params::{Params, Refusal};
use crate::app::App;
use crate::store::{Accept, Conditions, ObservationQuery, kind_of, level_number};

pub(crate) const TYPES: &[&str] = &[
    "GENERATION",
    "SPAN",
    "EVENT",
    "AGENT",
    "TOOL",
    "CHAIN",
    "RETRIEVER",
    "EVALUATOR",
    "EMBEDDING",
    "GUARDRAIL",
];
pub(crate) const LEVELS: &[&str] = &["DEBUG", "DEFAULT", "WARNING", "ERROR"];

pub(crate) fn level(name: &str) -> Option<Level> {
    let known = [Level::Debug, Level::Default, Level::Warning, Level::Error];
    known.into_iter().find(|level| level.as_str() == name)
}

pub(crate) async fn list(State(app): State<App>, uri: Uri) -> Response {
    let params = Params::of(&uri);
    let (query, groups) = match read(&params) {
        Ok(read) => read,
        Err(response) => return *response,
    };
    match app.read(move |store| store.observations(&query)).await {
        Ok((rows, next)) => {
            let meta = match next {
                Some((start_ns, n)) => json!({ "cursor": format!("{start_ns}.{n}") }),
                None => json!({}),
            };
            let data: Vec<Value> = rows.iter().map(|row| observation(row, &groups)).collect();
            answer(StatusCode::OK, &json!({ "data": data, "meta": meta }))
        }
        Err(failure) => failed(&failure),
    }
}

fn read(params: &Params) -> Result<(ObservationQuery, Groups), Refusal> {
    params.each_once(&["environment"])?;
    let filters = conditions(params)?;
    let mut query = ObservationQuery {
        conditions: filters.rows,
        limit: match params.one("limit") {
            // As a number of JavaScript.
            Some("") => 0,
            _ => params.number("limit", 50, 1000)?,
        },
        ..ObservationQuery::default()
    };
    if params.word("parseIoAsJson", &["true", "false"])? == Some("true") {
        let message = "parseIoAsJson=true is no longer supported on the v2 observations endpoint. Input/output fields are \
                       always returned as raw strings. Remove the parseIoAsJson parameter or set it to false.";
        return Err(invalid("parseIoAsJson", message).into());
    }
    if let Some(cursor) = params.one("cursor") {
        let place = cursor
            .split_once('.')
            .and_then(|(start, n)| Some((start.parse().ok()?, n.parse().ok()?)));
        match place {
            Some(place) => query.after = Some(place),
            None => {
                let response = error(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestError",
                    "Invalid cursor format",
                );
                return Err(response.into());
            }
        }
    }
    let names = params.all("fields");
    let groups = Groups {
        names: match names.is_empty() {
            true => vec!["core".to_owned(), "basic".to_owned()],
            false => names,
        },
        expand: params.all("expandMetadata"),
    };
    query.with_bodies = ["io", "metadata", "model"]
        .iter()
        .any(|group| groups.has(group));
    let bodies = filters.bodies;
    if !bodies.is_empty() {
        query.accept = Some(Accept::new(move |full| {
            bodies.iter().all(|condition| condition.fits(full))
        }));
    }
    Ok((query, groups))
}

/// The filters that have their own parameters, and those of `filter`, which win.
pub(crate) fn conditions(params: &Params) -> Result<Filters, Refusal> {
    let mut filters = filter::of_observations(params)?;
    let mut all = Conditions::new();
    let mut add = |column: &str, condition: String, values: Vec<Sql>| {
        if !filters.has(column) {
            all.push((condition, values));
        }
    };
    for (name, column) in [
        ("traceId", "t.id"),
        ("name", "s.name"),
        ("userId", "c.data ->> '$.u'"),
        ("sessionId", "c.data ->> '$.s'"),
        ("version", "c.data ->> '$.v'"),
    ] {
        if let Some(value) = params.filled(name) {
            add(name, format!("{column} = ?"), vec![value.to_owned().into()]);
        }
    }
    if let Some(kind) = params.word("type", TYPES)?.and_then(kind_of) {
        add("type", "s.kind = ?".to_owned(), vec![kind.into()]);
    }
    if let Some(level) = params.word("level", LEVELS)?.and_then(level) {
        let number = level_number(level);
        add("level", "s.level = ?".to_owned(), vec![number.into()]);
    }
    if let Some(root) = params.word("isRootObservation", &["true", "false"])? {
        let root = i64::from(root == "true");
        let condition = "s.is_root = ?".to_owned();
        add("isRootObservation", condition, vec![root.into()]);
    }
    // An empty one asks for those without a parent.
    if let Some(parent) = params.one("parentObservationId") {
        let condition = "coalesce(s.parent, '') = ?".to_owned();
        add(
            "parentObservationId",
            condition,
            vec![parent.to_owned().into()],
        );
    }
    let environments = params.list("environment")?;
    if !environments.is_empty() {
        let places = vec!["?"; environments.len()].join(", ");
        let condition = format!("coalesce(c.data ->> '$.e', 'default') IN ({places})");
        let values = environments.into_iter().map(Sql::from).collect();
        add("environment", condition, values);
    }
    // Milliseconds are all that Langfuse keeps.
    if let Some(from) = params.strict_time("fromStartTime")? {
        add("startTime", "s.start_ns >= ?".to_owned(), vec![from.into()]);
    }
    if let Some(to) = params.strict_time("toStartTime")? {
        add("startTime", "s.start_ns < ?".to_owned(), vec![to.into()]);
    }
    all.append(&mut filters.rows);
    filters.rows = all;
    Ok(filters)
}

#[cfg(test)]
mod tests {
    use tracefuse_core::ObservationType;

    #[test]
    fn every_type_can_be_asked_for() {
        for kind in ObservationType::ALL {
            let name = kind.as_str().to_uppercase();
            assert!(super::TYPES.contains(&name.as_str()), "{name}");
        }
    }
}
