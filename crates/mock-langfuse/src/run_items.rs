//! `POST /dataset-run-items` as 4.16.0 answers it in mode `events_only`.
//! Called by `router`.

use ring::digest::{SHA256, digest};
use serde_json::json;

use crate::answers::Incoming;
use crate::reply::Reply;
use crate::state::Shared;
use crate::time;

/// Nothing is stored in mode `events_only`: the answer has the id of the experiment, which traces name themselves.
pub(crate) fn run_item(shared: &Shared, request: &Incoming) -> Reply {
    let body = match request.json(1024 * 1024, "1mb") {
        Ok(body) => body,
        Err(reply) => return reply,
    };
    let text = |key: &str| body[key].as_str();
    let issue = |path: &[&str], message: &str| {
        Reply::invalid(vec![
            json!({ "code": "custom", "path": path, "message": message }),
        ])
    };
    let (Some(run), Some(item)) = (text("runName"), text("datasetItemId")) else {
        let missing = if text("runName").is_none() {
            "runName"
        } else {
            "datasetItemId"
        };
        return issue(
            &[missing],
            "Invalid input: expected string, received undefined",
        );
    };
    let filled = |key: &str| text(key).filter(|text| !text.is_empty());
    if filled("traceId").is_none() && filled("observationId").is_none() {
        let message = "observationId or traceId must be provided";
        return issue(&["observationId", "traceId"], message);
    }
    let store = shared.lock();
    let mut items = store.dataset_items.iter();
    let Some(item) = items.find(|known| known["id"] == item && known["status"] == "ACTIVE") else {
        return Reply::error(404, "LangfuseNotFoundError", "Dataset item not found");
    };
    let identity = json!([
        "langfuse-experiment-v1",
        "mock-project",
        item["datasetId"],
        run
    ]);
    let hash = digest(&SHA256, identity.to_string().as_bytes());
    let id: String = hash
        .as_ref()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let now = time::iso(time::now());
    Reply::json(
        200,
        &json!({
            "id": format!("mock-run-item-{}", store.requests.len()), "datasetRunId": id, "datasetRunName": run,
            "datasetItemId": item["id"], "traceId": text("traceId").unwrap_or_default(),
            "observationId": text("observationId"), "createdAt": now, "updatedAt": now,
        }),
    )
}
