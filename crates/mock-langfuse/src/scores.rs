//! Scores: `POST /api/public/scores`, one object a request, and `GET /api/public/v3/scores` (`docs/langfuse.md` 1.4, 3.1, 4).
//! Called by `server`; writes to and reads from `store`.

use serde_json::{Map, Value, json};

use crate::answers::{Incoming, Reply};
use crate::server::Shared;

/// Characters that a text score may have.
const MAX_TEXT: usize = 500;

/// One object, not an array; the same id again takes the place of what was there.
pub(crate) fn post(shared: &Shared, request: &Incoming) -> Reply {
    let Ok(Value::Object(mut score)) = serde_json::from_slice::<Value>(&request.body) else {
        let issue = json!([{ "code": "invalid_type", "expected": "object" }]);
        return Reply::json(
            400,
            &json!({ "message": "Invalid request data", "error": issue }),
        );
    };
    if let Some((field, message)) = problem(&score) {
        let issue = json!([{ "path": [field], "message": message }]);
        return Reply::json(
            400,
            &json!({ "message": "Invalid request data", "error": issue }),
        );
    }
    let mut store = shared.lock();
    let fresh = Value::from(format!("score-{}", store.scores.len() + 1));
    let id = score.entry("id").or_insert(fresh).clone();
    score.entry("environment").or_insert("default".into());
    store.put_score(Value::Object(score));
    Reply::json(200, &json!({ "id": id }))
}

/// What is wrong with a score, and where.
fn problem(score: &Map<String, Value>) -> Option<(&'static str, &'static str)> {
    let text = |key: &str| score.get(key).and_then(Value::as_str);
    if text("name").is_none_or(str::is_empty) {
        return Some(("name", "Required"));
    }
    for key in [
        "id",
        "traceId",
        "sessionId",
        "observationId",
        "comment",
        "configId",
    ] {
        if score
            .get(key)
            .is_some_and(|value| !value.is_string() && !value.is_null())
        {
            return Some(("body", "Expected string"));
        }
    }
    if !["traceId", "sessionId", "datasetRunId"]
        .iter()
        .any(|key| text(key).is_some())
    {
        return Some(("traceId", "a trace, a session or a dataset run is needed"));
    }
    if text("observationId").is_some() && text("traceId").is_none() {
        return Some(("observationId", "an observation needs its trace"));
    }
    let value = score.get("value").unwrap_or(&Value::Null);
    let fits = match score
        .get("dataType")
        .map(|kind| kind.as_str().unwrap_or("?"))
    {
        Some("NUMERIC") => value.is_number(),
        Some("BOOLEAN") => value.as_f64() == Some(0.0) || value.as_f64() == Some(1.0),
        Some("CATEGORICAL" | "CORRECTION") => value.is_string(),
        Some("TEXT") => value
            .as_str()
            .is_some_and(|text| (1..=MAX_TEXT).contains(&text.chars().count())),
        None => value.is_number() || value.is_string(),
        Some(_) => return Some(("dataType", "Invalid enum value")),
    };
    (!fits).then_some(("value", "does not fit the data type"))
}

pub(crate) fn list(shared: &Shared, request: &Incoming) -> Reply {
    let store = shared.lock();
    let is = |score: &Value, key: &str| {
        request
            .one(key)
            .is_none_or(|wanted| score[key].as_str() == Some(wanted))
    };
    let keys = ["traceId", "observationId", "sessionId", "name", "dataType"];
    let data: Vec<&Value> = store
        .scores
        .iter()
        .filter(|score| keys.iter().all(|key| is(score, key)))
        .collect();
    Reply::json(200, &json!({ "data": data, "meta": { "limit": 50 } }))
}
