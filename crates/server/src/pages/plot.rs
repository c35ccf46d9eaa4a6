//! Plots as SVG: stacked bars and lines over periods.
//! Called by `overview`; knows numbers, names and how to write them.

use maud::{Markup, html};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 22.0;
const RIGHT: f64 = 16.0;

/// Values of one thing over the periods; `None` is no value.
pub(super) struct Series {
    pub(super) name: String,
    /// The colour, a class of `assets/list.css`.
    pub(super) class: String,
    pub(super) values: Vec<Option<f64>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Bars,
    Lines,
}

/// A plot with its title and legend. `labels` names the periods, `unit` writes a value.
pub(super) fn plot(
    title: &str,
    form: Form,
    labels: &[String],
    series: &[Series],
    unit: &dyn Fn(f64) -> String,
) -> Markup {
    let value = |series: &Series, place: usize| series.values.get(place).copied().flatten();
    let highest = match form {
        Form::Bars => (0..labels.len())
            .map(|place| {
                series
                    .iter()
                    .filter_map(|series| value(series, place))
                    .sum()
            })
            .fold(0.0, f64::max),
        Form::Lines => series
            .iter()
            .flat_map(|series| series.values.iter().flatten())
            .copied()
            .fold(0.0, f64::max),
    };
    let top = rounded_up(highest);
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
    let step = (WIDTH - LEFT - RIGHT) / labels.len().max(1) as f64;
    let x = |place: usize| LEFT + step * place as f64;
    // At most some eight names of periods.
    let every = labels.len().div_ceil(8).max(1);
    html! {
        section.card aria-label=(title) {
            header {
                h2 { (title) }
                ul.legend.end { @for series in series { li class=(series.class) dir="auto" { (series.name) } } }
            }
            figure.plot {
                @if highest <= 0.0 { p.empty { "Nothing in this time." } }
                @else {
                    svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label={ (title) ": highest " (unit(highest)) } {
                        @for share in [0.0, 0.5, 1.0] {
                            line class=(if share == 0.0 { "zero" } else { "rule" }) x1=(LEFT) x2=(WIDTH) y1=(y(top * share)) y2=(y(top * share)) {}
                            text x=(LEFT - 8.0) y=(y(top * share) + 4.0) text-anchor="end" { (axis(&unit(top * share))) }
                        }
                        @for (place, label) in labels.iter().enumerate().filter(|(place, _)| place % every == 0) {
                            text x=(x(place) + step / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (label) }
                        }
                        @match form {
                            Form::Bars => @for (place, label) in labels.iter().enumerate() { (bar(label, place, series, &x, &y, step, unit)) },
                            Form::Lines => @for series in series { (line(series, labels, &|place| x(place) + step / 2.0, &y, unit)) },
                        }
                    }
                }
            }
        }
    }
}

type Scale<'a> = &'a dyn Fn(f64) -> f64;

fn bar(
    label: &str,
    place: usize,
    series: &[Series],
    x: &dyn Fn(usize) -> f64,
    y: Scale<'_>,
    step: f64,
    unit: &dyn Fn(f64) -> String,
) -> Markup {
    let mut below = 0.0;
    let width = (step * 0.72).clamp(1.0, 48.0);
    let left = x(place) + (step - width) / 2.0;
    html! {
        @for series in series {
            @if let Some(value) = series.values.get(place).copied().flatten().filter(|value| *value > 0.0) {
                @let from = y(below);
                @let to = y(below + value);
                rect class=(series.class) x=(short(left)) y=(short(to)) width=(short(width)) height=(short((from - to).max(1.0))) rx="1" {
                    title { (label) ", " (series.name) ": " (unit(value)) }
                }
                ({ below += value; "" })
            }
        }
    }
}

fn line(
    series: &Series,
    labels: &[String],
    x: &dyn Fn(usize) -> f64,
    y: Scale<'_>,
    unit: &dyn Fn(f64) -> String,
) -> Markup {
    let points: Vec<(usize, f64)> = series
        .values
        .iter()
        .enumerate()
        .filter_map(|(place, value)| Some((place, (*value)?)))
        .collect();
    let path: Vec<String> = points
        .iter()
        .map(|(place, value)| format!("{},{}", short(x(*place)), short(y(*value))))
        .collect();
    html! {
        polyline class=(series.class) points=(path.join(" ")) {}
        @for (place, value) in points {
            circle class={ "point " (series.class) } cx=(short(x(place))) cy=(short(y(value))) r="3" {
                title { (labels.get(place).map_or("", String::as_str)) ", " (series.name) ": " (unit(value)) }
            }
        }
    }
}

/// The value of a rule, without zeros after the point.
fn axis(text: &str) -> String {
    let (number, unit) = text
        .split_once(' ')
        .map_or((text, None), |(number, unit)| (number, Some(unit)));
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    };
    unit.map_or_else(|| number.to_owned(), |unit| format!("{number} {unit}"))
}

/// A number of one or two digits times a power of ten, not below the value. Half of it is as short.
fn rounded_up(value: f64) -> f64 {
    if value <= 0.0 || !value.is_finite() {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let factor = [1.0, 1.2, 1.6, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0]
        .into_iter()
        .find(|factor| factor * power >= value * 0.999_999);
    factor.unwrap_or(10.0) * power
}

fn short(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        for (value, top) in [
            (0.0, 1.0),
            (0.27, 0.3),
            (1.0, 1.0),
            (7.0, 8.0),
            (10.0, 10.0),
            (430.0, 500.0),
            (11.6, 12.0),
            (f64::NAN, 1.0),
        ] {
            assert!(
                (rounded_up(value) - top).abs() < 1e-9,
                "{value}: {}",
                rounded_up(value)
            );
        }
    }

    #[test]
    fn rules_have_no_zeros_after_the_point() {
        for (text, shown) in [
            ("20.00 s", "20 s"),
            ("$0.0500", "$0.05"),
            ("1,500", "1,500"),
            ("100 ms", "100 ms"),
            ("$0", "$0"),
        ] {
            assert_eq!(axis(text), shown);
        }
    }

    #[test]
    fn bars_are_stacked() {
        let series = |name: &str, value| Series {
            name: name.to_owned(),
            class: "series-0".to_owned(),
            values: vec![Some(value)],
        };
        let html = plot(
            "Traces",
            Form::Bars,
            &["Mon".to_owned()],
            &[series("a", 4.0), series("b", 6.0)],
            &|value| value.to_string(),
        );
        let html = html.into_string();
        // The axis ends at 10: the first bar has 40 % of 158 points.
        assert!(
            html.contains("height=\"63.2\"") && html.contains("height=\"94.8\""),
            "{html}"
        );
        assert!(html.contains("y=\"10.0\""), "{html}");
    }
}
