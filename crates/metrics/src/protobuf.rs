//! Messages in protobuf: tags, varints, and lengths.
//! Used by `encode`; knows no field.

use tracefuse_core::record::ValueRef;

/// A message that is being written.
#[derive(Default)]
pub(crate) struct Message(Vec<u8>);

pub(crate) fn message(fill: impl FnOnce(&mut Message)) -> Vec<u8> {
    let mut inner = Message::default();
    fill(&mut inner);
    inner.0
}

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    pub(crate) fn number(&mut self, field: u32, value: u64) {
        self.tag(field, 0);
        self.varint(value);
    }

    pub(crate) fn fixed(&mut self, field: u32, bits: u64) {
        self.tag(field, 1);
        self.0.extend_from_slice(&bits.to_le_bytes());
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(crate) fn packed(&mut self, field: u32, values: impl Iterator<Item = u64>) {
        let bytes: Vec<u8> = values.flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &bytes);
    }

    pub(crate) fn message(&mut self, field: u32, fill: impl FnOnce(&mut Self)) {
        let inner = message(fill);
        self.bytes(field, &inner);
    }

    /// A `KeyValue`.
    pub(crate) fn attribute(&mut self, field: u32, key: &str, value: ValueRef<'_>) {
        self.message(field, |pair| {
            pair.text(1, key);
            pair.message(2, |any| match value {
                ValueRef::Str(text) | ValueRef::Json(text) => any.text(1, text),
                ValueRef::Bool(value) => any.number(2, u64::from(value)),
                ValueRef::I64(value) => any.number(3, value as u64),
                ValueRef::U64(value) => any.number(3, value),
                ValueRef::F64(value) => any.fixed(4, value.to_bits()),
                // No other kind of value exists yet.
                _ => any.text(1, ""),
            });
        });
    }
}
