//! Which endpoint answers a request, with the methods it knows and the keys it takes.
//! Called by `server` and `faults` with a request that was read whole.

use serde_json::json;

use crate::answers::Incoming;
use crate::auth::{Access, refusal};
use crate::reply::Reply;
use crate::state::Shared;
use crate::{datasets, gone, legacy, media, otlp, prompts, read, run_items, score_list, scores};

/// The endpoint for spans.
pub(crate) const TRACES: &str = "/api/public/otel/v1/traces";

/// The server's own answer. `store`: whether spans are kept; `whole`: whether the answer will arrive.
pub(crate) fn answer(shared: &Shared, request: &Incoming, store: bool, whole: bool) -> Reply {
    if let Some(refusal) = request.intruder() {
        return refusal;
    }
    if request.path == TRACES {
        let (reply, inflated) = otlp::traces(shared, request, store);
        if reply.is_success() && whole {
            otlp::acknowledge(shared, request, &inflated);
        }
        shared.note(request, inflated, reply.status);
        return reply;
    }
    let reply = other(shared, request);
    shared.note(request, request.body.clone(), reply.status);
    reply
}

fn other(shared: &Shared, request: &Incoming) -> Reply {
    let path = request.path.trim_end_matches('/');
    let method = request.method.as_str();
    if let Some(own) = path.strip_prefix("/mock/") {
        return of_this_server(shared, request, own);
    }
    let Some(endpoint) = path.strip_prefix("/api/public") else {
        return Reply::text(404, "Not Found");
    };
    if let Some(reply) = gone::gone(method, endpoint) {
        return reply;
    }
    let project = |answer: fn(&Shared, &Incoming) -> Reply| {
        refusal(shared, request, &[Access::Project]).unwrap_or_else(|| answer(shared, request))
    };
    let part = endpoint.strip_prefix("/media/");
    let prompt = endpoint.strip_prefix("/v2/prompts/");
    let dataset = endpoint.strip_prefix("/v2/datasets/");
    match (method, endpoint) {
        ("GET", "/health") => {
            Reply::json(200, &json!({ "status": "OK", "version": shared.version() }))
        }
        ("GET", "/ready") => Reply::json(200, &json!({ "status": "OK" })),
        ("POST", "/ingestion") => legacy::ingestion(shared, request),
        ("POST", "/scores") => scores::post(shared, request),
        ("POST", "/media") => media::announce(shared, request),
        ("PATCH", _) if part.is_some() => {
            media::uploaded(shared, request, part.unwrap_or_default())
        }
        ("GET", "/projects") => project(|_, _| gone::projects()),
        ("GET", "/score-configs") => project(score_list::configs),
        ("GET", "/v2/observations") => project(read::observations),
        ("GET", "/v3/scores") => project(score_list::scores),
        ("GET", _) if prompt.is_some() => {
            prompts::named(shared, request, prompt.unwrap_or_default())
        }
        ("GET", _) if dataset.is_some() => refusal(shared, request, &[Access::Project])
            .unwrap_or_else(|| datasets::named(shared, dataset.unwrap_or_default())),
        ("GET", "/dataset-items") => project(datasets::items),
        ("POST", "/dataset-run-items") => project(run_items::run_item),
        ("POST", "/otel/v1/metrics") => project(|_, _| Reply::json(200, &json!({}))),
        (
            _,
            "/ingestion" | "/scores" | "/media" | "/projects" | "/score-configs"
            | "/v2/observations" | "/v3/scores" | "/otel/v1/metrics" | "/dataset-items"
            | "/dataset-run-items",
        ) => Reply::method_not_allowed(),
        _ if part.or(prompt).or(dataset).is_some() => Reply::method_not_allowed(),
        _ => Reply::text(404, "Not Found"),
    }
}

/// What Langfuse does not have: the bucket for uploads, which needs no key, and the tree of a trace.
fn of_this_server(shared: &Shared, request: &Incoming, path: &str) -> Reply {
    if let ("PUT", Some(id)) = (request.method.as_str(), path.strip_prefix("upload/")) {
        return media::put(shared, request, id);
    }
    if let Some(reply) = refusal(shared, request, &[Access::Project]) {
        return reply;
    }
    let id = path
        .strip_prefix("traces/")
        .and_then(|rest| rest.strip_suffix("/tree"));
    match id {
        Some(id) => Reply::text(200, &shared.lock().tree(id)),
        None => Reply::text(404, "Not Found"),
    }
}
