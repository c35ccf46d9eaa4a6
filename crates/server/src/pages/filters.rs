//! The form above the list of traces: search, choices, further filters, and what is set, as links that take it away.
//! Called by `list`.

use maud::{Markup, html};

use super::params::Params;
use super::units;
use crate::model::{Order, QueryError};

/// What the choices offer.
#[derive(Default)]
pub(super) struct Choices {
    pub(super) names: Vec<String>,
    pub(super) models: Vec<String>,
    pub(super) environments: Vec<String>,
}

const TIMES: &[(&str, &str)] = &[
    ("-15m", "Last 15 minutes"),
    ("-1h", "Last hour"),
    ("-24h", "Last 24 hours"),
    ("-7d", "Last 7 days"),
    ("-30d", "Last 30 days"),
];

const LEVELS: &[(&str, &str)] = &[("ERROR", "Errors"), ("WARNING", "Warnings and worse")];

const ORDERS: &[(Order, &str)] = &[
    (Order::Newest, "Newest first"),
    (Order::Oldest, "Oldest first"),
    (Order::Slowest, "Slowest first"),
    (Order::Costliest, "Most expensive first"),
    (Order::MostTokens, "Most tokens first"),
];

/// Filters with their own field: name in the URL, label, example.
const FIELDS: &[(&str, &str, &str)] = &[
    ("user", "User", ""),
    ("session", "Session", ""),
    ("tag", "Tag", ""),
    ("release", "Release", ""),
    ("version", "Version", ""),
    ("min_latency", "Latency of at least", "1.5s"),
    ("min_cost", "Cost of at least, $", "0.01"),
];

/// Bytes of a value that a form can send in a URL.
const LONGEST: usize = 2000;

/// Notes about filters that cannot be read; a URL may have thousands.
const MOST_ERRORS: usize = 5;

/// The form.
pub(super) fn form(params: &Params, choices: &Choices) -> Markup {
    let orders: Vec<(&str, &str)> = ORDERS
        .iter()
        .map(|(order, label)| (order.as_str(), *label))
        .collect();
    let further = FIELDS
        .iter()
        .filter(|(name, ..)| params.first(name).is_some())
        .count();
    html! {
        form.filters role="search" action="/" aria-label="Filters" {
            div.search {
                input type="search" name="q" data-search value=[params.first("q")]
                    placeholder="Search names, inputs, outputs, metadata" aria-label="Search" dir="auto" autocomplete="off";
                kbd aria-hidden="true" { "/" }
            }
            (choice(params, "from", "Any time", TIMES))
            (choice(params, "level", "Any level", LEVELS))
            (choice(params, "name", "Any name", &pairs(&choices.names)))
            (choice(params, "model", "Any model", &pairs(&choices.models)))
            @if choices.environments.len() > 1 {
                (choice(params, "environment", "Any environment", &pairs(&choices.environments)))
            }
            (choice(params, "order", "", &orders))
            details.more-filters {
                summary.button {
                    "More"
                    @if further > 0 { " (" (further) ")" }
                }
                div {
                    @for (name, label, example) in FIELDS {
                        label for={ "filter-" (name) } { (label) }
                        input id={ "filter-" (name) } name=(name) value=[params.first(name)] placeholder=(example) autocomplete="off";
                    }
                    button.primary { "Apply" }
                }
            }
            @if let Some(to) = params.first("to") { input type="hidden" name="to" value=(to); }
            noscript { button { "Apply" } }
        }
    }
}

/// The filters that are set, each with a link that takes it away.
pub(super) fn chips(params: &Params, errors: &[QueryError]) -> Markup {
    let shown = |name: &str| !matches!(name, "cursor" | "limit" | "order");
    let set: Vec<(&str, &str)> = params.iter().filter(|(name, _)| shown(name)).collect();
    html! {
        @for error in errors.iter().take(MOST_ERRORS) {
            p.note role="alert" { "Filter " b { (error.name) } " is not used: give " (error.expected) "." }
        }
        @if !set.is_empty() {
            ul.chips aria-label="Filters that are set" {
                @for (name, value) in set {
                    li {
                        a.chip href=(params.without_pair(name, value).without("cursor").url("/")) title="Take this filter away" {
                            span { (name) " " b dir="auto" { (units::short(value)) } }
                            i.remove aria-hidden="true" { "×" }
                        }
                    }
                }
                li { a.chip href="/" { span { "Clear all" } } }
            }
        }
    }
}

/// A choice; a value that is set and not among the choices is one of them.
fn choice(params: &Params, name: &str, none: &str, choices: &[(&str, &str)]) -> Markup {
    let set = params.first(name);
    let is_other = set.is_some_and(|set| choices.iter().all(|(value, _)| *value != set));
    html! {
        select name=(name) aria-label=(if none.is_empty() { "Order" } else { none }) {
            @if !none.is_empty() { option value="" { (none) } }
            @if let Some(set) = set.filter(|_| is_other) { option value=(set) selected { (units::short(set)) } }
            @for (value, label) in choices.iter().filter(|(value, _)| value.len() <= LONGEST) {
                option value=(value) selected[set == Some(value)] { (units::short(label)) }
            }
        }
    }
}

fn pairs(values: &[String]) -> Vec<(&str, &str)> {
    values
        .iter()
        .map(|value| (value.as_str(), value.as_str()))
        .collect()
}
