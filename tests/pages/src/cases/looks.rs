//! Dark mode and narrow windows.

use anyhow::{Result, ensure};

use super::lists::sample;
use super::traces::open_agent;
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
