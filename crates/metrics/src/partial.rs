//! Reads the answer of an OTLP backend: how many data points it rejected of a request that it took.
//! Called by `push` for answers with a status of success.

/// `ExportMetricsServiceResponse.partial_success.rejected_data_points`; what cannot be read counts as nothing rejected.
pub(crate) fn rejected(body: &[u8]) -> u64 {
    let partial = field(body, 1).and_then(|(_, bytes)| bytes);
    let count = partial.and_then(|partial| field(partial, 1));
    count.map_or(0, |(number, _)| (number as i64).max(0) as u64)
}

/// A field of a message: its number, or its bytes.
fn field(mut rest: &[u8], wanted: u64) -> Option<(u64, Option<&[u8]>)> {
    loop {
        let tag = varint(&mut rest)?;
        let found = match tag & 7 {
            0 => (varint(&mut rest)?, None),
            1 => (0, Some(take(&mut rest, 8)?)),
            2 => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                (0, Some(take(&mut rest, length)?))
            }
            5 => (0, Some(take(&mut rest, 4)?)),
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(found);
        }
    }
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_rejects_nothing() {
        assert_eq!(rejected(&[0x0a, 2, 0x08, 7]), 7);
        assert_eq!(rejected(&[0x12, 1, 9, 0x0a, 4, 0x12, 0, 0x08, 3]), 3);
        for body in [&[][..], &[0x0a], &[0x0a, 9, 0x08], &[0xff; 12], &[0x0a, 0]] {
            assert_eq!(rejected(body), 0, "{body:?}");
        }
        let negative = [&[0x0a, 11, 0x08][..], &[0xff; 9], &[1]].concat();
        assert_eq!(rejected(&negative), 0);
    }
}
