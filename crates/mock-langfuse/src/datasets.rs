//! Datasets: `GET /v2/datasets/{name}` and `GET /dataset-items` as 4.16.0 answers them in mode `events_only`
//! (`publicDatasetService.ts`). Called by `router`; tests fill it through the handle of the server.

use serde_json::{Value, json};

use crate::answers::{Incoming, unescape_path};
use crate::query::Query;
use crate::reply::Reply;
use crate::state::Shared;
use crate::store::Store;
use crate::time;

/// Adds a dataset, and items with `input`, `expectedOutput`, `metadata`, `id` and `status`, where they are given.
pub(crate) fn put(store: &mut Store, name: &str, items: &[Value]) -> String {
    let now = time::iso(time::now());
    let known = store.datasets.iter().find(|known| known["name"] == name);
    let id = match known {
        Some(known) => known["id"].as_str().unwrap_or_default().to_owned(),
        None => {
            let id = format!("mock-dataset-{}", store.datasets.len() + 1);
            store.datasets.push(json!({
                "id": id, "projectId": "mock-project", "name": name, "description": null, "metadata": null,
                "inputSchema": null, "expectedOutputSchema": null, "createdAt": now, "updatedAt": now,
            }));
            id
        }
    };
    for item in items {
        let given = |key: &str| item.get(key).cloned();
        let number = store.dataset_items.len() + 1;
        store.dataset_items.push(json!({
            "id": given("id").unwrap_or_else(|| format!("mock-item-{number}").into()),
            "status": given("status").unwrap_or_else(|| "ACTIVE".into()),
            "input": given("input"), "expectedOutput": given("expectedOutput"), "metadata": given("metadata"),
            "sourceTraceId": null, "sourceObservationId": null, "datasetId": id, "datasetName": name,
            "createdAt": now, "updatedAt": now, "mediaReferences": [],
        }));
    }
    id
}

fn not_found() -> Reply {
    Reply::error(404, "LangfuseNotFoundError", "Dataset not found")
}

pub(crate) fn named(shared: &Shared, name: &str) -> Reply {
    let name = unescape_path(name);
    let store = shared.lock();
    let found = store
        .datasets
        .iter()
        .find(|known| known["name"] == name.as_str());
    found.map_or_else(not_found, |dataset| Reply::json(200, dataset))
}

pub(crate) fn items(shared: &Shared, request: &Incoming) -> Reply {
    let mut query = Query::new(request, &[]);
    let page = query.integer("page", 1, 1, (1, usize::MAX));
    let limit = query.integer("limit", 50, 50, (1, 100));
    let name = query.filled("datasetName");
    if query.date("version").is_some() && name.is_none() {
        query.issue(
            "datasetName",
            "datasetName is required when version parameter is provided",
        );
    }
    if let Some(refusal) = query.refusal() {
        return refusal;
    }
    let store = shared.lock();
    let known = |name: &str| store.datasets.iter().any(|known| known["name"] == name);
    if name.is_some_and(|name| !known(name)) {
        return not_found();
    }
    let fits = |item: &&Value| {
        item["status"] == "ACTIVE" && name.is_none_or(|name| item["datasetName"] == name)
    };
    let items: Vec<&Value> = store.dataset_items.iter().filter(fits).collect();
    let data: Vec<&Value> = items
        .iter()
        .skip((page - 1).saturating_mul(limit))
        .take(limit)
        .copied()
        .collect();
    let meta = json!({
        "page": page, "limit": limit, "totalItems": items.len(), "totalPages": items.len().div_ceil(limit),
    });
    Reply::json(200, &json!({ "data": data, "meta": meta }))
}
