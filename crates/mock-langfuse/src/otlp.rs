//! `POST /api/public/otel/v1/traces` with its refusals (`docs/langfuse.md` 2.1 to 2.3).
//! Called by `router` and `faults`; decodes through `decode`, stores through `store`.

use std::io::Read as _;

use bytes::Bytes;
use serde_json::json;

use crate::answers::Incoming;
use crate::auth::{Access, refusal};
use crate::decode::Batch;
use crate::reply::Reply;
use crate::state::Shared;
use crate::{decode, js, mapping};

/// The result of a request: the answer, and the body without its compression.
pub(crate) fn traces(shared: &Shared, request: &Incoming, store: bool) -> (Reply, Bytes) {
    let refused = |reply| (reply, Bytes::new());
    if request.method != "POST" {
        return refused(Reply::method_not_allowed());
    }
    if let Some(reply) = refusal(shared, request, &[Access::Project]) {
        return refused(reply);
    }
    let inflated = match inflate(request, shared.max_inflated) {
        Ok(body) => body,
        Err(reply) => return refused(reply),
    };
    let batch = match spans_of(request, &inflated) {
        Ok(batch) => batch,
        Err(error) => return (Reply::json(400, &json!({ "error": error })), inflated),
    };
    let ids: Vec<String> = batch
        .spans
        .iter()
        .filter_map(|span| span.span_id.clone())
        .collect();
    {
        let mut kept = shared.lock();
        for id in &ids {
            kept.deliveries.entry(id.clone()).or_default().received += 1;
        }
    }
    if batch.total == 0 && batch.bad_collections == 0 {
        return (Reply::json(200, &json!({})), inflated);
    }
    let bad = by_scenario(shared, &batch)
        .or_else(|| bad_batch(&batch))
        .or_else(|| bad_version(request));
    if let Some(reply) = bad {
        return (reply, inflated);
    }
    if store {
        let rows = batch.spans.into_iter().map(mapping::observation).collect();
        let mut kept = shared.lock();
        for id in &ids {
            kept.deliveries.entry(id.clone()).or_default().stored += 1;
        }
        kept.insert(rows);
    }
    (Reply::json(200, &queue_job(ids.len())), inflated)
}

/// Notes that the spans of a body were acknowledged.
pub(crate) fn acknowledge(shared: &Shared, request: &Incoming, inflated: &Bytes) {
    let spans = spans_of(request, inflated).unwrap_or_default().spans;
    let mut store = shared.lock();
    for id in spans.into_iter().filter_map(|span| span.span_id) {
        store.deliveries.entry(id).or_default().acknowledged += 1;
    }
}

fn spans_of(request: &Incoming, inflated: &Bytes) -> Result<Batch, String> {
    let kind = request
        .header("content-type")
        .unwrap_or_default()
        .to_lowercase();
    if kind.contains("application/x-protobuf") {
        decode::protobuf(inflated)
    } else if kind.contains("application/json") {
        decode::json(inflated)
    } else {
        Err("Invalid content type".into())
    }
}

/// The integer at the start of the header counts; an empty header is none.
fn bad_version(request: &Incoming) -> Option<Reply> {
    let name = "x-langfuse-ingestion-version";
    let header = request
        .header(name)
        .or_else(|| request.header("x_langfuse_ingestion_version"));
    let version = header.filter(|version| !version.is_empty())?;
    let fits = js::parse_int(&version.into()).is_some_and(|version| version <= 4.0);
    let error = format!("Unsupported {name}: {version:?}. Maximum supported: \"4\".");
    (!fits).then(|| Reply::json(400, &json!({ "error": error })))
}

fn inflate(request: &Incoming, limit: usize) -> Result<Bytes, Reply> {
    // Anything but gzip is read as it is, and then does not parse.
    let encoding = request.header("content-encoding").unwrap_or_default();
    if !encoding.contains("gzip") {
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
            &json!({ "error": "Failed to decompress request body" }),
        )),
    }
}

/// One bad span refuses the whole request; the text counts them and names the reasons.
fn bad_batch(batch: &Batch) -> Option<Reply> {
    let mut problems = Vec::new();
    if batch.bad_spans > 0 {
        problems.push(format!(
            "{} of {} span(s) cannot be processed",
            batch.bad_spans, batch.total
        ));
    }
    if batch.bad_collections > 0 {
        let count = batch.bad_collections;
        problems.push(format!(
            "{count} resource- or scope-level field(s) are present but not arrays"
        ));
    }
    (!problems.is_empty()).then(|| refused(&problems.join("; "), &batch.reasons, &batch.scopes))
}

fn refused(problems: &str, reasons: &[String], scopes: &[String]) -> Reply {
    let any = |end: &str| reasons.iter().any(|reason| reason.ends_with(end));
    let mut hints = Vec::new();
    if any(":absent") || any(":not_an_id") {
        hints.push("traceId and spanId are required on every span, and each must be a string or a byte array.");
    }
    if any(":not_an_array") {
        hints.push("scopeSpans, spans, attributes and events must all be arrays: OTLP attributes are a list of {key, value} entries, not a JSON object.");
    }
    let scopes = match scopes {
        [] => "unknown".to_owned(),
        names => names.join(", "),
    };
    let error = format!(
        "Invalid OTLP trace export: {problems} ({}). {} The entire export was rejected and no spans were ingested. \
         Instrumentation scopes: {scopes}. This endpoint accepts OpenTelemetry traces only.",
        reasons.join(", "),
        hints.join(" ")
    );
    Reply::json(400, &json!({ "error": error }))
}

/// A span that a scenario declares bad: the server does not say which one it was.
fn by_scenario(shared: &Shared, batch: &Batch) -> Option<Reply> {
    let bad = shared.bad_span()?;
    let is_bad = |span: &&crate::values::WireSpan| {
        span.name == bad || span.span_id.as_deref() == Some(bad.as_str())
    };
    let count = batch.spans.iter().filter(is_bad).count();
    let problems = format!("{count} of {} span(s) cannot be processed", batch.total);
    (count > 0).then(|| refused(&problems, &["traceId:absent".into()], &[]))
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
