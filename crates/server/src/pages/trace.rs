//! The page of a trace: tree and waterfall, filled by the script, beside the detail of a span or of the trace.
//! Without scripts the tree is a list of links.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::columns::Columns;
use super::layout::{Area, Page, headers, message};
use super::list::named;
use super::params::{Params, encoded};
use super::widgets::{cost, day_and_time, kind, latency, list_url, outcome, tags, trace_url};
use super::{detail, failed, tree, units};
use crate::app::App;
use crate::model::{Bodies, ObservationRow, ScoreQuery, TraceQuery, TraceView};

/// Spans in the list of links that is there without scripts.
const PLAIN: usize = 500;

const HTML: &str = "text/html; charset=utf-8";

const KEYS: &[(&[&str], &str)] = &[
    (&["j", "k"], "next and previous span"),
    (
        &["h", "l"],
        "fold and unfold, or go to the parent and the first child",
    ),
    (&["n", "p"], "next and previous error"),
    (&["N", "P"], "newer and older trace with an error"),
    (&["z", "0"], "zoom to the span, and to the whole trace"),
    (&["c", "e"], "fold and unfold all"),
    (&["t"], "the trace instead of the span"),
    (&["y", "Y"], "copy the subtree as Markdown, as JSON"),
];

pub(super) async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let wanted = params.first("span").map(str::to_owned);
    let read = app.read(move |store| {
        let Some(mut view) = store.trace(&id)? else {
            return Ok(None);
        };
        tree::add_missing_parents(&mut view.observations);
        let shown = wanted.filter(|span| view.observations.iter().any(|known| known.id == *span));
        let root = shown.or_else(|| root(&view).map(|span| span.id.clone()));
        let long = match &root {
            Some(root) => store.bodies(&id, root)?.unwrap_or_default(),
            None => Bodies::default(),
        };
        Ok(Some((view, root, long)))
    });
    let (view, shown, long) = match read.await {
        Ok(Some(read)) => read,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    let shown = view
        .observations
        .iter()
        .find(|span| Some(&span.id) == shown.as_ref());
    let is_span = params.first("span").is_some() && shown.is_some();
    let content = match shown {
        Some(span) if is_span => detail::of_span(&view.trace.id, span, &long, &view.scores),
        root => detail::of_trace(&view, root.map(|root| (root, &long))),
    };
    let title = named(&view.trace.name).to_owned();
    let page = Page {
        title: &title,
        area: Area::Traces,
        styles: &["trace.css"],
        scripts: &["trace.js"],
        keys: KEYS,
        main: main(&view, is_span, &content),
    };
    page.respond()
}

fn main(view: &TraceView, is_span: bool, content: &Markup) -> Markup {
    let trace = &view.trace;
    html! {
        main.trace #main data-trace=(trace.id) data-live="/live" data-detail=(if is_span { "span" } else { "trace" }) {
            (head(view))
            div.halves {
                section.left aria-label="Spans" {
                    div.tools {
                        div.find.needs-js {
                            input #find type="search" data-search placeholder="Find spans" aria-label="Find spans by name, type or model" autocomplete="off" dir="auto";
                            kbd aria-hidden="true" { "/" }
                        }
                        span #found role="status" {}
                        div.end.needs-js {
                            @if trace.errors > 0 {
                                button.errors type="button" data-do="previous-error" title="Previous error (p)" aria-label="Previous error" { "↑" }
                                button.errors type="button" data-do="next-error" title="Next error (n)" { (units::plural(trace.errors, "error")) " ↓" }
                            }
                            button #whole type="button" data-do="whole" title="The whole trace (0)" hidden { "Reset zoom" }
                            button type="button" data-do="fold" title="Fold all (c)" { "Fold" }
                            button type="button" data-do="unfold" title="Unfold all (e)" { "Unfold" }
                        }
                    }
                    div.columns.needs-js aria-hidden="true" {
                        span { "Span" } span.tokens { "Tokens" } span.cost { "Cost" } span { "Time" }
                        div.scale { div.map { canvas #map {} } div #ruler {} }
                    }
                    div #spans.needs-js role="tree" tabindex="0" aria-label="Spans of the trace" { div.space role="none" {} }
                    (plain(view))
                }
                div #split aria-hidden="true" {}
                section.right #detail tabindex="-1" aria-label="Detail" { (content) }
            }
        }
    }
}

fn head(view: &TraceView) -> Markup {
    let trace = &view.trace;
    html! {
        div.trace-head data-head {
            div.headline {
                h1 dir="auto" { (named(&trace.name)) }
                (outcome(trace))
                (tags(&trace.tags))
                span.end {
                    a.button href={ (trace_url(&trace.id)) "/error?to=older" } title="Older trace with an error (P)" rel="nofollow" { "← Older error" }
                    a.button href={ (trace_url(&trace.id)) "/error?to=newer" } title="Newer trace with an error (N)" rel="nofollow" { "Newer error →" }
                }
            }
            dl.facts {
                div { dt { (if trace.open > 0 { "Latency so far" } else { "Latency" }) } dd { (latency(trace).unwrap_or_else(|| "running".to_owned())) } }
                @if let Some(first) = trace.ttft_ns { div { dt { "First token" } dd { (units::duration(first)) } } }
                @if trace.total_tokens > 0 {
                    div { dt { "Tokens" } dd title={ (units::count(trace.total_tokens)) " in total" } { (units::tokens(trace.input_tokens)) " → " (units::tokens(trace.output_tokens)) } }
                }
                @if let Some(dollars) = cost(trace.cost, trace.cost_is_computed) { div { dt { "Cost" } dd { (dollars) } } }
                div { dt { "Spans" } dd { (units::count(trace.spans)) } }
                @if let Some(user) = &trace.user_id { div { dt { "User" } dd dir="auto" { a href=(list_url("user", user)) { (user) } } } }
                @if let Some(session) = &trace.session_id { div { dt { "Session" } dd dir="auto" { a href={ "/sessions/" (encoded(session)) } { (session) } } } }
                div { dt { "Started" } dd { (day_and_time(trace.start_ns)) } }
            }
        }
    }
}

/// The tree as a list of links, which the script replaces.
fn plain(view: &TraceView) -> Markup {
    let places = tree::ordered(&view.observations);
    html! {
        ul.plain-tree {
            @for place in places.iter().take(PLAIN) {
                @if let Some(span) = view.observations.get(place.index) {
                    li aria-level=(place.depth + 1) {
                        @for _ in 0..place.depth.min(30) { "\u{2003}" }
                        (kind(span.kind)) " "
                        a href={ (trace_url(&view.trace.id)) "?span=" (encoded(&span.id)) } dir="auto" { (named(&span.name)) }
                        @if let Some(end) = span.end_ns { " " small { (units::duration(end.saturating_sub(span.start_ns))) } }
                    }
                }
            }
            @if places.len() > PLAIN { li { small { "and " (places.len() - PLAIN) " more, with scripts" } } }
        }
    }
}

/// Where the trace begins for people.
pub(super) fn root(view: &TraceView) -> Option<&ObservationRow> {
    let marked = view.observations.iter().find(|span| span.is_root);
    marked.or_else(|| view.observations.first())
}

/// The columns that the script reads.
pub(super) async fn spans(State(app): State<App>, Path(id): Path<String>) -> Response {
    let read = app.read(move |store| {
        let Some(mut view) = store.trace(&id)? else {
            return Ok(None);
        };
        tree::add_missing_parents(&mut view.observations);
        let columns = Columns::new(&view, store.now_ns());
        Ok(serde_json::to_vec(&columns).ok())
    });
    match read.await {
        Ok(Some(columns)) => (headers("application/json"), columns).into_response(),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => failed(&error),
    }
}

/// The detail of one span, as a part of a page.
pub(super) async fn span(
    State(app): State<App>,
    Path((trace, span)): Path<(String, String)>,
) -> Response {
    let id = trace.clone();
    let read = app.read(move |store| {
        let Some(row) = store.observation(&trace, &span)? else {
            return Ok(None);
        };
        let query = ScoreQuery {
            trace_id: Some(trace.clone()),
            observation_id: Some(span.clone()),
            ..ScoreQuery::default()
        };
        let scores = store.scores(&query)?.rows;
        Ok(Some((
            row,
            store.bodies(&trace, &span)?.unwrap_or_default(),
            scores,
        )))
    });
    match read.await {
        Ok(Some((row, long, scores))) => {
            let html = detail::of_span(&id, &row, &long, &scores).into_string();
            (headers(HTML), html).into_response()
        }
        Ok(None) => (headers(HTML), detail::of_missing().into_string()).into_response(),
        Err(error) => failed(&error),
    }
}

/// Input or output as it was sent, as plain text.
pub(super) async fn raw(
    State(app): State<App>,
    Path((trace, span, body)): Path<(String, String, String)>,
) -> Response {
    let read = app.read(move |store| store.bodies(&trace, &span));
    let long = match read.await {
        Ok(Some(long)) => long,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    let text = match body.as_str() {
        "input" => long.input,
        "output" => long.output,
        _ => None,
    };
    match text {
        Some(text) => (headers("text/plain; charset=utf-8"), text).into_response(),
        None => not_found(),
    }
}

#[derive(Deserialize)]
pub(super) struct Direction {
    #[serde(default)]
    to: String,
}

/// Goes to the next trace with an error; stays if there is none.
pub(super) async fn next_error(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(direction): Query<Direction>,
) -> Response {
    let is_forward = direction.to == "newer";
    let from = id.clone();
    let read = app.read(move |store| store.next_error(&TraceQuery::default(), &from, is_forward));
    match read.await {
        Ok(next) => {
            let id = next.map_or(id, |row| row.id);
            Redirect::to(&trace_url(&id)).into_response()
        }
        Err(error) => failed(&error),
    }
}

pub(super) fn not_found() -> Response {
    message(
        StatusCode::NOT_FOUND,
        "Not found",
        "There is no such trace or span here. It may have been deleted by the retention.",
    )
}
