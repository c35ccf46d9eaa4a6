//! The protobuf wire format: tags, varints, lengths that are filled in later.
//! Written to by `spans`; knows no message.

/// Bytes of a length that is filled in later: enough for 32 GiB.
const OPEN: usize = 5;

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

    pub(super) fn open(&mut self, field: u32) -> Open {
        self.tag(field, LENGTH);
        self.bytes.extend_from_slice(&[0; OPEN]);
        Open {
            at: self.bytes.len(),
        }
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "taken, so that a message is closed once"
    )]
    pub(super) fn close(&mut self, open: Open) {
        let mut length = self.bytes.len() - open.at;
        let Some(place) = self.bytes.get_mut(open.at - OPEN..open.at) else {
            return;
        };
        let last = place.len() - 1;
        for (at, byte) in place.iter_mut().enumerate() {
            *byte = (length & 0x7f) as u8 | if at < last { 0x80 } else { 0 };
            length >>= 7;
        }
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(super) fn length(&mut self, field: u32, length: usize) {
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
    // 9/64 is a seventh for every width a u64 has.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    (bits * 9 + 64) / 64
}

#[cfg(test)]
mod tests {
    use super::*;

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
