//! gzip for request bodies. Fed by exporters with encoded batches, drained by requests.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

/// `body` in gzip at `level` 1 (fast) to 9 (small); 0 stores. The result is the same for the same
/// input, so that a batch that is sent twice is the same bytes twice.
///
/// `None` when the compressed form is no smaller, and `body` should go as it is.
#[must_use]
pub fn gzip(body: &[u8], level: u32) -> Option<Bytes> {
    let room = Vec::with_capacity(body.len() / 4 + 64);
    let mut encoder = GzEncoder::new(room, Compression::new(level.min(9)));
    // Writing into memory does not fail; if it ever did, the plain body is as good.
    encoder.write_all(body).ok()?;
    let compressed = encoder.finish().ok()?;
    (compressed.len() < body.len()).then(|| compressed.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_shrink_goes_as_it_is() {
        assert_eq!(gzip(b"", 1), None);
        assert_eq!(gzip(b"short", 9), None);
        assert_eq!(gzip(&[0; 1000], 0), None);
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_read_back_whole(
            text in "[ab]{200,2000}", level in 1_u32..20,
        ) {
            let compressed = gzip(text.as_bytes(), level).unwrap();
            prop_assert_eq!(&gzip(text.as_bytes(), level).unwrap(), &compressed);
            let mut back = String::new();
            GzDecoder::new(&compressed[..]).read_to_string(&mut back).unwrap();
            prop_assert_eq!(back, text);
        }
    }
}
