//! Reads the answer of an OTLP backend: how many spans it rejected and why
//! (`ExportTraceServiceResponse.partial_success`, OTLP 1.x "Partial Success").
//! Called by `exporter` for answers with a status of success. What cannot be read counts as nothing rejected.

#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

/// What a backend rejected of a request that it accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) spans: u64,
    pub(crate) message: String,
}

pub(crate) fn read(body: &[u8]) -> Refused {
    let mut refused = Refused::default();
    let Some(Field::Bytes(partial)) =
        fields(body).find_map(|(number, field)| (number == 1).then_some(field))
    else {
        return refused;
    };
    for (number, field) in fields(partial) {
        match (number, field) {
            // An int64: a negative count is read as zero.
            (1, Field::Number(spans)) => refused.spans = (spans as i64).max(0) as u64,
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
            read(&answer),
            Refused {
                spans: 300,
                message: "too old".into()
            }
        );
        assert_eq!(read(&[]), Refused::default());
        assert_eq!(read(b"{\"partialSuccess\":{}}"), Refused::default());
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(body in any::<Vec<u8>>()) {
            let _ = read(&body);
        }
    }
}
