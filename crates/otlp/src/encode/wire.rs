//! The protobuf wire format: tags, varints, and lengths that are filled in when a message is closed.
//! Called by `spans`; knows no message.

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;
const FIXED32: u32 = 5;

#[derive(Debug)]
pub(super) struct Buffer {
    bytes: Vec<u8>,
}

/// A message whose length is not known yet.
#[must_use = "an open message must be closed"]
pub(super) struct Open {
    /// Where its length is.
    length_at: usize,
    /// Where its content begins.
    at: usize,
}

impl Buffer {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Begins a message whose estimated length is `expected` bytes. If the length needs another number of bytes than the
    /// estimate, the message is moved when it is closed.
    pub(super) fn open(&mut self, field: u32, expected: usize) -> Open {
        self.tag(field, LENGTH);
        let length_at = self.bytes.len();
        let at = length_at + varint_len(expected as u64);
        self.bytes.resize(at, 0);
        Open { length_at, at }
    }

    pub(super) fn close(&mut self, Open { length_at, at }: Open) {
        let end = self.bytes.len();
        let length = end - at;
        let right = length_at + varint_len(length as u64);
        if right != at {
            let moved = right + length;
            self.bytes.resize(end.max(moved), 0);
            self.bytes.copy_within(at..end, right);
            self.bytes.truncate(moved);
        }
        let place = self.bytes.get_mut(length_at..right).unwrap_or_default();
        let (mut rest, last) = (length, place.len().saturating_sub(1));
        for (index, byte) in place.iter_mut().enumerate() {
            *byte = (rest & 0x7f) as u8 | if index < last { 0x80 } else { 0 };
            rest >>= 7;
        }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn length(&mut self, field: u32, length: usize) {
        // Most of them by far: one byte each.
        if field < 16 && length < 0x80 {
            let tag = (field << 3 | LENGTH) as u8;
            self.bytes.extend_from_slice(&[tag, length as u8]);
            return;
        }
        self.tag(field, LENGTH);
        self.varint(length as u64);
    }

    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.length(field, value.len());
        self.raw(value);
    }

    pub(super) fn uint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.varint(value);
    }

    /// Writes the value even if it is zero: zero is a valid time.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, FIXED32);
        self.raw(&value.to_le_bytes());
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.varint(u64::from(field << 3 | kind));
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Bytes a varint takes.
pub(super) const fn varint_len(value: u64) -> usize {
    // Division by seven, rounded up: 9/64 gives the right result for every width of a u64.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    (bits * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of `length` bytes reads the same whatever was expected.
    #[track_caller]
    fn check(length: usize, expected: usize) {
        let mut buffer = Buffer::with_capacity(0);
        buffer.raw(b"before");
        let outer = buffer.open(1, expected);
        let inner = buffer.open(2, expected);
        buffer.raw(&vec![7; length]);
        buffer.close(inner);
        buffer.close(outer);
        buffer.raw(b"after");

        let mut right = Buffer::with_capacity(0);
        right.raw(b"before");
        right.length(1, 1 + varint_len(length as u64) + length);
        right.bytes(2, &vec![7; length]);
        right.raw(b"after");
        assert_eq!(buffer.bytes, right.bytes, "{length} expected as {expected}");
    }

    #[test]
    fn a_wrong_guess_of_a_length_changes_no_byte() {
        let sizes = [0, 1, 125, 126, 127, 128, 16_380, 16_383, 16_384, 2_097_152];
        for length in sizes {
            for expected in sizes {
                check(length, expected);
            }
        }
    }

    #[test]
    fn an_open_message_has_space_for_the_expected_length() {
        for (expected, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)] {
            let mut buffer = Buffer::with_capacity(0);
            buffer.raw(b"before");
            let open = buffer.open(1, expected);
            assert_eq!((open.length_at, open.at), (7, 7 + bytes), "{expected}");
            assert_eq!(buffer.bytes.len(), open.at);
        }
    }

    #[test]
    fn a_field_is_written_as_protobuf_writes_it() {
        for field in [1, 15, 16, 17, 2047, 2048] {
            for length in [0, 1, 127, 128, 16_384] {
                let mut buffer = Buffer::with_capacity(0);
                buffer.bytes(field, &vec![7; length]);
                let mut right = Vec::new();
                prost::encoding::bytes::encode(field, &vec![7u8; length], &mut right);
                assert_eq!(buffer.bytes, right, "{length} bytes in field {field}");
            }
        }
    }

    #[test]
    fn the_length_of_a_varint_is_what_is_written() {
        for shift in 0..64 {
            for value in [1u64 << shift, (1u64 << shift) - 1, u64::MAX >> shift] {
                let mut buffer = Buffer::with_capacity(10);
                buffer.varint(value);
                assert_eq!(buffer.bytes.len(), varint_len(value), "{value}");
            }
        }
    }
}
