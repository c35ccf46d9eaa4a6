//! Numbers as people read them: durations, counts, dollars.
//! Called by every format that is for people; knows nothing of spans.

use std::fmt::Write as _;

use crate::sanitize::Sanitized;
use crate::usage::Tokens;

/// Three significant digits and a unit: `640 ns`, `12.3 µs`, `210 ms`, `1.84 s`, `2m 05s`, `1h 02m`.
pub(crate) fn duration(ns: u64) -> String {
    // From these bounds on three digits would round up to the next unit.
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..999_500 => format!("{} µs", three(ns as f64 / 1e3)),
        999_500..999_500_000 => format!("{} ms", three(ns as f64 / 1e6)),
        999_500_000..59_950_000_000 => format!("{} s", three(ns as f64 / 1e9)),
        _ => {
            let seconds = ns.saturating_add(500_000_000) / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            if hours > 0 {
                format!("{hours}h {minutes:02}m")
            } else {
                format!("{minutes}m {:02}s", seconds % 60)
            }
        }
    }
}

fn three(value: f64) -> String {
    if value >= 99.95 {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// A number with commas: `1,284`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits from a dollar on, more for less: `$1.50`, `$0.0049`, `$0.000012`.
pub(crate) fn dollars(amount: f64) -> String {
    let digits = match amount {
        a if a >= 1.0 || a == 0.0 => 2,
        a if a >= 0.001 => 4,
        _ => 6,
    };
    let text = format!("${amount:.digits$}");
    if amount > 0.0 && !text.bytes().any(|b| matches!(b, b'1'..=b'9')) {
        return "<$0.000001".to_owned();
    }
    text
}

/// Input and output: `1,024 → 200 tokens (512 cached)`.
pub(crate) fn tokens(tokens: Tokens) -> Sanitized {
    let mut text = String::new();
    if tokens.input > 0 || tokens.output > 0 {
        text.push_str(&count(tokens.input));
        // An embedding has no output: no arrow to zero.
        if tokens.output > 0 {
            let _ = write!(text, " → {}", count(tokens.output));
        }
    }
    if tokens.other > 0 {
        let plus = if text.is_empty() { "" } else { " + " };
        let _ = write!(text, "{plus}{}", count(tokens.other));
    }
    text.push_str(" tokens");
    if tokens.cached > 0 {
        let _ = write!(text, " ({} cached)", count(tokens.cached));
    }
    Sanitized::new(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_the_right_unit() {
        for (ns, text) in [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_000, "1.00 µs"),
            (12_345, "12.3 µs"),
            (999_499, "999 µs"),
            (999_500, "1.00 ms"),
            (210_000_000, "210 ms"),
            (999_600_000, "1.00 s"),
            (1_840_000_000, "1.84 s"),
            (59_940_000_000, "59.9 s"),
            (59_960_000_000, "1m 00s"),
            (125_000_000_000, "2m 05s"),
            (3_720_000_000_000, "1h 02m"),
            (u64::MAX, "5124095h 34m"),
        ] {
            assert_eq!(duration(ns), text, "{ns}");
        }
    }

    #[test]
    fn counts_have_commas_and_dollars_enough_digits() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(count(n), text);
        }
        for (amount, text) in [
            (0.0, "$0.00"),
            (12.5, "$12.50"),
            (0.0049, "$0.0049"),
            (0.000_012, "$0.000012"),
            (1e-9, "<$0.000001"),
        ] {
            assert_eq!(dollars(amount), text);
        }
    }
}
