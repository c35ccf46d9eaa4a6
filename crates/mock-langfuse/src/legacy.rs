//! The old batch endpoint as mode `events_only` answers it (`docs/langfuse.md` 1). The old reads are in `gone`.
//! Called by `router`.

use serde_json::{Map, Value, json};

use crate::answers::Incoming;
use crate::auth::access;
use crate::reply::Reply;
use crate::state::Shared;
use crate::{js, scores, time};

/// Bytes of a request that are taken: 4.5 MB.
const MAX_BATCH: usize = 4_718_592;

/// `POST /api/public/ingestion`: only scores and SDK logs pass, and for them the public key is enough.
pub(crate) fn ingestion(shared: &Shared, request: &Incoming) -> Reply {
    // Compression is not understood here.
    let body = match request.json(MAX_BATCH, "4.5mb") {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    if let Err(message) = access(shared, request) {
        return Reply::error(401, "UnauthorizedError", &message);
    }
    let Some(batch) = body["batch"].as_array() else {
        let errors = ["Invalid input: expected array, received undefined"];
        return Reply::json(
            400,
            &json!({ "message": "Invalid request data", "errors": errors }),
        );
    };
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for event in batch {
        let id = event["id"].as_str().unwrap_or("unknown");
        let problem = match event["type"].as_str() {
            Some("score-create") => score(shared, event).err(),
            Some("sdk-log") => match envelope(event) {
                Ok(()) => continue,
                Err(issues) => Some(issues),
            },
            kind => {
                let kind = kind.unwrap_or("unknown");
                errors.push(json!({
                    "id": id, "status": 400, "message": "Event type not accepted",
                    "error": format!(
                        "Event type {kind:?} is not accepted by /api/public/ingestion when LANGFUSE_MIGRATION_V4_WRITE_MODE \
                         is events_only. This endpoint only accepts score and log events."
                    ),
                }));
                continue;
            }
        };
        match problem {
            None => successes.push(json!({ "id": id, "status": 201 })),
            Some(issues) => errors.push(json!({
                "id": id, "status": 400, "message": "Invalid request data", "error": Value::from(issues).to_string(),
            })),
        }
    }
    Reply::json(207, &json!({ "successes": successes, "errors": errors }))
}

/// An id and a time are needed.
fn envelope(event: &Value) -> Result<(), Vec<Value>> {
    let mut issues = Vec::new();
    let id = event["id"].as_str().filter(|id| !id.is_empty());
    if !id.is_some_and(scores::is_id) {
        issues.push(json!({ "path": ["id"], "message": "Invalid input: expected string" }));
    }
    if event["timestamp"].as_str().and_then(time::strict).is_none() {
        issues.push(json!({ "path": ["timestamp"], "message": "Invalid ISO datetime" }));
    }
    if issues.is_empty() {
        Ok(())
    } else {
        Err(issues)
    }
}

/// Without an id in its body a score is answered as a success and dropped.
fn score(shared: &Shared, event: &Value) -> Result<(), Vec<Value>> {
    envelope(event)?;
    let body = event["body"].as_object().cloned().unwrap_or_else(Map::new);
    let issues = scores::issues_in_a_batch(&body);
    if !issues.is_empty() {
        return Err(issues);
    }
    if !js::is_falsy(&event["body"]["id"]) {
        let timestamp = event["timestamp"].as_str().and_then(time::strict);
        scores::store(shared, body, timestamp.unwrap_or_else(time::now));
    }
    Ok(())
}
