//! Small parts that several pages have: times, levels, tags, figures of a trace.
//! Called by the pages.

use maud::{Markup, html};
use tracefuse_core::{Level, ObservationType};

use super::params::{Params, encoded};
use super::units;
use crate::model::TraceRow;

/// The URL of a trace.
pub(super) fn trace_url(id: &str) -> String {
    format!("/traces/{}", encoded(id))
}

/// The list of traces with one filter.
pub(super) fn list_url(name: &str, value: &str) -> String {
    Params::default().with(name, value).url("/")
}

/// The URL of a session.
pub(super) fn session_url(id: &str) -> String {
    format!("/sessions/{}", encoded(id))
}

/// Bytes of a URL that servers and browsers take.
const LONGEST: usize = 8000;

/// A link whose text is a value. A value that is too long for a URL is no link.
pub(super) fn link(class: &str, url: &str, value: &str) -> Markup {
    let shown = units::short(value);
    html! {
        @if url.len() <= LONGEST { a class=(class) href=(url) title=(shown) dir="auto" { (shown) } }
        @else { span class=(class) title=(shown) dir="auto" { (shown) } }
    }
}

/// A time of the day with its day, which the script writes in the browser's time zone.
pub(super) fn time(ns: i64) -> Markup {
    html! {
        time datetime=(units::rfc3339(ns)) title=(units::full(ns)) data-time="clock" { (units::clock(ns)) }
        small { time datetime=(units::rfc3339(ns)) data-time="day" { (units::day(ns)) } }
    }
}

/// Day and time in one text.
pub(super) fn day_and_time(ns: i64) -> Markup {
    html! {
        time datetime=(units::rfc3339(ns)) title=(units::full(ns)) data-time="full" { (units::full(ns)) }
    }
}

/// The icon of a type; its name is for screen readers and for a pointer over it.
pub(super) fn kind(kind: ObservationType) -> Markup {
    let name = kind.as_str();
    html! { i class={ "kind kind-" (name) } role="img" title=(name) aria-label=(name) {} }
}

/// The state of a trace: running, errors, warnings, notes about Langfuse, or nothing.
pub(super) fn outcome(trace: &TraceRow) -> Markup {
    html! {
        @if trace.open > 0 {
            span.chip.running title={ (units::plural(trace.open, "span")) " without an end" } { i.pulse {} "running" }
        }
        @if trace.errors > 0 {
            span.chip.error { (units::plural(trace.errors, "error")) }
        } @else if trace.level == Level::Error {
            span.chip.error { "error" }
        } @else if trace.level == Level::Warning {
            span.chip.warning { "warning" }
        }
        @if trace.notes > 0 {
            span.chip.warning title={ "A Langfuse server would refuse or change " (units::plural(trace.notes, "span")) ": the trace says why" } { (units::plural(trace.notes, "note")) }
        }
    }
}

/// Tags as links to the list.
pub(super) fn tags(tags: &[String]) -> Markup {
    html! {
        @if !tags.is_empty() {
            span.chips {
                @for tag in tags {
                    @let (url, shown) = (list_url("tag", tag), units::short(tag));
                    @if url.len() <= LONGEST { a.chip.tag href=(url) title=(shown) { span dir="auto" { (shown) } } }
                    @else { span.chip.tag title=(shown) { span dir="auto" { (shown) } } }
                }
            }
        }
    }
}

/// A value, or a mark that there is none.
pub(super) fn or_none(text: Option<String>) -> Markup {
    html! {
        @match text {
            Some(text) => (text),
            None => span.none { "–" },
        }
    }
}

/// Latency, or how long it has run.
pub(super) fn latency(trace: &TraceRow) -> Option<String> {
    trace.latency_ns().map(units::duration)
}

/// Cost; computed ones are marked.
pub(super) fn cost(dollars: Option<f64>, is_computed: bool) -> Option<String> {
    let mark = if is_computed { "≈ " } else { "" };
    dollars.map(|dollars| format!("{mark}{}", units::cost(dollars)))
}

/// The level in a URL and for a class.
pub(super) fn level_name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Debug => "debug",
        _ => "default",
    }
}

/// A part of a page with a title.
pub(super) fn block(title: &str, inside: &Markup) -> Markup {
    html! { section.block.card aria-label=(title) { header { h3 { (title) } } div.inside { (inside) } } }
}
