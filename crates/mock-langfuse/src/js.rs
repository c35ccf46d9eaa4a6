//! Numbers and JSON texts as JavaScript writes and reads them, because the server is written in it.
//! Called by the mapping of spans, by the read API and by scores.

use serde_json::{Map, Value};

/// The texts that a server in JavaScript takes for nothing: absent, null, false, 0 and the empty text.
pub(crate) fn is_falsy(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(is) => !is,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// A number as JavaScript writes it: the fewest digits that read back as the same double, and no exponent below 1e21.
pub(crate) fn number_text(number: f64) -> String {
    if !number.is_finite() {
        return "null".into();
    }
    if number == 0.0 {
        return "0".into();
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let digits = mantissa.replace('.', "");
    let count = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    // The number is 0.DIGITS times ten to the power of `point`.
    let point = exponent.parse::<i32>().unwrap_or(0) + 1;
    let zeros = |count: i32| "0".repeat(usize::try_from(count).unwrap_or(0));
    if (count..=21).contains(&point) {
        return format!("{sign}{digits}{}", zeros(point - count));
    }
    if (1..=21).contains(&point) {
        let (whole, fraction) = digits.split_at(usize::try_from(point).unwrap_or(0));
        return format!("{sign}{whole}.{fraction}");
    }
    if (-5..=0).contains(&point) {
        return format!("{sign}0.{}{digits}", zeros(-point));
    }
    let (first, rest) = digits.split_at(1);
    let dot = if rest.is_empty() { "" } else { "." };
    let plus = if point > 0 { "+" } else { "" };
    format!("{sign}{first}{dot}{rest}e{plus}{}", point - 1)
}

/// A double as a JSON value: without a fraction it is an integer, as in JavaScript.
pub(crate) fn number(value: f64) -> Value {
    let text = number_text(value);
    if let Ok(whole) = text.parse::<i64>() {
        return whole.into();
    }
    if let Ok(whole) = text.parse::<u64>() {
        return whole.into();
    }
    Value::from(value)
}

/// What `JSON.stringify` writes.
pub(crate) fn stringify(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(String::new, number_text),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(stringify).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), stringify(value)))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        other => other.to_string(),
    }
}

/// What `String(value)` writes.
pub(crate) fn string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let text = |item: &Value| match item {
                Value::Null => String::new(),
                other => string(other),
            };
            items.iter().map(text).collect::<Vec<_>>().join(",")
        }
        Value::Object(_) => "[object Object]".into(),
        other => stringify(other),
    }
}

/// What `Number(value)` gives; `None` for NaN.
pub(crate) fn to_number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(0.0),
        Value::Bool(is) => Some(f64::from(u8::from(*is))),
        Value::Number(number) => number.as_f64(),
        Value::String(text) if text.trim().is_empty() => Some(0.0),
        Value::String(text) => text.trim().parse().ok().filter(|n: &f64| !n.is_nan()),
        Value::Array(_) => to_number(&Value::String(string(value))),
        Value::Object(_) => None,
    }
}

/// What `parseInt(value, 10)` gives: the integer at the start of a text.
pub(crate) fn parse_int(value: &Value) -> Option<f64> {
    let text = string(value);
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let digits = digits.get(..end)?;
    digits.parse::<f64>().ok().map(|number| sign * number)
}

/// What `JSON.parse` reads.
pub(crate) fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().map(doubles)
}

/// A stored text as the read API shows it: JSON as what it says, but a number that a double cannot hold as its digits;
/// everything else as text.
pub(crate) fn shown(text: &str) -> Value {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return text.into();
    }
    parse(&quote_unsafe_numbers(text)).unwrap_or_else(|| text.into())
}

fn doubles(value: Value) -> Value {
    match value {
        Value::Number(given) => given.as_f64().map_or(Value::Null, number),
        Value::Array(items) => items.into_iter().map(doubles).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(key, value)| (key, doubles(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// Valid JSON, in which each number that would lose digits as a double is a text.
fn quote_unsafe_numbers(json: &str) -> String {
    let is_part = |c: char| matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E');
    let (mut out, mut rest) = (String::with_capacity(json.len()), json);
    let mut in_text = false;
    while let Some(c) = rest.chars().next() {
        if in_text {
            let length = if c == '\\' { 2 } else { c.len_utf8() };
            let (head, tail) = rest.split_at(length.min(rest.len()));
            in_text = c != '"';
            out.push_str(head);
            rest = tail;
        } else if c == '-' || c.is_ascii_digit() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (token, tail) = rest.split_at(end);
            if is_safe(token) {
                out.push_str(token);
            } else {
                out.push_str(&format!("\"{token}\""));
            }
            rest = tail;
        } else {
            in_text = c == '"';
            out.push(c);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

fn is_safe(token: &str) -> bool {
    let digits = |text: &str| {
        let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
        let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
        digits.trim_matches('0').to_owned()
    };
    let read = token.parse::<f64>().unwrap_or(f64::INFINITY);
    read.is_finite() && digits(token) == digits(&number_text(read))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_are_written_as_javascript_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1, "0.1"),
            (0.000_001, "0.000001"),
            (1e-7, "1e-7"),
            (1.5e-13, "1.5e-13"),
            (123_456.789, "123456.789"),
            (1_152_921_504_606_846_976.0, "1152921504606847000"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (f64::NAN, "null"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn stored_texts_are_shown_as_json_where_nothing_is_lost() {
        for (text, value) in [
            ("5", json!(5)),
            ("1.0", json!(1)),
            ("true", json!(true)),
            ("plain", json!("plain")),
            ("", json!("")),
            ("{\"a\":[1,\"-7\"]}", json!({ "a": [1, "-7"] })),
            ("1152921504606847000", json!(1_152_921_504_606_847_000_i64)),
            ("12345678901234567890", json!("12345678901234567890")),
            (
                "[0.12345678901234567891, \"é\\\"1\"]",
                json!(["0.12345678901234567891", "é\"1"]),
            ),
        ] {
            assert_eq!(shown(text), value, "{text}");
        }
    }

    #[test]
    fn texts_become_numbers_by_the_two_rules_of_javascript() {
        for (value, number, int) in [
            (json!("3"), Some(3.0), Some(3.0)),
            (json!(1.9), Some(1.9), Some(1.0)),
            (json!("3 apples"), None, Some(3.0)),
            (json!(""), Some(0.0), None),
            (json!("x"), None, None),
            (json!(true), Some(1.0), None),
            (json!("-7.2"), Some(-7.2), Some(-7.0)),
        ] {
            assert_eq!((to_number(&value), parse_int(&value)), (number, int));
        }
    }
}
