//! The event stream of Amazon Bedrock: frames of bytes, each with headers that name an event and with a JSON object.
//! Used by `folding`. Must not know what the events mean. Checksums are not checked: the client does that.

/// Two lengths and a checksum before the headers, and a checksum at the end.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// Frames as they arrive.
#[derive(Debug)]
pub(crate) struct Frames {
    waiting: Vec<u8>,
    /// A longer frame is left out.
    limit: usize,
    /// Bytes that are still to come of a frame that is left out.
    skip: usize,
    /// The bytes are no event stream.
    broken: bool,
}

impl Frames {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            waiting: Vec::new(),
            limit,
            skip: 0,
            broken: false,
        }
    }

    /// Takes bytes, and gives each event that is complete as JSON: `{"contentBlockDelta": {..}}`.
    pub(crate) fn push(&mut self, bytes: &[u8], mut event: impl FnMut(&str)) {
        if self.broken {
            return;
        }
        let skipped = self.skip.min(bytes.len());
        self.skip -= skipped;
        self.waiting
            .extend_from_slice(bytes.get(skipped..).unwrap_or_default());
        let mut used = 0;
        while let Some(frame) = self.waiting.get(used..) {
            let Some(total) = number(frame, 0) else { break };
            if total < PRELUDE + CHECKSUM {
                self.broken = true;
                break;
            }
            if total > self.limit {
                let here = total.min(frame.len());
                used += here;
                self.skip = total - here;
                continue;
            }
            let Some(frame) = frame.get(..total) else {
                break;
            };
            used += total;
            if let Some(json) = json_of(frame) {
                event(&json);
            }
        }
        match self.broken {
            true => self.waiting = Vec::new(),
            false => drop(self.waiting.drain(..used)),
        }
    }
}

/// The event of a whole frame, in a field that names it.
fn json_of(frame: &[u8]) -> Option<String> {
    let headers = number(frame, 4)?;
    let headers_end = PRELUDE.checked_add(headers)?;
    let payload_end = frame.len().checked_sub(CHECKSUM)?;
    let payload = String::from_utf8_lossy(frame.get(headers_end..payload_end)?);
    let (mut event, mut exception, mut code, mut message) = (None, None, None, None);
    let mut headers = frame.get(PRELUDE..headers_end)?;
    while let Some((key, value)) = header(&mut headers) {
        let known = match key {
            b":event-type" => &mut event,
            b":exception-type" => &mut exception,
            b":error-code" => &mut code,
            b":error-message" => &mut message,
            _ => continue,
        };
        *known = Some(String::from_utf8_lossy(value).into_owned());
    }
    let payload = payload.trim();
    let has_payload = payload.starts_with('{');
    // An error that the service has no exception for is in the headers alone.
    if let Some(code) = code {
        let error = serde_json::json!({ "__type": code, "message": message });
        return Some(format!("{error}\n"));
    }
    match event.or_else(|| exception.clone()) {
        Some(name) if has_payload => {
            Some(format!("{{{}:{payload}}}\n", serde_json::Value::from(name)))
        }
        _ if has_payload => Some(format!("{payload}\n")),
        _ => {
            let error = serde_json::json!({ "__type": exception?, "message": payload });
            Some(format!("{error}\n"))
        }
    }
}

/// Takes the next header; the value of one that is no text or bytes is empty.
fn header<'a>(headers: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (len, rest) = headers.split_first()?;
    let (key, rest) = rest.split_at_checked(usize::from(*len))?;
    let (kind, rest) = rest.split_first()?;
    // True, false, 1 to 8 bytes of a number, bytes, text, a time, a UUID.
    let (size, rest) = match kind {
        0 | 1 => (0, rest),
        2 => (1, rest),
        3 => (2, rest),
        4 => (4, rest),
        5 | 8 => (8, rest),
        6 | 7 => {
            let (len, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        9 => (16, rest),
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(size)?;
    *headers = rest;
    let is_text = matches!(kind, 6 | 7);
    Some((key, if is_text { value } else { &[] }))
}

/// A number of four bytes, the most significant first.
fn number(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*bytes)).ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    /// A frame as Bedrock writes it, without right checksums.
    pub(crate) fn frame(name: &str, kind: &str, payload: &str) -> Vec<u8> {
        let all = [
            (kind, name),
            (":content-type", "application/json"),
            (":message-type", "event"),
        ];
        frame_of(&all, payload)
    }

    fn frame_of(all: &[(&str, &str)], payload: &str) -> Vec<u8> {
        let mut headers = Vec::new();
        for (key, value) in all {
            headers.push(key.len() as u8);
            headers.extend_from_slice(key.as_bytes());
            headers.push(7);
            headers.extend_from_slice(&(value.len() as u16).to_be_bytes());
            headers.extend_from_slice(value.as_bytes());
        }
        let total = PRELUDE + headers.len() + payload.len() + CHECKSUM;
        let mut frame = Vec::new();
        frame.extend_from_slice(&(total as u32).to_be_bytes());
        frame.extend_from_slice(&(headers.len() as u32).to_be_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(&headers);
        frame.extend_from_slice(payload.as_bytes());
        frame.extend_from_slice(&[0; 4]);
        frame
    }

    fn read(pieces: &[&[u8]]) -> Vec<String> {
        let (mut frames, mut events) = (Frames::new(10_000), Vec::new());
        for piece in pieces {
            frames.push(piece, |event| events.push(event.trim().to_owned()));
        }
        events
    }

    #[test]
    fn a_frame_is_an_event_by_its_name() {
        let bytes = [
            frame("messageStart", ":event-type", r#"{"role":"assistant"}"#),
            frame(
                "throttlingException",
                ":exception-type",
                r#"{"message":"slow"}"#,
            ),
            frame("x", "other", r#"{"a":1}"#),
            frame("x", ":event-type", ""),
        ];
        assert_eq!(
            read(&[&bytes.concat()]),
            [
                r#"{"messageStart":{"role":"assistant"}}"#,
                r#"{"throttlingException":{"message":"slow"}}"#,
                r#"{"a":1}"#,
            ]
        );
        assert!(read(&[b"HTTP/1.1 500", b"more"]).is_empty());
        assert!(read(&[&[0, 0, 0, 3]]).is_empty());
    }

    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html>: a message of type `error` has its
    /// code and text in headers, and no payload.
    #[test]
    fn an_error_in_the_headers_is_an_error() {
        let error = [
            (":message-type", "error"),
            (":error-code", "InternalServerException"),
            (":error-message", "it \"broke\""),
        ];
        let exception = [
            (":message-type", "exception"),
            (":exception-type", "throttlingException"),
        ];
        let bytes = [
            frame_of(&error, ""),
            frame_of(&error[..2], ""),
            frame_of(&exception, ""),
            frame_of(&exception, "slow down"),
        ];
        assert_eq!(
            read(&[&bytes.concat()]),
            [
                r#"{"__type":"InternalServerException","message":"it \"broke\""}"#,
                r#"{"__type":"InternalServerException","message":null}"#,
                r#"{"__type":"throttlingException","message":""}"#,
                r#"{"__type":"throttlingException","message":"slow down"}"#,
            ]
        );
    }

    #[test]
    fn a_frame_over_the_limit_is_left_out_and_the_next_is_read() {
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(20_000));
        let bytes = [
            frame("a", ":event-type", &long),
            frame("b", ":event-type", r#"{"n":1}"#),
        ]
        .concat();
        for size in [1, 100, 19_000, 100_000] {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(read(&pieces), [r#"{"b":{"n":1}}"#], "{size}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(0x5eed), ..ProptestConfig::with_cases(64) })]

        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
            let bytes = [
                frame("contentBlockDelta", ":event-type", r#"{"delta":{"text":"Hi"}}"#),
                frame("messageStop", ":event-type", r#"{"stopReason":"end_turn"}"#),
            ].concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|window| &bytes[window[0]..window[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[&bytes]));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            read(&[&bytes]);
            let framed = [&(bytes.len() as u32 + 16).to_be_bytes()[..], &[0, 0, 0, 9], &[0; 4], &bytes, &[0; 4]].concat();
            read(&[&framed]);
        }
    }
}
