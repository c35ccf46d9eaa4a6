//! The page of a trace.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::lists::sample;
use crate::sample::{AGENT, agent};
use crate::send::{Span, request, span_id, trace_id};
use crate::view::View;

/// Opens the trace of the sample's agent and waits for its spans.
pub(super) async fn open_agent(view: &View) -> Result<()> {
    view.goto(&format!("/traces/{}", trace_id(AGENT))).await?;
    view.until("document.documentElement.dataset.spans === '12'")
        .await?;
    view.until("document.querySelectorAll('#spans .row:not([hidden])').length === 12")
        .await
}

/// Names in the tree, from the top.
async fn names(view: &View) -> Result<Vec<String>> {
    let rows = "[...document.querySelectorAll('#spans .row:not([hidden])')].sort((a, b) => a.getBoundingClientRect().top - b.getBoundingClientRect().top)";
    let found = view
        .value(&format!(
            "{rows}.map((row) => row.querySelector('.name').innerText)"
        ))
        .await?;
    Ok(serde_json::from_value(found)?)
}

fn selected(name: &str) -> String {
    format!(
        "document.querySelector('[aria-selected=true] .name')?.innerText === {}",
        json!(name)
    )
}

pub(super) async fn shows_tree_detail_and_totals(view: &View) -> Result<()> {
    sample(view).await?;
    let score = json!({"id": "s1", "traceId": trace_id(AGENT), "observationId": span_id(AGENT * 100 + 11), "name": "helpful", "value": 0.9, "dataType": "NUMERIC", "comment": "names the day"});
    view.send_batch(&[json!({"id": "e1", "timestamp": "2026-11-27T12:00:00Z", "type": "score-create", "body": score})]).await?;
    open_agent(view).await?;
    let names = names(view).await?;
    let expected = [
        "order-assistant",
        "check-input",
        "find-documents",
        "embed-question",
        "search-index",
        "decide",
        "run-tools",
        "find_order",
        "track_shipment",
        "track_shipment",
        "answer",
        "grade",
    ];
    ensure!(names == expected, "{names:?}");
    // What is in the document is also on the screen: wide rows, one below the other, with bars.
    let rows =
        "[...document.querySelectorAll('#spans .row')].map((row) => row.getBoundingClientRect())";
    view.until(&format!(
        "{rows}.every((box) => box.width > 600 && box.height === 28)"
    ))
    .await?;
    view.until(&format!(
        "new Set({rows}.map((box) => box.top)).size === 12"
    ))
    .await?;
    view.until("[...document.querySelectorAll('#spans .bar')].every((bar) => bar.getBoundingClientRect().width >= 2)").await?;
    view.until("Math.abs(document.querySelector('#ruler').getBoundingClientRect().left - document.querySelector('#spans .track').getBoundingClientRect().left) < 1").await?;
    view.until("Math.abs(document.querySelector('#ruler').getBoundingClientRect().right - document.querySelector('#spans .track').getBoundingClientRect().right) < 1").await?;
    // The whole trace: what went in and came out, the failure, totals by model.
    let detail = view
        .value("document.querySelector('#detail').innerText")
        .await?;
    let detail = detail.as_str().unwrap_or_default();
    for part in [
        "Where is my order 81723",
        "arrives on Saturday",
        "1 span failed",
        "the carrier did not answer in time",
        "gpt-5-mini",
        "text-embedding-3-small",
        "short-answers",
        "helpful",
        "names the day",
    ] {
        ensure!(detail.contains(part), "no {part:?} in {detail}");
    }
    view.screenshot("trace-whole").await?;
    // A span with messages, a picture, tool calls, parameters, usage.
    view.script("[...document.querySelectorAll('.row .name')].find((e) => e.innerText === 'decide').click()").await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'decide'")
        .await?;
    view.until(&format!(
        "new URL(location.href).searchParams.get('span') === '{}'",
        span_id(AGENT * 100 + 6)
    ))
    .await?;
    let roles = view.texts("#detail .message > header span").await?;
    ensure!(roles == ["system", "user", "assistant"], "{roles:?}");
    view.until("document.querySelector('#detail .picture img').naturalWidth === 96")
        .await?;
    let calls = view.texts("#detail .call > header code").await?;
    ensure!(calls == ["find_order", "track_shipment"], "{calls:?}");
    let detail = view
        .value("document.querySelector('#detail').innerText")
        .await?;
    let detail = detail.as_str().unwrap_or_default();
    for part in [
        "temperature",
        "0.2",
        "order-assistant v4",
        "640 ms",
        "812",
        "$0.0003",
        "1.48 s",
    ] {
        ensure!(detail.contains(part), "no {part:?} in {detail}");
    }
    view.screenshot("trace").await?;
    // JSON folds without a script of ours.
    view.script("[...document.querySelectorAll('.row .name')].find((e) => e.innerText === 'find-documents').click()").await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'find-documents'")
        .await?;
    ensure!(
        view.value("document.querySelectorAll('#detail .json details').length")
            .await?
            == 4,
        "JSON does not fold"
    );
    // A failure with what caused it.
    view.script("[...document.querySelectorAll('.row.is-error .name')].at(-1).click()")
        .await?;
    view.until("document.querySelector('#detail .failure h3')?.innerText === 'reqwest::Error'")
        .await?;
    let causes = view.texts("#detail .failure ol li").await?;
    ensure!(
        causes
            == [
                "operation timed out",
                "connection to api.dhl.example:443 was closed"
            ],
        "{causes:?}"
    );
    view.screenshot("trace-error").await?;
    // The URL opens the same span.
    view.browser.refresh().await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'track_shipment'")
        .await?;
    view.until(&selected("track_shipment")).await
}

pub(super) async fn keys_move_fold_zoom_and_copy(view: &View) -> Result<()> {
    sample(view).await?;
    open_agent(view).await?;
    view.press("jj").await?;
    view.until(&selected("check-input")).await?;
    view.press("k").await?;
    view.until(&selected("order-assistant")).await?;
    // Errors, also from the last to the first.
    view.press("n").await?;
    view.until(&selected("track_shipment")).await?;
    view.until("document.querySelector('#toast').innerText === 'Error 1 of 1'")
        .await?;
    // To the parent, fold it, unfold it.
    view.press("h").await?;
    view.until(&selected("run-tools")).await?;
    view.press("h").await?;
    view.until(
        "document.querySelector('[aria-selected=true]').getAttribute('aria-expanded') === 'false'",
    )
    .await?;
    ensure!(
        !names(view).await?.contains(&"find_order".to_owned()),
        "still unfolded"
    );
    view.until(
        "document.querySelector('[aria-selected=true] .below').innerText === '+3, 1 failed'",
    )
    .await?;
    view.press("ll").await?;
    view.until(&selected("find_order")).await?;
    view.press("c").await?;
    view.until("document.querySelectorAll('#spans .row:not([hidden])').length < 12")
        .await?;
    view.press("e").await?;
    view.until("document.querySelectorAll('#spans .row:not([hidden])').length === 12")
        .await?;
    // Zoom to the span: its bar takes most of the width.
    view.press("\u{E010}z").await?;
    view.until(&selected("grade")).await?;
    view.until("parseFloat(document.querySelector('[aria-selected=true] .bar').style.width) > 90")
        .await?;
    view.press("0").await?;
    view.until("parseFloat(document.querySelector('[aria-selected=true] .bar').style.width) < 10")
        .await?;
    // Find by name.
    view.press("/embed-q\u{E007}").await?;
    view.until(&selected("embed-question")).await?;
    view.until_text("#found", "1 found").await?;
    view.press("\u{E00C}").await?;
    // Copy the subtree.
    let origin = json!({"origin": view.base, "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]});
    view.dev_tools("Browser.grantPermissions", origin).await?;
    view.press("\u{E011}y").await?;
    view.until("document.querySelector('#toast').innerText === 'Copied'")
        .await?;
    let text = view
        .browser
        .execute_async(
            "navigator.clipboard.readText().then(arguments[0])",
            Vec::new(),
        )
        .await?;
    let text = text.as_str().unwrap_or_default();
    ensure!(text.starts_with("# order-assistant\n"), "{text}");
    ensure!(
        text.contains("  - run-tools (chain, 2.48 s)\n    - find_order (tool, 330 ms)"),
        "{text}"
    );
    view.press("Y").await?;
    view.until("true").await?;
    let copied =
        "navigator.clipboard.readText().then((text) => arguments[0](text.startsWith('[')))";
    let mut is_json = Value::Bool(false);
    for _ in 0..600 {
        is_json = view.browser.execute_async(copied, Vec::new()).await?;
        if is_json == true {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    ensure!(is_json == true, "no JSON was copied");
    view.press("t").await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'Trace' && !location.search.includes('span')").await?;
    // The next older trace with an error, in the list.
    view.press("P").await?;
    view.until(&format!(
        "location.pathname !== '/traces/{}'",
        trace_id(AGENT)
    ))
    .await?;
    view.until("document.querySelector('[data-trace]') !== null")
        .await
}

pub(super) async fn a_running_trace_is_no_failure(view: &View) -> Result<()> {
    let now = view.store.now_ns();
    let time = |seconds: i64| {
        let nanos = now + seconds * 1_000_000_000;
        let time = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(nanos))?;
        Ok::<_, anyhow::Error>(time.format(&time::format_description::well_known::Rfc3339)?)
    };
    let event = |id: &str, kind: &str, body: Value| json!({"id": id, "timestamp": body["startTime"], "type": kind, "body": body});
    view.send_batch(&[
        event("1", "trace-create", json!({"id": "run", "name": "long-run", "timestamp": time(-30)?, "startTime": time(-30)?})),
        event("2", "span-create", json!({"id": "root", "traceId": "run", "name": "agent", "startTime": time(-30)?})),
        event("3", "span-create", json!({"id": "done", "traceId": "run", "parentObservationId": "root", "name": "done", "startTime": time(-29)?, "endTime": time(-20)?})),
    ])
    .await?;
    view.goto("/").await?;
    view.until("document.querySelector('tbody .chip.running')?.innerText === 'running'")
        .await?;
    ensure!(
        view.value("document.querySelector('tbody .chip.error')")
            .await?
            .is_null(),
        "shown as a failure"
    );
    view.goto("/traces/run").await?;
    view.until("document.querySelectorAll('#spans .row.is-running').length === 1")
        .await?;
    ensure!(
        view.value("document.querySelector('.is-error')")
            .await?
            .is_null(),
        "shown as a failure"
    );
    view.until("document.querySelector('.live').dataset.state === 'on'")
        .await?;
    view.screenshot("running").await?;
    // A child arrives, then the end: the page follows.
    view.send_batch(&[event("4", "span-create", json!({"id": "next", "traceId": "run", "parentObservationId": "root", "name": "next", "startTime": time(-19)?, "endTime": time(-1)?}))]).await?;
    view.until("document.documentElement.dataset.spans === '3'")
        .await?;
    let end = json!({"id": "5", "timestamp": time(1)?, "type": "span-update", "body": {"id": "root", "traceId": "run", "endTime": time(0)?}});
    view.send_batch(&[end]).await?;
    view.until("document.querySelectorAll('#spans .row.is-running').length === 0")
        .await?;
    view.until("document.querySelector('[data-head] .chip.running') === null")
        .await?;
    // Of OTLP the children come first: they wait below a row for their parent.
    let trace = trace_id(77);
    let child = |id, name| Span::new(&trace, id, Some(1), name, now, now + 1_000_000_000);
    view.send(&request(&[child(2, "first"), child(3, "second")]))
        .await?;
    view.goto(&format!("/traces/{trace}")).await?;
    view.until("document.querySelectorAll('#spans .row').length >= 3")
        .await?;
    let waiting = names(view).await?;
    ensure!(
        waiting == ["(parent not received yet)", "first", "second"],
        "{waiting:?}"
    );
    view.send(&request(&[Span::new(
        &trace,
        1,
        None,
        "whole",
        now,
        now + 2_000_000_000,
    )]))
    .await?;
    view.until("[...document.querySelectorAll('#spans .row:not([hidden]) .name')].some((e) => e.innerText === 'whole')")
        .await?;
    let done = names(view).await?;
    ensure!(done == ["whole", "first", "second"], "{done:?}");
    Ok(())
}

pub(super) async fn dragging_zooms(view: &View) -> Result<()> {
    view.send(&agent(AGENT, view.store.now_ns(), true)).await?;
    open_agent(view).await?;
    let drag = "const e = document.querySelector('#ruler'); const b = e.getBoundingClientRect(); const at = (type, share) =>
        e.dispatchEvent(new PointerEvent(type, {clientX: b.left + b.width * share, clientY: b.top + 5, pointerId: 1, bubbles: true}));
        e.setPointerCapture = () => {}; at('pointerdown', 0.5); at('pointermove', 0.7); at('pointerup', 0.75);";
    view.script(drag).await?;
    // A quarter of 6.24 s is on the screen.
    view.until("!document.querySelector('#whole').hidden")
        .await?;
    let ticks = view.texts("#ruler span").await?;
    ensure!(
        ticks.iter().any(|tick| tick == "4 s") && !ticks.iter().any(|tick| tick == "0"),
        "{ticks:?}"
    );
    view.screenshot("zoom").await?;
    view.click("#whole").await?;
    view.until("document.querySelector('#whole').hidden")
        .await?;
    view.until_text("#ruler span", "0").await?;
    // The border between list and detail moves.
    let before = view
        .value("document.querySelector('#detail').getBoundingClientRect().width")
        .await?;
    let split = "const e = document.querySelector('#split'); e.setPointerCapture = () => {}; const at = (type, x) =>
        e.dispatchEvent(new PointerEvent(type, {clientX: x, pointerId: 1, bubbles: true})); at('pointerdown', 800); at('pointermove', 500); at('pointerup', 500);";
    view.script(split).await?;
    view.until(&format!(
        "document.querySelector('#detail').getBoundingClientRect().width > {before} + 100"
    ))
    .await
}

pub(super) async fn a_screen_reader_gets_a_tree(view: &View) -> Result<()> {
    view.send(&agent(AGENT, view.store.now_ns(), true)).await?;
    open_agent(view).await?;
    view.script("document.querySelector('#spans').focus()")
        .await?;
    view.press("jjj").await?;
    view.until(&selected("find-documents")).await?;
    let tree = view
        .dev_tools("Accessibility.getFullAXTree", json!({}))
        .await?;
    let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
    let has = |role: &str, name: &str| {
        nodes.iter().any(|node| {
            node["role"]["value"] == role
                && node["name"]["value"]
                    .as_str()
                    .is_some_and(|text| text.contains(name))
        })
    };
    for (role, name) in [
        ("banner", ""),
        ("navigation", "Pages"),
        ("main", ""),
        ("tree", "Spans of the trace"),
        ("treeitem", "retriever, find-documents, 510 ms"),
        ("treeitem", "tool, track_shipment, 1.19 s, error"),
        ("region", "Detail"),
        ("heading", "order-assistant"),
        ("searchbox", "Find spans by name"),
    ] {
        ensure!(has(role, name), "no {role} {name:?}");
    }
    let item = nodes.iter().find(|node| {
        node["role"]["value"] == "treeitem"
            && node["name"]["value"]
                .as_str()
                .is_some_and(|name| name.contains("find-documents"))
    });
    let properties = item
        .map(|item| item["properties"].to_string())
        .unwrap_or_default();
    ensure!(
        properties.contains("\"level\"")
            && properties.contains("\"expanded\"")
            && properties.contains("\"selected\""),
        "{properties}"
    );
    // Of the six spans below the root it is the second, whatever else is in the document.
    let place = "['aria-posinset', 'aria-setsize', 'aria-level'].map((name) => document.querySelector('[aria-selected=true]').getAttribute(name)).join()";
    ensure!(view.value(place).await? == "2,6,2", "its place is not said");
    ensure!(view.value("document.querySelector('#spans').getAttribute('aria-activedescendant') === document.querySelector('[aria-selected=true]').id").await? == true, "no active row");
    // The list has a table with a caption for each column.
    view.goto("/").await?;
    view.until("document.querySelectorAll('tbody tr').length === 1")
        .await?;
    let tree = view
        .dev_tools("Accessibility.getFullAXTree", json!({}))
        .await?;
    let text = tree.to_string();
    for role in [
        "\"search\"",
        "\"columnheader\"",
        "\"table\"",
        "\"checkbox\"",
        "\"combobox\"",
    ] {
        ensure!(text.contains(role), "no {role}");
    }
    Ok(())
}
