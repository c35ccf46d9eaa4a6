//! A score as bytes and back, for the same file as spans.
//! Called by delivery; built of the codec's own parts.

use super::super::score::{ScoreRecord, ScoreTarget, ScoreValue};
use super::{DecodeError, Reader, TraceId, VERSION, Writer};

impl ScoreRecord {
    /// Appends the score to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut w = Writer(out);
        w.byte(VERSION);
        w.text(&self.id);
        w.text(&self.name);
        match &self.value {
            ScoreValue::Numeric(number) => {
                w.byte(0);
                w.0.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            ScoreValue::Boolean(yes) => w.0.extend_from_slice(&[1, u8::from(*yes)]),
            ScoreValue::Categorical(text) => {
                w.byte(2);
                w.text(text);
            }
            ScoreValue::Text(text) => {
                w.byte(3);
                w.text(text);
            }
        }
        match &self.target {
            ScoreTarget::Trace(trace) => {
                w.byte(0);
                w.0.extend_from_slice(&trace.to_bytes());
            }
            ScoreTarget::Observation(trace, span) => {
                w.byte(1);
                w.0.extend_from_slice(&trace.to_bytes());
                w.0.extend_from_slice(&span.to_bytes());
            }
            ScoreTarget::Session(session) => {
                w.byte(2);
                w.text(session);
            }
            ScoreTarget::DatasetRun(run) => {
                w.byte(3);
                w.text(run);
            }
        }
        for text in [&self.comment, &self.config_id, &self.environment] {
            w.option(text.as_deref(), Writer::text);
        }
        w.pairs(&self.metadata);
        w.u64(self.timestamp.as_unix_nanos());
    }

    /// Reads a score off the front of `bytes`, and moves them on.
    ///
    /// # Errors
    /// [`DecodeError`]; never a panic.
    pub fn decode(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader(bytes);
        match r.byte()? {
            VERSION => r.score(),
            other => Err(DecodeError::Version(other)),
        }
    }
}

impl Reader<'_, '_> {
    fn score(&mut self) -> Result<ScoreRecord, DecodeError> {
        Ok(ScoreRecord {
            id: self.string()?,
            name: self.string()?,
            value: match self.byte()? {
                0 => ScoreValue::Numeric(f64::from_bits(u64::from_le_bytes(self.array()?))),
                1 => ScoreValue::Boolean(self.bool()?),
                2 => ScoreValue::Categorical(self.string()?),
                3 => ScoreValue::Text(self.string()?),
                _ => return Err(DecodeError::Damaged),
            },
            target: match self.byte()? {
                0 => ScoreTarget::Trace(self.trace_id()?),
                1 => ScoreTarget::Observation(self.trace_id()?, self.span_id()?),
                2 => ScoreTarget::Session(self.string()?),
                3 => ScoreTarget::DatasetRun(self.string()?),
                _ => return Err(DecodeError::Damaged),
            },
            comment: self.option(Self::string)?,
            config_id: self.option(Self::string)?,
            environment: self.option(Self::string)?,
            metadata: self.pairs()?,
            timestamp: self.time()?,
        })
    }

    fn trace_id(&mut self) -> Result<TraceId, DecodeError> {
        TraceId::from_bytes(self.array()?).ok_or(DecodeError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SpanId, Timestamp, Value};
    use super::*;

    #[test]
    fn a_score_is_read_back_whole_and_never_half() {
        let targets = [
            ScoreTarget::Trace(TraceId::random()),
            ScoreTarget::Observation(TraceId::random(), SpanId::random()),
            ScoreTarget::Session("s-1".into()),
            ScoreTarget::DatasetRun("r-1".into()),
        ];
        let values = [
            ScoreValue::Numeric(-0.25),
            ScoreValue::Boolean(true),
            "good".into(),
            ScoreValue::text("wörter"),
        ];
        for target in &targets {
            for value in &values {
                let now = Timestamp::from_unix_nanos(u64::MAX);
                let mut score = ScoreRecord::new("quality", value.clone(), target.clone(), now);
                score.comment = Some("because".into());
                score.environment = Some("test".into());
                score.set_metadata("n", Value::U64(7));
                let mut bytes = Vec::new();
                score.encode(&mut bytes);
                let mut rest = bytes.as_slice();
                assert_eq!(ScoreRecord::decode(&mut rest).unwrap(), score);
                assert!(rest.is_empty());
                for len in 0..bytes.len() {
                    let cut = ScoreRecord::decode(&mut &bytes[..len]);
                    assert_eq!(cut, Err(DecodeError::Damaged));
                }
            }
        }
        let other = ScoreRecord::decode(&mut [9u8, 1].as_slice());
        assert_eq!(other, Err(DecodeError::Version(9)));
    }
}
