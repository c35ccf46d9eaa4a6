//! The old batch endpoint as mode `events_only` answers it, and the rest that clients call
//! (`docs/langfuse.md` 1, 3 and 4). Called by `server`.

use serde_json::{Value, json};

use crate::answers::{Incoming, Reply};
use crate::server::Shared;

/// What the server takes in one request.
const MAX_BATCH: usize = 4_500_000;

/// `POST /api/public/ingestion`: only scores and SDK logs pass.
pub(crate) fn ingestion(shared: &Shared, request: &Incoming) -> Reply {
    if request.body.len() > MAX_BATCH {
        return Reply::text(413, "Body exceeded 4.5mb limit");
    }
    // Compression is not understood here.
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Reply::text(400, "Invalid JSON");
    };
    let Some(batch) = body["batch"].as_array() else {
        return Reply::json(
            400,
            &json!({ "message": "Invalid request data", "errors": ["batch: Required"] }),
        );
    };
    let (mut successes, mut errors) = (Vec::new(), Vec::new());
    for event in batch {
        let id = event["id"].as_str().unwrap_or("unknown");
        match event["type"].as_str() {
            Some("score-create") => {
                // Without an id of its own a score is answered and dropped.
                if event["body"]["id"].is_string() {
                    shared.lock().put_score(event["body"].clone());
                }
                successes.push(json!({ "id": id, "status": 201 }));
            }
            Some("sdk-log") => {}
            _ => errors.push(json!({
                "id": id, "status": 400, "message": "Event type not accepted",
                "error": "This deployment runs in events_only mode: send traces to /api/public/otel/v1/traces"
            })),
        }
    }
    Reply::json(207, &json!({ "successes": successes, "errors": errors }))
}

/// The old reads are gone in this mode.
pub(crate) fn gone() -> Reply {
    let message =
        "This endpoint is not available on deployments running in Langfuse v4 events_only mode";
    Reply::json(
        404,
        &json!({ "message": message, "error": "LangfuseNotFoundError" }),
    )
}

pub(crate) fn projects() -> Reply {
    Reply::json(
        200,
        &json!({ "data": [{ "id": "mock-project", "name": "mock", "organization": { "id": "mock-org", "name": "mock" }, "metadata": {} }] }),
    )
}
