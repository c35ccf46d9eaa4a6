//! The tables of a trace's page: usage and cost of a span, totals by model, scores.
//! Called by `detail`.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::Value;
use tracefuse_core::Level;

use super::units;
use super::widgets::{block, cost};
use crate::model::{ObservationRow, ScoreRow};
use crate::store::SpanOutline;

/// Units and cost by bucket.
pub(super) fn usage(span: &ObservationRow) -> Markup {
    if span.usage.is_empty() && span.cost.is_empty() {
        return html! {};
    }
    let mut names: Vec<&str> = span
        .usage
        .keys()
        .chain(span.cost.keys())
        .map(String::as_str)
        .collect();
    names.sort_by_key(|name| (*name == "total", !name.starts_with("input"), *name));
    names.dedup();
    block(
        "Usage and cost",
        &html! {
            table {
                thead { tr { th scope="col" { "Bucket" } th.num scope="col" { "Units" } th.num scope="col" { "Cost" } } }
                tbody {
                    @for name in names {
                        tr {
                            td dir="auto" { @if name == "total" { b { "Total" } } @else { (name) } }
                            td.num { @if let Some(units) = span.usage.get(name) { (units::count(*units)) } }
                            td.num { @if let Some(dollars) = cost(span.cost.get(name).copied(), span.cost_is_computed) { (dollars) } }
                        }
                    }
                }
            }
            @if span.cost_is_computed { p { small { "≈ computed from the table of prices, since no cost was sent" } } }
        },
    )
}

#[derive(Default)]
struct Sum {
    calls: u64,
    errors: u64,
    nanos: i64,
    input: u64,
    output: u64,
    total: u64,
    cost: Option<f64>,
    is_computed: bool,
}

/// Totals by model.
pub(super) fn models(spans: &[SpanOutline]) -> Markup {
    let mut models: BTreeMap<&str, Sum> = BTreeMap::new();
    for span in spans {
        let Some(model) = &span.model else { continue };
        let sum = models.entry(model).or_default();
        sum.calls += 1;
        sum.errors += u64::from(span.level == Level::Error);
        let length = |end: i64| end.saturating_sub(span.start_ns);
        sum.nanos = sum.nanos.saturating_add(span.end_ns.map_or(0, length));
        sum.input = sum.input.saturating_add(span.units.input);
        sum.output = sum.output.saturating_add(span.units.output);
        sum.total = sum.total.saturating_add(span.units.total.unwrap_or(0));
        if let Some(dollars) = span.cost {
            sum.cost = Some(sum.cost.unwrap_or(0.0) + dollars);
            sum.is_computed |= span.cost_is_computed;
        }
    }
    if models.is_empty() {
        return html! {};
    }
    block(
        "Models",
        &html! {
            table {
                thead { tr {
                    th scope="col" { "Model" } th.num scope="col" { "Calls" } th.num scope="col" { "Time" }
                    th.num scope="col" { "In" } th.num scope="col" { "Out" } th.num scope="col" { "Tokens" } th.num scope="col" { "Cost" }
                } }
                tbody {
                    @for (model, sum) in &models {
                        tr {
                            td dir="auto" { (units::short(model)) @if sum.errors > 0 { " " span.chip.error { (units::plural(sum.errors, "error")) } } }
                            td.num { (units::count(sum.calls)) }
                            td.num { (units::duration(sum.nanos)) }
                            td.num { (units::tokens(sum.input)) }
                            td.num { (units::tokens(sum.output)) }
                            td.num { (units::tokens(sum.total)) }
                            td.num { (cost(sum.cost, sum.is_computed).unwrap_or_default()) }
                        }
                    }
                }
            }
        },
    )
}

pub(super) fn scores_table(scores: &[&ScoreRow]) -> Markup {
    if scores.is_empty() {
        return html! {};
    }
    block(
        "Scores",
        &html! {
            table {
                thead { tr { th scope="col" { "Name" } th scope="col" { "Value" } th scope="col" { "Comment" } th scope="col" { "Source" } } }
                tbody {
                    @for score in scores {
                        tr {
                            td dir="auto" { (score.name) }
                            td dir="auto" { b { (score_value(score)) } }
                            td dir="auto" { @if let Some(comment) = &score.comment { (comment) } }
                            td { (score.source.to_lowercase()) }
                        }
                    }
                }
            }
        },
    )
}

pub(super) fn score_value(score: &ScoreRow) -> String {
    match (&score.value, score.data_type.as_str()) {
        (Value::String(text), _) => text.clone(),
        (Value::Number(number), "BOOLEAN") => if number.as_f64() == Some(0.0) {
            "false"
        } else {
            "true"
        }
        .to_owned(),
        (value, _) => value.to_string(),
    }
}
