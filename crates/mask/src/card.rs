//! Credit card numbers in text: the right length, the right beginning and the right checksum.
//! Used by `Mask::credit_cards`.

use std::ops::Range;

use super::replace;

const SHORTEST: usize = 13;
const LONGEST: usize = 19;

pub(super) fn mask(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let mut at = 0;
    replace(text, |_| {
        while at < bytes.len() {
            if !digit(at) {
                at += 1;
                continue;
            }
            if let Some(found) = number(bytes, at) {
                at = found.end;
                return Some((found, "<credit card>"));
            }
            // Continue with the next group of digits.
            while digit(at) {
                at += 1;
            }
        }
        None
    })
}

/// The longest card number that begins here, in groups of three digits or more with single spaces or dashes between.
fn number(bytes: &[u8], start: usize) -> Option<Range<usize>> {
    if !is_edge(bytes, start.checked_sub(1), start.checked_sub(2)) {
        return None;
    }
    let mut digits = [0u8; LONGEST];
    let (mut count, mut group, mut at, mut found) = (0, 0, start, None);
    loop {
        match bytes.get(at) {
            Some(byte @ b'0'..=b'9') => {
                let Some(next) = digits.get_mut(count) else {
                    break;
                };
                *next = byte - b'0';
                count += 1;
                group += 1;
                at += 1;
            }
            byte => {
                if group < 3 {
                    break;
                }
                let so_far = digits.get(..count).unwrap_or_default();
                if is_edge(bytes, Some(at), Some(at + 1)) && is_card(so_far) {
                    found = Some(start..at);
                }
                group = 0;
                at += 1;
                if !matches!(byte, Some(b' ' | b'-')) {
                    break;
                }
            }
        }
    }
    found
}

/// Whether a number may begin or end beside this byte: it is no letter, and no point of a fraction.
fn is_edge(bytes: &[u8], beside: Option<usize>, beyond: Option<usize>) -> bool {
    let get = |at: Option<usize>| at.and_then(|at| bytes.get(at));
    match get(beside) {
        None => true,
        Some(b'.') => !get(beyond).is_some_and(u8::is_ascii_digit),
        Some(byte) => !byte.is_ascii_alphanumeric(),
    }
}

fn is_card(digits: &[u8]) -> bool {
    let begins = digits
        .iter()
        .take(4)
        .fold(0u32, |n, digit| n * 10 + u32::from(*digit));
    let issued = matches!(begins, 2221..=2720 | 3000..=6999);
    (SHORTEST..=LONGEST).contains(&digits.len()) && issued && luhn(digits)
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::super::{Mask, MaskTarget, Masker};
    use super::*;
    use tracefuse_core::record::{ObservationType, Place, Value, ValueRef};

    #[test]
    fn numbers_of_every_issuer_are_found() {
        for card in [
            "4111111111111111",
            "4222222222222",
            "5555555555554444",
            "5105105105105100",
            "2223003122003222",
            "378282246310005",
            "30569309025904",
            "38520000023237",
            "6011111111111117",
            "3530111333300000",
            "6304000000000000",
            "6212345678901265",
            "4111 1111 1111 1111",
            "4111-1111-1111-1111",
            "3782 822463 10005",
        ] {
            assert_eq!(mask(card).as_deref(), Some("<credit card>"), "{card}");
            let text = format!("on {card}, or (#{card}).");
            assert_eq!(
                mask(&text).as_deref(),
                Some("on <credit card>, or (#<credit card>)."),
                "{card}"
            );
        }
        assert_eq!(
            mask("order 123 4111 1111 1111 1111 123").as_deref(),
            Some("order 123 <credit card> 123")
        );
        assert_eq!(
            mask("card-4111111111111111").as_deref(),
            Some("card-<credit card>")
        );
        assert_eq!(mask("é4111111111111111").as_deref(), Some("é<credit card>"));
    }

    #[test]
    fn near_misses_stay() {
        for text in [
            "4111111111111112",
            "1234567890123456",
            "41111111111111111111",
            "411111111111",
            "0.4111111111111111",
            "4111111111111111.5",
            "a4111111111111111",
            "4111111111111111f",
            "4111  1111  1111  1111",
            "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
            "4111,1111,1111,1111",
            "1700000000000000006",
            "2024-01-01 00:00:00",
            "0000000000000000",
            "",
        ] {
            assert_eq!(mask(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_looked_at_by_their_digits() {
        let at = MaskTarget {
            place: Place::Input,
            kind: ObservationType::Span,
            steps: &[],
        };
        let mask = Mask::new().credit_cards();
        let masked = Some(Value::Str("<credit card>".into()));
        for number in [
            ValueRef::U64(4_111_111_111_111_111),
            ValueRef::I64(4_111_111_111_111_111),
            ValueRef::F64(4_111_111_111_111_111.0),
        ] {
            assert_eq!(mask.mask(number, &at), masked, "{number:?}");
        }
        for number in [
            ValueRef::U64(4_111_111_111_111_112),
            ValueRef::F64(0.411_111_111_111_111_1),
            ValueRef::F64(f64::NAN),
            ValueRef::F64(f64::MAX),
            ValueRef::Bool(true),
        ] {
            assert_eq!(mask.mask(number, &at), None, "{number:?}");
        }
    }
}
