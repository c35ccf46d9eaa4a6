//! What a payload in a spool is: a request that `forward` keeps, or a record of our delivery. Written by `forward`, read by it
//! and by `import`.

use serde_json::{Value, json};
use tracefuse_core::record::{Record, ScoreRecord};
use tracefuse_langfuse::encode;
use tracefuse_runtime::SpooledRecord;
use tracefuse_server::take::{self, Taken};

/// The first byte of a request of OTLP in protobuf.
const PROTOBUF: u8 = 0;
/// The first byte of a request of OTLP in JSON. A record of delivery begins with the version of its format, 2 or more.
const JSON: u8 = 1;

/// A payload for a request that `forward` keeps.
pub(crate) fn request(body: &[u8], content_type: &str) -> Vec<u8> {
    let mut payload = Vec::with_capacity(body.len().saturating_add(1));
    payload.push(match content_type.contains("json") {
        true => JSON,
        false => PROTOBUF,
    });
    payload.extend_from_slice(body);
    payload
}

/// The body and the content type of a request; `None` for any other payload.
pub(crate) fn as_request(payload: &[u8]) -> Option<(&[u8], &'static str)> {
    match payload.split_first()? {
        (&PROTOBUF, body) => Some((body, "application/x-protobuf")),
        (&JSON, body) => Some((body, "application/json")),
        _ => None,
    }
}

/// What a payload has, as changes to the store: as if it had been delivered to the local server.
#[derive(Debug)]
pub(crate) enum Spooled {
    Spans(Taken),
    Score(Taken),
}

/// Reads a payload.
pub(crate) fn read(payload: &[u8]) -> Result<Spooled, String> {
    let spans = match as_request(payload) {
        Some((body, "application/json")) => take::otlp_json(body),
        Some((body, _)) => take::otlp_protobuf(body),
        None => {
            let spooled = SpooledRecord::decode(payload)
                .ok_or("it is damaged, or another version of tracefuse wrote it")?;
            match spooled.record {
                Record::Span(span) => {
                    take::otlp_protobuf(&encode::spans(&spooled.resource, &[span]))
                }
                Record::Score(score) => {
                    let body = encode::score(&spooled.resource, &score)?;
                    let taken = take::batch(event(&score, &body).as_bytes());
                    return taken.map(Spooled::Score).map_err(|error| error.to_string());
                }
                _ => return Err("this version does not know such a record".to_owned()),
            }
        }
    };
    spans.map(Spooled::Spans).map_err(|error| error.to_string())
}

/// A score as an event of Langfuse's batch API.
fn event(score: &ScoreRecord, body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let event = json!({
        "id": score.id,
        "type": "score-create",
        "timestamp": score.timestamp.to_string(),
        "body": body,
    });
    json!({ "batch": [event] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_back_as_it_came() {
        for kind in ["application/json", "application/x-protobuf"] {
            let payload = request(b"body", kind);
            assert_eq!(as_request(&payload), Some((b"body".as_slice(), kind)));
        }
        assert_eq!(as_request(b""), None);
        assert_eq!(as_request(&[2, 3]), None);
    }

    #[test]
    fn what_is_no_payload_is_an_error() {
        for payload in [b"".as_slice(), b"\x02", b"\x00\xff\xff", b"\x01{", b"\xff"] {
            assert!(read(payload).is_err(), "{payload:?}");
        }
    }
}
