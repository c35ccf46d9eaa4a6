//! A finished span as bytes and back, for a spool: complete, versioned, and safe to read from a damaged file.
//! Called by delivery; no exporter's wire format, and not for the network.
//!
//! One byte of version, then the span's words and text as they are in memory (see `chunk` and `format`), its large
//! texts, and its trace's attributes. Readers of another version refuse, so that nothing is guessed.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

mod score;

use std::fmt;
use std::sync::Arc;

use super::chunk::Chunk;
use super::head::Head;
use super::id::{SpanId, TraceId};
use super::resource::{Resource, TraceAttributes};
use super::span::SpanRecord;
use super::time::Timestamp;
use super::value::{Value, ValueRef};

const VERSION: u8 = 2;

/// Bytes that are not a record, or one of another version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// They were written by another version of this crate.
    Version(u8),
    /// They end too early, or say something that no record says.
    Damaged,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => write!(
                f,
                "a record of format {version}, where this version reads format {VERSION}"
            ),
            Self::Damaged => f.write_str("a damaged record"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl SpanRecord {
    /// Appends the span to `out`, its trace's attributes included.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut single = Chunk::default();
        single.push_record(self);
        let mut w = Writer(out);
        w.byte(VERSION);
        w.0.extend_from_slice(&self.trace_id().to_bytes());
        for word in &single.words {
            w.0.extend_from_slice(&word.to_le_bytes());
        }
        w.0.extend_from_slice(single.text.as_bytes());
        w.u64(single.large.len() as u64);
        for text in &single.large {
            w.text(text);
        }
        w.trace(self.trace());
    }

    /// Reads a span off the front of `bytes`, and moves them on.
    ///
    /// # Errors
    /// [`DecodeError`]; never a panic, and never more memory than a small multiple of the bytes given.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader(bytes);
        match r.byte()? {
            VERSION => r.span(),
            other => Err(DecodeError::Version(other)),
        }
    }
}

impl Resource {
    /// Appends the resource to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer(out);
        w.byte(VERSION);
        for text in [
            &self.service_name,
            &self.environment,
            &self.release,
            &self.version,
        ] {
            w.option(text.as_deref(), Writer::text);
        }
        w.pairs(&self.attributes);
    }

    /// Reads a resource off the front of `bytes`, and moves them on.
    ///
    /// # Errors
    /// [`DecodeError`]; never a panic.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader(bytes);
        match r.byte()? {
            VERSION => Ok(Self {
                service_name: r.option(Reader::string)?,
                environment: r.option(Reader::string)?,
                release: r.option(Reader::string)?,
                version: r.option(Reader::string)?,
                attributes: r.pairs()?,
            }),
            other => Err(DecodeError::Version(other)),
        }
    }
}

struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn u64(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.byte(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn value(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Str(text) => {
                self.byte(1);
                self.text(text);
            }
            ValueRef::Json(text) => {
                self.byte(2);
                self.text(text);
            }
            ValueRef::Bool(v) => self.byte(if v { 4 } else { 3 }),
            ValueRef::I64(v) => {
                self.byte(5);
                self.0.extend_from_slice(&v.to_le_bytes());
            }
            ValueRef::U64(v) => {
                self.byte(6);
                self.u64(v);
            }
            ValueRef::F64(v) => {
                self.byte(7);
                self.0.extend_from_slice(&v.to_bits().to_le_bytes());
            }
        }
    }

    fn pairs(&mut self, pairs: &[(String, Value)]) {
        self.u64(pairs.len() as u64);
        for (key, value) in pairs {
            self.text(key);
            self.value(value.as_ref());
        }
    }

    fn trace(&mut self, trace: &TraceAttributes) {
        self.text(&trace.name);
        for text in [
            &trace.user_id,
            &trace.session_id,
            &trace.version,
            &trace.release,
            &trace.environment,
        ] {
            self.option(text.as_deref(), Self::text);
        }
        self.u64(trace.tags.len() as u64);
        for tag in &trace.tags {
            self.text(tag);
        }
        self.pairs(&trace.metadata);
        self.byte(u8::from(trace.public));
    }
}

struct Reader<'a, 'b>(&'b mut &'a [u8]);

impl<'a> Reader<'a, '_> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Damaged)?;
        *self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.take(N)?.try_into().map_err(|_| DecodeError::Damaged)
    }

    fn byte(&mut self) -> Result<u8, DecodeError> {
        self.array().map(u8::from_le_bytes)
    }

    fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Damaged),
        }
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return Err(DecodeError::Damaged);
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Damaged)
    }

    fn text(&mut self) -> Result<&'a str, DecodeError> {
        let len = usize::try_from(self.u64()?).map_err(|_| DecodeError::Damaged)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| DecodeError::Damaged)
    }

    fn string(&mut self) -> Result<String, DecodeError> {
        self.text().map(str::to_owned)
    }

    fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.bool()? {
            read(self).map(Some)
        } else {
            Ok(None)
        }
    }

    fn value(&mut self) -> Result<ValueRef<'a>, DecodeError> {
        Ok(match self.byte()? {
            1 => ValueRef::Str(self.text()?),
            2 => ValueRef::Json(self.text()?),
            3 => ValueRef::Bool(false),
            4 => ValueRef::Bool(true),
            5 => ValueRef::I64(i64::from_le_bytes(self.array()?)),
            6 => ValueRef::U64(self.u64()?),
            7 => ValueRef::F64(f64::from_bits(u64::from_le_bytes(self.array()?))),
            _ => return Err(DecodeError::Damaged),
        })
    }

    fn pairs(&mut self) -> Result<Vec<(String, Value)>, DecodeError> {
        let mut pairs = Vec::new();
        for _ in 0..self.u64()? {
            let key = self.string()?;
            pairs.push((key, self.value()?.to_value()));
        }
        Ok(pairs)
    }

    fn time(&mut self) -> Result<Timestamp, DecodeError> {
        self.u64().map(Timestamp::from_unix_nanos)
    }

    fn span_id(&mut self) -> Result<SpanId, DecodeError> {
        SpanId::from_bytes(self.array()?).ok_or(DecodeError::Damaged)
    }

    fn word(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    fn span(&mut self) -> Result<SpanRecord, DecodeError> {
        let trace_id = TraceId::from_bytes(self.array()?).ok_or(DecodeError::Damaged)?;
        let mut head = Head::default();
        for word in &mut head.0 {
            *word = self.word()?;
        }
        let (words, text) = head.lengths().ok_or(DecodeError::Damaged)?;
        let mut attributes = Vec::new();
        for bytes in self.take(words.saturating_mul(8))?.chunks_exact(8) {
            let bytes = bytes.try_into().map_err(|_| DecodeError::Damaged)?;
            attributes.push(u64::from_le_bytes(bytes));
        }
        let text = std::str::from_utf8(self.take(text)?).map_err(|_| DecodeError::Damaged)?;
        let mut large = Vec::new();
        for _ in 0..self.u64()? {
            large.push(Arc::new(self.string()?));
        }
        let trace = Arc::new(self.trace()?);
        Chunk::from_parts(trace_id, head, &attributes, text, large, trace)
            .map(|chunk| SpanRecord::first(chunk.into()))
            .ok_or(DecodeError::Damaged)
    }

    fn trace(&mut self) -> Result<TraceAttributes, DecodeError> {
        Ok(TraceAttributes {
            name: self.string()?,
            user_id: self.option(Self::string)?,
            session_id: self.option(Self::string)?,
            version: self.option(Self::string)?,
            release: self.option(Self::string)?,
            environment: self.option(Self::string)?,
            tags: {
                let mut tags = Vec::new();
                for _ in 0..self.u64()? {
                    tags.push(self.string()?);
                }
                tags
            },
            metadata: self.pairs()?,
            public: self.bool()?,
        })
    }
}

#[cfg(test)]
mod tests;
