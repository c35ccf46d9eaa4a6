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
