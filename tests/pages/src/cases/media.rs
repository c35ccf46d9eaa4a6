//! A picture that was announced and uploaded as an SDK does it, seen on the page.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::send::{Span, request, trace_id};
use crate::view::View;

/// A PNG of 8 by 6 points.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42mM4oaGBFTEMpAQAgPc0gTglveMAAAAASUVORK5CYII=";

/// Announces the picture and uploads it where the answer says; gives its id.
const UPLOAD: &str = "const [text, trace, done] = arguments; const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)); (async () => {
    const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    const body = {contentType: 'image/png', contentLength: bytes.length, sha256Hash: btoa(String.fromCharCode(...hash)), traceId: trace, field: 'input'};
    const headers = {'content-type': 'application/json', authorization: 'Basic ' + btoa('pk-lf-local:sk-lf-local')};
    const answer = await fetch('/api/public/media', {method: 'POST', headers, body: JSON.stringify(body)});
    const {mediaId, uploadUrl} = await answer.json();
    const put = await fetch(uploadUrl, {method: 'PUT', headers: {'content-type': 'image/png'}, body: bytes});
    done(put.ok ? mediaId : `refused: ${put.status}`); })().catch((error) => done(String(error)));";

pub(super) async fn an_uploaded_picture_is_seen(view: &View) -> Result<()> {
    let (trace, now) = (trace_id(41), view.store.now_ns());
    view.goto("/").await?;
    let id = view
        .browser
        .execute_async(UPLOAD, vec![json!(PNG), json!(trace)])
        .await?;
    let id = id.as_str().unwrap_or_default().to_owned();
    ensure!(id.len() == 22, "{id}");
    let reference = format!("@@@langfuseMedia:type=image/png|id={id}|source=base64_data_uri@@@");
    let message = json!([{"role": "user", "content": [
        {"type": "text", "text": "Which colour is this?"},
        {"type": "image_url", "image_url": {"url": reference}},
    ]}]);
    let span = Span::new(&trace, 1, None, "look", now, now + 1_000_000_000)
        .kind("generation")
        .input(&message)
        .output(&json!({"sketch": reference}));
    view.send(&request(&[span])).await?;
    view.goto(&format!("/traces/{trace}")).await?;
    view.until("document.documentElement.dataset.spans === '1'")
        .await?;
    let seen = "[...document.querySelectorAll('#detail .picture img')].filter((image) => image.naturalWidth === 8).length";
    // In the message, and inside of the JSON.
    view.until(&format!("{seen} === 2")).await?;
    view.screenshot("media").await
}
