//! How the value of an attribute is written. Used by `format`, which writes, and by `reader`. Must not know attributes.

use super::observation::Level;

/// How a value is written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Str,
    Json,
    /// The length is an index into the record's large texts.
    LargeStr,
    LargeJson,
    False,
    True,
    I64,
    U64,
    F64,
    /// Two words, id and time; the length is the level.
    Moment,
    /// Three words, the trace's id and the span's; the length is the flags.
    Link,
}

impl Kind {
    /// By their number.
    pub(super) const ALL: [Self; 11] = [
        Self::Str,
        Self::Json,
        Self::LargeStr,
        Self::LargeJson,
        Self::False,
        Self::True,
        Self::I64,
        Self::U64,
        Self::F64,
        Self::Moment,
        Self::Link,
    ];

    /// Words after the header.
    pub(crate) const fn words(self) -> usize {
        match self {
            Self::I64 | Self::U64 | Self::F64 => 1,
            Self::Moment => 2,
            Self::Link => 3,
            _ => 0,
        }
    }
}

/// The levels of a [`Kind::Moment`], by their number.
pub(super) const LEVELS: [Level; 4] = [Level::Debug, Level::Default, Level::Warning, Level::Error];
