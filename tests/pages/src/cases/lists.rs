//! The list of traces.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::sample::{self, day};
use crate::send::{Span, request, trace_id};
use crate::view::View;

const SECOND: i64 = 1_000_000_000;

/// Stores the day of the sample.
pub(super) async fn sample(view: &View) -> Result<()> {
    for request in day(view.store.now_ns()) {
        view.send(&request).await?;
    }
    Ok(())
}

/// A trace of one span.
fn one(number: u64, name: &str, start: i64, input: &str) -> serde_json::Value {
    let span = Span::new(&trace_id(number), number, None, name, start, start + SECOND);
    request(&[span.set("langfuse.trace.name", name).input(&json!(input))])
}

pub(super) async fn shows_the_newest_first(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/").await?;
    view.until("document.querySelectorAll('[data-list] tbody tr').length === 70")
        .await?;
    let heads = view.texts("[data-list] th").await?;
    for head in [
        "Started",
        "Name",
        "User",
        "Session",
        "Tags",
        "Level",
        "Latency",
        "First token",
        "Spans",
        "Tokens",
        "Cost",
    ] {
        ensure!(
            heads.iter().any(|text| text == head),
            "no column {head}: {heads:?}"
        );
    }
    let times = view.value("[...document.querySelectorAll('tbody tr')].map((row) => row.querySelector('time').dateTime)").await?;
    let times: Vec<String> = serde_json::from_value(times)?;
    let mut sorted = times.clone();
    sorted.sort();
    sorted.reverse();
    ensure!(times == sorted, "not the newest first: {times:?}");
    let row = format!("document.getElementById('t-{}')", trace_id(sample::AGENT));
    let text = view.value(&format!("{row}.innerText")).await?;
    let text = text.as_str().unwrap_or_default();
    for part in [
        "order-assistant",
        "maria@example.com",
        "chat-7f3a",
        "orders",
        "1 error",
        "6.24 s",
        "640 ms",
        "12",
        "2,472",
        "$0.0033",
    ] {
        ensure!(text.contains(part), "no {part:?} in the row: {text}");
    }
    view.until("document.querySelectorAll('[data-histogram] .bin[href]').length > 20")
        .await?;
    view.resize(1280, 760).await?;
    view.screenshot("list").await
}

pub(super) async fn says_how_to_begin(view: &View) -> Result<()> {
    view.goto("/").await?;
    // The address of this server, which is not the one of the mode `local`.
    view.until(&format!(
        "document.querySelector('.empty').innerText.includes('LANGFUSE_BASE_URL={}\\n')",
        view.base
    ))
    .await?;
    view.until("!document.querySelector('.empty').innerText.includes('TRACING_MODE')")
        .await?;
    // The first trace appears without a reload.
    view.until("document.querySelector('.live').dataset.state === 'on'")
        .await?;
    view.send(&one(1, "first", view.store.now_ns(), "hello"))
        .await?;
    view.until_text(".title", "first").await
}

pub(super) async fn shows_what_arrives(view: &View) -> Result<()> {
    let now = view.store.now_ns();
    view.send(&one(1, "before", now - 60 * SECOND, "hello"))
        .await?;
    view.goto("/?name=&level=").await?;
    view.until_text(".title", "before").await?;
    view.until("document.querySelector('.live').dataset.state === 'on'")
        .await?;
    view.script("window.isSamePage = true").await?;
    view.press("j").await?;
    view.send(&one(2, "after", now, "hello")).await?;
    view.until("document.querySelector('tbody tr .title')?.innerText === 'after'")
        .await?;
    ensure!(
        view.value("window.isSamePage === true").await? == true,
        "the page was loaded again"
    );
    ensure!(
        view.value("document.querySelector('tbody tr').hasAttribute('data-new')")
            .await?
            == true,
        "the row is not marked"
    );
    // The row that was chosen stays chosen.
    let chosen = view.texts("tr[data-current] .title").await?;
    ensure!(chosen == ["before"], "{chosen:?}");
    // A list with a filter shows what matches alone.
    view.goto("/?name=before").await?;
    view.until("document.querySelector('.live').dataset.state === 'on'")
        .await?;
    view.send(&one(3, "after", now, "hello")).await?;
    view.send(&one(4, "before", now + SECOND, "hello")).await?;
    view.until("document.querySelectorAll('tbody tr').length === 2")
        .await?;
    let names = view.texts("tbody .title").await?;
    ensure!(names == ["before", "before"], "{names:?}");
    Ok(())
}

pub(super) async fn filters_are_in_the_url(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/").await?;
    view.until("document.querySelector('select[name=level]') !== null")
        .await?;
    view.script("const s = document.querySelector('select[name=level]'); s.value = 'ERROR'; s.dispatchEvent(new Event('change'))").await?;
    view.until("location.search.includes('level=ERROR') && document.readyState === 'complete'")
        .await?;
    view.until("document.querySelectorAll('tbody tr').length > 3")
        .await?;
    view.until(
        "[...document.querySelectorAll('tbody tr')].every((row) => row.dataset.level === 'error')",
    )
    .await?;
    // A tag of a row is a filter.
    view.goto("/").await?;
    view.click("tbody a.tag").await?;
    view.until("location.search.startsWith('?tag=') && document.readyState === 'complete'")
        .await?;
    view.until("document.querySelectorAll('tbody tr').length > 0")
        .await?;
    let tag = view
        .value("new URL(location.href).searchParams.get('tag')")
        .await?;
    view.until(&format!("[...document.querySelectorAll('tbody tr')].every((row) => [...row.querySelectorAll('.tag')].some((tag) => tag.innerText === {tag}))")).await?;
    // Taking it away shows all again.
    view.click("ul.chips a.chip").await?;
    view.until("location.search === '' && document.querySelectorAll('tbody tr').length === 70")
        .await?;
    // A bar of the histogram is a filter too.
    view.click("[data-histogram] .bin[href]:last-of-type")
        .await?;
    view.until("location.search.includes('from=') && location.search.includes('to=')")
        .await?;
    // Several at once, and one that cannot be read.
    view.goto("/?user=jonas%40example.com&min_latency=1s&order=slowest&min_cost=much")
        .await?;
    view.until("document.querySelector('.note')?.innerText.includes('min_cost')")
        .await?;
    let users = view.texts("tbody tr td .who").await?;
    ensure!(
        !users.is_empty() && users.iter().all(|user| user == "jonas@example.com"),
        "{users:?}"
    );
    view.screenshot("filter").await?;
    view.goto("/?name=nothing-has-this-name").await?;
    view.until("document.querySelector('.empty').innerText.includes('No trace matches')")
        .await
}

pub(super) async fn search_finds_words_of_bodies(view: &View) -> Result<()> {
    let now = view.store.now_ns();
    view.send(&one(1, "a", now, "the giraffe eats leaves"))
        .await?;
    view.send(&one(2, "b", now, "the lion sleeps")).await?;
    view.send(&one(3, "c", now, "der große Löwe 日本語 schläft"))
        .await?;
    view.goto("/").await?;
    view.until("document.querySelectorAll('tbody tr').length === 3")
        .await?;
    view.press("/giraffe\u{E007}").await?;
    view.until("location.search.includes('q=giraffe') && document.readyState === 'complete'")
        .await?;
    view.until("document.querySelectorAll('tbody tr').length === 1")
        .await?;
    view.until_text(".title", "a").await?;
    view.goto("/?q=Löwe").await?;
    view.until_text(".title", "c").await?;
    view.goto("/?q=%22lion%20sleeps%22").await?;
    view.until_text(".title", "b").await?;
    view.goto("/?q=zebra").await?;
    view.until("document.querySelector('.empty') !== null")
        .await
}

pub(super) async fn keys_move_and_open(view: &View) -> Result<()> {
    sample(view).await?;
    view.goto("/").await?;
    view.until("document.querySelectorAll('tbody tr').length === 70")
        .await?;
    let row = |place: usize| {
        format!("document.querySelectorAll('tbody tr')[{place}].hasAttribute('data-current')")
    };
    view.press("j").await?;
    view.until(&row(0)).await?;
    view.press("jjk").await?;
    view.until(&row(1)).await?;
    view.press("n").await?;
    view.until("document.querySelector('tr[data-current]').dataset.level === 'error'")
        .await?;
    view.press("?").await?;
    view.until("document.querySelector('#help').open").await?;
    view.press("\u{E00C}").await?;
    view.until("!document.querySelector('#help').open").await?;
    let id = view
        .value("document.querySelector('tr[data-current]').id.slice(2)")
        .await?;
    view.press("\u{E007}").await?;
    view.until(&format!("location.pathname === '/traces/' + {id}"))
        .await
}
