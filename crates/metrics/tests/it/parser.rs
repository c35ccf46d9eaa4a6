//! A strict parser of Prometheus' text format (0.0.4): what it does not allow is an error.

use std::collections::{BTreeMap, BTreeSet};

/// Values by name and labels.
pub(crate) type Labels = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) types: BTreeMap<String, String>,
    pub(crate) values: BTreeMap<(String, Labels), f64>,
}

impl Samples {
    /// The value with exactly these labels.
    #[track_caller]
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let labels = labels
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let found = self.values.get(&(name.to_owned(), labels));
        *found.unwrap_or_else(|| panic!("no such sample; of {name} there are {:#?}", self.of(name)))
    }

    pub(crate) fn of(&self, name: &str) -> Vec<(&Labels, f64)> {
        let from = (name.to_owned(), Labels::new());
        let mine = self.values.range(from..);
        let mine = mine.take_while(|((known, _), _)| known == name);
        mine.map(|((_, labels), value)| (labels, *value)).collect()
    }

    pub(crate) fn sum(&self, name: &str) -> f64 {
        self.of(name).iter().map(|(_, value)| value).sum()
    }
}

pub(crate) fn parse(text: &str) -> Result<Samples, String> {
    let mut samples = Samples::default();
    let mut helps = BTreeSet::new();
    let mut current = String::new();
    if !text.is_empty() && !text.ends_with('\n') {
        return Err("the last line does not end".to_owned());
    }
    for line in text.lines() {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let Some((name, help)) = rest.split_once(' ') else {
                return wrong("HELP without a text");
            };
            if !helps.insert(name.to_owned()) || !is_name(name) || !is_escaped(help) {
                return wrong("HELP");
            }
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else {
                return wrong("TYPE without a type");
            };
            if !matches!(kind, "counter" | "gauge" | "histogram") || !helps.contains(name) {
                return wrong("TYPE");
            }
            if (kind == "counter") != name.ends_with("_total") {
                return wrong("counters end with _total, and nothing else does");
            }
            if samples
                .types
                .insert(name.to_owned(), kind.to_owned())
                .is_some()
            {
                return wrong("a family comes twice");
            }
            current = name.to_owned();
        } else {
            let (name, labels, value) = sample(line).map_err(|why| format!("{why}: {line}"))?;
            let suffixes: &[&str] = match samples.types.get(&current).map(String::as_str) {
                Some("histogram") => &["_bucket", "_sum", "_count"],
                Some(_) => &[""],
                None => return wrong("a sample before its TYPE"),
            };
            let mine = name
                .strip_prefix(current.as_str())
                .is_some_and(|suffix| suffixes.contains(&suffix));
            if !mine {
                return wrong("a sample of another family");
            }
            if samples.values.insert((name, labels), value).is_some() {
                return wrong("a sample comes twice");
            }
        }
    }
    histograms(&samples)?;
    Ok(samples)
}

/// Buckets grow, the last one is the count, and a sum is there.
fn histograms(samples: &Samples) -> Result<(), String> {
    for (name, _) in samples
        .types
        .iter()
        .filter(|(_, kind)| *kind == "histogram")
    {
        let mut buckets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for (labels, value) in samples.of(&format!("{name}_bucket")) {
            let mut labels = labels.clone();
            let end = labels.remove("le").ok_or("a bucket without le")?;
            let end = if end == "+Inf" {
                f64::INFINITY
            } else {
                end.parse().map_err(|_| "le")?
            };
            buckets.entry(labels).or_default().push((end, value));
        }
        if buckets.len() != samples.of(&format!("{name}_count")).len() {
            return Err(format!("{name}: counts and buckets differ"));
        }
        for (labels, mut buckets) in buckets {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            let of = |suffix: &str| {
                samples
                    .values
                    .get(&(format!("{name}{suffix}"), labels.clone()))
            };
            let last = buckets.last().copied();
            if !buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1)
                || last != of("_count").map(|count| (f64::INFINITY, *count))
                || of("_sum").is_none()
            {
                return Err(format!("{name} {labels:?}: {buckets:?}"));
            }
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit())
}

/// Whether every backslash is followed by one of `n\` or the given characters.
fn is_escaped(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c == '\\' && !matches!(chars.next(), Some('n' | '\\')) {
            return false;
        }
    }
    true
}

fn sample(line: &str) -> Result<(String, Labels, f64), &'static str> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name) {
        return Err("not a name");
    }
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (key, after) = rest.split_once("=\"").ok_or("a label without a value")?;
            if !is_name(key) {
                return Err("not the name of a label");
            }
            let mut value = String::new();
            let mut chars = after.char_indices();
            let end = loop {
                match chars.next().ok_or("a value that does not end")? {
                    (at, '"') => break at + 1,
                    (_, '\\') => match chars.next().ok_or("a lone backslash")?.1 {
                        'n' => value.push('\n'),
                        c @ ('"' | '\\') => value.push(c),
                        _ => return Err("an unknown escape"),
                    },
                    (_, c) => value.push(c),
                }
            };
            if labels.insert(key.to_owned(), value).is_some() {
                return Err("a label comes twice");
            }
            rest = &after[end..];
            match rest.split_at_checked(1).ok_or("no end of the labels")? {
                (",", after) => rest = after,
                ("}", after) => {
                    rest = after;
                    break;
                }
                _ => return Err("neither a comma nor the end after a label"),
            }
        }
    }
    let value = rest.strip_prefix(' ').ok_or("no space before the value")?;
    let value = value.parse().map_err(|_| "not a number")?;
    Ok((name.to_owned(), labels, value))
}

#[test]
fn the_parser_is_strict() {
    let good = "# HELP a_total A \\\\ text\n# TYPE a_total counter\na_total{k=\"v\\\"\\n\"} 1\n";
    let samples = parse(good).unwrap();
    assert_eq!(samples.value("a_total", &[("k", "v\"\n")]), 1.0);
    for bad in [
        "a 1\n",
        "# HELP a_total A\n# TYPE a_total counter\na_total 1",
        "# HELP a_total A\n# TYPE a_total counter\na_total 1\na_total 2\n",
        "# HELP a_total A\n# TYPE a_total counter\na_total{k=\"\\x\"} 1\n",
        "# HELP a_total A\n# TYPE a_total counter\na_total{k=\"v\",} 1\n",
        "# HELP a A\n# TYPE a counter\na 1\n",
        "# HELP a.b A\n# TYPE a.b gauge\na.b 1\n",
        "# HELP a A\n# TYPE a gauge\nb 1\n",
        "# HELP a A\n# TYPE a histogram\na_bucket{le=\"1\"} 1\na_sum 1\na_count 1\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
