//! Prompts of others are text; and what works without scripts.

use anyhow::{Result, ensure};
use serde_json::json;

use super::lists::sample;
use crate::sample::AGENT;
use crate::send::{Span, request, trace_id};
use crate::view::View;

const HOSTILE: &str = "\"'><img src=x onerror=\"window.hit=1\"><script>window.hit=1</script><svg onload=window.hit=1><a href=\"javascript:window.hit=1\">x</a>\u{202e}<style>body{display:none}</style>";

pub(super) async fn text_of_a_trace_is_never_code(view: &View) -> Result<()> {
    let trace = trace_id(9);
    let now = view.store.now_ns();
    let messages = json!([
        {"role": HOSTILE, "name": HOSTILE, "content": HOSTILE},
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "https://tracker.example/pixel.png"}},
            {"type": "image_url", "image_url": {"url": "javascript:window.hit=1"}},
            {"type": "image_url", "image_url": {"url": "data:text/html,<script>window.hit=1</script>"}},
            {"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIG9ubG9hZD0icGFyZW50LmhpdD0xIj48c2NyaXB0PnBhcmVudC5oaXQ9MTwvc2NyaXB0Pjwvc3ZnPg=="}},
        ]},
        {"role": "assistant", "content": null, "tool_calls": [{"id": HOSTILE, "function": {"name": HOSTILE, "arguments": HOSTILE}}]},
    ]);
    let span = Span::new(&trace, 1, None, HOSTILE, now, now + 1_000_000)
        .kind("generation")
        .set("langfuse.trace.name", HOSTILE)
        .set("user.id", HOSTILE)
        .set("session.id", HOSTILE)
        .set("langfuse.environment", "hostile")
        .set(&format!("langfuse.observation.metadata.{HOSTILE}"), HOSTILE)
        .model(HOSTILE, 1, 1, 0.1)
        .tags(&[HOSTILE])
        .input(&messages)
        .output(&json!({ HOSTILE: [HOSTILE] }))
        .error(HOSTILE, HOSTILE, HOSTILE);
    view.send(&request(&[span])).await?;
    view.goto("/").await?;
    view.until("document.querySelectorAll('tbody tr').length === 1")
        .await?;
    clean(view, "/").await?;
    view.goto(&format!("/traces/{trace}")).await?;
    view.until("document.documentElement.dataset.spans === '1'")
        .await?;
    view.press("j").await?;
    view.until("document.querySelector('#detail [data-detail=span]') !== null")
        .await?;
    clean(view, "the trace").await?;
    ensure!(
        view.value("[...document.querySelectorAll('#detail .message')].length")
            .await?
            == 3,
        "messages are missing"
    );
    let shown = view
        .value("document.querySelector('#detail .message .text').textContent")
        .await?;
    ensure!(shown == HOSTILE, "the text is not as it was sent: {shown}");
    view.screenshot("hostile").await?;
    let query = view
        .value(&format!("encodeURIComponent({})", json!(HOSTILE)))
        .await?;
    let query = query.as_str().unwrap_or_default().to_owned();
    for path in [
        format!("/?q={query}&name={query}"),
        format!("/?user={query}"),
        format!("/sessions/{query}"),
        "/sessions".to_owned(),
        "/users".to_owned(),
        "/overview".to_owned(),
        format!("/compare?t={trace}&t={trace}"),
        format!("/traces/{query}"),
    ] {
        view.goto(&path).await?;
        view.until("document.querySelector('main') !== null && document.readyState === 'complete'")
            .await?;
        clean(view, &path).await?;
    }
    // A page says what it allows, and that is nothing of others.
    let policy = view
        .browser
        .execute_async(
            "fetch('/').then((r) => arguments[0](r.headers.get('content-security-policy')))",
            Vec::new(),
        )
        .await?;
    let policy = policy.as_str().unwrap_or_default();
    ensure!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe"),
        "{policy}"
    );
    view.expect_missing().await
}

async fn clean(view: &View, place: &str) -> Result<()> {
    ensure!(
        view.value("window.hit === undefined").await? == true,
        "{place}: code of a trace ran"
    );
    let foreign = view.value("document.querySelectorAll('img[src=x], [onerror], [onload], a[href^=javascript], main style, main script, [style*=display]').length").await?;
    ensure!(
        foreign == 0,
        "{place}: {foreign} elements of a trace are in the page"
    );
    ensure!(
        view.value("getComputedStyle(document.body).display !== 'none'")
            .await?
            == true,
        "{place}: a style of a trace applies"
    );
    Ok(())
}

pub(super) async fn lists_and_traces_work_without_scripts(view: &View) -> Result<()> {
    sample(view).await?;
    view.dev_tools(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": true}),
    )
    .await?;
    view.goto(&format!("/?name=order-assistant&q={}", "order"))
        .await?;
    let link = view
        .browser
        .find(fantoccini::Locator::Css("tbody a.title"))
        .await?;
    ensure!(
        link.text().await?.contains("order-assistant"),
        "no trace in the list"
    );
    view.goto(&format!("/traces/{}", trace_id(AGENT))).await?;
    let links = view
        .browser
        .find_all(fantoccini::Locator::Css(".plain-tree a"))
        .await?;
    ensure!(
        links.len() == 12,
        "{} spans in the list of links",
        links.len()
    );
    for link in links {
        if link.text().await? == "answer" {
            link.click().await?;
            break;
        }
    }
    let title = view
        .browser
        .wait()
        .at_most(std::time::Duration::from_secs(60))
        .for_element(fantoccini::Locator::Css("[data-detail=span] h2"))
        .await?;
    ensure!(title.text().await? == "answer", "the span is not shown");
    view.screenshot("no-script").await?;
    view.dev_tools(
        "Emulation.setScriptExecutionDisabled",
        json!({"value": false}),
    )
    .await?;
    Ok(())
}
