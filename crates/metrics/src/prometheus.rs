//! A snapshot as Prometheus' text format (0.0.4), with the names that OpenTelemetry's rules for Prometheus give.
//! Called by `Metrics::prometheus`. Knows no series.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use crate::collect::{Family, Labels, Snapshot, Value};
use crate::instrument::{Instrument, Kind};

/// The text, one family after another, in the order of their names.
pub(crate) fn text(snapshot: &Snapshot, target: &[(String, String)]) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let _ = write(&mut out, snapshot, target);
    out
}

fn write(out: &mut String, snapshot: &Snapshot, target: &[(String, String)]) -> fmt::Result {
    for family in snapshot.0.values() {
        write_family(out, family)?;
    }
    if !target.is_empty() {
        out.push_str("# HELP target_info Target metadata\n# TYPE target_info gauge\ntarget_info");
        let labels = each_once(target);
        let labels = labels.iter().map(|(key, value)| (&**key, &**value));
        write_labels(out, labels, None)?;
        out.push_str(" 1\n");
    }
    Ok(())
}

/// Attributes by their names in Prometheus. Values of those that have one name there are joined by `;`, in the order of the
/// attributes' names, as OpenTelemetry's rules for Prometheus say: a label that comes twice makes the whole text invalid.
fn each_once(target: &[(String, String)]) -> BTreeMap<String, String> {
    let mut sorted: Vec<_> = target.iter().filter(|(key, _)| !key.is_empty()).collect();
    sorted.sort();
    let mut labels = BTreeMap::<String, String>::new();
    for (key, value) in sorted {
        let known = labels.entry(label(key));
        known
            .and_modify(|known| {
                known.push(';');
                known.push_str(value);
            })
            .or_insert_with(|| value.clone());
    }
    labels
}

/// The name of a label: letters, digits and underscores; a digit may not be the first.
fn label(key: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = key.chars().map(letter).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("key_{name}"),
        false => name,
    }
}

fn write_family(out: &mut String, family: &Family) -> fmt::Result {
    let name = name(family.instrument);
    let kind = match family.instrument.kind {
        Kind::Counter => "counter",
        Kind::UpDownCounter | Kind::Gauge => "gauge",
        Kind::Histogram => "histogram",
    };
    let help = family.instrument.description;
    let help = help.replace('\\', "\\\\").replace('\n', "\\n");
    writeln!(out, "# HELP {name} {help}")?;
    writeln!(out, "# TYPE {name} {kind}")?;
    for (labels, value) in &family.points {
        match value {
            Value::Number(number) => {
                out.push_str(&name);
                write_labels(out, pairs(labels), None)?;
                writeln!(out, " {number}")?;
            }
            Value::Distribution { counts, sum } => {
                let bounds = family.instrument.bounds;
                let ends = bounds.iter().map(|bound| format!("{bound:?}"));
                let mut below = 0;
                for (end, count) in ends.chain(["+Inf".to_owned()]).zip(counts) {
                    below += count;
                    write!(out, "{name}_bucket")?;
                    write_labels(out, pairs(labels), Some(&end))?;
                    writeln!(out, " {below}")?;
                }
                write!(out, "{name}_sum")?;
                write_labels(out, pairs(labels), None)?;
                writeln!(out, " {sum}")?;
                write!(out, "{name}_count")?;
                write_labels(out, pairs(labels), None)?;
                writeln!(out, " {below}")?;
            }
        }
    }
    Ok(())
}

/// The name in Prometheus: dots are underscores, the unit and `_total` are suffixes. Units in braces are none.
pub(crate) fn name(instrument: &Instrument) -> String {
    let mut name = instrument.name.replace('.', "_");
    let unit = match instrument.unit {
        "s" => "_seconds",
        "By" => "_bytes",
        _ => "",
    };
    if !name.ends_with(unit) {
        name.push_str(unit);
    }
    if instrument.kind == Kind::Counter {
        name.push_str("_total");
    }
    name
}

fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(key, value)| (*key, &**value))
}

fn write_labels<'a>(
    out: &mut String,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
    end: Option<&'a str>,
) -> fmt::Result {
    let mut first = true;
    for (key, value) in labels.chain(end.map(|end| ("le", end))) {
        out.push(if first { '{' } else { ',' });
        first = false;
        out.push_str(&label(key));
        out.push_str("=\"");
        for c in value.chars() {
            match c {
                '\\' => out.push_str("\\\\"),
                '"' => out.push_str("\\\""),
                '\n' => out.push_str("\\n"),
                c => out.push(c),
            }
        }
        out.push('"');
    }
    if !first {
        out.push('}');
    }
    Ok(())
}
