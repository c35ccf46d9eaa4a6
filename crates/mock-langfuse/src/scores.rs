//! `POST /api/public/scores`: one score, or a list of them from 4.59 on (`docs/langfuse.md` 1.4, 3.1).
//! Called by `router`, and by `legacy` for scores of the old endpoint; writes to `store`.

use serde_json::{Map, Value, json};

use crate::answers::Incoming;
use crate::auth::{Access, refusal};
use crate::mapping::environment;
use crate::reply::Reply;
use crate::state::Shared;
use crate::{js, time};

/// Bytes that Next.js reads of a request.
const MAX_BODY: usize = 1 << 20;
/// Characters of a text score.
const MAX_TEXT: usize = 500;
/// Characters of an id.
const MAX_ID: usize = 800;

/// One object, and from 4.59 on a list.
pub(crate) fn post(shared: &Shared, request: &Incoming) -> Reply {
    let body = match request.json(MAX_BODY, "1mb") {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Some(reply) = refusal(shared, request, &[Access::Project, Access::Scores]) {
        return reply;
    }
    match body {
        Value::Object(score) => one(shared, score),
        Value::Array(scores) if shared.takes_lists_of_scores() => list(shared, scores),
        other => {
            let received = if other.is_array() { "array" } else { "string" };
            let message = format!("Invalid input: expected object, received {received}");
            Reply::invalid(vec![
                json!({ "expected": "object", "code": "invalid_type", "path": [], "message": message }),
            ])
        }
    }
}

fn one(shared: &Shared, mut score: Map<String, Value>) -> Reply {
    let issues = issues(&score, &["API", "ANNOTATION"]);
    if !issues.is_empty() {
        return Reply::invalid(issues);
    }
    if js::is_falsy(&score.get("id").cloned().unwrap_or_default()) {
        score.insert("id".into(), fresh_id(shared).into());
    }
    let id = score.get("id").cloned().unwrap_or_default();
    if !id.as_str().is_some_and(is_id) {
        let issue = json!([{
            "origin": "string", "code": "too_big", "maximum": MAX_ID, "inclusive": true, "path": ["body", "id"],
            "message": format!("Too big: expected string to have <={MAX_ID} characters"),
        }]);
        return Reply::json(400, &json!({ "message": issue.to_string() }));
    }
    store(shared, score, time::now());
    Reply::json(200, &json!({ "id": id }))
}

/// 202 if all are accepted, 207 with the number of those that are not. A score of a list may bring its time.
fn list(shared: &Shared, scores: Vec<Value>) -> Reply {
    let (mut accepted, mut errors) = (0, Vec::new());
    for score in scores {
        let mut score = score.as_object().cloned().unwrap_or_default();
        let mut problems = issues(&score, &["API", "ANNOTATION"]);
        let timestamp = score.remove("timestamp").filter(|time| !time.is_null());
        let given = timestamp
            .as_ref()
            .and_then(Value::as_str)
            .and_then(time::strict);
        if timestamp.is_some() && given.is_none() {
            problems.push(issue("timestamp", "Invalid ISO datetime"));
        }
        if js::is_falsy(&score.get("id").cloned().unwrap_or_default()) {
            score.insert("id".into(), fresh_id(shared).into());
        }
        if !score.get("id").and_then(Value::as_str).is_some_and(is_id) {
            problems.push(issue("id", "Too big"));
        }
        if problems.is_empty() {
            accepted += 1;
            store(shared, score, given.unwrap_or_else(time::now));
        } else {
            errors.push(json!({ "message": Value::from(problems).to_string() }));
        }
    }
    if errors.is_empty() {
        return Reply::json(202, &json!({ "message": "Accepted" }));
    }
    Reply::json(
        207,
        &json!({ "accepted": accepted, "rejected": errors.len(), "errors": errors }),
    )
}

fn fresh_id(shared: &Shared) -> String {
    let store = shared.lock();
    format!("score-{}", store.scores.len() + 1)
}

/// An id that the server's storage can name a file after.
pub(crate) fn is_id(id: &str) -> bool {
    id.encode_utf16().count() <= MAX_ID && !id.contains('\r')
}

/// Stores a score that was accepted, unless the worker drops it: its configuration is not known, or a correction is of
/// something else than a trace.
pub(crate) fn store(shared: &Shared, mut score: Map<String, Value>, timestamp: i64) {
    let config = score
        .get("configId")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty());
    if config.is_some_and(|id| !shared.score_configs.iter().any(|known| known == id)) {
        return;
    }
    if score
        .get("dataType")
        .is_some_and(|kind| kind == "CORRECTION")
    {
        if !["sessionId", "datasetRunId"]
            .iter()
            .all(|key| js::is_falsy(score.get(*key).unwrap_or(&Value::Null)))
        {
            return;
        }
        score.insert("name".into(), "output".into());
    }
    let stored = environment(score.get("environment"));
    score.insert("environment".into(), stored.into());
    shared.lock().put_score(score, timestamp);
}

/// What is wrong with a score of the old endpoint.
pub(crate) fn issues_in_a_batch(score: &Map<String, Value>) -> Vec<Value> {
    let mut found = issues(score, &["API", "EVAL", "ANNOTATION"]);
    let id = score.get("id").filter(|id| !id.is_null());
    if id.is_some_and(|id| !id.as_str().is_some_and(|id| !id.is_empty() && is_id(id))) {
        found.push(issue("id", "Invalid input: expected string"));
    }
    found
}

fn issue(path: &str, message: &str) -> Value {
    json!({ "code": "custom", "path": [path], "message": message })
}

/// What is wrong with a score, and where.
fn issues(score: &Map<String, Value>, sources: &[&str]) -> Vec<Value> {
    let mut found = Vec::new();
    let texts = [
        "id",
        "traceId",
        "sessionId",
        "datasetRunId",
        "observationId",
        "comment",
        "queueId",
        "configId",
    ];
    for key in texts {
        if score
            .get(key)
            .is_some_and(|value| !value.is_string() && !value.is_null())
        {
            found.push(issue(key, "Invalid input: expected string"));
        }
    }
    match score.get("name").map(Value::as_str) {
        Some(Some("")) => found.push(issue(
            "name",
            "Too small: expected string to have >=1 characters",
        )),
        Some(Some(_)) => {}
        _ => found.push(issue("name", "Invalid input: expected string")),
    }
    if score
        .get("environment")
        .is_some_and(|value| !value.is_string())
    {
        found.push(issue("environment", "Invalid input: expected string"));
    }
    let source = score.get("source");
    if source.is_some_and(|source| !sources.iter().any(|known| source == known)) {
        found.push(issue(
            "source",
            "Invalid option: expected one of \"API\"|\"ANNOTATION\"",
        ));
    }
    found.extend(value_issue(score));
    if !found.is_empty() {
        return found;
    }
    let is_set = |key: &str| !js::is_falsy(score.get(key).unwrap_or(&Value::Null));
    let targets = ["traceId", "sessionId", "datasetRunId"];
    let count = targets.iter().filter(|key| is_set(key)).count();
    if count != 1 || (is_set("observationId") && !is_set("traceId")) {
        let message = "Provide exactly one of the following: traceId (with optional observationId), sessionId or \
                       datasetRunId. ObservationId requires traceId.";
        let path = ["traceId", "sessionId", "datasetRunId", "observationId"];
        return vec![json!({ "code": "custom", "path": path, "message": message })];
    }
    let is_correction = score
        .get("dataType")
        .is_some_and(|kind| kind == "CORRECTION");
    if source.is_some_and(|source| source == "ANNOTATION") && !is_set("configId") && !is_correction
    {
        let message =
            "configId is required when source is ANNOTATION (except for CORRECTION scores).";
        return vec![issue("configId", message)];
    }
    Vec::new()
}

/// What is wrong with the value for its type.
fn value_issue(score: &Map<String, Value>) -> Option<Value> {
    let value = score.get("value").unwrap_or(&Value::Null);
    let kind = score
        .get("dataType")
        .map(|kind| kind.as_str().unwrap_or_default());
    let (fits, message) = match kind {
        Some("NUMERIC") => (value.is_number(), "Invalid input: expected number"),
        Some("BOOLEAN") => (
            value.as_f64() == Some(0.0) || value.as_f64() == Some(1.0),
            "Value must be a number equal to either 0 or 1 for data type BOOLEAN",
        ),
        Some("CATEGORICAL") => (value.is_string(), "Invalid input: expected string"),
        Some("CORRECTION") if score.get("configId").is_some_and(|id| !id.is_null()) => {
            return Some(issue(
                "configId",
                "Invalid input: expected undefined, received string",
            ));
        }
        Some("CORRECTION") => (value.is_string(), "Invalid input: expected string"),
        Some("TEXT") => (
            value
                .as_str()
                .is_some_and(|text| (1..=MAX_TEXT).contains(&text.encode_utf16().count())),
            "Invalid input: expected string of 1 to 500 characters",
        ),
        None => (value.is_number() || value.is_string(), "Invalid input"),
        Some(_) => return Some(issue("dataType", "Invalid discriminator value")),
    };
    (!fits).then(|| issue("value", message))
}
