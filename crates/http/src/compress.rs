//! gzip for request bodies. Called by `request` with encoded batches.
//! Keeps one compressor between bodies; knows no request.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};

/// A window of 32 KiB, the largest that gzip has.
const WINDOW_BITS: u8 = 15;

/// The compressor of the last body and its level. It has some 300 KiB, and to allocate and clear those costs more than
/// to compress a batch of small spans. One is kept for the process; two threads that compress at once use one each.
static KEPT: Mutex<Option<(u32, Compress)>> = Mutex::new(None);

/// `body` in gzip at `level` 1 (fast) to 9 (small); 0 stores. The result is the same for the same
/// input, so that a batch that is sent twice is the same bytes twice.
///
/// `None` when the compressed form is no smaller, and `body` should go as it is.
#[must_use]
pub fn gzip(body: &[u8], level: u32) -> Option<Bytes> {
    let level = level.min(9);
    let last = kept().take().filter(|(known, _)| *known == level);
    let mut compress = match last {
        Some((_, mut compress)) => {
            compress.reset();
            compress
        }
        None => Compress::new_gzip(Compression::new(level), WINDOW_BITS),
    };
    let compressed = deflate(&mut compress, body);
    *kept() = Some((level, compress));
    compressed.map(Bytes::from)
}

/// The whole of `body`; `None` if it gets no smaller.
fn deflate(compress: &mut Compress, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len() / 4 + 64);
    loop {
        let read = usize::try_from(compress.total_in()).ok()?;
        let rest = body.get(read..)?;
        // Writing into memory does not fail; if it ever did, the plain body is as good.
        let status = compress
            .compress_vec(rest, &mut out, FlushCompress::Finish)
            .ok()?;
        if out.len() >= body.len() {
            return None;
        }
        if status == Status::StreamEnd {
            return Some(out);
        }
        out.reserve(out.capacity());
    }
}

fn kept() -> std::sync::MutexGuard<'static, Option<(u32, Compress)>> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
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

    #[test]
    fn a_kept_compressor_gives_the_bytes_of_a_new_one() {
        let body = b"what follows what came before ".repeat(100);
        let before = gzip(&body, 1);
        // Leaves the compressor in another state, also where compression was stopped.
        assert_eq!(gzip(b"does not shrink", 1), None);
        assert!(gzip(&[7; 100_000], 1).is_some());
        assert_eq!(gzip(&body, 1), before);
        assert!(gzip(&body, 9).is_some());
        assert_eq!(gzip(&body, 1), before);
    }

    #[test]
    fn threads_that_compress_at_once_get_the_same_bytes() {
        let body = b"text of a span ".repeat(1000);
        let expected = gzip(&body, 1);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        assert_eq!(gzip(&body, 1), expected);
                    }
                });
            }
        });
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
