//! The head of a record: six words with the parts that every span has. A buffer has one while the span is open; a chunk has
//! one before the attributes of each span. Must not know attributes.
//!
//! The first word: words of the record 24 bits, flags 8, type 8, level 4, status 4, trace 16. The second: roles 16 bits,
//! bytes of the name 16, bytes of the text 32. Then the ids of the span and its parent, start and end.

use super::format::Role;
use super::id::SpanId;
use super::observation::{Level, ObservationType, StatusCode};
use super::time::Timestamp;

/// Words of a head.
pub(crate) const HEAD: usize = 6;

pub(super) const REMOTE_PARENT: u64 = 1 << 24;
pub(super) const CLAIMED: u64 = 1 << 25;
const KIND: u32 = 32;
const LEVEL: u32 = 40;
const STATUS: u32 = 44;
const TRACE: u32 = 48;
const NAME: u32 = 16;
const TEXT: u32 = 32;

/// See the header of this file.
#[derive(Clone, Copy)]
pub(crate) struct Head(pub(super) [u64; HEAD]);

impl Default for Head {
    fn default() -> Self {
        Self::new(SpanId::PLACEHOLDER, ObservationType::default())
    }
}

fn id_word(id: Option<SpanId>) -> u64 {
    id.map_or(0, |id| u64::from_be_bytes(id.to_bytes()))
}

impl Head {
    /// Of a span that has nothing but an id and a type.
    #[inline]
    pub(crate) fn new(id: SpanId, kind: ObservationType) -> Self {
        Self([(kind as u64) << KIND, 0, id_word(Some(id)), 0, 0, 0])
    }

    /// With the sizes of its attributes and its text, and the place of its trace in the chunk.
    #[inline]
    pub(super) fn placed(&self, words: usize, text: usize, trace: u16) -> [u64; HEAD] {
        let [first, second, id, parent, start, end] = self.0;
        [
            first | (HEAD + words) as u64 & 0xFF_FFFF | u64::from(trace) << TRACE,
            second | (text as u64) << TEXT,
            id,
            parent,
            start,
            end,
        ]
    }

    /// Sets all but the id, the type, the roles and the sizes to what `other` has.
    pub(super) fn take_over(&mut self, other: Self) {
        self.set_parent(other.parent());
        self.set_start(other.start());
        self.set_end(other.end());
        self.set_remote_parent(other.remote_parent());
        self.set_claimed(other.claimed());
        self.set_level(other.level());
        self.set_status(other.status());
    }

    /// Words of the attributes and bytes of the text that follow.
    pub(super) fn lengths(&self) -> Option<(usize, usize)> {
        let words = ((self.0[0] & 0xFF_FFFF) as usize).checked_sub(HEAD)?;
        Some((words, (self.0[1] >> TEXT) as usize))
    }

    /// Whether the values of its parts are known to this version.
    pub(super) fn is_known(&self) -> bool {
        let first = self.0[0];
        usize::from((first >> KIND) as u8) < ObservationType::ALL.len()
            && first >> LEVEL & 0xF <= 4
            && first >> STATUS & 0xF <= 2
            && first & 0xFF << 24 <= REMOTE_PARENT | CLAIMED
            && self.0[2] != 0
    }

    fn put(&mut self, shift: u32, mask: u64, value: u64) {
        self.0[0] = self.0[0] & !(mask << shift) | value << shift;
    }

    pub(super) fn trace(&self) -> usize {
        (self.0[0] >> TRACE) as usize
    }

    pub(super) fn set_trace(&mut self, trace: u16) {
        self.put(TRACE, 0xFFFF, u64::from(trace));
    }

    fn set_flag(&mut self, flag: u64, on: bool) {
        self.0[0] = self.0[0] & !flag | if on { flag } else { 0 };
    }

    pub(crate) fn remote_parent(&self) -> bool {
        self.0[0] & REMOTE_PARENT != 0
    }

    pub(crate) fn set_remote_parent(&mut self, remote: bool) {
        self.set_flag(REMOTE_PARENT, remote);
    }

    /// Whether another service has the root of its trace.
    pub(crate) fn claimed(&self) -> bool {
        self.0[0] & CLAIMED != 0
    }

    pub(crate) fn set_claimed(&mut self, claimed: bool) {
        self.set_flag(CLAIMED, claimed);
    }

    #[inline]
    pub(crate) fn kind(&self) -> ObservationType {
        let at = usize::from((self.0[0] >> KIND) as u8);
        ObservationType::ALL.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn set_kind(&mut self, kind: ObservationType) {
        self.put(KIND, 0xFF, kind as u64);
    }

    pub(crate) fn level(&self) -> Option<Level> {
        match self.0[0] >> LEVEL & 0xF {
            1 => Some(Level::Debug),
            2 => Some(Level::Default),
            3 => Some(Level::Warning),
            4 => Some(Level::Error),
            _ => None,
        }
    }

    pub(crate) fn set_level(&mut self, level: Option<Level>) {
        let level = match level {
            None => 0,
            Some(Level::Debug) => 1,
            Some(Level::Default) => 2,
            Some(Level::Warning) => 3,
            Some(Level::Error) => 4,
        };
        self.put(LEVEL, 0xF, level);
    }

    pub(crate) fn status(&self) -> StatusCode {
        match self.0[0] >> STATUS & 0xF {
            1 => StatusCode::Ok,
            2 => StatusCode::Error,
            _ => StatusCode::Unset,
        }
    }

    pub(crate) fn set_status(&mut self, status: StatusCode) {
        let status = match status {
            StatusCode::Unset => 0,
            StatusCode::Ok => 1,
            StatusCode::Error => 2,
        };
        self.put(STATUS, 0xF, status);
    }

    /// Whether the record has an attribute of this role, see [`Role::bit`].
    #[inline]
    pub(crate) fn has(&self, role: Role) -> bool {
        self.0[1] & u64::from(role.bit()) != 0
    }

    /// Whether the record has an attribute.
    #[inline]
    pub(super) fn has_roles(&self) -> bool {
        self.0[1] & 0xFFFF != 0
    }

    #[inline]
    pub(super) fn note(&mut self, role: Role) {
        self.0[1] |= u64::from(role.bit());
    }

    pub(super) fn forget(&mut self, role: Role) {
        self.0[1] &= !u64::from(role.bit());
    }

    pub(super) fn set_roles(&mut self, roles: u16) {
        self.0[1] = self.0[1] & !0xFFFF | u64::from(roles);
    }

    #[inline]
    pub(super) fn name_len(&self) -> usize {
        usize::from((self.0[1] >> NAME) as u16)
    }

    #[inline]
    pub(super) fn set_name_len(&mut self, len: u16) {
        self.0[1] = self.0[1] & !(0xFFFF << NAME) | u64::from(len) << NAME;
    }

    pub(crate) fn span_id(&self) -> SpanId {
        SpanId::from_bytes(self.0[2].to_be_bytes()).unwrap_or(SpanId::PLACEHOLDER)
    }

    #[inline]
    pub(crate) fn parent(&self) -> Option<SpanId> {
        SpanId::from_bytes(self.0[3].to_be_bytes())
    }

    #[inline]
    pub(crate) fn set_parent(&mut self, parent: Option<SpanId>) {
        self.0[3] = id_word(parent);
    }

    #[inline]
    pub(crate) fn start(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.0[4])
    }

    #[inline]
    pub(crate) fn set_start(&mut self, start: Timestamp) {
        self.0[4] = start.as_unix_nanos();
    }

    #[inline]
    pub(crate) fn end(&self) -> Timestamp {
        Timestamp::from_unix_nanos(self.0[5])
    }

    #[inline]
    pub(crate) fn set_end(&mut self, end: Timestamp) {
        self.0[5] = end.as_unix_nanos();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// All that a head has, by name.
    fn parts(head: &Head) -> BTreeMap<&'static str, String> {
        let roles: Vec<_> = Role::ALL
            .into_iter()
            .filter(|role| head.has(*role))
            .collect();
        BTreeMap::from([
            ("trace", head.trace().to_string()),
            ("remote", head.remote_parent().to_string()),
            ("claimed", head.claimed().to_string()),
            ("kind", head.kind().to_string()),
            ("level", format!("{:?}", head.level())),
            ("status", format!("{:?}", head.status())),
            ("roles", format!("{roles:?}")),
            ("name", head.name_len().to_string()),
            ("id", head.span_id().to_string()),
            ("parent", format!("{:?}", head.parent())),
            ("start", format!("{:?}", head.start())),
            ("end", format!("{:?}", head.end())),
        ])
    }

    /// A head in which each part has most of its bits.
    fn full() -> Head {
        let id = SpanId::from_bytes([0xff; 8]);
        let mut head = Head::new(id.unwrap(), ObservationType::Guardrail);
        head.set_trace(u16::MAX);
        head.set_remote_parent(true);
        head.set_claimed(true);
        head.set_level(Some(Level::Warning));
        head.set_status(StatusCode::Error);
        head.set_roles(u16::MAX);
        head.set_name_len(u16::MAX);
        head.set_parent(id);
        head.set_start(Timestamp::from_unix_nanos(u64::MAX));
        head.set_end(Timestamp::from_unix_nanos(u64::MAX));
        head
    }

    #[test]
    fn each_part_is_set_alone_and_read_back() {
        type Set = fn(&mut Head);
        let sets: [(&str, &str, Set); 18] = [
            ("trace", "300", |head| head.set_trace(300)),
            ("remote", "true", |head| head.set_remote_parent(true)),
            ("remote", "false", |head| head.set_remote_parent(false)),
            ("claimed", "true", |head| head.set_claimed(true)),
            ("claimed", "false", |head| head.set_claimed(false)),
            ("kind", "tool", |head| head.set_kind(ObservationType::Tool)),
            ("level", "None", |head| head.set_level(None)),
            ("level", "Some(Debug)", |head| {
                head.set_level(Some(Level::Debug))
            }),
            ("level", "Some(Default)", |head| {
                head.set_level(Some(Level::Default))
            }),
            ("level", "Some(Warning)", |head| {
                head.set_level(Some(Level::Warning))
            }),
            ("level", "Some(Error)", |head| {
                head.set_level(Some(Level::Error))
            }),
            ("status", "Unset", |head| head.set_status(StatusCode::Unset)),
            ("status", "Ok", |head| head.set_status(StatusCode::Ok)),
            ("status", "Error", |head| head.set_status(StatusCode::Error)),
            ("name", "500", |head| head.set_name_len(500)),
            ("parent", "None", |head| head.set_parent(None)),
            ("start", "Timestamp(3)", |head| {
                head.set_start(Timestamp::from_unix_nanos(3))
            }),
            ("end", "Timestamp(4)", |head| {
                head.set_end(Timestamp::from_unix_nanos(4))
            }),
        ];
        for head in [Head::default(), full()] {
            for (name, value, set) in sets {
                let mut changed = head;
                set(&mut changed);
                let mut expected = parts(&head);
                expected.insert(name, value.to_owned());
                assert_eq!(parts(&changed), expected, "{name} {value}");
            }
        }
    }

    #[test]
    fn roles_are_noted_and_forgotten() {
        let mut head = Head::default();
        head.set_name_len(7);
        assert!(!head.has_roles());
        head.note(Role::Metadata);
        head.note(Role::Input);
        assert!(head.has_roles() && head.has(Role::Metadata) && head.has(Role::Input));
        assert!(!head.has(Role::Output));
        head.forget(Role::Metadata);
        assert!(head.has_roles() && !head.has(Role::Metadata) && head.has(Role::Input));
        head.set_roles(Role::Output.bit());
        assert!(head.has(Role::Output) && !head.has(Role::Input));
        assert_eq!(head.name_len(), 7);
    }

    #[test]
    fn a_copy_takes_over_all_but_the_id_the_type_and_the_attributes() {
        let (mut head, other) = (Head::default(), full());
        let before = parts(&head);
        head.take_over(other);
        let mut expected = parts(&other);
        for kept in ["trace", "kind", "roles", "name", "id"] {
            expected.insert(kept, before[kept].clone());
        }
        assert_eq!(parts(&head), expected);
    }

    #[test]
    fn a_head_in_a_chunk_has_the_sizes_and_the_trace() {
        let mut head = full();
        head.set_trace(0);
        let placed = Head(head.placed(0xFF_0000, 0xFFFF_FFFF, 0x1234));
        assert_eq!(placed.lengths(), Some((0xFF_0000, 0xFFFF_FFFF)));
        let mut expected = parts(&head);
        expected.insert("trace", 0x1234.to_string());
        assert_eq!(parts(&placed), expected);
        assert_eq!(Head(head.placed(0, 0, 0)).lengths(), Some((0, 0)));
        assert_eq!(head.lengths(), None, "it is not placed");
    }

    #[test]
    fn a_head_with_a_part_of_another_version_is_not_known() {
        let types = ObservationType::ALL.len() as u64;
        let known = |first: u64, id: u64| Head([first, 0, id, 0, 0, 0]).is_known();
        assert!(known(0, 1));
        assert!(!known(0, 0), "no id");
        for (shift, last) in [(KIND, types - 1), (LEVEL, 4), (STATUS, 2), (24, 3)] {
            assert!(known(last << shift, 1), "{shift}");
            assert!(!known((last + 1) << shift, 1), "{shift}");
        }
        // Sizes and the place of the trace may have any value.
        assert!(known(0xFFFF << TRACE | 0xFF_FFFF, 1));
        assert!(full().is_known());
    }
}
