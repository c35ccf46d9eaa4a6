//! A spool's records read from damaged bytes: refused or read, and what was read is written back the same.
//! Input: a record's bytes. Run by the fuzzer and by the replay of its seeds.

use tracefuse_core::record::{Resource, SpanRecord};

pub(crate) fn run(data: &[u8]) {
    if let Ok(span) = SpanRecord::decode(&mut &*data) {
        let mut first = Vec::new();
        span.encode(&mut first);
        let mut rest = first.as_slice();
        let again = SpanRecord::decode(&mut rest).expect("what was encoded is decoded");
        assert!(rest.is_empty(), "every byte belongs to the record");
        let mut second = Vec::new();
        again.encode(&mut second);
        assert_eq!(first, second);
        // What delivery asks of every record it read.
        assert!(span.size() >= span.name().len());
        assert!(span.end_time() >= span.start_time() || span.duration().is_zero());
    }
    if let Ok(resource) = Resource::decode(&mut &*data) {
        let mut bytes = Vec::new();
        resource.encode(&mut bytes);
        let mut again = Vec::new();
        Resource::decode(&mut bytes.as_slice())
            .expect("what was encoded is decoded")
            .encode(&mut again);
        assert_eq!(bytes, again);
    }
}
