//! JSON text as a flat list of tokens: valid as a whole or not at all, without recursion, at any depth.
//! Used by `walk`, which changes some values and copies the rest unchanged.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Object,
    Array,
    /// The end of the innermost object or array.
    Close,
    Key,
    Text,
    Number,
    Bool,
    Null,
}

/// A value, a key or an end, and its position in the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    /// Of objects and arrays: behind their last bracket.
    pub(super) end: usize,
    /// The token after the whole of this value.
    pub(super) next: usize,
}

/// Whether a text may be JSON: one that is no object and no array is text.
pub(super) fn may_be_composite(text: &str) -> bool {
    text.trim_start_matches(SPACE).starts_with(['{', '['])
}

/// The tokens of an object or array; `None` if it is not valid JSON.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut scanner = Scanner {
        bytes: text.as_bytes(),
        at: 0,
        tokens: Vec::new(),
        open: Vec::new(),
    };
    scanner.value()?;
    while !scanner.open.is_empty() {
        scanner.part()?;
    }
    scanner.space();
    (scanner.at == text.len()).then_some(scanner.tokens)
}

const SPACE: [char; 4] = [' ', '\t', '\n', '\r'];

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
    tokens: Vec<Token>,
    /// Tokens of the objects and arrays that are open.
    open: Vec<usize>,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += usize::from(found);
        found.then_some(())
    }

    /// The next part of the innermost object or array, or its end.
    fn part(&mut self) -> Option<()> {
        let innermost = *self.open.last()?;
        let opened = self.tokens.get(innermost)?.kind;
        let bracket = if opened == Kind::Object { b'}' } else { b']' };
        self.space();
        if self.peek()? == bracket {
            self.at += 1;
            self.open.pop();
            self.push(Kind::Close, self.at - 1);
            let (end, next) = (self.at, self.tokens.len());
            let token = self.tokens.get_mut(innermost)?;
            (token.end, token.next) = (end, next);
            return Some(());
        }
        if innermost + 1 < self.tokens.len() {
            self.expect(b',')?;
            self.space();
        }
        if opened == Kind::Object {
            let start = self.at;
            self.string()?;
            self.push(Kind::Key, start);
            self.space();
            self.expect(b':')?;
        }
        self.value()
    }

    fn value(&mut self) -> Option<()> {
        self.space();
        let start = self.at;
        let kind = match self.peek()? {
            byte @ (b'{' | b'[') => {
                self.at += 1;
                self.open.push(self.tokens.len());
                if byte == b'{' {
                    Kind::Object
                } else {
                    Kind::Array
                }
            }
            b'"' => {
                self.string()?;
                Kind::Text
            }
            b't' => self.word(b"true", Kind::Bool)?,
            b'f' => self.word(b"false", Kind::Bool)?,
            b'n' => self.word(b"null", Kind::Null)?,
            _ => self.number()?,
        };
        self.push(kind, start);
        Some(())
    }

    fn push(&mut self, kind: Kind, start: usize) {
        self.tokens.push(Token {
            kind,
            start,
            end: self.at,
            next: self.tokens.len() + 1,
        });
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Option<Kind> {
        let found = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        found.then_some(kind)
    }

    fn string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return Some(()),
                b'\\' => {
                    let escaped = self.peek()?;
                    self.at += 1;
                    match escaped {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => {}
                        b'u' => {
                            let digits = self.bytes.get(self.at..self.at + 4)?;
                            if !digits.iter().all(u8::is_ascii_hexdigit) {
                                return None;
                            }
                            self.at += 4;
                        }
                        _ => return None,
                    }
                }
                0..0x20 => return None,
                _ => {}
            }
        }
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self) -> Option<Kind> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let first = self.at;
        self.digits()?;
        if self.bytes.get(first) == Some(&b'0') && self.at > first + 1 {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Kind::Number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn valid(text: &str) -> bool {
        tokens(text).is_some()
    }

    #[test]
    fn what_is_not_json_as_a_whole_is_nothing() {
        for good in [
            "{}",
            " [ ] ",
            r#"{"a":[1,-0.5e+3,true,null,"x\u00e9\n"],"b":{}}"#,
            "[[],[[]],{\"\":{}}]",
            "\n[0]\t",
        ] {
            assert!(valid(good), "{good}");
        }
        for bad in [
            "",
            "{",
            "[1",
            "[1,]",
            "[,1]",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[01]",
            "[1.]",
            "[.5]",
            "[1e]",
            "[-]",
            "[tru]",
            "[\"\n\"]",
            "[\"\\x\"]",
            "[\"\\u12g4\"]",
            "[1}",
            "[1] x",
            "[1][2]",
            "{\"a\":1 \"b\":2}",
            "['a']",
            "[NaN]",
            "{\"a\\",
        ] {
            assert!(!valid(bad), "{bad}");
        }
        assert!(valid(&format!(
            "{}{}",
            "[".repeat(100_000),
            "]".repeat(100_000)
        )));
    }

    #[test]
    fn composites_know_their_end() {
        let text = r#"[{"a":[1]},2]"#;
        let tokens = tokens(text).unwrap();
        let object = tokens[1];
        assert_eq!(&text[object.start..object.end], r#"{"a":[1]}"#);
        assert_eq!(tokens[object.next].kind, Kind::Number);
        assert_eq!(tokens[0].next, tokens.len());
    }

    fn json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<f64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        leaf.prop_recursive(5, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn whatever_serde_json_writes_is_valid(value in json()) {
            let value = serde_json::json!([value]);
            prop_assert!(valid(&value.to_string()));
            prop_assert!(valid(&serde_json::to_string_pretty(&value).unwrap()));
        }

        #[test]
        fn it_agrees_with_serde_json_on_damaged_text(value in json(), at in any::<prop::sample::Index>(), byte in 0x20u8..0x7f) {
            let mut text = serde_json::json!([value]).to_string().into_bytes();
            let at = at.index(text.len());
            text[at] = byte;
            if let Ok(text) = String::from_utf8(text) {
                // serde_json also refuses numbers beyond f64, half surrogates and 128 levels.
                if serde_json::from_str::<serde_json::Value>(&text).is_ok() && may_be_composite(&text) {
                    prop_assert!(valid(&text), "{}", text);
                }
                if valid(&text) {
                    prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok(), "{}", text);
                }
            }
        }
    }
}
