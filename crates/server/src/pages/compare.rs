//! Two traces side by side: totals, trees aligned by name and order, and the difference of two spans' texts.
//! The list of traces leads here.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use maud::{Markup, html};
use tracefuse_core::Level;

use super::align::{Pair, aligned};
use super::layout::{Area, Page, message};
use super::list::named;
use super::params::Params;
use super::widgets::{day_and_time, kind, outcome, tags, trace_url};
use super::{diff, failed, subtree, trace, units};
use crate::app::App;
use crate::model::{Bodies, ObservationRow, TraceView};

/// Lines of the two trees that are shown.
const MOST: usize = 2000;

/// One of the two traces, and the span whose texts are compared.
struct Side {
    view: TraceView,
    span: Option<ObservationRow>,
    long: Bodies,
}

pub(super) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let ids: Vec<String> = params.all("t").map(str::to_owned).collect();
    let [left, right] = ids.as_slice() else {
        let text = "Choose two traces in the list, with x or with their boxes, then Compare.";
        return message(StatusCode::OK, "Compare two traces", text);
    };
    let wanted = [
        (left.clone(), params.first("left").map(str::to_owned)),
        (right.clone(), params.first("right").map(str::to_owned)),
    ];
    let is_chosen = wanted.iter().any(|(_, span)| span.is_some());
    let read = app.read(move |store| {
        let mut sides = Vec::new();
        for (id, span) in wanted {
            let Some(view) = store.trace(&id)? else {
                return Ok(None);
            };
            let span = match span {
                Some(span) => view.observations.iter().find(|known| known.id == span),
                None if is_chosen => None,
                None => root(&view),
            };
            let span = span.cloned();
            let long = match &span {
                Some(span) => store.bodies(&id, &span.id)?.unwrap_or_default(),
                None => Bodies::default(),
            };
            sides.push(Side { view, span, long });
        }
        Ok(<[Side; 2]>::try_from(sides).ok())
    });
    let sides = match read.await {
        Ok(Some(sides)) => sides,
        Ok(None) => return trace::not_found(),
        Err(error) => return failed(&error),
    };
    let page = Page {
        title: "Compare",
        area: Area::Other,
        styles: &["list.css", "trace.css"],
        scripts: &[],
        keys: &[],
        main: main(&sides, &params.without("left").without("right")),
    };
    page.respond()
}

/// The observation where the trace begins as a reader sees it.
fn root(view: &TraceView) -> Option<&ObservationRow> {
    let marked = view.observations.iter().find(|span| span.is_root);
    marked.or_else(|| view.observations.first())
}

fn main(sides: &[Side; 2], params: &Params) -> Markup {
    let [left, right] = sides;
    let pairs = aligned(&left.view.observations, &right.view.observations);
    let texts = [
        ("Input", &left.long.input, &right.long.input),
        ("Output", &left.long.output, &right.long.output),
    ];
    html! {
        main #main {
            div.headline { h1 { "Compare" } a.button href=(swapped(params)) { "Swap sides" } }
            div.compare-heads {
                @for (side, name) in sides.iter().zip(["A", "B"]) { (head(side, name)) }
            }
            section.card.compare-totals aria-label="Totals" { div.scroll { (totals(&left.view, &right.view)) } }
            section.card.aligned aria-label="Spans" {
                header { h2 { "Spans" } small { "below the same parent, by name and order" } }
                div.scroll { (spans(sides, &pairs, params)) }
                @if pairs.len() > MOST { p.empty { "The first " (MOST) " of " (units::count(pairs.len() as u64)) " lines are shown." } }
            }
            @for (title, old, new) in texts {
                @if old.is_some() || new.is_some() {
                    section.card id=(title.to_lowercase()) aria-label=(title) {
                        header {
                            h2 { (title) }
                            small dir="auto" { "of " (names(sides)) }
                            @if old == new { span.chip { "equal" } }
                        }
                        (diff::side_by_side(&plain(old), &plain(new)))
                    }
                }
            }
        }
    }
}

fn plain(text: &Option<String>) -> String {
    text.as_deref().map(subtree::plain).unwrap_or_default()
}

fn names(sides: &[Side; 2]) -> String {
    let mut names: Vec<_> = sides
        .iter()
        .filter_map(|side| side.span.as_ref())
        .map(|span| named(&span.name))
        .collect();
    names.dedup();
    names.join(" and ")
}

fn swapped(params: &Params) -> String {
    let mut pairs: Vec<(String, String)> = params
        .all("t")
        .map(|id| ("t".to_owned(), id.to_owned()))
        .collect();
    pairs.reverse();
    Params::new(pairs).url("/compare")
}

fn head(side: &Side, name: &str) -> Markup {
    let trace = &side.view.trace;
    html! {
        section.card aria-label={ "Trace " (name) } {
            div.headline {
                span.chip { b { (name) } }
                h2 { a href=(trace_url(&trace.id)) dir="auto" { (named(&trace.name)) } }
                (outcome(trace))
            }
            small { (day_and_time(trace.start_ns)) " · " span.mono { (trace.id) } }
            (tags(&trace.tags))
        }
    }
}

/// A figure of both sides and how much it grew; more is worse.
fn totals(left: &TraceView, right: &TraceView) -> Markup {
    let (old, new) = (&left.trace, &right.trace);
    let nanos = |value: Option<i64>| value.map(|nanos| nanos as f64);
    let number = |value: u64| Some(value as f64);
    let time = |value: f64| units::duration(value as i64);
    let count = |value: f64| units::count(value as u64);
    type Shown<'a> = &'a dyn Fn(f64) -> String;
    let lines: [(&str, Option<f64>, Option<f64>, Shown<'_>); 7] = [
        (
            "Latency",
            nanos(old.latency_ns()),
            nanos(new.latency_ns()),
            &time,
        ),
        ("First token", nanos(old.ttft_ns), nanos(new.ttft_ns), &time),
        (
            "Input tokens",
            number(old.input_tokens),
            number(new.input_tokens),
            &count,
        ),
        (
            "Output tokens",
            number(old.output_tokens),
            number(new.output_tokens),
            &count,
        ),
        ("Cost", old.cost, new.cost, &units::cost),
        ("Spans", number(old.spans), number(new.spans), &count),
        ("Errors", number(old.errors), number(new.errors), &count),
    ];
    let shown: Vec<_> = lines
        .iter()
        .filter(|(_, old, new, _)| old.is_some() || new.is_some())
        .collect();
    html! {
        table {
            thead { tr { th scope="col" { "Total" } @for (name, ..) in &shown { th.num scope="col" { (name) } } } }
            tbody {
                tr { th scope="row" { "A" } @for (_, old, _, unit) in &shown { td.num { (old.map(*unit).unwrap_or_default()) } } }
                tr { th scope="row" { "B" } @for (_, _, new, unit) in &shown { td.num { (new.map(*unit).unwrap_or_default()) } } }
                tr { th scope="row" { "Change" } @for (_, old, new, _) in &shown { td.num { (change(*old, *new)) } } }
            }
        }
    }
}

/// By how many percent it grew.
fn change(old: Option<f64>, new: Option<f64>) -> Markup {
    let (Some(old), Some(new)) = (old, new) else {
        return html! { span.none { "–" } };
    };
    if old == new {
        return html! { span.none { "=" } };
    }
    let class = if new > old { "more" } else { "less" };
    let text = if old > 0.0 {
        format!("{:+.0} %", (new - old) / old * 100.0)
    } else {
        "new".to_owned()
    };
    html! { span class=(class) { (text) } }
}

fn spans(sides: &[Side; 2], pairs: &[Pair], params: &Params) -> Markup {
    let [left, right] = sides;
    html! {
        table {
            thead { tr {
                th.col-span scope="col" { "Span" }
                th.num scope="col" { "Time A" } th.num scope="col" { "Time B" } th.num scope="col" { "Change" }
                th.num scope="col" { "Tokens A" } th.num scope="col" { "Tokens B" }
                th.num scope="col" { "Cost A" } th.num scope="col" { "Cost B" }
                th scope="col" { "Texts" }
            } }
            tbody {
                @for pair in pairs.iter().take(MOST) {
                    (line(pair, pair.left.and_then(|at| left.view.observations.get(at)), pair.right.and_then(|at| right.view.observations.get(at)), params))
                }
            }
        }
    }
}

fn line(
    pair: &Pair,
    old: Option<&ObservationRow>,
    new: Option<&ObservationRow>,
    params: &Params,
) -> Markup {
    let Some(any) = old.or(new) else {
        return html! {};
    };
    let class = match (old, new) {
        (Some(_), None) => "only-left",
        (None, Some(_)) => "only-right",
        _ => "",
    };
    let length = |span: Option<&ObservationRow>| {
        span.and_then(|span| Some(span.end_ns?.saturating_sub(span.start_ns)))
    };
    let tokens = |span: Option<&ObservationRow>| {
        span.and_then(|span| span.usage.get("total").copied())
            .map(units::tokens)
    };
    let cost = |span: Option<&ObservationRow>| {
        span.and_then(|span| span.cost.get("total").copied())
            .map(units::cost)
    };
    let failed =
        |span: Option<&ObservationRow>| span.is_some_and(|span| span.level == Level::Error);
    let mut link = params.clone();
    for (name, span) in [("left", old), ("right", new)] {
        if let Some(span) = span {
            link = link.with(name, &span.id);
        }
    }
    let indent = pair.depth.min(24) * 14;
    html! {
        tr class=(class) {
            td {
                span.tree-name {
                    svg width=(indent) height="1" aria-hidden="true" {}
                    (kind(any.kind))
                    span dir="auto" title=(units::short(&any.name)) { (named(&any.name)) }
                    @match class { "only-left" => span.chip { "only A" }, "only-right" => span.chip { "only B" }, _ => {} }
                    @match (failed(old), failed(new)) {
                        (true, true) => span.chip.error { "error" },
                        (true, false) => span.chip.error { "error in A" },
                        (false, true) => span.chip.error { "error in B" },
                        _ => {}
                    }
                }
            }
            td.num { (length(old).map(units::duration).unwrap_or_default()) }
            td.num { (length(new).map(units::duration).unwrap_or_default()) }
            td.num { @if old.is_some() && new.is_some() { (change(length(old).map(|nanos| nanos as f64), length(new).map(|nanos| nanos as f64))) } }
            td.num { (tokens(old).unwrap_or_default()) }
            td.num { (tokens(new).unwrap_or_default()) }
            td.num { (cost(old).unwrap_or_default()) }
            td.num { (cost(new).unwrap_or_default()) }
            td { @if old.is_some_and(|span| span.has_bodies) || new.is_some_and(|span| span.has_bodies) { a href={ (link.url("/compare")) "#input" } { "show" } } }
        }
    }
}
