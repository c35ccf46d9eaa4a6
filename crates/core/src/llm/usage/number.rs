//! Counts and amounts of money, as providers and frameworks write them: numbers, also as text.
//! Used by `usage`, `provider` and the bridges.

use serde_json::Value;

/// Above this a number is no count: programs that read it as a float (JavaScript) cannot tell it from the next one.
const MAX: u64 = 1 << 53;

/// A count of tokens; `None` if it is negative, a fraction, larger than [`MAX`], or no number.
pub(crate) fn count(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => match number.as_u64() {
            Some(count) => Some(count),
            None => whole(number.as_f64()?),
        },
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| whole(text.parse().ok()?))
        }
        _ => None,
    }
    .filter(|count| *count <= MAX)
}

/// An amount of US dollars; `None` if it is negative or no finite number.
pub(crate) fn dollars(value: &Value) -> Option<f64> {
    let amount = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (amount.is_finite() && amount >= 0.0).then_some(amount)
}

fn whole(number: f64) -> Option<u64> {
    ((0.0..=MAX as f64).contains(&number) && number.fract() == 0.0).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_texts_are_counts_and_nonsense_is_none() {
        for (value, units) in [
            (json!(7), 7),
            (json!(1000.0), 1000),
            (json!("6"), 6),
            (json!(" 1000.0 "), 1000),
            (json!(0), 0),
            (json!(-0.0), 0),
            (json!(MAX), MAX),
        ] {
            assert_eq!(count(Some(&value)), Some(units), "{value}");
        }
        for value in [
            json!(-4),
            json!(1.5),
            json!(1e300),
            json!(u64::MAX),
            json!("-1"),
            json!("1.5"),
            json!("many"),
            json!(""),
            json!("NaN"),
            json!("inf"),
            json!(true),
            json!(null),
            json!([1]),
            json!({ "n": 1 }),
        ] {
            assert_eq!(count(Some(&value)), None, "{value}");
        }
        assert_eq!(count(None), None);
    }

    #[test]
    fn money_is_finite_and_not_negative() {
        assert_eq!(dollars(&json!(0.25)), Some(0.25));
        assert_eq!(dollars(&json!("0.25")), Some(0.25));
        for value in [
            json!(-1),
            json!("NaN"),
            json!("inf"),
            json!(null),
            json!({}),
            json!("$1"),
        ] {
            assert_eq!(dollars(&value), None, "{value}");
        }
    }
}
