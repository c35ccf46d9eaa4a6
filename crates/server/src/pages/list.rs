//! The list of traces.
//! The first page of the viewer; its filters are the URL.

use std::borrow::Cow;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use maud::{Markup, html};
use tracefuse_core::Level;

use super::filters::{self, Choices};
use super::histogram::histogram;
use super::layout::{Area, Page};
use super::params::Params;
use super::widgets::{
    cost, latency, level_name, link, list_url, or_none, outcome, session_url, tags, time, trace_url,
};
use super::{failed, units};
use crate::app::App;
use crate::model::{self, TraceRow};
use crate::store::Search;

const BINS: usize = 72;

const NEXT: (&[&str], &str) = (&["j", "k"], "next and previous row");
const OPEN: (&[&str], &str) = (&["Enter"], "open");
const ERROR: (&[&str], &str) = (&["n", "p"], "next and previous row with an error");
const CHOOSE: (&[&str], &str) = (&["x"], "choose the row for a comparison");

/// Keys of every list.
pub(super) const KEYS: &[(&[&str], &str)] = &[NEXT, OPEN, ERROR];

pub(super) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    // The guard has checked it.
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host = host.unwrap_or("127.0.0.1:4318");
    let params = Params::new(pairs);
    let (mut query, errors) = params.query(app.store.now_ns());
    if query.limit == 0 {
        query.limit = 100;
    }
    let read = app.read(move |store| {
        let choices = Choices {
            names: store.values("name")?,
            models: store.values("model")?,
            environments: store.values("environment")?,
        };
        Ok((
            store.traces(&query)?,
            store.histogram(&query, BINS)?,
            choices,
        ))
    });
    let (traces, bins, choices) = match read.await {
        Ok(read) => read,
        Err(error) => return failed(&error),
    };
    let is_filtered = params
        .iter()
        .any(|(name, _)| !matches!(name, "order" | "limit"));
    let main = html! {
        main #main {
            h1.unseen { "Traces" }
            (filters::form(&params, &choices))
            (filters::chips(&params, &errors))
            (histogram(&bins, &params))
            form action="/compare" {
                // New rows would move the rows of a later page.
                section.card.list data-list data-live=[params.first("cursor").is_none().then_some("/live")] aria-label="Traces" {
                    @if traces.rows.is_empty() {
                        (empty(is_filtered, params.first("q"), host))
                    } @else {
                        (rows(&traces, params.first("q")))
                    }
                }
                div.pager {
                    button #compare title="Choose two traces" { "Compare" }
                    @if params.first("cursor").is_some() {
                        a.button href=(params.without("cursor").url("/")) { "First page" }
                    }
                    @if let Some(next) = &traces.next {
                        a.button href=(params.with("cursor", next).url("/")) rel="next" { "Next page" }
                    }
                }
            }
        }
    };
    let page = Page {
        title: "Traces",
        area: Area::Traces,
        styles: &["list.css"],
        scripts: &["list.js"],
        keys: &[NEXT, OPEN, ERROR, CHOOSE],
        main,
    };
    page.respond()
}

fn rows(traces: &model::Page<TraceRow>, words: Option<&str>) -> Markup {
    let slowest = traces
        .rows
        .iter()
        .filter_map(TraceRow::latency_ns)
        .max()
        .unwrap_or(0);
    html! {
        @if traces.is_partial {
            p.note { "The search ran out of time: older traces were not searched. A shorter range of time helps." }
        }
        div.scroll {
            table {
                thead {
                    tr {
                        th.col-choose scope="col" aria-label="Choose" {}
                        th.col-time scope="col" { "Started" }
                        th scope="col" { "Name" }
                        th.col-who scope="col" { "User" }
                        th.col-session scope="col" { "Session" }
                        th.col-tags scope="col" { "Tags" }
                        th.col-level scope="col" { "Level" }
                        th.num.col-num scope="col" { "Latency" }
                        th.num.col-num scope="col" title="Time to the first token" { "First token" }
                        th.num.col-count scope="col" { "Spans" }
                        th.num.col-num scope="col" { "Tokens" }
                        th.num.col-num scope="col" { "Cost" }
                    }
                }
                tbody { @for trace in &traces.rows { (row(trace, words, slowest)) } }
            }
        }
    }
}

/// A row; its trace is opened with what was searched for.
fn row(trace: &TraceRow, words: Option<&str>, slowest: i64) -> Markup {
    let words = words.map_or_else(Params::default, |words| Params::default().with("q", words));
    let preview = trace
        .output_preview
        .as_deref()
        .or(trace.input_preview.as_deref());
    html! {
        tr id={ "t-" (trace.id) } data-level=(level_name(if trace.errors > 0 { Level::Error } else { trace.level })) {
            td { input type="checkbox" name="t" value=(trace.id) aria-label={ "Choose " (units::short(&trace.name)) " for a comparison" }; }
            td.time { (time(trace.start_ns)) }
            td.wide {
                a.title href=(words.url(&trace_url(&trace.id))) title=(units::short(&trace.name)) dir="auto" { (named(&trace.name)) }
                @if let Some(preview) = preview { span.preview dir="auto" { (preview) } }
            }
            td.drop { @if let Some(user) = &trace.user_id { (link("who", &list_url("user", user), user)) } }
            td.drop { @if let Some(session) = &trace.session_id { (link("who", &session_url(session), session)) } }
            td.drop { (tags(&trace.tags)) }
            td { (outcome(trace)) }
            td.num {
                @if let Some(nanos) = trace.latency_ns() {
                    span.latency {
                        (units::duration(nanos))
                        svg viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true" {
                            rect width=(nanos as f64 / slowest.max(1) as f64 * 100.0) height="3" {}
                        }
                    }
                } @else { (or_none(latency(trace))) }
            }
            td.num.drop { (or_none(trace.ttft_ns.map(units::duration))) }
            td.num.drop { (units::count(trace.spans)) }
            td.num title={ (units::count(trace.input_tokens)) " in, " (units::count(trace.output_tokens)) " out" } {
                (or_none((trace.total_tokens > 0).then(|| units::tokens(trace.total_tokens))))
            }
            td.num title=[trace.cost_is_computed.then_some("computed from the table of prices")] { (or_none(cost(trace.cost, trace.cost_is_computed))) }
        }
    }
}

/// A name as it is shown, or a word for the lack of one.
pub(super) fn named(name: &str) -> Cow<'_, str> {
    if name.trim().is_empty() {
        Cow::Borrowed("(no name)")
    } else {
        units::short(name)
    }
}

fn empty(is_filtered: bool, words: Option<&str>, host: &str) -> Markup {
    // The mode `local` of tracefuse has this one address.
    let is_local = matches!(host, "127.0.0.1:4318" | "localhost:4318");
    html! {
        div.empty {
            @if is_filtered {
                @if words.is_some_and(Search::is_wordless) {
                    p { "The search has neither letters nor digits: it finds words." }
                } @else {
                    p { "No trace matches these filters." }
                }
                p { a href="/" { "Show all traces" } }
            } @else {
                p { b { "No traces yet." } " They appear here as soon as they arrive." }
                pre {
                    "# a program with tracefuse, or an SDK of Langfuse\n"
                    @if is_local { "TRACING_MODE=local\n" }
                    "LANGFUSE_BASE_URL=http://" (host) "\n\n"
                    "# any SDK of OpenTelemetry\n"
                    "OTEL_EXPORTER_OTLP_ENDPOINT=http://" (host)
                }
            }
        }
    }
}
