//! Keys and tokens that are known by their form: prefixes of providers, `Bearer`, JSON Web Tokens, PEM.
//! Used by `Mask::api_keys`.

use std::ops::Range;

use super::replace;

const KEY: &str = "<api key>";
const TOKEN: &str = "<token>";
const JWT: &str = "<jwt>";
const PRIVATE: &str = "<private key>";

/// Beginnings, with the least that must follow. All but `SHOUTED` are followed by letters, digits, `-` and `_`.
const PREFIXES: &[(&str, usize)] = &[
    ("sk-", 16),      // OpenAI, Anthropic, Langfuse, OpenRouter, ..
    ("sk_live_", 16), // Stripe
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("whsec_", 16),
    ("ghp_", 30), // GitHub
    ("gho_", 30),
    ("ghu_", 30),
    ("ghs_", 30),
    ("ghr_", 30),
    ("github_pat_", 22),
    ("glpat-", 16), // GitLab
    ("xoxb-", 10),  // Slack
    ("xoxp-", 10),
    ("xoxa-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("xapp-", 10),
    ("AIza", 35), // Google
    ("ya29.", 20),
    ("hf_", 30),  // Hugging Face
    ("gsk_", 30), // Groq
    ("xai-", 30),
    ("pplx-", 30),
    ("r8_", 30), // Replicate
    ("tvly-", 16),
    ("pcsk_", 30), // Pinecone
    ("npm_", 36),
    ("pypi-", 50),
    ("dop_v1_", 60), // DigitalOcean
];
/// Exactly 16 capital letters and digits follow.
const SHOUTED: [&str; 2] = ["AKIA", "ASIA"];

pub(super) fn mask(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut finder = Finder {
        text,
        words: Run::new(is_word),
        payloads: Run::new(is_word),
        bearers: Run::new(|b| is_word(b) || b"._~+/=".contains(&b)),
    };
    let mut at = 0;
    replace(text, |_| {
        while let Some(byte) = bytes.get(at) {
            let start = at;
            at += 1;
            let before = start.checked_sub(1).and_then(|before| bytes.get(before));
            let first = !before.is_some_and(u8::is_ascii_alphanumeric);
            let begins = byte.is_ascii_alphabetic() || *byte == b'-';
            if first
                && begins
                && let Some((found, replacement)) = finder.token(start)
            {
                at = found.end;
                return Some((found, replacement));
            }
        }
        None
    })
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// A run of allowed bytes. It is measured once for all tokens that might begin in it, so that a text of many
/// such beginnings does not take time in the square of its length.
struct Run {
    allowed: fn(u8) -> bool,
    from: usize,
    end: usize,
    last_digit: usize,
}

impl Run {
    fn new(allowed: fn(u8) -> bool) -> Self {
        Self {
            allowed,
            from: 0,
            end: 0,
            last_digit: 0,
        }
    }

    /// Where the word around `at` ends, and whether it has a digit before that.
    fn end(&mut self, text: &str, at: usize) -> (usize, bool) {
        if at < self.from || at >= self.end {
            (self.from, self.end, self.last_digit) = (at, at, 0);
            for byte in text.bytes().skip(at).take_while(|b| (self.allowed)(*b)) {
                if byte.is_ascii_digit() {
                    self.last_digit = self.end;
                }
                self.end += 1;
            }
        }
        (self.end, self.last_digit >= at && self.end > at)
    }
}

struct Finder<'a> {
    text: &'a str,
    words: Run,
    payloads: Run,
    bearers: Run,
}

type Found = (Range<usize>, &'static str);

impl Finder<'_> {
    /// The token that begins here.
    fn token(&mut self, start: usize) -> Option<Found> {
        let rest = self.text.get(start..)?;
        if rest.starts_with("eyJ") {
            return self.jwt(start);
        }
        if rest.starts_with("-----BEGIN ") {
            return Some((start..start + pem(rest)?, PRIVATE));
        }
        let word = rest.get(..6).unwrap_or_default();
        if word.eq_ignore_ascii_case("bearer") {
            return self.bearer(start + 6);
        }
        if SHOUTED.iter().any(|prefix| rest.starts_with(prefix)) {
            let shouted = |b: &u8| b.is_ascii_digit() || b.is_ascii_uppercase();
            let len = rest.bytes().take(21).take_while(shouted).count();
            let end = rest.as_bytes().get(20);
            let alone = !end.is_some_and(u8::is_ascii_alphanumeric);
            return (len == 20 && alone).then_some((start..start + 20, KEY));
        }
        for (prefix, least) in PREFIXES {
            if rest.starts_with(prefix) {
                let key = start + prefix.len();
                let (end, digits) = self.words.end(self.text, key);
                // Words with dashes between have no digits; a key has some.
                if end >= key + least && digits {
                    return Some((start..end, KEY));
                }
            }
        }
        None
    }

    /// Three parts with dots between, of which the last may be empty.
    fn jwt(&mut self, start: usize) -> Option<Found> {
        let dot = |at: usize| self.text.as_bytes().get(at) == Some(&b'.');
        let (header, _) = self.words.end(self.text, start);
        if !dot(header) {
            return None;
        }
        let (payload, _) = self.payloads.end(self.text, header + 1);
        if !dot(payload) || header < start + 10 || payload < header + 11 {
            return None;
        }
        let (end, _) = Run::new(is_word).end(self.text, payload + 1);
        Some((start..end, JWT))
    }

    /// The token after `Bearer`; the word itself stays.
    fn bearer(&mut self, after: usize) -> Option<Found> {
        let spaces = self.text.bytes().skip(after).take(16);
        let start = after + spaces.take_while(|b| matches!(b, b' ' | b'\t')).count();
        let (end, digits) = self.bearers.end(self.text, start);
        // "bearer of news" and "bearer authentication" are no tokens.
        let looks = end >= start + 8 && (digits || end >= start + 32);
        (start > after && looks).then_some((start..end, TOKEN))
    }
}

/// To the end of the block, or of the text if that was cut.
fn pem(rest: &str) -> Option<usize> {
    let label = rest.strip_prefix("-----BEGIN ")?;
    let len = label.bytes().take(48).position(|b| b == b'-')?;
    let label = label.get(..len)?;
    if !label.ends_with("PRIVATE KEY") {
        return None;
    }
    let end = format!("-----END {label}-----");
    Some(rest.find(&end).map_or(rest.len(), |at| at + end.len()))
}

#[cfg(test)]
mod tests {
    use super::mask;

    const HEX: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn keys_of_every_form_are_found() {
        let some = |len: usize| &HEX[..len];
        for key in [
            format!("sk-{}", some(48)),
            format!("sk-proj-{}_x", some(40)),
            format!("sk-ant-api03-{}-AA", some(60)),
            "sk-lf-1234abcd-12ab-34cd-56ef-1234567890ab".into(),
            format!("ghp_{}", some(36)),
            format!("github_pat_{}", some(40)),
            format!("glpat-{}", some(20)),
            "xoxb-1234567890-abc".into(),
            format!("AIza{}", some(35)),
            "AKIAIOSFODNN7EXAMPLE".into(),
            "ASIAIOSFODNN7EXAMPLE".into(),
            format!("hf_{}", some(34)),
            format!("sk_live_{}", some(24)),
        ] {
            assert_eq!(mask(&key).as_deref(), Some("<api key>"), "{key}");
            let text = format!("key=\"{key}\", or:{key};");
            assert_eq!(
                mask(&text).as_deref(),
                Some("key=\"<api key>\", or:<api key>;"),
                "{key}"
            );
        }
        for (text, masked) in [
            (
                "Authorization: Bearer abc123def456==",
                "Authorization: Bearer <token>",
            ),
            ("bearer  0123.4567-89_~+/, x", "bearer  <token>, x"),
            (
                "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig-nature_",
                "<jwt>",
            ),
            ("t=eyJhbGciOiJub25lIn0.eyJzdWIiOiIxMjM0In0.", "t=<jwt>"),
            (
                "Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig",
                "Bearer <token>",
            ),
            (
                "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb",
                "a\n<private key>\nb",
            ),
            ("-----BEGIN PRIVATE KEY-----\nMIIE cut", "<private key>"),
        ] {
            assert_eq!(mask(text).as_deref(), Some(masked), "{text}");
        }
    }

    #[test]
    fn near_misses_stay() {
        for text in [
            "sk-",
            "sk-learn",
            "sk-learn-and-many-more-words-with-dashes",
            "task-0123456789abcdef0123456789",
            "pk-lf-1234abcd-12ab-34cd-56ef-1234567890ab",
            "ghp_short1",
            "AKIAIOSFODNN7EXAMPL",
            "AKIAIOSFODNN7EXAMPLES",
            "AKIAiosfodnn7example",
            "a bearer of bad news",
            "Bearer authentication is used",
            "forbearer 0123456789",
            "bearer12345678",
            "eyJhbGciOiJIUzI1NiJ9",
            "eyJhbGciOiJIUzI1NiJ9.short.x",
            "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----",
            "-----BEGIN ",
            "--------",
            "",
        ] {
            assert_eq!(mask(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_of_nothing_but_beginnings_takes_no_time() {
        for beginning in ["sk-", "eyJ-", "bearer.", "-----BEGIN ", "eyJ.", "AKIA-"] {
            let text = beginning.repeat(100_000);
            assert_eq!(mask(&text), None, "{beginning}");
        }
        let text = "eyJ-".repeat(100_000) + "." + &"x".repeat(100_000);
        assert_eq!(mask(&text), None);
    }
}
