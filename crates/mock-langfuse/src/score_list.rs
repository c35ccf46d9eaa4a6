//! Reading scores back: `GET /api/public/v3/scores`, and the project's score configurations (`docs/langfuse.md` 4).
//! Called by `router`; reads from `store`.

use serde_json::{Value, json};

use crate::answers::Incoming;
use crate::arrivals::Score;
use crate::js;
use crate::query::{Query, encode_cursor};
use crate::reply::Reply;
use crate::score_fields::{kind, place, shown, source, value};
use crate::state::Shared;
use crate::time::iso;

const GROUPS: &[&str] = &["core", "details", "subject", "annotation"];
const TYPES: &[&str] = &["NUMERIC", "CATEGORICAL", "BOOLEAN", "CORRECTION", "TEXT"];
const SOURCES: &[&str] = &["API", "EVAL", "ANNOTATION"];

/// Filters by a field of a score: the parameter's name and the field's.
const FILTERS: &[(&str, &str)] = &[
    ("id", "id"),
    ("name", "name"),
    ("environment", "environment"),
    ("configId", "configId"),
    ("queueId", "queueId"),
    ("authorUserId", "authorUserId"),
    ("traceId", "traceId"),
    ("sessionId", "sessionId"),
    ("observationId", "observationId"),
    ("experimentId", "datasetRunId"),
];

/// Parameters that are no filters by a field.
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
    "traceTags",
];

pub(crate) fn configs(shared: &Shared, _: &Incoming) -> Reply {
    let total = shared.score_configs.len();
    let data: Vec<Value> = shared
        .score_configs
        .iter()
        .map(|id| json!({ "id": id, "projectId": "mock-project" }))
        .collect();
    let meta =
        json!({ "page": 1, "limit": 50, "totalItems": total, "totalPages": total.div_ceil(50) });
    Reply::json(200, &json!({ "data": data, "meta": meta }))
}

pub(crate) fn scores(shared: &Shared, request: &Incoming) -> Reply {
    let mut query = Query::new(request, &[]);
    for key in request.query.keys() {
        let is_known =
            OTHERS.contains(&key.as_str()) || FILTERS.iter().any(|(known, _)| known == key);
        if !is_known {
            query.issue("", &format!("Unrecognized key: {key:?}"));
        }
    }
    let limit = query.integer("limit", 50, 50, (1, 100));
    let groups = query.list("fields").unwrap_or_else(|| vec!["core"]);
    if let Some(group) = groups.iter().find(|group| !GROUPS.contains(group)) {
        query.issue("fields", &format!("Invalid option {group:?}"));
    }
    let kinds = words(&mut query, "dataType", TYPES);
    let sources = words(&mut query, "source", SOURCES);
    for key in ["userId", "traceTags"] {
        if query.filled(key).is_some() {
            let rest = "filter requires a trace JOIN and is not supported in v3 — use v2 or omit this filter";
            query.issue("", &format!("{key} {rest}"));
        }
    }
    let values = query.list("value");
    let (least, most) = (query.number("valueMin"), query.number("valueMax"));
    value_filters(
        &mut query,
        values.as_deref(),
        kinds.as_deref(),
        least.or(most).is_some(),
    );
    let (from, to) = (query.date("fromTimestamp"), query.date("toTimestamp"));
    if query.list("observationId").is_some() && query.list("traceId").is_none() {
        query.issue(
            "",
            "observationId filter requires traceId — observation IDs are scoped to a trace",
        );
    }
    let targets = ["traceId", "sessionId", "experimentId"];
    if targets
        .iter()
        .filter(|key| query.list(key).is_some())
        .count()
        > 1
    {
        query.issue(
            "",
            "At most one of traceId, sessionId, experimentId may be specified",
        );
    }
    let after = match query.cursor("lastTimestamp") {
        Ok(after) => after,
        Err(reply) => return reply,
    };
    let filters: Vec<(&str, Option<Vec<&str>>)> = FILTERS
        .iter()
        .map(|(key, field)| (*field, query.list(key)))
        .collect();
    if let Some(reply) = query.refusal() {
        return reply;
    }
    let store = shared.lock();
    let is_wanted = |score: &&Score| {
        let among = |wanted: &Option<Vec<&str>>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.contains(&value))
        };
        let number = score.body.get("value").and_then(Value::as_f64);
        let by_fields = filters.iter().all(|(field, wanted)| {
            let value = score.body.get(*field).and_then(Value::as_str);
            among(wanted, value.unwrap_or_default())
        });
        by_fields
            && among(&kinds, kind(score))
            && among(&sources, source(score))
            && among(&values, &js::string(&value(score)))
            && least.is_none_or(|least| number.is_some_and(|number| number >= least))
            && most.is_none_or(|most| number.is_some_and(|number| number <= most))
            && from.is_none_or(|from| score.timestamp >= from)
            && to.is_none_or(|to| score.timestamp < to)
    };
    let mut found: Vec<&Score> = store.scores.iter().filter(is_wanted).collect();
    found.sort_by(|one, other| place(other).cmp(&place(one)));
    if let Some((time, id, _)) = &after {
        found.retain(|score| place(score) < (*time, id.as_str()));
    }
    let data: Vec<Value> = found
        .iter()
        .take(limit)
        .map(|score| shown(score, &groups))
        .collect();
    let mut meta = json!({ "limit": limit });
    if let Some(last) = found
        .get(limit.saturating_sub(1))
        .filter(|_| found.len() > limit)
    {
        let (time, id) = place(last);
        meta["cursor"] =
            encode_cursor(&json!({ "v": 1, "lastTimestamp": iso(time), "lastId": id })).into();
    }
    Reply::json(200, &json!({ "data": data, "meta": meta }))
}

/// Words between commas, in any case; they are upper-case in the store.
fn words<'a>(
    query: &mut Query<'a>,
    key: &str,
    known: &[&'static str],
) -> Option<Vec<&'static str>> {
    let mut found = Vec::new();
    for word in query.list(key)? {
        match known.iter().find(|known| known.eq_ignore_ascii_case(word)) {
            Some(word) => found.push(*word),
            None => {
                let word = word.to_uppercase();
                query.issue(
                    key,
                    &format!(
                        "Invalid {key} value: {word:?}. Allowed: {}",
                        known.join(", ")
                    ),
                );
            }
        }
    }
    Some(found)
}

/// Filters by value need a type whose values they can be.
fn value_filters(
    query: &mut Query<'_>,
    values: Option<&[&str]>,
    kinds: Option<&[&str]>,
    has_range: bool,
) {
    let kind = match kinds {
        Some([kind]) => Some(*kind),
        _ => None,
    };
    if let Some(values) = values {
        let fits = |value: &&str| match kind {
            Some("NUMERIC") => value.parse::<f64>().is_ok_and(f64::is_finite),
            Some("BOOLEAN") => matches!(*value, "true" | "false"),
            _ => kind == Some("CATEGORICAL"),
        };
        if !values.iter().all(fits) {
            query.issue("", "value filter requires a single dataType from: NUMERIC, BOOLEAN, CATEGORICAL, and values of it");
        }
    }
    if has_range && kind != Some("NUMERIC") {
        query.issue(
            "",
            "valueMin and valueMax require dataType=NUMERIC as a single value",
        );
    }
}
