//! Sessions, users, the comparison and the overview.

use anyhow::{Result, ensure};

use serde_json::json;

use super::lists::sample;
use crate::sample::{AGENT, OTHER_AGENT, SESSION};
use crate::send::{Span, request, trace_id};
use crate::view::View;

pub(super) async fn a_session_is_a_line_of_time(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/sessions").await?;
    view.until_text(".title", SESSION).await?;
    view.screenshot("sessions").await?;
    view.press("j\u{E007}").await?;
    view.until(&format!(
        "location.pathname === '/sessions/{SESSION}' && document.readyState === 'complete'"
    ))
    .await?;
    let turns = view.texts(".turn > header > a:first-child").await?;
    ensure!(
        turns
            == [
                "order-assistant",
                "chat",
                "chat",
                "chat",
                "chat",
                "order-assistant"
            ],
        "{turns:?}"
    );
    let page = view
        .value("document.querySelector('main').innerText")
        .await?;
    let page = page.as_str().unwrap_or_default();
    for part in [
        "And what does it cost?",
        "9 EUR, and nothing for orders above 80 EUR.",
        "مرحبا",
        "日本",
        "later",
        "1 error",
    ] {
        ensure!(page.contains(part), "no {part:?} in {page}");
    }
    // A turn has its own question, and not those before it.
    let asked = view
        .value("document.querySelectorAll('.turn')[2].querySelectorAll('.message').length")
        .await?;
    ensure!(asked == 2, "{asked} messages in a turn");
    // Right-to-left text begins on the right.
    let arabic = "[...document.querySelectorAll('.turn .text')].find((e) => e.innerText.startsWith('مرحبا'))";
    ensure!(
        view.value(&format!("getComputedStyle({arabic}).direction"))
            .await?
            == "rtl",
        "Arabic is not right-to-left"
    );
    view.screenshot("session").await
}

pub(super) async fn a_session_follows_what_arrives(view: &View) -> Result<()> {
    let now = view.store.now_ns();
    let turn = |number: u64, answer: &str| {
        let start = now + number as i64 * 60_000_000_000;
        let span = Span::new(
            &trace_id(number),
            number,
            None,
            "chat",
            start,
            start + 1_000_000,
        );
        request(&[span.set("session.id", "s").output(&json!(answer))])
    };
    view.send(&turn(1, "the first answer")).await?;
    view.goto("/sessions/s").await?;
    view.until("document.querySelectorAll('.turn').length === 1")
        .await?;
    view.until("document.querySelector('.live').dataset.state === 'on'")
        .await?;
    view.press("j").await?;
    view.send(&turn(2, "the second answer")).await?;
    view.until("document.querySelectorAll('.turn').length === 2")
        .await?;
    view.until("document.querySelector('main').innerText.includes('the second answer')")
        .await?;
    view.until_text(".facts dd", "2").await?;
    // The turn that was chosen stays chosen, and keys go on from it.
    view.until(
        "document.querySelectorAll('.timeline > [data-level]')[0].hasAttribute('data-current')",
    )
    .await?;
    view.press("j").await?;
    view.until(
        "document.querySelectorAll('.timeline > [data-level]')[1].hasAttribute('data-current')",
    )
    .await?;
    view.press("\u{E007}").await?;
    view.until(&format!("location.pathname === '/traces/{}'", trace_id(2)))
        .await
}

pub(super) async fn digits_go_to_the_pages(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/").await?;
    for (key, path) in [
        ("2", "/sessions"),
        ("3", "/users"),
        ("4", "/overview"),
        ("1", "/"),
    ] {
        view.until("document.querySelector('.live')?.dataset.state === 'on'")
            .await?;
        view.press(key).await?;
        view.until(&format!(
            "location.pathname === '{path}' && document.readyState === 'complete'"
        ))
        .await?;
    }
    // Every page has its keys.
    view.press("?").await?;
    view.until(
        "document.querySelector('#help').innerText.includes('traces, sessions, users, overview')",
    )
    .await
}

pub(super) async fn users_lead_to_their_traces(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/users").await?;
    view.until("document.querySelectorAll('tbody tr').length === 5")
        .await?;
    view.screenshot("users").await?;
    view.script("[...document.querySelectorAll('.title')].find((e) => e.innerText === 'jonas@example.com').click()").await?;
    view.until(
        "location.search === '?user=jonas%40example.com' && document.readyState === 'complete'",
    )
    .await?;
    let users = view.texts("tbody td .who").await?;
    ensure!(
        !users.is_empty() && users.iter().all(|user| user == "jonas@example.com"),
        "{users:?}"
    );
    Ok(())
}

pub(super) async fn two_traces_side_by_side(view: &View) -> Result<()> {
    sample(view).await?;
    // Chosen in the list, by box and by key.
    view.goto("/?name=order-assistant").await?;
    view.until("document.querySelectorAll('tbody tr').length === 2")
        .await?;
    ensure!(
        view.value("document.querySelector('#compare').disabled")
            .await?
            == true,
        "nothing is chosen, and it is offered"
    );
    view.press("jjxkx").await?;
    view.until("!document.querySelector('#compare').disabled")
        .await?;
    view.click("#compare").await?;
    view.until("location.pathname === '/compare' && document.readyState === 'complete'")
        .await?;
    view.goto(&format!(
        "/compare?t={}&t={}",
        trace_id(OTHER_AGENT),
        trace_id(AGENT)
    ))
    .await?;
    let names = view
        .texts(".aligned .tree-name > span:nth-of-type(1)")
        .await?;
    ensure!(names.len() == 12, "{names:?}");
    let only = view.texts(".aligned .only-right .tree-name").await?;
    ensure!(
        only.len() == 1 && only.iter().all(|name| name.contains("track_shipment")),
        "{only:?}"
    );
    let page = view
        .value("document.querySelector('main').innerText")
        .await?;
    let page = page.as_str().unwrap_or_default();
    for part in ["+19 %", "error in B", "5.24 s", "6.24 s", "equal"] {
        ensure!(page.contains(part), "no {part:?} in {page}");
    }
    let marked = view.texts("#output .new mark").await?;
    ensure!(
        marked.iter().any(|words| words.contains("Saturday")),
        "{marked:?}"
    );
    view.resize(1280, 990).await?;
    view.screenshot("compare").await?;
    view.resize(1360, 860).await?;
    // Texts of two spans.
    view.script("[...document.querySelectorAll('.aligned tr')].find((row) => row.innerText.includes('find_order')).querySelector('a').click()").await?;
    view.until("document.querySelector('#output')?.innerText.includes('packing') && document.querySelector('#output')?.innerText.includes('shipped')").await
}

pub(super) async fn plots_of_a_week(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/overview?range=24h").await?;
    view.until("document.querySelectorAll('.plot svg').length === 4")
        .await?;
    let figures = view.texts(".totals dt").await?;
    ensure!(
        figures
            == [
                "Traces",
                "With errors",
                "Median latency",
                "95th percentile",
                "Tokens",
                "Cost"
            ],
        "{figures:?}"
    );
    let page = view
        .value("document.querySelector('main').innerText")
        .await?;
    let page = page.as_str().unwrap_or_default();
    for model in [
        "gpt-5",
        "gpt-5-mini",
        "claude-sonnet-4-5",
        "gemini-2.5-flash",
        "text-embedding-3-small",
    ] {
        ensure!(page.contains(model), "no {model} in {page}");
    }
    ensure!(
        view.value("document.querySelectorAll('.plot rect[class^=series]').length > 20")
            .await?
            == true,
        "few bars"
    );
    view.until("[...document.querySelectorAll('.plot .point')].every((point) => !['rgb(0, 0, 0)', 'none'].includes(getComputedStyle(point).fill))")
        .await?;
    ensure!(
        view.value("document.querySelectorAll('.plot polyline').length")
            .await?
            == 2,
        "no lines"
    );
    view.screenshot("overview").await?;
    view.goto("/overview").await?;
    view.until("document.querySelector('nav [aria-current=true]')?.innerText === '7 days'")
        .await
}
