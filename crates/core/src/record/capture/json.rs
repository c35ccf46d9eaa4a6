//! A JSON writer with limits: 64 levels, 64 MiB between two parts; numbers that JSON lacks become text.
//! Driven by `serializer`. Must not know records or spans.

use serde::ser::Serialize;

use super::super::value::float;
use super::error::CaptureError;

/// Arrays and objects that are nested deeper are written as [`TOO_DEEP`]. A tree of 20,000 levels
/// overflows a stack of 2 MiB when it is only dropped, and an overflow aborts the process.
pub(super) const MAX_DEPTH: u32 = 64;

/// What is nested too deep.
pub(super) const TOO_DEEP: &str = "<max depth>";

/// No further part is written after this many bytes: a `Serialize` may have no end. One text is never
/// cut. Less in unit tests, since builds without optimization write slowly.
pub(super) const MAX_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    64 * 1024 * 1024
};

/// No further part is taken after this many that were left out as too deep.
const MAX_SKIPPED_PARTS: u32 = 1024 * 1024;

/// What follows the last part of a value that is too large.
const TRUNCATED: &str = "\"<truncated>\"";

pub(crate) struct JsonWriter {
    pub(super) text: String,
    /// Open levels.
    depth: u32,
    /// A bit for each open level: it is an object.
    objects: u64,
    /// A bit for each open level: it is inside of the object of a variant.
    variants: u64,
    /// Newtypes and `Some`s around the value that is written next.
    wraps: u32,
    /// Levels opened beyond `MAX_DEPTH`. Their parts are not written.
    pub(super) skipped: u32,
    skipped_parts: u32,
    pub(super) cut: bool,
}

impl JsonWriter {
    pub(crate) fn new(text: String) -> Self {
        Self {
            text,
            depth: 0,
            objects: 0,
            variants: 0,
            wraps: 0,
            skipped: 0,
            skipped_parts: 0,
            cut: false,
        }
    }

    pub(crate) fn take_text(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Whether it was too large. Its text is complete JSON then.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(crate) fn open(&mut self, bracket: char) {
        if self.descend(bracket, false) {
            self.text.push(bracket);
        }
    }

    /// `{"Variant":` and the variant's own bracket. Both count as one level.
    pub(crate) fn open_variant(&mut self, variant: &str, bracket: char) {
        if self.descend(bracket, true) {
            self.text.push('{');
            self.string(variant);
            self.text.push(':');
            self.text.push(bracket);
        }
    }

    /// Opens a level. `false` if there is no room for it.
    fn descend(&mut self, bracket: char, variant: bool) -> bool {
        if self.skipped == 0 && self.depth < MAX_DEPTH {
            let bit = 1 << self.depth;
            let set = |bits: u64, on: bool| if on { bits | bit } else { bits & !bit };
            self.objects = set(self.objects, bracket == '{');
            self.variants = set(self.variants, variant);
            self.depth += 1;
            return true;
        }
        if self.skipped == 0 {
            self.too_deep();
        }
        self.skipped += 1;
        false
    }

    /// Whether the innermost open level has its bit in `bits`.
    fn innermost(&self, bits: u64) -> bool {
        self.depth > 0 && bits & (1 << (self.depth - 1)) != 0
    }

    fn too_deep(&mut self) {
        self.text.push('"');
        self.text.push_str(TOO_DEEP);
        self.text.push('"');
    }

    pub(super) fn close(&mut self) {
        if self.skipped > 0 {
            self.skipped -= 1;
        } else if self.depth > 0 {
            self.text.push(if self.innermost(self.objects) {
                '}'
            } else {
                ']'
            });
            if self.innermost(self.variants) {
                self.text.push('}');
            }
            self.depth -= 1;
        }
    }

    /// Before a part: whether it is to be written. An error if the value is too large.
    pub(super) fn begin_part(&mut self) -> Result<bool, CaptureError> {
        if self.cut {
            return Err(CaptureError::Cut);
        }
        if self.skipped > 0 {
            self.skipped_parts += 1;
            if self.skipped_parts < MAX_SKIPPED_PARTS {
                return Ok(false);
            }
        } else if self.text.len() < MAX_BYTES {
            self.separate();
            return Ok(true);
        } else {
            self.separate();
            self.text.push_str(TRUNCATED);
            if self.innermost(self.objects) {
                self.text.push_str(":true");
            }
        }
        self.skipped = 0;
        while self.depth > 0 {
            self.close();
        }
        self.cut = true;
        Err(CaptureError::Cut)
    }

    /// The value inside a newtype or a `Some`. A chain of them without an end would overflow the stack.
    pub(super) fn inner<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CaptureError> {
        if self.depth + self.wraps >= 2 * MAX_DEPTH {
            self.too_deep();
            return Ok(());
        }
        self.wraps += 1;
        let written = value.serialize(&mut *self);
        self.wraps -= 1;
        written
    }

    /// A comma, unless this is the first part after an opening bracket.
    fn separate(&mut self) {
        if !self.text.ends_with(['[', '{', ':']) {
            self.text.push(',');
        }
    }

    pub(super) fn raw(&mut self, text: &str) -> Result<(), CaptureError> {
        self.text.push_str(text);
        Ok(())
    }

    pub(super) fn float(&mut self, value: f64) -> Result<(), CaptureError> {
        let mut buffer = ryu::Buffer::new();
        let text = float(value, &mut buffer);
        if value.is_finite() {
            return self.raw(text);
        }
        self.text.push('"');
        self.text.push_str(text);
        self.raw("\"")
    }

    /// RFC 8259 section 7: quote, backslash and the control characters are escaped, nothing else.
    pub(super) fn string(&mut self, value: &str) {
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
