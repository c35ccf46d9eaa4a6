//! Traces over time, as bars that are links to their part of the time.
//! Called by `list`.

use maud::{Markup, html};

use super::params::Params;
use super::units;
use crate::model::Histogram;

const HEIGHT: f64 = 64.0;
const WIDTH: f64 = 10.0;

/// With fewer bins than this the bars stay as narrow as with so many.
const FEW: f64 = 24.0;

/// The bars; the height is the number of traces, the red part of it those with errors.
pub(super) fn histogram(histogram: &Histogram, params: &Params) -> Markup {
    let most = histogram
        .bins
        .iter()
        .map(|bin| bin.traces)
        .max()
        .unwrap_or(0);
    let Some(last) = histogram.bins.last().filter(|_| most > 0) else {
        return html! { div data-histogram data-part="histogram" {} };
    };
    let end = last.start_ns.saturating_add(histogram.width_ns);
    let width = WIDTH * histogram.bins.len() as f64;
    let bar = (WIDTH - 2.0) * (histogram.bins.len() as f64 / FEW).min(1.0);
    let scale = |traces: u64| traces as f64 / most as f64 * (HEIGHT - 4.0);
    html! {
        figure.card.histogram data-histogram data-part="histogram" {
            svg viewBox={ "0 0 " (width) " " (HEIGHT) } preserveAspectRatio="none" role="group" aria-label="Traces over time" {
                @for (place, bin) in histogram.bins.iter().enumerate() {
                    @let left = place as f64 * WIDTH;
                    @let edge = left + (WIDTH - bar) / 2.0;
                    @let errors = scale(bin.errors);
                    // A bar of one trace is at least two points high.
                    @let all = if bin.traces > 0 { scale(bin.traces).max(2.0) } else { 0.0 };
                    @let from = units::rfc3339(bin.start_ns);
                    @let to = units::rfc3339(bin.start_ns.saturating_add(histogram.width_ns));
                    @let words = format!("{}: {}, {}", units::full(bin.start_ns), units::plural(bin.traces, "trace"), units::plural(bin.errors, "error"));
                    a.bin href=[(bin.traces > 0).then(|| params.without("cursor").with("from", &from).with("to", &to).url("/"))] aria-label=(words) {
                        title { (words) }
                        rect.bin-ground x=(left) y="0" width=(WIDTH) height=(HEIGHT) {}
                        rect.bar-ok x=(edge) y=(HEIGHT - all) width=(bar) height=(all) {}
                        rect.bar-error x=(edge) y=(HEIGHT - errors) width=(bar) height=(errors) {}
                    }
                }
            }
            div.ends {
                time datetime=(units::rfc3339(histogram.from_ns)) data-time="full" { (units::full(histogram.from_ns)) }
                span { "each bar " (units::width(histogram.width_ns)) ", highest " (units::plural(most, "trace")) }
                time datetime=(units::rfc3339(end)) data-time="full" { (units::full(end)) }
            }
        }
    }
}
