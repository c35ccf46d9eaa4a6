//! Prompts: `GET /api/public/v2/prompts/{name}` as 4.16.0 answers it (`promptNameHandler.ts`, `PromptService`).
//! Called by `router`; tests fill it through the handle of the server.

use serde_json::{Value, json};

use crate::answers::{Incoming, unescape_path};
use crate::auth::{Access, access};
use crate::query::Query;
use crate::reply::Reply;
use crate::state::Shared;
use crate::store::Store;
use crate::time;

const PRODUCTION: &str = "production";
const LATEST: &str = "latest";

/// A version as it is stored; `prompt` is a text or a list of messages.
pub(crate) fn put(store: &mut Store, name: &str, labels: &[&str], prompt: &Value) -> u32 {
    let of_name = |known: &Value| known["name"] == name;
    let versions = store.prompts.iter().filter(|known| of_name(known)).count();
    let version = u32::try_from(versions)
        .unwrap_or(u32::MAX)
        .saturating_add(1);
    let mut labels: Vec<&str> = labels.to_vec();
    labels.push(LATEST);
    // A label belongs to one version.
    for known in store.prompts.iter_mut().filter(|known| of_name(known)) {
        if let Some(theirs) = known["labels"].as_array_mut() {
            theirs.retain(|label| !label.as_str().is_some_and(|label| labels.contains(&label)));
        }
    }
    let now = time::iso(time::now());
    store.prompts.push(json!({
        "id": format!("mock-prompt-{}", store.prompts.len() + 1),
        "createdAt": now,
        "updatedAt": now,
        "projectId": "mock-project",
        "createdBy": "API",
        "prompt": prompt,
        "name": name,
        "version": version,
        "type": if prompt.is_string() { "text" } else { "chat" },
        "isActive": null,
        "config": {},
        "tags": [],
        "labels": labels,
        "commitMessage": null,
        "resolutionGraph": null,
    }));
    version
}

pub(crate) fn named(shared: &Shared, request: &Incoming, name: &str) -> Reply {
    match access(shared, request) {
        Err(message) => return Reply::error(401, "UnauthorizedError", &message),
        Ok(Access::Scores) => {
            let message = "Access denied - need to use basic auth with secret key to GET prompts";
            return Reply::error(403, "ForbiddenError", message);
        }
        Ok(Access::Project) => {}
    }
    let name = unescape_path(name);
    let mut query = Query::new(request, &[]);
    query.word("resolve", &["true", "false"]);
    // JavaScript's `Number` takes an empty text for 0, which counts as none.
    let version = query.integer("version", 0, 0, (0, u32::MAX as usize));
    let label = query.filled("label");
    if let Some(refusal) = query.refusal() {
        return refusal;
    }
    if version != 0 && label.is_some() {
        let message = "Cannot specify both version and label";
        return Reply::error(400, "InvalidRequestError", message);
    }
    let label = label.unwrap_or(PRODUCTION);
    let store = shared.lock();
    let found = store.prompts.iter().find(|known| {
        let fits = match version {
            0 => known["labels"]
                .as_array()
                .is_some_and(|labels| labels.contains(&label.into())),
            version => known["version"] == version,
        };
        known["name"] == name.as_str() && fits
    });
    match found {
        Some(prompt) => {
            let mut prompt = prompt.clone();
            let labels = prompt["labels"].as_array();
            let active = labels.is_some_and(|labels| labels.contains(&PRODUCTION.into()));
            prompt["isActive"] = active.into();
            Reply::json(200, &prompt)
        }
        None => {
            let which = match version {
                0 => format!("with label '{label}'"),
                version => format!("with version {version}"),
            };
            let message = format!("Prompt not found: '{name}' {which}");
            Reply::error(404, "LangfuseNotFoundError", &message)
        }
    }
}
