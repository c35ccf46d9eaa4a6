//! A trace of 50,000 spans: how long until it is on the screen, what it takes, how it scrolls.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::send::{Span, request, trace_id};
use crate::system;
use crate::view::View;

const SPANS: u64 = 50_000;

/// Memory of the scripts, and of the page's process beside what an empty list takes; the machine does not matter for it.
const MOST_HEAP: u64 = 100 << 20;

/// Far more than the second that is asked for, since tests run on machines that are busy, with a server that was built for
/// debugging: the figure itself is printed. What the work costs is in the two figures below, in which other programs do not count.
const MOST_MILLIS: f64 = 30_000.0;

/// Processor time of the page's main thread until everything is on the screen.
const MOST_WORK_MILLIS: f64 = 1000.0;

/// Processor time of this program, which is the server and the test, until then. A release build takes a fifth of a debug build.
const MOST_SERVED_MILLIS: f64 = 3000.0;

/// When what happened, in milliseconds after the navigation began.
const TIMES: &str = "(() => { const mark = (name) => performance.getEntriesByName(name)[0]?.startTime ?? -1;
    const page = performance.getEntriesByType('navigation')[0];
    return { asked: page.requestStart, answered: page.responseStart, loaded: page.responseEnd, bytes: page.decodedBodySize,
        first: mark('first-contentful-paint'), modules: mark('modules'), read: mark('read'), rows: mark('rows'), screen: mark('spans'),
        requests: performance.getEntriesByType('resource').filter((entry) => entry.name.includes('/traces/')).length }; })()";

/// What [`TIMES`] gives.
#[derive(serde::Deserialize)]
struct Times {
    asked: f64,
    answered: f64,
    loaded: f64,
    bytes: f64,
    first: f64,
    modules: f64,
    read: f64,
    rows: f64,
    screen: f64,
    requests: u64,
}

pub(super) async fn fifty_thousand_spans(view: &View) -> Result<()> {
    let trace = trace_id(5);
    let start = view.store.now_ns();
    for chunk in 0..SPANS / 5000 {
        let spans: Vec<Span> = (chunk * 5000..(chunk + 1) * 5000)
            .map(|number| span(&trace, number, start))
            .collect();
        view.send(&request(&spans)).await?;
    }
    // The browser starts its processes before.
    view.goto("/users").await?;
    view.until("document.readyState === 'complete'").await?;
    let empty = system::memory_of_page();
    view.dev_tools("Performance.enable", json!({"timeDomain": "threadTicks"}))
        .await?;
    let (before, own) = (work(view).await?, system::own_work());
    view.goto(&format!("/traces/{trace}")).await?;
    view.until(&format!(
        "document.documentElement.dataset.spans === '{SPANS}'"
    ))
    .await?;
    view.until("performance.getEntriesByName('spans').length === 1")
        .await?;
    let worked = work(view).await? - before;
    let served = system::own_work()
        .zip(own)
        .map_or(0.0, |(now, before)| now - before);
    let times: Times = serde_json::from_value(view.value(TIMES).await?)?;
    let rows = view
        .value("document.querySelectorAll('#spans .row').length")
        .await?
        .as_u64()
        .unwrap_or(u64::MAX);
    ensure!(rows < 200, "{rows} rows are in the document");
    view.screenshot("large").await?;
    // To the end and back, a screen a frame.
    let scroll = "const done = arguments[0]; const box = document.querySelector('#spans'); const times = []; let frames = 0; let last = performance.now();
        const step = (now) => { times.push(now - last); last = now; box.scrollTop += 700; if (++frames < 240) requestAnimationFrame(step);
        else done(times.slice(1).sort((a, b) => a - b)); }; requestAnimationFrame(step);";
    let frames = view.browser.execute_async(scroll, Vec::new()).await?;
    let frames: Vec<f64> = serde_json::from_value(frames)?;
    let part = |share: f64| {
        frames
            .get((frames.len() as f64 * share) as usize)
            .copied()
            .unwrap_or(f64::MAX)
    };
    // Errors and the last row are reached by one key.
    view.press("n").await?;
    view.until("document.querySelector('[aria-selected=true].is-error') !== null")
        .await?;
    view.press("\u{E010}").await?;
    view.until(&format!(
        "document.querySelector('[aria-selected=true]')?.dataset.row === '{}'",
        SPANS - 1
    ))
    .await?;
    view.until("document.querySelector('#detail h2')?.innerText.startsWith('step-')")
        .await?;
    view.press("/step-123").await?;
    view.until("document.querySelector('#found').innerText.startsWith('111 found')")
        .await?;
    view.dev_tools("HeapProfiler.collectGarbage", json!({}))
        .await?;
    let heap = view.dev_tools("Runtime.getHeapUsage", json!({})).await?;
    let used = heap["usedSize"].as_u64().unwrap_or(u64::MAX);
    let grown = system::memory_of_page()
        .zip(empty)
        .map(|(now, empty)| now.saturating_sub(empty));
    let mebibytes = |bytes: u64| bytes as f64 / 1_048_576.0;
    let Times {
        asked,
        answered,
        loaded,
        bytes,
        first,
        modules,
        read,
        rows: made,
        screen,
        requests,
    } = times;
    println!(
        "pages: {SPANS} spans: rows on the screen and the tree complete after {screen:.0} ms (the server {:.0} ms from the request to the first \
         byte, the answer of {:.2} MiB there after {loaded:.0} ms, first paint {first:.0} ms, modules {modules:.0} ms, columns read {read:.0} ms, \
         rows made {made:.0} ms); {worked:.0} ms of processor time of the page, {served:.0} ms of the server with this test",
        answered - asked,
        bytes / 1_048_576.0,
    );
    println!(
        "pages: {SPANS} spans: {:.1} MiB of JS heap; the page's process has {} more than with an empty list; {rows} rows in the document; \
         frames while scrolling: median {:.1} ms, 95 % within {:.1} ms, 99 % within {:.1} ms",
        mebibytes(used),
        grown.map_or_else(
            || "?".to_owned(),
            |grown| format!("{:.1} MiB", mebibytes(grown))
        ),
        part(0.5),
        part(0.95),
        part(0.99),
    );
    ensure!(used < MOST_HEAP, "{used} bytes of heap");
    ensure!(
        grown.is_none_or(|grown| grown < MOST_HEAP),
        "{grown:?} bytes more in the page's process"
    );
    ensure!(
        screen < MOST_MILLIS,
        "{screen} ms until the spans are on the screen"
    );
    ensure!(
        worked < MOST_WORK_MILLIS,
        "{worked} ms of processor time until the spans are on the screen"
    );
    ensure!(
        served < MOST_SERVED_MILLIS,
        "{served} ms of processor time of the server"
    );
    // The spans come with the page.
    ensure!(requests == 0, "{requests} more requests for the trace");
    Ok(())
}

/// Milliseconds of processor time that the page's main thread has taken.
async fn work(view: &View) -> Result<f64> {
    let metrics = view.dev_tools("Performance.getMetrics", json!({})).await?;
    let all = metrics["metrics"].as_array().cloned().unwrap_or_default();
    let task = all.iter().find(|metric| metric["name"] == "TaskDuration");
    let seconds = task.and_then(|metric| metric["value"].as_f64());
    Ok(seconds.unwrap_or(f64::MAX) * 1000.0)
}

/// A tree of a width of 50 and a depth of a few, with an error now and then.
fn span(trace: &str, number: u64, start: i64) -> Span {
    let parent = (number > 0).then(|| (number - 1) / 50 + 1);
    let at = start + number as i64 * 1_000_000;
    let end = if number == 0 {
        start + SPANS as i64 * 1_000_000 + 9_000_000_000
    } else {
        at + 3_000_000 + (number as i64 % 977) * 4_000_000
    };
    let kinds = ["span", "tool", "generation", "retriever", "chain"];
    let span = Span::new(
        trace,
        number + 1,
        parent,
        &format!("step-{number}"),
        at,
        end,
    )
    .kind(kinds[(number % 5) as usize]);
    match number {
        _ if number % 5 == 2 => span.model("gpt-5-mini", number % 900, number % 90, 0.0001),
        _ if number % 4001 == 4000 => span.error("Timeout", "no answer in time", ""),
        _ => span,
    }
}
