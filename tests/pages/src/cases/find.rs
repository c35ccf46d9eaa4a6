//! Words of inputs and outputs, found in the list and in a trace; and notes about Langfuse.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::send::{Span, request, span_id, trace_id};
use crate::view::View;

const SECOND: i64 = 1_000_000_000;

pub(super) async fn words_of_texts_lead_to_their_spans(view: &View) -> Result<()> {
    let (trace, now) = (trace_id(31), view.store.now_ns());
    let step = |id: u64, name: &str, output: &str| {
        let start = now + id as i64 * SECOND;
        let parent = (id > 1).then_some(1);
        Span::new(&trace, id, parent, name, start, start + SECOND).output(&json!(output))
    };
    let spans = [
        step(1, "agent", "done"),
        step(2, "read", "the giraffe eats leaves"),
        step(3, "read", "the lion sleeps"),
        step(4, "giraffe", "nothing"),
    ];
    view.send(&request(&spans)).await?;
    // The list finds the trace by a word of a span; the trace opens with the same search.
    view.goto("/?q=giraffe").await?;
    view.until("document.querySelectorAll('tbody tr').length === 1")
        .await?;
    view.click("tbody a.title").await?;
    view.until(&format!(
        "location.pathname === '/traces/{trace}' && document.readyState === 'complete'"
    ))
    .await?;
    view.until_text("#found", "2 found").await?;
    let bright = "[...document.querySelectorAll('#spans .row:not([hidden]):not(.is-dim)')].map((row) => row.dataset.row).sort().join()";
    view.until(&format!("{bright} === '1,3'")).await?;
    view.screenshot("find").await?;
    // Enter goes from one to the next.
    view.press("/\u{E007}").await?;
    let is_open = |id| {
        format!(
            "new URL(location.href).searchParams.get('span') === '{}'",
            span_id(id)
        )
    };
    view.until(&is_open(2)).await?;
    view.press("\u{E007}").await?;
    view.until(&is_open(4)).await?;
    // Another search, then none.
    view.script("document.querySelector('#find').select()")
        .await?;
    view.press("lion").await?;
    view.until_text("#found", "1 found").await?;
    view.until(&format!("{bright} === '2'")).await?;
    view.press("\u{E003}\u{E003}\u{E003}\u{E003}").await?;
    view.until("document.querySelectorAll('#spans .is-dim').length === 0")
        .await?;
    view.until_text("#found", "").await
}

pub(super) async fn what_langfuse_would_refuse_is_said(view: &View) -> Result<()> {
    let (trace, now) = (trace_id(32), view.store.now_ns());
    let span = Span::new(&trace, 1, None, "odd", now, now + SECOND);
    let span = span.set("langfuse.environment", "Not A Name!");
    view.send(&request(&[span])).await?;
    view.goto("/").await?;
    view.until_text("tbody .chip.warning", "1 note").await?;
    view.goto(&format!("/traces/{trace}")).await?;
    view.until("document.querySelector('#detail .note')?.innerText.includes('Langfuse stores the environment')")
        .await?;
    let words = view.texts("[data-head] .chip.warning").await?;
    ensure!(words == ["1 note"], "{words:?}");
    view.press("j").await?;
    view.until("document.querySelector('#detail [data-detail=span], #detail[data-detail=span], [data-detail=span] .note') !== null")
        .await
}
