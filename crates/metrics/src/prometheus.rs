//! A snapshot as Prometheus' text format (0.0.4), with the names that OpenTelemetry's rules for Prometheus give.
//! Called by `Metrics::prometheus`. Knows no series.

use std::fmt::{self, Write as _};

use crate::collect::{Family, Snapshot, Value};
use crate::instrument::Kind;
use crate::prometheus_names::{each_once, name, pairs, write_labels};

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
