//! The page of a trace: tree and waterfall, filled by the script, beside the detail of a span or of the trace.
//! The spans come with the page, since one pass over them makes everything of it. Without scripts the tree is a list of links.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::json;

use super::columns::Columns;
use super::layout::{Area, Page, headers, message};
use super::list::named;
use super::params::{Params, encoded};
use super::tree::Place;
use super::widgets::{
    cost, day_and_time, kind, latency, link, list_url, outcome, session_url, tags, trace_url,
};
use super::{detail, failed, tree, units};
use crate::app::App;
use crate::model::{Bodies, ScoreQuery, TraceQuery, TraceRow};
use crate::store::{Store, StoreError, TraceOutline};

/// Spans in the list of links that is there without scripts.
const PLAIN: usize = 500;

/// Spans that a search in their texts gives at most.
const FOUND: usize = 5000;

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
    (
        &["Enter"],
        "go to the detail; in the search, to the next span",
    ),
    (&["y", "Y"], "copy the subtree as Markdown, as JSON"),
];

pub(super) async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let wanted = params.first("span").map(str::to_owned);
    let words = params.first("q").map(str::to_owned);
    let read = app.read(move |store| {
        let Some(mut outline) = store.outline(&id)? else {
            return Ok(not_found());
        };
        tree::add_missing_parents(&mut outline.spans);
        let span = match wanted {
            Some(wanted) => of_span(store, &outline, &wanted)?,
            None => None,
        };
        Ok(render(&outline, span, words.as_deref(), store.now_ns()))
    });
    read.await.unwrap_or_else(|error| failed(&error))
}

/// The detail of a span; `None` if the tree has no such row.
fn of_span(
    store: &Store,
    outline: &TraceOutline,
    wanted: &str,
) -> Result<Option<Markup>, StoreError> {
    if outline.spans.iter().all(|span| span.id != wanted) {
        return Ok(None);
    }
    let trace = &outline.trace.id;
    let Some(row) = store.observation(trace, wanted)? else {
        return Ok(Some(detail::of_missing()));
    };
    let long = store.bodies(trace, wanted)?.unwrap_or_default();
    Ok(Some(detail::of_span(trace, &row, &long, &outline.scores)))
}

fn render(
    outline: &TraceOutline,
    span: Option<Markup>,
    words: Option<&str>,
    now_ns: i64,
) -> Response {
    let places = tree::ordered(&outline.spans);
    let columns = Columns::new(&outline.spans, &places, now_ns);
    let is_span = span.is_some();
    let content = span.unwrap_or_else(|| detail::of_trace(outline));
    let page = Page {
        title: &named(&outline.trace.name),
        area: Area::Traces,
        styles: &["trace.css"],
        // All modules, so that the browser asks for them at once.
        scripts: &["format.js", "spans.js", "axis.js", "tree.js", "trace.js"],
        keys: KEYS,
        main: main(outline, &places, words, is_span, &content),
    };
    page.respond_with_columns(&serde_json::to_string(&columns).unwrap_or_default())
}

fn main(
    outline: &TraceOutline,
    places: &[Place],
    words: Option<&str>,
    is_span: bool,
    content: &Markup,
) -> Markup {
    let trace = &outline.trace;
    html! {
        main.trace #main data-trace=(trace.id) data-live="/live" data-detail=(if is_span { "span" } else { "trace" }) {
            (head(trace))
            div.halves {
                section.left aria-label="Spans" {
                    div.tools {
                        div.find.needs-js {
                            input #find type="search" data-search value=[words] placeholder="Find spans" aria-label="Find spans by name, type, model or words of their texts" autocomplete="off" dir="auto";
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
                    (plain(outline, places))
                }
                div #split aria-hidden="true" {}
                section.right #detail tabindex="-1" aria-label="Detail" { (content) }
            }
        }
    }
}

fn head(trace: &TraceRow) -> Markup {
    html! {
        div.trace-head data-head data-part="head" {
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
                @if let Some(user) = &trace.user_id { div { dt { "User" } dd dir="auto" { (link("", &list_url("user", user), user)) } } }
                @if let Some(session) = &trace.session_id { div { dt { "Session" } dd dir="auto" { (link("", &session_url(session), session)) } } }
                div { dt { "Started" } dd { (day_and_time(trace.start_ns)) } }
            }
        }
    }
}

/// The tree as a list of links, which the script replaces.
fn plain(outline: &TraceOutline, places: &[Place]) -> Markup {
    let url = trace_url(&outline.trace.id);
    html! {
        ul.plain-tree {
            @for place in places.iter().take(PLAIN) {
                @if let Some(span) = outline.spans.get(place.index) {
                    li aria-level=(place.depth + 1) {
                        @for _ in 0..place.depth.min(30) { "\u{2003}" }
                        (kind(span.kind)) " "
                        a href={ (url) "?span=" (encoded(&span.id)) } dir="auto" { (named(&span.name)) }
                        @if let Some(end) = span.end_ns { " " small { (units::duration(end.saturating_sub(span.start_ns))) } }
                    }
                }
            }
            @if places.len() > PLAIN { li { small { "and " (places.len() - PLAIN) " more, with scripts" } } }
        }
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

/// Input or output of a span as it was sent, as plain text.
pub(super) async fn raw(
    State(app): State<App>,
    Path((trace, span, body)): Path<(String, String, String)>,
) -> Response {
    let read = app.read(move |store| store.bodies(&trace, &span));
    text(read.await, &body)
}

/// Input or output of the trace as it was sent, as plain text.
pub(super) async fn raw_of_trace(
    State(app): State<App>,
    Path((trace, body)): Path<(String, String)>,
) -> Response {
    let read = app.read(move |store| store.bodies_shown(&trace));
    text(read.await, &body)
}

fn text(read: Result<Option<Bodies>, StoreError>, body: &str) -> Response {
    let long = match read {
        Ok(Some(long)) => long,
        Ok(None) => return not_found(),
        Err(error) => return failed(&error),
    };
    let text = match body {
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
pub(super) struct Words {
    #[serde(default)]
    q: String,
}

/// The spans whose texts have these words, as a list of their ids.
pub(super) async fn find(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(words): Query<Words>,
) -> Response {
    let read = app.read(move |store| store.find_in_trace(&id, &words.q, FOUND));
    match read.await {
        Ok((ids, is_partial)) => {
            let found = json!({ "ids": ids, "isPartial": is_partial });
            (headers("application/json"), found.to_string()).into_response()
        }
        Err(error) => failed(&error),
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
