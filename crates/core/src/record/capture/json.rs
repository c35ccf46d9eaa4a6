//! A sink that writes JSON text: no further part after 64 MiB, and numbers that JSON lacks as text.
//! Made by `capture` for arrays and objects. Must not know records or spans.

use super::super::feed::{Shape, Sink, TOO_DEEP};
use super::super::value::{ValueRef, float};
use super::error::CaptureError;

/// No further part is written after this many bytes: a `Serialize` may have no end. One text is never
/// cut. Less in unit tests, since builds without optimization write slowly.
pub(super) const MAX_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    64 * 1024 * 1024
};

/// What follows the last part of a value that is too large.
const TRUNCATED: &str = "\"<truncated>\"";

pub(super) struct JsonWriter {
    text: String,
    /// Open levels, outermost first: a bit for each that is an object ..
    objects: u64,
    /// .. and one for each that is inside of the object of a variant.
    variants: u64,
    depth: u32,
    cut: bool,
}

impl JsonWriter {
    /// Writes into a text that was used before, for its capacity.
    pub(super) fn new(mut text: String) -> Self {
        text.clear();
        Self {
            text,
            objects: 0,
            variants: 0,
            depth: 0,
            cut: false,
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// Whether everything that was opened is closed.
    pub(super) fn is_complete(&self) -> bool {
        self.depth == 0
    }

    /// Whether the innermost open level has its bit in `bits`.
    fn innermost(&self, bits: u64) -> bool {
        self.depth > 0 && bits & (1 << (self.depth - 1)) != 0
    }

    /// Closes what was opened last.
    fn close_level(&mut self) {
        let is_object = self.innermost(self.objects);
        self.text.push(if is_object { '}' } else { ']' });
        if self.innermost(self.variants) {
            self.text.push('}');
        }
        self.depth = self.depth.saturating_sub(1);
    }

    /// Closes everything: no further part is taken.
    fn cut(&mut self) -> CaptureError {
        while self.depth > 0 {
            self.close_level();
        }
        self.cut = true;
        CaptureError::Cut
    }

    /// A comma, unless this is the first part after an opening bracket.
    fn separate(&mut self) {
        if !self.text.ends_with(['[', '{', ':']) {
            self.text.push(',');
        }
    }

    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        self.text.push_str(text);
        self.text.push('"');
    }

    /// RFC 8259 section 7: quote, backslash and the control characters are escaped, nothing else.
    fn string(&mut self, value: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.text.reserve(value.len() + 2);
        self.text.push('"');
        let mut rest = value;
        while let Some(at) = rest
            .bytes()
            .position(|b| b < 0x20 || b == b'"' || b == b'\\')
        {
            let (plain, tail) = rest.split_at(at);
            self.text.push_str(plain);
            let mut chars = tail.chars();
            match chars.next() {
                Some('"') => self.text.push_str("\\\""),
                Some('\\') => self.text.push_str("\\\\"),
                Some('\n') => self.text.push_str("\\n"),
                Some('\r') => self.text.push_str("\\r"),
                Some('\t') => self.text.push_str("\\t"),
                Some('\u{8}') => self.text.push_str("\\b"),
                Some('\u{c}') => self.text.push_str("\\f"),
                Some(control) => {
                    let code = control as usize;
                    self.text.push_str("\\u00");
                    for digit in [code >> 4, code & 15] {
                        self.text
                            .push(char::from(HEX.get(digit).copied().unwrap_or(b'0')));
                    }
                }
                None => {}
            }
            rest = chars.as_str();
        }
        self.text.push_str(rest);
        self.text.push('"');
    }
}

impl Sink for JsonWriter {
    type Error = CaptureError;

    fn scalar(&mut self, value: ValueRef<'_>) -> Result<(), CaptureError> {
        match value {
            ValueRef::Str(text) | ValueRef::Json(text) => self.string(text),
            ValueRef::Bool(v) => self.text.push_str(if v { "true" } else { "false" }),
            ValueRef::I64(v) => self.text.push_str(itoa::Buffer::new().format(v)),
            ValueRef::U64(v) => self.text.push_str(itoa::Buffer::new().format(v)),
            ValueRef::F64(v) => {
                let mut buffer = ryu::Buffer::new();
                let text = float(v, &mut buffer);
                if v.is_finite() {
                    self.text.push_str(text);
                } else {
                    self.quoted(text);
                }
            }
        }
        Ok(())
    }

    fn null(&mut self) -> Result<(), CaptureError> {
        self.text.push_str("null");
        Ok(())
    }

    fn float32(&mut self, value: f32) -> Result<(), CaptureError> {
        if !value.is_finite() {
            return self.scalar(ValueRef::F64(value.into()));
        }
        self.text.push_str(ryu::Buffer::new().format_finite(value));
        Ok(())
    }

    fn digits(&mut self, digits: &str) -> Result<(), CaptureError> {
        self.text.push_str(digits);
        Ok(())
    }

    fn open(&mut self, shape: Shape) -> Result<(), CaptureError> {
        let bit = 1_u64.checked_shl(self.depth).unwrap_or(0);
        let set = |bits: u64, on: bool| if on { bits | bit } else { bits & !bit };
        self.objects = set(self.objects, shape.is_object);
        self.variants = set(self.variants, shape.variant.is_some());
        self.depth += 1;
        if let Some(variant) = shape.variant {
            self.text.push('{');
            self.string(variant);
            self.text.push(':');
        }
        self.text.push(if shape.is_object { '{' } else { '[' });
        Ok(())
    }

    fn close(&mut self) -> Result<(), CaptureError> {
        if !self.cut {
            self.close_level();
        }
        Ok(())
    }

    fn too_deep(&mut self, _: Shape) -> Result<(), CaptureError> {
        self.too_wrapped()
    }

    fn too_wrapped(&mut self) -> Result<(), CaptureError> {
        self.quoted(TOO_DEEP);
        Ok(())
    }

    fn part(&mut self) -> Result<(), CaptureError> {
        if self.cut {
            return Err(CaptureError::Cut);
        }
        self.separate();
        if self.text.len() < MAX_BYTES {
            return Ok(());
        }
        self.text.push_str(TRUNCATED);
        if self.innermost(self.objects) {
            self.text.push_str(":true");
        }
        Err(self.cut())
    }

    fn key(&mut self, key: &str) -> Result<bool, CaptureError> {
        self.string(key);
        self.text.push(':');
        Ok(true)
    }

    fn endless(&mut self) -> CaptureError {
        self.cut()
    }
}
