//! One line in a frame: x by powers, y from zero. Readable on light and dark pages.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 56.0;
const BOTTOM: f64 = 44.0;
const MARGIN: f64 = 16.0;

pub fn plot(title: &str, points: &[(u64, f64)]) -> String {
    let top = points.iter().map(|(_, y)| *y).fold(1.0, f64::max) * 1.2;
    let at = |x: u64| (x as f64 + if points.first().is_some_and(|p| p.0 == 0) { 1.0 } else { 0.0 }).ln();
    let (from, to) = (points.first().map_or(0.0, |p| at(p.0)), points.last().map_or(1.0, |p| at(p.0)));
    let x_of = |x: u64| LEFT + (at(x) - from) / (to - from) * (WIDTH - LEFT - MARGIN);
    let y_of = |y: f64| HEIGHT - BOTTOM - y / top * (HEIGHT - BOTTOM - MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"11\" fill=\"#777\">\n"
    );
    let step = nice(top / 4.0);
    let mut y = 0.0;
    while y < top {
        let at = y_of(y);
        let _ =
            writeln!(out, "<path d=\"M{LEFT} {at:.1}H{:.1}\" stroke=\"#777\" stroke-opacity=\".3\"/>", WIDTH - MARGIN);
        let _ = writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{y:.0}</text>", LEFT - 6.0, at + 4.0);
        y += step;
    }
    let mut line = String::new();
    for (i, (x, y)) in points.iter().enumerate() {
        let (cx, cy) = (x_of(*x), y_of(*y));
        let _ = write!(line, "{}{cx:.1} {cy:.1}", if i == 0 { "M" } else { "L" });
        let _ = writeln!(out, "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\" fill=\"#c4572b\"/>");
        let _ =
            writeln!(out, "<text x=\"{cx:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{x}</text>", HEIGHT - BOTTOM + 16.0);
    }
    let _ = writeln!(out, "<path d=\"{line}\" fill=\"none\" stroke=\"#c4572b\" stroke-width=\"2\"/>");
    let _ =
        writeln!(out, "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{title}</text>", WIDTH / 2.0, HEIGHT - 8.0);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"12\">ns per span</text>\n</svg>");
    out
}

/// The next of 1, 2, 5, 10, 20, ...
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= step).unwrap_or(power * 10.0)
}
