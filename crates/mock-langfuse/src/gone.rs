//! The old reads that are gone in mode `events_only` (`docs/langfuse.md` 4).
//! Called by `router`.

use serde_json::json;

use crate::reply::Reply;

/// The old reads and writes, which are gone in this mode; `None` for every other endpoint.
pub(crate) fn gone(method: &str, endpoint: &str) -> Option<Reply> {
    let message = "This endpoint is not available on deployments running in Langfuse v4 events_only mode. \
                   Learn more about Langfuse v4 at: https://langfuse.com/docs/v4";
    let is = |names: &[&str]| {
        let below = |name: &&str| endpoint == *name || endpoint.starts_with(&format!("{name}/"));
        names.iter().any(below)
    };
    let reads = [
        "/traces",
        "/observations",
        "/sessions",
        "/v2/scores",
        "/metrics",
    ];
    let writes = ["/traces", "/spans", "/generations", "/events"];
    let is_gone = match method {
        "GET" => is(&reads) || is(&["/scores"]),
        "POST" => is(&writes),
        _ => false,
    };
    if is_gone {
        return Some(Reply::json(404, &json!({ "message": message })));
    }
    (is(&reads) || is(&writes)).then(Reply::method_not_allowed)
}

pub(crate) fn projects() -> Reply {
    let organization = json!({ "id": "mock-org", "name": "mock" });
    let project = json!({ "id": "mock-project", "name": "mock", "organization": organization, "metadata": {} });
    Reply::json(200, &json!({ "data": [project] }))
}
