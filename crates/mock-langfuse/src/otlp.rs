//! `POST /api/public/otel/v1/traces` with its refusals (`docs/langfuse.md` 2.1 to 2.3).
//! Called by `server`; decodes through `decode`, stores through `store`.

use std::collections::BTreeMap;
use std::io::Read as _;

use bytes::Bytes;
use serde_json::json;

use crate::answers::{Incoming, Reply};
use crate::server::Shared;
use crate::values::WireSpan;
use crate::{decode, mapping};

pub(crate) const PATH: &str = "/api/public/otel/v1/traces";

/// What came of a request: the answer, and the body without its compression.
pub(crate) fn traces(shared: &Shared, request: &Incoming, store: bool) -> (Reply, Bytes) {
    let refused = |reply| (reply, Bytes::new());
    if request.method != "POST" {
        return refused(Reply::json(
            405,
            &json!({ "message": "Method not allowed", "error": "Method not allowed" }),
        ));
    }
    if let Some(reply) = unauthorized(shared, request) {
        return refused(reply);
    }
    if let Some(reply) = bad_version(request) {
        return refused(reply);
    }
    let inflated = match inflate(request, shared.max_inflated) {
        Ok(body) => body,
        Err(reply) => return refused(reply),
    };
    let kind = request.header("content-type").unwrap_or_default();
    let decoded = if kind.contains("application/x-protobuf") {
        decode::protobuf(&inflated)
    } else if kind.contains("application/json") {
        decode::json(&inflated)
    } else {
        Err("Invalid content type. Expected application/json or application/x-protobuf".to_owned())
    };
    let spans = match decoded {
        Ok(spans) => spans,
        Err(error) => return (Reply::json(400, &json!({ "error": error })), inflated),
    };
    let ids: Vec<String> = spans
        .iter()
        .filter_map(|span| span.span_id.clone())
        .collect();
    {
        let mut kept = shared.lock();
        for id in &ids {
            kept.deliveries.entry(id.clone()).or_default().received += 1;
        }
    }
    if let Some(reply) = poisoned(shared, &spans).or_else(|| bad_spans(&spans)) {
        return (reply, inflated);
    }
    if spans.is_empty() {
        return (Reply::json(200, &json!({})), inflated);
    }
    if store {
        let rows = spans.into_iter().map(mapping::observation).collect();
        let mut kept = shared.lock();
        for id in &ids {
            kept.deliveries.entry(id.clone()).or_default().stored += 1;
        }
        kept.insert(rows);
    }
    (Reply::json(200, &queue_job(ids.len())), inflated)
}

/// Basic only; Bearer is 403 here.
pub(crate) fn unauthorized(shared: &Shared, request: &Incoming) -> Option<Reply> {
    let Some(header) = request.header("authorization") else {
        return Some(Reply::json(
            401,
            &json!({ "message": "No authorization header", "error": "UnauthorizedError" }),
        ));
    };
    if header.starts_with("Bearer") {
        return Some(Reply::json(
            403,
            &json!({ "message": "Access denied: Bearer auth and org api keys are not allowed to access", "error": "ForbiddenError" }),
        ));
    }
    (header != shared.authorization).then(|| {
        let message = "Invalid credentials. Confirm that you've configured the correct host.";
        Reply::json(
            401,
            &json!({ "error": "UnauthorizedError", "message": message }),
        )
    })
}

fn bad_version(request: &Incoming) -> Option<Reply> {
    let version = request.header("x-langfuse-ingestion-version")?;
    let fits = version.parse::<f64>().is_ok_and(|version| version <= 4.0);
    (!fits).then(|| {
        Reply::json(
            400,
            &json!({ "error": format!("Invalid ingestion version: {version}") }),
        )
    })
}

fn inflate(request: &Incoming, limit: usize) -> Result<Bytes, Reply> {
    // Anything but gzip is read as it stands, and then does not parse.
    if request.header("content-encoding") != Some("gzip") {
        return Ok(request.body.clone());
    }
    let mut plain = Vec::new();
    let decoder = flate2::read::MultiGzDecoder::new(&request.body[..]);
    match decoder.take(limit as u64 + 1).read_to_end(&mut plain) {
        Ok(_) if plain.len() <= limit => Ok(plain.into()),
        Ok(_) => Err(Reply::text(
            413,
            "Body exceeds the limit of this server once it is decompressed",
        )),
        Err(_) => Err(Reply::json(
            400,
            &json!({ "error": "Failed to decompress gzip body" }),
        )),
    }
}

/// One bad span refuses the whole request; the text counts and names the reasons.
fn bad_spans(spans: &[WireSpan]) -> Option<Reply> {
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    for span in spans {
        let reason = match span {
            WireSpan {
                fault: Some(fault), ..
            } => Some(*fault),
            WireSpan { trace_id: None, .. } => Some("missing or invalid traceId"),
            WireSpan { span_id: None, .. } => Some("missing or invalid spanId"),
            _ => None,
        };
        if let Some(reason) = reason {
            *reasons.entry(reason).or_default() += 1;
        }
    }
    if reasons.is_empty() {
        return None;
    }
    let bad: usize = reasons.values().sum();
    let list: Vec<String> = reasons
        .iter()
        .map(|(reason, count)| format!("{reason} ({count})"))
        .collect();
    Some(Reply::json(
        400,
        &json!({ "error": format!("Rejected OTel batch: {bad} invalid span(s): {}", list.join(", ")) }),
    ))
}

/// A span that a scenario declares bad: the real server does not say which one it was.
fn poisoned(shared: &Shared, spans: &[WireSpan]) -> Option<Reply> {
    let poison = shared.poison()?;
    spans.iter().any(|span| span.name == poison || span.span_id.as_deref() == Some(poison.as_str())).then(|| {
        Reply::json(400, &json!({ "error": "Rejected OTel batch: 1 invalid span(s): missing or invalid traceId (1)" }))
    })
}

/// The real answer is the queue's job, about 1 KB and of no use to a client.
fn queue_job(spans: usize) -> serde_json::Value {
    json!({
        "name": "otel-ingestion-job",
        "data": {
            "timestamp": "2026-08-22T00:00:00.000Z",
            "id": "00000000-0000-4000-8000-000000000000",
            "payload": {
                "data": { "fileKey": format!("otel/project/2026/08/22/00/00/{}.json", "0".repeat(36)), "publicKey": "pk" },
                "authCheck": { "validKey": true, "scope": { "projectId": "project", "accessLevel": "project", "orgId": "org", "plan": "oss",
                    "rateLimitOverrides": [], "apiKeyId": "key", "publicKey": "pk", "isIngestionSuspended": false } }
            },
            "name": "otel-ingestion-job",
            "spans": spans
        },
        "opts": { "attempts": 6, "removeOnComplete": true, "removeOnFail": 100_000, "backoff": { "type": "exponential", "delay": 5000 }, "delay": 0, "timestamp": 0 },
        "id": "1", "progress": 0, "returnvalue": null, "stacktrace": [], "delay": 0, "priority": 0, "attemptsStarted": 0, "attemptsMade": 0, "stalledCounter": 0,
        "timestamp": 0, "queueQualifiedName": "bull:otel-ingestion-queue", "filler": "x".repeat(120)
    })
}
