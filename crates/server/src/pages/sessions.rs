//! Sessions: the list, and one as a line of time with what was said in each trace.
//! The list of traces leads here.

use axum::extract::{Path, Query, State};
use axum::response::Response;
use maud::{Markup, html};
use tracefuse_core::Level;

use super::bodies::{content, text};
use super::figures::score_value;
use super::layout::{Area, Page};
use super::list::{KEYS, named};
use super::params::Params;
use super::rows::{ROWS, Rows};
use super::widgets::{
    cost, day_and_time, latency, level_name, link, list_url, outcome, session_url, tags, time,
    trace_url,
};
use super::{failed, trace, units};
use crate::app::App;
use crate::messages::{Body, read};
use crate::model::{Bodies, SessionRow, SessionView, TraceRow};

/// Traces of a session whose texts are shown whole.
const WHOLE: usize = 50;

/// A pause between traces that the line of time names.
const PAUSE: i64 = 60_000_000_000;

pub(super) async fn list(
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let cursor = params.first("cursor").map(str::to_owned);
    let read = app.read(move |store| store.sessions(ROWS, cursor.as_deref()));
    let sessions = match read.await {
        Ok(sessions) => sessions,
        Err(error) => return failed(&error),
    };
    let rows = Rows {
        title: "Sessions",
        area: Area::Sessions,
        path: "/sessions",
        empty: (
            "No sessions yet.",
            "A trace belongs to a session if it has a session id.",
        ),
        head: html! {
            th.col-time scope="col" { "Last trace" }
            th scope="col" { "Session" }
            th.col-who scope="col" { "User" }
            th.num.col-num scope="col" { "Traces" }
            th.num.col-num scope="col" { "Errors" }
            th.num.col-num scope="col" { "Lasted" }
            th.num.col-num scope="col" { "Tokens" }
            th.num.col-num scope="col" { "Cost" }
        },
        rows: sessions.rows.iter().map(row).collect(),
        next: sessions.next.as_deref(),
    };
    rows.respond(&params)
}

fn row(session: &SessionRow) -> Markup {
    html! {
        tr id={ "s-" (units::short(&session.id)) } data-level=(if session.errors > 0 { "error" } else { "default" }) {
            td.time { (time(session.last_ns)) }
            td.wide { (link("title", &session_url(&session.id), &session.id)) }
            td.drop { @if let Some(user) = &session.user_id { (link("who", &list_url("user", user), user)) } }
            td.num { (units::count(session.traces)) }
            td.num { @if session.errors > 0 { span.chip.error { (units::count(session.errors)) } } }
            td.num { (units::duration(session.last_ns.saturating_sub(session.first_ns))) }
            td.num { (units::tokens(session.total_tokens)) }
            td.num { (units::cost(session.cost)) }
        }
    }
}

pub(super) async fn page(State(app): State<App>, Path(id): Path<String>) -> Response {
    let read = app.read(move |store| {
        let Some(view) = store.session(&id)? else {
            return Ok(None);
        };
        let whole = view.traces.iter().take(WHOLE);
        let said = whole
            .map(|row| store.bodies_shown(&row.id))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Some((view, said)))
    });
    let (view, said) = match read.await {
        Ok(Some(read)) => read,
        Ok(None) => return trace::not_found(),
        Err(error) => return failed(&error),
    };
    let title = format!("Session {}", units::short(&view.session.id));
    let page = Page {
        title: &title,
        area: Area::Sessions,
        styles: &["list.css", "trace.css"],
        scripts: &["list.js"],
        keys: KEYS,
        main: main(&view, &said),
    };
    page.respond()
}

fn main(view: &SessionView, said: &[Option<Bodies>]) -> Markup {
    let session = &view.session;
    let end = view
        .traces
        .iter()
        .filter_map(|trace| trace.end_ns)
        .max()
        .unwrap_or(session.last_ns);
    let mut before = None;
    html! {
        main #main {
            div.headline {
                h1 dir="auto" { "Session " (units::short(&session.id)) }
                span.end { a.button href=(list_url("session", &session.id)) { "As a list" } }
            }
            dl.facts data-part="facts" {
                div { dt { "Traces" } dd { (units::count(session.traces)) } }
                @if session.errors > 0 { div { dt { "With errors" } dd { (units::count(session.errors)) } } }
                div { dt { "Lasted" } dd { (units::duration(end.saturating_sub(session.first_ns))) } }
                div { dt { "Tokens" } dd { (units::tokens(session.total_tokens)) } }
                div { dt { "Cost" } dd { (units::cost(session.cost)) } }
                @if let Some(user) = &session.user_id { div { dt { "User" } dd { (link("", &list_url("user", user), user)) } } }
                div { dt { "Began" } dd { (day_and_time(session.first_ns)) } }
                @for score in &view.scores { div { dt dir="auto" { (score.name) } dd dir="auto" { (score_value(score)) } } }
            }
            ol.timeline data-list data-live="/live" aria-label="Traces of the session" {
                @for (place, trace) in view.traces.iter().enumerate() {
                    @if let Some(pause) = pause(before.replace(trace), trace) { li.gap { (units::duration(pause)) " later" } }
                    li.is-error[trace.errors > 0] id={ "t-" (trace.id) } data-level=(level_name(if trace.errors > 0 { Level::Error } else { trace.level })) { (turn(trace, said.get(place).and_then(Option::as_ref))) }
                }
            }
            @if session.traces > view.traces.len() as u64 {
                p.empty { "The first " (units::count(view.traces.len() as u64)) " of " (units::count(session.traces)) " traces are shown." }
            }
        }
    }
}

fn pause(before: Option<&TraceRow>, trace: &TraceRow) -> Option<i64> {
    let before = before?;
    let pause = trace
        .start_ns
        .saturating_sub(before.end_ns.unwrap_or(before.start_ns));
    (pause >= PAUSE).then_some(pause)
}

fn turn(trace: &TraceRow, said: Option<&Bodies>) -> Markup {
    let input = said.and_then(|long| long.input.as_deref());
    let output = said.and_then(|long| long.output.as_deref());
    html! {
        article.card.turn {
            header {
                a href=(trace_url(&trace.id)) dir="auto" { (named(&trace.name)) }
                (outcome(trace))
                (tags(&trace.tags))
                span.figures {
                    span { (day_and_time(trace.start_ns)) }
                    @for figure in [latency(trace), (trace.total_tokens > 0).then(|| format!("{} tokens", units::tokens(trace.total_tokens))), cost(trace.cost, trace.cost_is_computed)].into_iter().flatten() {
                        span { (figure) }
                    }
                }
            }
            div.said {
                (side("Input", input.map(last_message), trace.input_preview.as_deref()))
                (side("Output", output.map(last_message), trace.output_preview.as_deref()))
            }
        }
    }
}

fn side(title: &str, body: Option<Body>, preview: Option<&str>) -> Markup {
    html! {
        @match (body, preview) {
            (Some(body @ Body::Messages(..)), _) => (content(&body)),
            (Some(body), _) => div { small { (title) } (content(&body)) },
            (None, Some(preview)) => div { small { (title) } (text(preview)) },
            (None, None) => {}
        }
    }
}

/// The last message of a conversation. The messages before it are in earlier traces.
fn last_message(text: &str) -> Body {
    match read(text) {
        Body::Messages(mut messages, _) => {
            Body::Messages(messages.split_off(messages.len().saturating_sub(1)), None)
        }
        body => body,
    }
}
