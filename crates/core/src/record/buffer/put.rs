//! Writes one attribute: of any type that is `Serialize`, within the limits, over an older value of its key.
//! Called by `buffer` and by the handles for every attribute. Must not know handles.

use serde::Serialize;

use super::super::capture::noted::noted_in;
use super::super::capture::{capture, capture_scalar, is_scalar};
use super::super::feed::Accept;
use super::super::format::{Kind, LARGE, Role, Scalar};
use super::super::value::{Value, ValueRef};
use super::Buffer;
use super::limits::hash;

impl Buffer {
    /// Writes an attribute; it replaces an older one of the same role and key.
    #[inline(always)]
    pub(crate) fn put(&mut self, role: Role, key: &str, value: ValueRef<'_>) {
        // Where the kind of the value is known to the compiler, one of these arms remains. A key that is known to it is copied
        // without a call, and its hash is a number.
        match Scalar::of(value) {
            Scalar::Text(Kind::Str, text) if role == Role::Metadata => {
                if self.begin_metadata_text(hash(role, key), key.len(), text.len()) {
                    self.attributes.text.push_str(key);
                    self.attributes.text.push_str(text);
                } else {
                    self.put_text(role, Kind::Str, key, text);
                }
            }
            Scalar::Text(kind, text) if role.is_single() && key.is_empty() => {
                self.put_single_text(role, kind, text);
            }
            Scalar::Text(kind, text) => self.put_text(role, kind, key, text),
            Scalar::Number(kind, number) if role == Role::Metadata && kind.words() > 0 => {
                if self.begin_metadata_number(kind, hash(role, key), key.len(), number) {
                    self.attributes.text.push_str(key);
                } else {
                    self.put_number(role, kind, key, number);
                }
            }
            Scalar::Number(kind, number) => self.put_number(role, kind, key, number),
        }
    }

    /// [`put`](Self::put) where the compiler knows neither the role nor the kind of the value: not inlined, because all arms remain.
    #[inline(never)]
    pub(crate) fn put_value(&mut self, role: Role, key: &str, value: ValueRef<'_>) {
        self.put(role, key, value);
    }

    /// For most attributes: metadata of a key that is new. Writes all but the key and the text, which must be written next.
    /// Writes nothing and returns `false` if there is more to do: the key may be there, one of them is long, or there are no
    /// words left.
    #[inline(never)]
    fn begin_metadata_text(&mut self, hash: u64, key: usize, text: usize) -> bool {
        let begins = self.is_new(hash) && self.attributes.begin_text(Role::Metadata, key, text);
        if begins {
            self.note_metadata(hash);
        }
        begins
    }

    /// [`begin_metadata_text`](Self::begin_metadata_text) of a number that is in a further word.
    #[inline(never)]
    fn begin_metadata_number(&mut self, kind: Kind, hash: u64, key: usize, number: u64) -> bool {
        let begins = self.is_new(hash)
            && self
                .attributes
                .begin_number(Role::Metadata, kind, key, number);
        if begins {
            self.note_metadata(hash);
        }
        begins
    }

    /// For an attribute that a span has once and that has no key: an input, an output, a model.
    #[inline(never)]
    fn put_single_text(&mut self, role: Role, kind: Kind, text: &str) {
        self.state.has_replaced |= self.head.has(role);
        self.head.note(role);
        self.attributes.push_text(role, kind, "", text);
        self.compact_if_large();
    }

    #[inline(never)]
    fn put_text(&mut self, role: Role, kind: Kind, key: &str, text: &str) {
        if self.admits(role, key) {
            self.attributes.push_text(role, kind, key, text);
            self.compact_if_large();
        }
    }

    #[inline(never)]
    fn put_number(&mut self, role: Role, kind: Kind, key: &str, number: u64) {
        if self.admits(role, key) {
            self.attributes.push_number(role, kind, key, number);
            self.compact_if_large();
        }
    }

    /// [`put`](Self::put) that takes a large string over without a copy.
    #[inline]
    pub(crate) fn put_string(&mut self, role: Role, key: &str, text: String) {
        if text.len() < LARGE {
            self.put(role, key, ValueRef::Str(&text));
        } else if self.admits(role, key) {
            self.attributes.push_large(role, key, text, false);
            self.compact_if_large();
        }
    }

    /// Sets the output. Of a stream that was too large `cut` bytes were left out; they are noted in metadata.
    pub(crate) fn put_streamed_output(&mut self, output: Value, cut: usize) {
        let kept = match output.as_ref() {
            ValueRef::Str(text) | ValueRef::Json(text) => text.len(),
            _ => 0,
        };
        self.put_owned(Role::Output, "", output);
        if cut > 0 {
            let original = kept.saturating_add(cut);
            let facts = format!(r#"{{"original_bytes":{original},"kept_bytes":{kept}}}"#);
            self.put_owned(Role::Metadata, "_truncated.stream", Value::Json(facts));
        }
    }

    pub(crate) fn put_owned(&mut self, role: Role, key: &str, value: Value) {
        match value {
            Value::Str(text) => self.put_string(role, key, text),
            Value::Json(text) if text.len() >= LARGE => {
                if self.admits(role, key) {
                    self.attributes.push_large(role, key, text, true);
                    self.compact_if_large();
                }
            }
            other => self.put_value(role, key, other.as_ref()),
        }
    }

    /// Writes any value: moves a string, captures anything else. Numbers need no serializer.
    #[inline]
    pub(crate) fn put_any<T: Serialize>(&mut self, role: Role, key: &str, value: T) {
        castaway::match_type!(value, {
            String as text => self.put_string(role, key, text),
            bool as value => self.put(role, key, ValueRef::Bool(value)),
            i32 as value => self.put(role, key, ValueRef::I64(value.into())),
            i64 as value => self.put(role, key, ValueRef::I64(value)),
            u32 as value => self.put(role, key, ValueRef::U64(value.into())),
            u64 as value => self.put(role, key, ValueRef::U64(value)),
            f64 as value => self.put(role, key, ValueRef::F64(value)),
            value => self.put_captured(role, key, &value),
        })
    }

    /// An input that is no plain text or number may have been made from a managed prompt, which is linked.
    #[inline]
    fn put_captured<T: Serialize>(&mut self, role: Role, key: &str, value: &T) {
        if is_scalar::<T>() {
            let buffer = self;
            return capture_scalar(value, Put { buffer, role, key });
        }
        if role != Role::Input {
            return capture(value, &mut |value| self.put_value(role, key, value));
        }
        let noted = noted_in(|| capture(value, &mut |value| self.put_value(role, key, value)));
        self.link(noted);
    }
}

/// Writes a scalar.
struct Put<'a> {
    buffer: &'a mut Buffer,
    role: Role,
    key: &'a str,
}

impl Accept for Put<'_> {
    #[inline(always)]
    fn accept(&mut self, value: ValueRef<'_>) {
        self.buffer.put(self.role, self.key, value);
    }
}
