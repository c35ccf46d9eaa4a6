//! The overview: totals and plots of a range of time.
//! Reads the rows that the writer keeps for each hour.

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::response::Response;
use maud::{Markup, html};

use super::layout::{Area, Page};
use super::params::Params;
use super::plot::{Form, Series, plot};
use super::widgets::{link, list_url};
use super::{failed, units};
use crate::app::App;
use crate::model::{ModelTotal, Overview};

const HOUR: i64 = 3_600_000_000_000;

/// Name in the URL, label, hours.
const RANGES: &[(&str, &str, i64)] = &[
    ("24h", "24 hours", 24),
    ("7d", "7 days", 168),
    ("30d", "30 days", 720),
    ("90d", "90 days", 2160),
];

/// How many models have their own colour.
const MODELS: usize = 5;

pub(super) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
) -> Response {
    let params = Params::new(pairs);
    let wanted = params.first("range").unwrap_or("7d");
    let (range, _, hours) = RANGES
        .iter()
        .find(|(name, ..)| *name == wanted)
        .copied()
        .unwrap_or(("7d", "", 168));
    let read = app.read(move |store| {
        let now = store.now_ns();
        store.overview(now.saturating_sub(hours * HOUR), now)
    });
    let overview = match read.await {
        Ok(overview) => overview,
        Err(error) => return failed(&error),
    };
    let page = Page {
        title: "Overview",
        area: Area::Overview,
        styles: &["list.css"],
        scripts: &["list.js"],
        keys: &[],
        main: main(&overview, range),
    };
    page.respond()
}

fn main(overview: &Overview, range: &str) -> Markup {
    let total = &overview.total;
    let label = |ns: i64| {
        if overview.period_ns >= 24 * HOUR {
            units::day(ns)
        } else {
            units::clock(ns).get(..5).unwrap_or_default().to_owned()
        }
    };
    let labels: Vec<String> = overview
        .periods
        .iter()
        .map(|period| label(period.start_ns))
        .collect();
    let series =
        |name: &str, class: &str, value: &dyn Fn(&crate::model::Totals) -> Option<f64>| Series {
            name: name.to_owned(),
            class: class.to_owned(),
            values: overview
                .periods
                .iter()
                .map(|period| value(&period.totals))
                .collect(),
        };
    let traces = [
        series("with errors", "series-error", &|totals| {
            Some(totals.errors as f64)
        }),
        series("without", "series-0", &|totals| {
            Some(totals.traces.saturating_sub(totals.errors) as f64)
        }),
    ];
    let latency = [
        series("median", "series-0", &|totals| {
            totals.p50_ns.map(|nanos| nanos as f64)
        }),
        series("95th percentile", "series-1", &|totals| {
            totals.p95_ns.map(|nanos| nanos as f64)
        }),
    ];
    let tokens = by_model(overview, &|total| total.total_tokens as f64);
    let cost = by_model(overview, &|total| total.cost);
    let share = if total.traces > 0 {
        total.errors as f64 / total.traces as f64 * 100.0
    } else {
        0.0
    };
    let figures = [
        (
            "Traces",
            units::count(total.traces),
            units::plural(total.spans, "span"),
        ),
        (
            "With errors",
            units::count(total.errors),
            format!("{share:.1} %"),
        ),
        (
            "Median latency",
            total.p50_ns.map_or_else(|| "–".to_owned(), units::duration),
            String::new(),
        ),
        (
            "95th percentile",
            total.p95_ns.map_or_else(|| "–".to_owned(), units::duration),
            String::new(),
        ),
        (
            "Tokens",
            units::tokens(total.total_tokens),
            format!(
                "{} in, {} out",
                units::tokens(total.input_tokens),
                units::tokens(total.output_tokens)
            ),
        ),
        ("Cost", units::cost(total.cost), String::new()),
    ];
    html! {
        main #main {
            div.headline {
                h1 { "Overview" }
                nav.chips.end aria-label="Range" {
                    @for (name, label, _) in RANGES {
                        a.button href={ "/overview?range=" (name) } aria-current=[(*name == range).then_some("true")] { (label) }
                    }
                }
            }
            div.figures-of-range data-list data-live="/live" data-pause="2000" {
                dl.totals {
                    @for (name, value, beside) in figures {
                        div { dt { (name) } dd { (value) " " small { (beside) } } }
                    }
                }
                div.plots {
                    (plot("Traces", Form::Bars, &labels, &traces, &|value| short_count(value)))
                    (plot("Latency", Form::Lines, &labels, &latency, &time))
                    (plot("Tokens by model", Form::Bars, &labels, &tokens, &|value| units::tokens(value as u64)))
                    (plot("Cost by model", Form::Bars, &labels, &cost, &units::cost))
                }
                (models(overview))
                p { small { "Days and hours are those of UTC. Percentiles are exact to within a tenth." } }
            }
        }
    }
}

fn time(nanos: f64) -> String {
    if nanos == 0.0 {
        "0".to_owned()
    } else {
        units::duration(nanos as i64)
    }
}

fn short_count(value: f64) -> String {
    if value.fract() == 0.0 {
        units::tokens(value as u64)
    } else {
        format!("{value:.1}")
    }
}

/// The models with the most tokens, each a series; the others are one. A model has the same colour in each plot.
fn by_model(overview: &Overview, value: &dyn Fn(&ModelTotal) -> f64) -> Vec<Series> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    for total in &overview.models {
        let sum = sums.entry(&total.model).or_default();
        *sum = sum.saturating_add(total.total_tokens);
    }
    let mut names: Vec<(&str, u64)> = sums.into_iter().collect();
    names.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    let (own, others) = names.split_at_checked(MODELS).unwrap_or((&names, &[]));
    let values = |is_in: &dyn Fn(&str) -> bool| -> Vec<Option<f64>> {
        let of = |start: i64| {
            overview
                .models
                .iter()
                .filter(|total| total.start_ns == start && is_in(&total.model))
                .map(value)
                .sum()
        };
        overview
            .periods
            .iter()
            .map(|period| Some(of(period.start_ns)))
            .collect()
    };
    let mut series: Vec<Series> = Vec::new();
    for (place, (name, _)) in own.iter().enumerate() {
        let class = format!("series-{place}");
        series.push(Series {
            name: units::short(name).into_owned(),
            class,
            values: values(&|model| model == *name),
        });
    }
    if !others.is_empty() {
        let is_other = |model: &str| others.iter().any(|(name, _)| *name == model);
        let class = format!("series-{MODELS}");
        series.push(Series {
            name: format!("{} others", others.len()),
            class,
            values: values(&is_other),
        });
    }
    series
}

fn models(overview: &Overview) -> Markup {
    let mut sums: BTreeMap<&str, ModelTotal> = BTreeMap::new();
    for total in &overview.models {
        let sum = sums.entry(&total.model).or_default();
        sum.calls += total.calls;
        sum.errors += total.errors;
        sum.input_tokens = sum.input_tokens.saturating_add(total.input_tokens);
        sum.output_tokens = sum.output_tokens.saturating_add(total.output_tokens);
        sum.total_tokens = sum.total_tokens.saturating_add(total.total_tokens);
        sum.cost += total.cost;
    }
    let mut sums: Vec<(&str, ModelTotal)> = sums.into_iter().collect();
    sums.sort_by(|left, right| {
        right
            .1
            .cost
            .total_cmp(&left.1.cost)
            .then(right.1.calls.cmp(&left.1.calls))
    });
    if sums.is_empty() {
        return html! {};
    }
    html! {
        section.card aria-label="Models" {
            header { h2 { "Models" } }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "Model" }
                    th.num scope="col" { "Calls" } th.num scope="col" { "Errors" }
                    th.num scope="col" { "Tokens in" } th.num scope="col" { "Tokens out" } th.num scope="col" { "Tokens" } th.num scope="col" { "Cost" }
                } }
                tbody { @for (model, sum) in &sums {
                    tr {
                        td { (link("", &list_url("model", model), model)) }
                        td.num { (units::count(sum.calls)) }
                        td.num { @if sum.errors > 0 { span.chip.error { (units::count(sum.errors)) } } }
                        td.num { (units::tokens(sum.input_tokens)) }
                        td.num { (units::tokens(sum.output_tokens)) }
                        td.num { (units::tokens(sum.total_tokens)) }
                        td.num { (units::cost(sum.cost)) }
                    }
                } }
            } }
        }
    }
}
