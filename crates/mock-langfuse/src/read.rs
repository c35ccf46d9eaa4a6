//! Reading back: `GET /api/public/v2/observations` (`docs/langfuse.md` 4).
//! Called by `router`; reads from `store`.

use serde_json::{Map, Value, json};

use crate::answers::Incoming;
use crate::js;
use crate::mapping::Observation;
use crate::query::{Query, encode_cursor};
use crate::reply::Reply;
use crate::state::Shared;
use crate::time::{iso, javascript};

const TYPES: &[&str] = &[
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
const LEVELS: &[&str] = &["DEBUG", "DEFAULT", "WARNING", "ERROR"];
/// Characters of a metadata value that are shown where it was not asked for in full.
const SHORT: usize = 200;

/// What a request asks for.
struct Wanted<'a> {
    request: &'a Incoming,
    limit: usize,
    from: Option<i64>,
    to: Option<i64>,
    /// The last row that was shown: its time, its trace, its id.
    after: Option<(i64, String, String)>,
    groups: Vec<&'a str>,
    /// Metadata is shown in full.
    in_full: bool,
}

pub(crate) fn observations(shared: &Shared, request: &Incoming) -> Reply {
    let wanted = match wanted(request) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let store = shared.lock();
    let rows = store.observations.iter().zip(&store.arrived);
    let mut rows: Vec<(&Observation, i64)> = rows
        .filter(|(row, _)| matches(row, &wanted))
        .map(|(row, arrived)| (row, *arrived))
        .collect();
    // The newest first, and of one millisecond by id: not in the order in which they started.
    rows.sort_by_key(|(row, _)| std::cmp::Reverse(place(row)));
    if let Some(after) = &wanted.after {
        rows.retain(|(row, _)| place(row) < (after.0, after.1.as_str(), after.2.as_str()));
    }
    let page = rows.iter().take(wanted.limit);
    let data: Vec<Value> = page
        .map(|(row, arrived)| shown(row, *arrived, &wanted))
        .collect();
    let last = data.len().checked_sub(1).and_then(|at| rows.get(at));
    let meta = match last.filter(|_| rows.len() > data.len()) {
        Some((row, _)) => {
            let time = iso(ms(row.start_ns));
            let cursor =
                json!({ "lastStartTimeTo": time, "lastTraceId": row.trace_id, "lastId": row.id });
            json!({ "cursor": encode_cursor(&cursor) })
        }
        None => json!({}),
    };
    Reply::json(200, &json!({ "data": data, "meta": meta }))
}

fn wanted(request: &Incoming) -> Result<Wanted<'_>, Reply> {
    let mut query = Query::new(request, &["environment"]);
    let filter = query.filled("filter");
    if filter.is_some_and(|filter| js::parse(filter).is_none()) {
        return Err(Reply::error(
            400,
            "InvalidRequestError",
            "Invalid JSON in filter parameter",
        ));
    }
    if filter.is_some() {
        query.issue("filter", "mock-langfuse reads no filters, see its README");
    }
    let limit = query.integer("limit", 50, 0, (0, 1000));
    query.word("type", TYPES);
    query.word("level", LEVELS);
    query.word("isRootObservation", &["true", "false"]);
    if query.word("parseIoAsJson", &["true", "false"]) == Some("true") {
        let message = "parseIoAsJson=true is no longer supported on the v2 observations endpoint. Input/output fields are \
                       always returned as raw strings. Remove the parseIoAsJson parameter or set it to false.";
        query.issue("parseIoAsJson", message);
    }
    let (from, to) = (
        query.datetime("fromStartTime"),
        query.datetime("toStartTime"),
    );
    let cursor = query.cursor("lastStartTimeTo")?;
    let after = cursor.map(|(time, id, cursor)| {
        let trace = cursor["lastTraceId"].as_str().map(str::to_owned);
        if trace.is_none() {
            query.issue("cursor", "Invalid input: expected string");
        }
        (time, trace.unwrap_or_default(), id)
    });
    let groups = query
        .list("fields")
        .unwrap_or_else(|| vec!["core", "basic"]);
    let in_full = groups.contains(&"io") || query.list("expandMetadata").is_some();
    match query.refusal() {
        Some(reply) => Err(reply),
        None => Ok(Wanted {
            request,
            limit,
            from,
            to,
            after,
            groups,
            in_full,
        }),
    }
}

/// Milliseconds are all that is kept on this path.
fn ms(nanos: u64) -> i64 {
    i64::try_from(nanos / 1_000_000).unwrap_or(i64::MAX)
}

fn place(row: &Observation) -> (i64, &str, &str) {
    (ms(row.start_ns), row.trace_id.as_str(), row.id.as_str())
}

fn matches(row: &Observation, wanted: &Wanted<'_>) -> bool {
    let request = wanted.request;
    let is = |key: &str, value: Option<&str>| {
        // An empty parameter is no filter.
        let given = request.one(key).filter(|given| !given.is_empty());
        given.is_none_or(|given| value.unwrap_or_default() == given)
    };
    let parent = request.one("parentObservationId");
    let parent = parent.is_none_or(|parent| row.parent_id.as_deref().unwrap_or_default() == parent);
    let environments = request.query.get("environment");
    let environment = environments.is_none_or(|wanted| wanted.contains(&row.environment));
    let start = ms(row.start_ns);
    parent
        && environment
        && wanted.from.is_none_or(|from| start >= from)
        && wanted.to.is_none_or(|to| start < to)
        && is(
            "isRootObservation",
            Some(if row.is_root { "true" } else { "false" }),
        )
        && is("traceId", Some(&row.trace_id))
        && is("name", Some(&row.name))
        && is("type", Some(&row.kind))
        && is("level", Some(&row.level))
        && is("userId", row.user_id.as_deref())
        && is("sessionId", row.session_id.as_deref())
        && is("version", row.version.as_deref())
}

/// A row as the API shows it: an absent text is `""`, but input, output and the trace's name are null.
fn shown(row: &Observation, arrived: i64, wanted: &Wanted<'_>) -> Value {
    let mut all = Map::new();
    let (start, end) = (ms(row.start_ns), ms(row.end_ns));
    let first = row.completion_start_time.as_ref();
    let first_ms = first.and_then(|time| javascript(&time.as_str().into()));
    let has = |group: &str| wanted.groups.contains(&group);
    let text = |text: &Option<String>| Value::from(text.clone().unwrap_or_default());
    let mut put = |fields: Value| {
        if let Value::Object(fields) = fields {
            all.extend(fields);
        }
    };
    put(json!({
        "id": row.id, "traceId": row.trace_id, "startTime": iso(start), "endTime": iso(end), "projectId": "mock-project",
        "parentObservationId": row.parent_id, "type": row.kind,
        "latency": js::number((end - start) as f64 / 1000.0),
        "timeToFirstToken": first_ms.filter(|_| has("time") || has("metrics")).map(|first| js::number((first - start) as f64 / 1000.0)),
        // Prices are null, since this server knows none.
        "modelId": null, "inputPrice": null, "outputPrice": null, "totalPrice": null,
    }));
    if has("basic") {
        put(json!({
            "name": row.name, "level": row.level, "statusMessage": text(&row.status_message), "version": text(&row.version),
            "environment": row.environment, "bookmarked": false, "public": row.public, "userId": text(&row.user_id),
            "sessionId": text(&row.session_id), "isRootObservation": row.is_root,
        }));
    }
    if has("time") {
        put(
            json!({ "completionStartTime": first, "createdAt": iso(arrived), "updatedAt": iso(arrived) }),
        );
    }
    if has("io") {
        put(json!({ "input": row.input, "output": row.output }));
    }
    if has("metadata") {
        put(json!({ "metadata": metadata(row, wanted.in_full) }));
    }
    if has("model") {
        put(
            json!({ "model": text(&row.model), "internalModelId": "", "modelParameters": row.parameters }),
        );
    }
    if has("usage") {
        put(usage(row));
    }
    if has("prompt") {
        put(
            json!({ "promptId": "", "promptName": text(&row.prompt_name), "promptVersion": row.prompt_version }),
        );
    }
    if has("trace_context") {
        put(
            json!({ "traceName": row.trace_name, "tags": row.tags, "release": text(&row.release) }),
        );
    }
    all.into()
}

fn metadata(row: &Observation, in_full: bool) -> Map<String, Value> {
    let shown = |text: &String| match in_full {
        true => js::shown(text),
        // The stored text is cut before it is parsed: long JSON is text.
        false => js::shown(&text.chars().take(SHORT).collect::<String>()),
    };
    let texts = row.metadata_texts.iter();
    texts
        .map(|(key, text)| (key.clone(), shown(text)))
        .collect()
}

fn usage(row: &Observation) -> Value {
    let units = |part: &str| -> u64 {
        let parts = row.usage.iter().filter(|(bucket, _)| bucket.contains(part));
        parts.map(|(_, units)| *units).sum()
    };
    let cost = |part: &str| -> Option<Value> {
        let parts: Vec<f64> = row
            .cost
            .iter()
            .filter(|(bucket, _)| bucket.contains(part))
            .map(|(_, cost)| *cost)
            .collect();
        (!parts.is_empty()).then(|| js::number(parts.iter().sum()))
    };
    let costs: Map<String, Value> = row
        .cost
        .iter()
        .map(|(bucket, cost)| (bucket.clone(), js::number(*cost)))
        .collect();
    let total = row.cost.get("total").copied().unwrap_or(0.0);
    json!({
        "usageDetails": row.usage, "inputUsage": units("input"), "outputUsage": units("output"),
        "totalUsage": row.usage.get("total").copied().unwrap_or(0),
        "costDetails": costs, "inputCost": cost("input"), "outputCost": cost("output"), "totalCost": js::number(total),
        "usagePricingTierId": null, "usagePricingTierName": null,
    })
}
