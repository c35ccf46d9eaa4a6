//! The bytes of a spool file: a header, then a frame for each payload. A pure codec.
//! Written by `tail` and `mod`, read by `recovery` and `mod`. Knows neither files nor what a payload is.
//!
//! ```text
//! header  "TFSP" | u16 version | u64 tag | u64 created, ms since 1970 | u32 crc32 of all before
//! frame   u32 length | u32 crc32 of length and payload | payload
//! ```
//! All numbers are little endian.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// Bytes of a header.
pub(super) const HEADER_BYTES: usize = 26;
/// Bytes of a frame beside its payload.
pub(super) const FRAME_BYTES: usize = 8;
/// The largest payload. A length above it is damage, even if the checksum is right.
pub(super) const MAX_PAYLOAD_BYTES: usize = 64 << 20;

const MAGIC: [u8; 4] = *b"TFSP";
const VERSION: u16 = 1;

/// The header of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Whose file it is.
    pub(super) tag: u64,
    pub(super) created_unix_ms: u64,
}

/// Why the header cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// The file ends before its header does.
    Short,
    /// The checksum or the magic is wrong: whose file it is cannot be known.
    Damaged,
    /// Whole, but of another version of the format.
    Version,
}

/// What can be read of the frames of a file: all before the first bad one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frames<'a> {
    pub(super) payloads: Vec<&'a [u8]>,
    /// Bytes from the first bad frame on. 0 when the file is whole.
    pub(super) damaged_bytes: usize,
}

impl Header {
    pub(super) fn new(tag: u64, created_unix_ms: u64) -> Self {
        Self {
            tag,
            created_unix_ms,
        }
    }

    /// Appends the header's bytes to `out`.
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.tag.to_le_bytes());
        out.extend_from_slice(&self.created_unix_ms.to_le_bytes());
        let crc = crc32fast::hash(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&crc.to_le_bytes());
    }

    /// Reads the header, and returns what follows it.
    pub(super) fn decode(bytes: &[u8]) -> Result<(Self, &[u8]), HeaderFault> {
        let (header, rest) = bytes
            .split_at_checked(HEADER_BYTES)
            .ok_or(HeaderFault::Short)?;
        let mut reader = Reader(header);
        let magic = reader.array::<4>();
        let version = reader.array().map(u16::from_le_bytes);
        let tag = reader.array().map(u64::from_le_bytes);
        let created = reader.array().map(u64::from_le_bytes);
        let covered = header.len().saturating_sub(reader.0.len());
        let expected = crc32fast::hash(header.get(..covered).unwrap_or_default());
        let (Some(tag), Some(created)) = (tag, created) else {
            return Err(HeaderFault::Short);
        };
        if magic != Some(MAGIC) || reader.array().map(u32::from_le_bytes) != Some(expected) {
            return Err(HeaderFault::Damaged);
        }
        // After the checksum: a flipped bit in the version must not pass for another version.
        if version != Some(VERSION) {
            return Err(HeaderFault::Version);
        }
        Ok((Self::new(tag, created), rest))
    }
}

/// Appends a frame with `payload` to `out`. The payload must not be over [`MAX_PAYLOAD_BYTES`]: its
/// frame would be read as damage.
pub(super) fn encode(payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.reserve(payload.len().saturating_add(FRAME_BYTES));
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&checksum(length, payload).to_le_bytes());
    out.extend_from_slice(payload);
}

/// Reads frames until the end or the first bad one. What comes after a bad frame is not read: its
/// beginning cannot be known, and a payload may contain bytes that look like a frame.
pub(super) fn decode(mut bytes: &[u8]) -> Frames<'_> {
    let mut payloads = Vec::new();
    while let Some((payload, rest)) = first_frame(bytes) {
        payloads.push(payload);
        bytes = rest;
    }
    Frames {
        payloads,
        damaged_bytes: bytes.len(),
    }
}

fn first_frame(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader(bytes);
    let length = u32::from_le_bytes(reader.array()?);
    let crc = u32::from_le_bytes(reader.array()?);
    let payload_bytes = usize::try_from(length).ok()?;
    if payload_bytes > MAX_PAYLOAD_BYTES {
        return None;
    }
    let (payload, rest) = reader.0.split_at_checked(payload_bytes)?;
    (checksum(length, payload) == crc).then_some((payload, rest))
}

/// Covers the length too: a run of zeros, which a power cut can leave, is then not an empty frame.
fn checksum(length: u32, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        Header::new(7, 1_700_000_000_000).encode(&mut bytes);
        for payload in payloads {
            encode(payload, &mut bytes);
        }
        bytes
    }

    fn payloads_of(bytes: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
        let (header, rest) = Header::decode(bytes).ok()?;
        assert_eq!(header, Header::new(7, 1_700_000_000_000));
        let frames = decode(rest);
        Some((
            frames.payloads.into_iter().map(<[u8]>::to_vec).collect(),
            frames.damaged_bytes,
        ))
    }

    fn sample() -> Vec<Vec<u8>> {
        vec![
            b"first".to_vec(),
            Vec::new(),
            vec![0; 9],
            b"last one".to_vec(),
        ]
    }

    #[test]
    fn any_truncation_leaves_a_prefix_and_says_how_many_bytes_are_lost() {
        let written = sample();
        let whole = file(&written);
        for length in 0..whole.len() {
            let Some((read, damaged)) = payloads_of(&whole[..length]) else {
                assert!(length < HEADER_BYTES, "header lost at {length}");
                continue;
            };
            assert_eq!(read, written[..read.len()]);
            let kept = file(&read).len();
            assert_eq!(kept + damaged, length);
        }
    }

    #[test]
    fn any_change_of_a_single_byte_leaves_a_prefix() {
        let written = sample();
        let whole = file(&written);
        for at in 0..whole.len() {
            for change in 1..=255_u8 {
                let mut bytes = whole.clone();
                bytes[at] ^= change;
                let Some((read, damaged)) = payloads_of(&bytes) else {
                    assert!(at < HEADER_BYTES);
                    continue;
                };
                assert!(at >= HEADER_BYTES, "a changed header passed at {at}");
                assert!(read.len() < written.len() && damaged > 0, "byte {at}");
                assert_eq!(read, written[..read.len()]);
            }
        }
    }

    #[test]
    fn a_run_of_zeros_is_not_an_empty_frame() {
        let mut bytes = file(&sample());
        bytes.extend([0; 64]);
        assert_eq!(payloads_of(&bytes), Some((sample(), 64)));
    }

    #[test]
    fn a_length_over_the_bound_is_damage_even_when_the_bytes_are_there() {
        let mut bytes = Vec::new();
        encode(&vec![0; MAX_PAYLOAD_BYTES + 1], &mut bytes);
        assert_eq!(decode(&bytes).payloads.len(), 0);
    }

    #[test]
    fn another_version_is_not_a_damaged_one() {
        let mut bytes = file(&[]);
        bytes[4] = 9;
        assert_eq!(Header::decode(&bytes), Err(HeaderFault::Damaged));
        let crc = crc32fast::hash(&bytes[..22]).to_le_bytes();
        bytes[22..26].copy_from_slice(&crc);
        assert_eq!(Header::decode(&bytes), Err(HeaderFault::Version));
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(
            payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..20),
        ) {
            prop_assert_eq!(payloads_of(&file(&payloads)), Some((payloads, 0)));
        }

        #[test]
        fn garbage_is_never_read_as_frames_beyond_what_its_checksums_allow(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
        ) {
            let frames = decode(&bytes);
            let read: usize = frames.payloads.iter().map(|payload| payload.len() + FRAME_BYTES).sum();
            prop_assert_eq!(read + frames.damaged_bytes, bytes.len());
        }
    }
}
