//! The right side of a trace's page: everything of one span, or of the trace.
//! Called by `trace`, for the page and for the script that takes one span at a time.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;
use tracefuse_core::Level;

use super::figures::{models, scores_table, usage};
use super::list::named;
use super::params::encoded;
use super::widgets::{block, cost, day_and_time, kind, trace_url};
use super::{bodies, units};
use crate::model::{Bodies, ObservationRow, ScoreRow, SpanError, SpanEvent};
use crate::store::{SpanOutline, TraceOutline};

/// Failing spans that the summary of a trace lists.
const FAILURES: usize = 20;

/// A span with its bodies.
pub(super) fn of_span(
    trace: &str,
    span: &ObservationRow,
    long: &Bodies,
    scores: &[ScoreRow],
) -> Markup {
    let url = format!("{}/spans/{}", trace_url(trace), encoded(&span.id));
    let scores: Vec<&ScoreRow> = scores
        .iter()
        .filter(|score| score.observation_id.as_deref() == Some(&span.id))
        .collect();
    html! {
        div.detail data-detail="span" {
            header {
                (kind(span.kind))
                h2 dir="auto" { (named(&span.name)) }
                span.end {
                    button.needs-js type="button" data-do="trace" title="Back to the trace (t)" { "Trace" }
                    button.needs-js type="button" data-action="copy-url" data-from={ (url) "/export.md" } title="Copy this span and all below it as Markdown (y)" { "Copy .md" }
                    button.needs-js type="button" data-action="copy-url" data-from={ (url) "/export.json" } title="Copy this span and all below it as JSON (Y)" { "Copy .json" }
                }
            }
            (facts(span))
            @for note in &span.notes { (langfuse_note(note)) }
            (failures(span, &long.errors))
            @if let Some(input) = &long.input { (bodies::block("Input", input, &format!("{url}/raw/input"))) }
            @if let Some(output) = &long.output { (bodies::block("Output", output, &format!("{url}/raw/output"))) }
            @if long.input.is_none() && long.output.is_none() {
                p { small { "This span has neither input nor output." } }
            }
            (usage(span))
            (values("Model parameters", &long.parameters))
            (scores_table(&scores))
            (events(span, &long.events))
            (values("Metadata", &long.metadata))
            (links(&long.links))
            (folded("Resource", &long.resource))
            (block("Ids", &html! {
                dl.pairs {
                    dt { "Span" } dd.mono { (span.id) }
                    @if let Some(parent) = &span.parent { dt { "Parent" } dd.mono { a href={ (trace_url(trace)) "?span=" (encoded(parent)) } data-span=(parent) { (parent) } } }
                    dt { "Trace" } dd.mono { (trace) }
                }
            }))
        }
    }
}

/// A span that others name as their parent and that was not received.
pub(super) fn of_missing() -> Markup {
    html! {
        div.detail data-detail="span" {
            header {
                h2 { "Not received yet" }
                span.end { button.needs-js type="button" data-do="trace" title="Back to the trace (t)" { "Trace" } }
            }
            p { "SDKs send a span when it ends, so children arrive before their parent. This page shows it as soon as it is here." }
        }
    }
}

/// The trace as a whole: what went in and came out, what failed, and totals.
pub(super) fn of_trace(outline: &TraceOutline) -> Markup {
    let trace = &outline.trace;
    let failed: Vec<&SpanOutline> = outline
        .spans
        .iter()
        .filter(|span| span.level == Level::Error)
        .collect();
    let own: Vec<&ScoreRow> = outline.scores.iter().collect();
    let mut notes: BTreeMap<&str, u64> = BTreeMap::new();
    for note in outline.spans.iter().flat_map(|span| &span.notes) {
        *notes.entry(note).or_default() += 1;
    }
    let link = |span: &SpanOutline| format!("{}?span={}", trace_url(&trace.id), encoded(&span.id));
    let raw = |body: &str| format!("{}/raw/{body}", trace_url(&trace.id));
    let Bodies {
        input,
        output,
        metadata,
        ..
    } = &outline.bodies;
    html! {
        div.detail data-detail="trace" {
            header {
                h2 { "Trace" }
                span.end {
                    button.needs-js type="button" data-action="copy-url" data-from={ (trace_url(&trace.id)) "/export.md" } title="Copy the trace as Markdown" { "Copy .md" }
                    button.needs-js type="button" data-action="copy-url" data-from={ (trace_url(&trace.id)) "/export.json" } title="Copy the trace as JSON" { "Copy .json" }
                }
            }
            @if !failed.is_empty() {
                section.failure aria-label="Errors" {
                    h3 { (units::plural(failed.len() as u64, "span")) " failed" }
                    ol {
                        @for span in failed.iter().take(FAILURES) {
                            li {
                                a href=(link(span)) data-span=(span.id) dir="auto" { (named(&span.name)) }
                                @if let Some(message) = &span.status_message { ": " span dir="auto" { (message) } }
                            }
                        }
                    }
                    @if failed.len() > FAILURES { p { small { "and " (failed.len() - FAILURES) " more; n goes to the next" } } }
                }
            }
            @for (note, spans) in notes.iter().take(FAILURES) { (langfuse_note(&format!("{note} ({})", units::plural(*spans, "span")))) }
            @if let Some(input) = input { (bodies::block("Input", input, &raw("input"))) }
            @if let Some(output) = output { (bodies::block("Output", output, &raw("output"))) }
            (models(&outline.spans))
            (scores_table(&own))
            (values("Metadata", metadata))
            (block("About", &html! {
                dl.pairs {
                    dt { "Started" } dd { (day_and_time(trace.start_ns)) }
                    dt { "Environment" } dd dir="auto" { (trace.environment) }
                    @if let Some(release) = &trace.release { dt { "Release" } dd dir="auto" { (release) } }
                    @if let Some(version) = &trace.version { dt { "Version" } dd dir="auto" { (version) } }
                    dt { "Id" } dd.mono { (trace.id) }
                }
            }))
        }
    }
}

fn facts(span: &ObservationRow) -> Markup {
    let total = |buckets: &BTreeMap<String, u64>| buckets.get("total").copied();
    html! {
        dl.facts {
            div { dt { "Type" } dd { (span.kind.as_str()) } }
            @if let Some(end) = span.end_ns {
                div { dt { "Duration" } dd { (units::duration(end.saturating_sub(span.start_ns))) } }
            } @else {
                div { dd { span.chip.running { i.pulse {} "no end yet" } } }
            }
            @if let Some(first) = span.ttft_ns { div { dt { "First token" } dd { (units::duration(first)) } } }
            @if let Some(model) = &span.model { div { dt { "Model" } dd dir="auto" { (units::short(model)) } } }
            @if let Some(tokens) = total(&span.usage) { div { dt { "Tokens" } dd { (units::count(tokens)) } } }
            @if let Some(dollars) = cost(span.cost.get("total").copied(), span.cost_is_computed) { div { dt { "Cost" } dd { (dollars) } } }
            @if let Some((prompt, version)) = &span.prompt { div { dt { "Prompt" } dd dir="auto" { (prompt) " v" (version) } } }
            div { dt { "Started" } dd { (day_and_time(span.start_ns)) } }
            @match span.level {
                Level::Error => div { dd { span.chip.error { "error" } } },
                Level::Warning => div { dd { span.chip.warning { "warning" } } },
                Level::Debug => div { dd { span.chip { "debug" } } },
                _ => {}
            }
        }
    }
}

fn langfuse_note(note: &str) -> Markup {
    html! { p.note { span { b { "A Langfuse server differs: " } (note) } } }
}

/// The status message, and each error with what caused it.
fn failures(span: &ObservationRow, errors: &[SpanError]) -> Markup {
    let is_error = span.level == Level::Error;
    let is_said = |message: &str| errors.iter().any(|error| error.message == message);
    let status = span
        .status_message
        .as_deref()
        .filter(|message| !message.is_empty() && !is_said(message));
    html! {
        @if let Some(message) = status {
            @if is_error { section.failure aria-label="Status" { p dir="auto" { (message) } } }
            @else { p.note dir="auto" { (message) } }
        }
        @for error in errors {
            section.failure aria-label="Error" {
                h3 dir="auto" { (if error.kind.is_empty() { "Error" } else { &error.kind }) }
                p dir="auto" { (error.message) }
                @if let Some(sources) = &error.sources {
                    ol aria-label="Caused by" { @for source in sources.lines() { li dir="auto" { (source) } } }
                }
                @if let Some(stack) = &error.stacktrace {
                    details { summary { "Stack trace" } pre { (stack) } }
                }
            }
        }
    }
}

fn events(span: &ObservationRow, events: &[SpanEvent]) -> Markup {
    if events.is_empty() {
        return html! {};
    }
    block(
        "Events",
        &html! {
            dl.pairs {
                @for event in events {
                    dt { "+" (units::duration(event.time_ns.saturating_sub(span.start_ns))) }
                    dd {
                        b dir="auto" { (event.name) }
                        @for (name, value) in &event.attributes { div { span.key dir="auto" { (name) } ": " (bodies::value(value)) } }
                    }
                }
            }
        },
    )
}

fn values(title: &str, values: &BTreeMap<String, Value>) -> Markup {
    if values.is_empty() {
        return html! {};
    }
    block(title, &pairs(values))
}

fn folded(title: &str, values: &BTreeMap<String, Value>) -> Markup {
    if values.is_empty() {
        return html! {};
    }
    html! { details.long { summary { (title) } (pairs(values)) } }
}

fn pairs(values: &BTreeMap<String, Value>) -> Markup {
    html! {
        dl.pairs { @for (name, value) in values { dt dir="auto" { (name) } dd { (bodies::value(value)) } } }
    }
}

fn links(links: &[Value]) -> Markup {
    if links.is_empty() {
        return html! {};
    }
    let text = |link: &Value, key: &str| {
        link.get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    block(
        "Links",
        &html! {
            ul { @for link in links {
                @let (trace, span) = (text(link, "trace_id"), text(link, "span_id"));
                li.mono { a href={ (trace_url(&trace)) "?span=" (encoded(&span)) } { (trace) " " (span) } }
            } }
        },
    )
}
