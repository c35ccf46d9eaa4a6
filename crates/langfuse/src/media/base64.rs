//! Decodes base64 as providers and people write it, and refuses text that only looks like it.
//! Called by `shapes` and `data_uri`.

use std::borrow::Cow;

use ::base64::Engine as _;
use ::base64::engine::DecodePaddingMode;
use ::base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// The standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Fewer digits than this are no media, also with a media type.
pub(super) const SHORTEST: usize = 7;
/// Up to this many digits a text may be a word, an id or a hash.
const WORD: usize = 128;

/// The bytes of a base64 text; `None` if it is none, or is more likely a word, an id or a hash.
///
/// Line ends and blanks are allowed, as is the URL-safe alphabet, and `%2B` for `+` as in addresses.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    if text.len() < SHORTEST {
        return None;
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let digits = if !text.bytes().all(plain) {
        Cow::Owned(in_standard_digits(text)?)
    } else {
        Cow::Borrowed(text.as_bytes())
    };
    if digits.len() < SHORTEST || reads_as_word(&digits) {
        return None;
    }
    BASE64.decode(digits).ok().filter(|bytes| !bytes.is_empty())
}

fn in_standard_digits(text: &str) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'-' => digits.push(b'+'),
            b'_' => digits.push(b'/'),
            b'%' => {
                let code = [bytes.next()?, bytes.next()?];
                let code = u8::from_str_radix(std::str::from_utf8(&code).ok()?, 16).ok()?;
                if !code.is_ascii_whitespace() {
                    digits.push(code);
                }
            }
            other => digits.push(other),
        }
    }
    Some(digits)
}

/// Whether so few digits may be a word, an id or a hash: they are not padded, and are not the mixture of upper
/// case, lower case and decimal digits that base64 is. `camelCase` is no such mixture.
pub(super) fn reads_as_word(digits: &[u8]) -> bool {
    let has = |kind: fn(&u8) -> bool| digits.iter().any(kind);
    let rises = digits
        .windows(2)
        .filter(|pair| matches!(pair, [a, b] if a.is_ascii_lowercase() && b.is_ascii_uppercase()));
    let mixed = has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && (has(u8::is_ascii_digit) || rises.count() > 2);
    digits.len() <= WORD && !digits.ends_with(b"=") && !mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_read_in_every_spelling() {
        for text in [
            "aGVsbG8=",
            "aGVsbG8",
            "aGVs\r\nbG8=\n",
            "aGVs bG8=",
            "aGVsbG8%3D",
            "aGVs%0D%0AbG8=",
            "aGVs%20bG8=",
            "aGVs\tbG8=",
        ] {
            assert_eq!(decode(text).as_deref(), Some(&b"hello"[..]), "{text}");
        }
        assert_eq!(decode("-_-_-_8=").as_deref(), decode("+/+/+/8=").as_deref());
        assert!(decode("-_-_-_8=").is_some());
        assert_eq!(decode("cGljdHVyZSAx").as_deref(), Some(&b"picture 1"[..]));
    }

    #[test]
    fn more_than_two_changes_of_case_are_no_word() {
        for (text, is_word) in [
            ("aBcDefgh", true),
            ("aBcDeFgh", false),
            ("aBcDefg7", false),
            ("abcdefg7", true),
            ("ABCDEFG7", true),
        ] {
            assert_eq!(reads_as_word(text.as_bytes()), is_word, "{text}");
        }
    }

    #[test]
    fn words_ids_and_hashes_are_no_media() {
        for text in [
            "",
            "user",
            "test",
            "aGk=",
            "assistant",
            "camelCase",
            "password",
            "photo/image",
            "550e8400-e29b-41d4-a716-446655440000",
            "d41d8cd98f00b204e9800998ecf8427e",
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
            "hello, world",
            "aGVsbG8=x",
            "%zzGVsbG8=",
            "aGVsbG8%3",
        ] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
