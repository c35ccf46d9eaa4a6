//! What a server has stored, by its public API: `GET /api/public/v2/observations`.
//! Used by `demo`, `integration` and `ours`, against the local server and against a real one.

use std::time::Duration;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use serde_json::Value;
use tracefuse_http::{Headers, Secret};

use crate::http;

/// A server and the keys of a project.
pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) public_key: String,
    pub(crate) secret_key: Secret,
}

impl Server {
    /// All observations of a trace, or of all traces.
    pub(crate) fn observations(&self, trace: Option<&str>) -> Result<Vec<Value>> {
        let mut rows = Vec::new();
        let mut cursor = String::new();
        loop {
            let fields = "core,basic,time,io,metadata,model,usage,prompt,metrics,trace_context";
            let trace = trace.map(|id| format!("&traceId={id}")).unwrap_or_default();
            let page = self.get(&format!(
                "api/public/v2/observations?limit=1000&fields={fields}{trace}{cursor}"
            ))?;
            rows.extend(page["data"].as_array().cloned().unwrap_or_default());
            match page["meta"]["cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return Ok(rows),
            }
        }
    }

    /// Waits until a trace has its root, as a real server takes seconds for.
    pub(crate) fn wait_for_trace(&self, trace: &str) -> Result<Vec<Value>> {
        for _ in 0..60 {
            let rows = self.observations(Some(trace))?;
            if rows.iter().any(|row| row["parentObservationId"].is_null()) {
                return Ok(rows);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        anyhow::bail!("the trace is not readable after 30 seconds; it may still come")
    }

    /// Where a person sees a trace.
    pub(crate) fn address(&self, trace: &str) -> Result<String> {
        let projects = self.get("api/public/projects")?;
        let project = projects["data"][0]["id"]
            .as_str()
            .context("the keys belong to no project")?;
        Ok(format!(
            "{}/project/{project}/traces/{trace}",
            self.url.trim_end_matches('/')
        ))
    }

    fn get(&self, path: &str) -> Result<Value> {
        let credentials = format!("{}:{}", self.public_key, self.secret_key.expose());
        let basic = base64::engine::general_purpose::STANDARD.encode(credentials);
        let mut headers = Headers::new();
        headers.insert_secret("authorization", &Secret::new(format!("Basic {basic}")))?;
        http::get(&self.url, path, headers, &self.secret_key)
    }
}

/// Names and types, indented; siblings by name, since concurrent ones come in any order.
pub(crate) fn tree(rows: &[Value]) -> String {
    let mut text = String::new();
    branch(rows, &Value::Null, 0, &mut text);
    text
}

fn branch(rows: &[Value], parent: &Value, depth: usize, text: &mut String) {
    let mut children: Vec<&Value> = rows
        .iter()
        .filter(|row| row["parentObservationId"] == *parent)
        .collect();
    children.sort_by_key(|row| {
        (
            row["name"].as_str().unwrap_or_default(),
            row["id"].as_str().unwrap_or_default(),
        )
    });
    for row in children {
        let kind = row["type"].as_str().unwrap_or_default().to_lowercase();
        text.push_str(&format!(
            "{}{kind} {}\n",
            "  ".repeat(depth),
            row["name"].as_str().unwrap_or_default()
        ));
        branch(rows, &row["id"], depth + 1, text);
    }
}
