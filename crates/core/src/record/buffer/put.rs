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
        // Where the kind of the value is known to the compiler, one of these calls remains; the hash of a key that is known to
        // it is a number.
        match Scalar::of(value) {
            Scalar::Text(Kind::Str, text) if role == Role::Metadata => {
                self.put_metadata_text(key, hash(role, key), text);
            }
            Scalar::Text(kind, text) => self.put_text(role, kind, key, text),
            Scalar::Number(kind, number) if role == Role::Metadata && kind.words() > 0 => {
                self.put_metadata_number(kind, key, hash(role, key), number);
            }
            Scalar::Number(kind, number) => self.put_number(role, kind, key, number),
        }
    }

    /// For most attributes: metadata of a key that is new.
    #[inline(never)]
    fn put_metadata_text(&mut self, key: &str, hash: u64, text: &str) {
        if self.is_new(hash) {
            self.note_metadata(hash);
            self.attributes
                .push_text(Role::Metadata, Kind::Str, key, text);
        } else {
            self.put_text(Role::Metadata, Kind::Str, key, text);
        }
    }

    /// [`put_metadata_text`](Self::put_metadata_text) of a number that is in a further word.
    #[inline(never)]
    fn put_metadata_number(&mut self, kind: Kind, key: &str, hash: u64, number: u64) {
        if self.is_new(hash) {
            self.note_metadata(hash);
            self.attributes
                .push_number(Role::Metadata, kind, key, number);
        } else {
            self.put_number(Role::Metadata, kind, key, number);
        }
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

    pub(crate) fn put_owned(&mut self, role: Role, key: &str, value: Value) {
        match value {
            Value::Str(text) => self.put_string(role, key, text),
            Value::Json(text) if text.len() >= LARGE => {
                if self.admits(role, key) {
                    self.attributes.push_large(role, key, text, true);
                    self.compact_if_large();
                }
            }
            other => self.put(role, key, other.as_ref()),
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
            return capture(value, &mut |value| self.put(role, key, value));
        }
        let noted = noted_in(|| capture(value, &mut |value| self.put(role, key, value)));
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
