//! Reads the answer of an OTLP backend: how many spans or data points it rejected and why
//! (`ExportTraceServiceResponse.partial_success` and its like for metrics, OTLP 1.x "Partial Success").
//! Called by `exporter`, and by `tracefuse-metrics`, for answers with a status of success.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// What a backend rejected of a request that it accepted.
#[derive(Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartialSuccess {
    /// How many spans or data points.
    pub rejected: u64,
    /// Why, as the backend says it.
    pub message: String,
}

/// Reads the body of an answer with a status of success. What cannot be read counts as nothing rejected.
#[must_use]
pub fn partial_success(body: &[u8]) -> PartialSuccess {
    let mut refused = PartialSuccess::default();
    let Some(Field::Bytes(partial)) =
        fields(body).find_map(|(number, field)| (number == 1).then_some(field))
    else {
        return refused;
    };
    for (number, field) in fields(partial) {
        match (number, field) {
            // An int64: a negative count is read as zero.
            (1, Field::Number(count)) => refused.rejected = (count as i64).max(0) as u64,
            (2, Field::Bytes(text)) => refused.message = String::from_utf8_lossy(text).into_owned(),
            _ => {}
        }
    }
    refused
}

enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, as far as they can be read.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Field<'_>)> {
    std::iter::from_fn(move || {
        let tag = varint(&mut rest)?;
        let field = match tag & 7 {
            0 => Field::Number(varint(&mut rest)?),
            1 => Field::Bytes(take(&mut rest, 8)?),
            2 => {
                let length = varint(&mut rest)?;
                Field::Bytes(take(&mut rest, usize::try_from(length).ok()?)?)
            }
            5 => Field::Bytes(take(&mut rest, 4)?),
            _ => return None,
        };
        Some((tag >> 3, field))
    })
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::{
        ExportTracePartialSuccess, ExportTraceServiceResponse,
    };
    use proptest::prelude::*;
    use prost::Message as _;

    #[test]
    fn a_partial_success_is_read_and_an_empty_answer_is_a_full_one() {
        let partial = ExportTracePartialSuccess {
            rejected_spans: 300,
            error_message: "too old".into(),
        };
        let answer = ExportTraceServiceResponse {
            partial_success: Some(partial),
        }
        .encode_to_vec();
        assert_eq!(
            partial_success(&answer),
            PartialSuccess {
                rejected: 300,
                message: "too old".into()
            }
        );
        assert_eq!(partial_success(&[]), PartialSuccess::default());
        assert_eq!(
            partial_success(b"{\"partialSuccess\":{}}"),
            PartialSuccess::default()
        );
    }

    #[test]
    fn what_cannot_be_read_rejects_nothing() {
        let rejected = |body: &[u8]| partial_success(body).rejected;
        assert_eq!(rejected(&[0x0a, 2, 0x08, 7]), 7);
        assert_eq!(rejected(&[0x12, 1, 9, 0x0a, 4, 0x12, 0, 0x08, 3]), 3);
        // Fields of every kind that are not known are skipped; a count of 128 has two bytes.
        let unknown = [&[0x19][..], &[8; 8], &[0x25], &[8; 4], &[0x08, 0x80, 1]].concat();
        let partial = [&[0x0a, unknown.len() as u8][..], &unknown].concat();
        assert_eq!(rejected(&partial), 128);
        for body in [&[][..], &[0x0a], &[0x0a, 9, 0x08], &[0xff; 12], &[0x0a, 0]] {
            assert_eq!(rejected(body), 0, "{body:?}");
        }
        let negative = [&[0x0a, 11, 0x08][..], &[0xff; 9], &[1]].concat();
        assert_eq!(rejected(&negative), 0);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = partial_success(&body);
        }
    }
}
