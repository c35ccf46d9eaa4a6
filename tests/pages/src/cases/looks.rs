//! Dark mode, narrow windows, text from right to left.

use anyhow::{Result, ensure};

use serde_json::json;

use super::lists::sample;
use super::traces::open_agent;
use crate::send::{Span, request, trace_id};
use crate::view::View;

/// How bright the page's ground is, from 0 to 255.
const GROUND: &str = "getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/g).map(Number).reduce((a, b) => a + b) / 3";

pub(super) async fn dark_follows_the_system_and_the_choice(view: &View) -> Result<()> {
    sample(view).await?;
    view.prefer("dark").await?;
    view.goto("/").await?;
    view.until("document.querySelectorAll('tbody tr').length === 70")
        .await?;
    view.until(&format!("{GROUND} < 40")).await?;
    view.screenshot("list-dark").await?;
    open_agent(view).await?;
    view.script("[...document.querySelectorAll('.row .name')].find((e) => e.innerText === 'answer').click()").await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'answer'")
        .await?;
    view.screenshot("trace-dark").await?;
    view.goto("/overview?range=24h").await?;
    view.screenshot("overview-dark").await?;
    // Text is readable: a contrast of at least 4.5 for what is muted.
    let contrast = "const rgb = (c) => c.match(/[\\d.]+/g).slice(0, 3).map(Number); const l = (c) => { const [r, g, b] = rgb(c).map((v) => { v /= 255;
        return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const e = document.createElement('p'); document.body.append(e); const of = (name) => { e.style.color = `var(${name})`; return l(getComputedStyle(e).color); };
        const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05); const ground = of('--surface');
        const all = ['--text', '--muted', '--faint', '--accent', '--error', '--warning', '--ok'].map((name) => [name, ratio(of(name), ground)]); e.remove(); return all;";
    for scheme in ["dark", "light"] {
        view.prefer(scheme).await?;
        let ratios: Vec<(String, f64)> = serde_json::from_value(view.script(contrast).await?)?;
        for (name, ratio) in ratios {
            ensure!(
                ratio >= 4.5,
                "{scheme}: {name} has a contrast of {ratio:.2}"
            );
        }
    }
    // The choice is kept, and beats the system.
    view.until(&format!("{GROUND} > 200")).await?;
    view.click("[data-action=theme]").await?;
    view.click("[data-action=theme]").await?;
    view.until("document.documentElement.dataset.theme === 'dark'")
        .await?;
    view.goto("/users").await?;
    view.until(&format!("{GROUND} < 40")).await
}

pub(super) async fn a_narrow_window_shows_everything(view: &View) -> Result<()> {
    sample(view).await?;
    view.resize(390, 844).await?;
    for path in ["/", "/sessions", "/users", "/overview?range=24h"] {
        view.goto(path).await?;
        view.until("document.querySelector('main') !== null && document.readyState === 'complete'")
            .await?;
        let width = view.value("document.documentElement.scrollWidth").await?;
        ensure!(
            width.as_u64().is_some_and(|width| width <= 390),
            "{path} is {width} wide"
        );
        view.screenshot(&format!(
            "narrow{}",
            path.split('?')
                .next()
                .unwrap_or_default()
                .replace('/', "-")
                .trim_end_matches('-')
        ))
        .await?;
    }
    open_agent(view).await?;
    view.script("[...document.querySelectorAll('.row .name')].find((e) => e.innerText === 'decide').click()").await?;
    view.until("document.querySelector('#detail h2')?.innerText === 'decide'")
        .await?;
    let shown = "[...document.querySelectorAll('#spans, #detail')].every((e) => e.getBoundingClientRect().height > 150 && e.getBoundingClientRect().right <= 391)";
    view.until(shown).await?;
    let width = view.value("document.documentElement.scrollWidth").await?;
    ensure!(
        width.as_u64().is_some_and(|width| width <= 390),
        "the trace is {width} wide"
    );
    view.screenshot("narrow-trace").await
}

pub(super) async fn right_to_left_text_begins_on_the_right(view: &View) -> Result<()> {
    let (trace, now) = (trace_id(51), view.store.now_ns());
    let name = "مساعد الطلبات";
    let question =
        json!([{"role": "user", "content": "أين طلبي رقم 81723، وهل يمكنني تغيير العنوان؟"}]);
    let step = |id: u64, parent, name: &str| {
        let start = now + id as i64 * 1_000_000;
        Span::new(&trace, id, parent, name, start, start + 900_000_000)
    };
    let spans = [
        step(1, None, name)
            .kind("agent")
            .set("langfuse.trace.name", name)
            .set("user.id", "ليلى")
            .set("session.id", "محادثة-7")
            .tags(&["متجر"])
            .input(&question)
            .output(&json!("طلبك في الطريق، ويصل يوم السبت.")),
        step(2, Some(1), "בדיקת קלט").kind("guardrail"),
        step(3, Some(1), "answer (إجابة)")
            .kind("generation")
            .model("gpt-5-mini", 90, 30, 0.001),
    ];
    view.send(&request(&spans)).await?;
    for path in ["/", &format!("/traces/{trace}")] {
        view.goto(path).await?;
        view.until("document.querySelector('main') !== null && document.readyState === 'complete'")
            .await?;
        let width = view.value("document.documentElement.scrollWidth").await?;
        ensure!(
            width.as_u64().is_some_and(|width| width <= 1360),
            "{path} is {width} wide"
        );
        let texts = "[...document.querySelectorAll('.title, .who, h1[dir], #detail .text, #spans .row:not([hidden]) .name')]";
        let wrong = format!(
            "{texts}.filter((e) => /^[\\u0590-\\u06ff]/.test(e.innerText) && getComputedStyle(e).direction !== 'rtl').map((e) => e.innerText)"
        );
        let wrong = view.value(&wrong).await?;
        ensure!(wrong == json!([]), "{path}: from left to right: {wrong}");
        let own =
            format!("{texts}.filter((e) => getComputedStyle(e).direction === 'rtl').length > 1");
        view.until(&own).await?;
        view.screenshot(&format!(
            "right-to-left{}",
            if path == "/" { "" } else { "-trace" }
        ))
        .await?;
    }
    Ok(())
}
