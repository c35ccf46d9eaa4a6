//! Names and labels of Prometheus, by OpenTelemetry's rules for it.
//! Used by `prometheus`.

use std::collections::BTreeMap;
use std::fmt::{self};

use crate::instrument::{Instrument, Kind};
use crate::labels::Labels;

/// Attributes by their names in Prometheus. Values of those that have one name there are joined by `;`, in the order of the
/// attributes' names, as OpenTelemetry's rules for Prometheus say: a label that comes twice makes the whole text invalid.
pub(crate) fn each_once(target: &[(String, String)]) -> BTreeMap<String, String> {
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

pub(crate) fn pairs(labels: &Labels) -> impl Iterator<Item = (&str, &str)> {
    labels.iter().map(|(key, value)| (*key, &**value))
}

pub(crate) fn write_labels<'a>(
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
