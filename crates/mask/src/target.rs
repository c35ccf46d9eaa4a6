//! The location of a value: the part of the span, and the path inside its JSON.
//! Made by `walk`; read by maskers.

use std::fmt;

use tracefuse_core::record::{ObservationType, Place};

/// The location of the value that a [`Masker`](super::Masker) gets.
#[derive(Clone, Copy)]
pub struct MaskTarget<'a> {
    pub(super) place: Place<'a>,
    pub(super) kind: ObservationType,
    pub(super) steps: &'a [Step],
}

/// A step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl<'a> MaskTarget<'a> {
    /// The part of the span.
    #[must_use]
    pub fn place(&self) -> Place<'a> {
        self.place
    }

    /// The kind of the observation; of a score, and of a trace's metadata, which many share, [`ObservationType::Span`].
    #[must_use]
    pub fn observation_type(&self) -> ObservationType {
        self.kind
    }

    /// The key it is the value of, if it is one's: of the innermost object, or of the metadata.
    #[must_use]
    pub fn key(&self) -> Option<&'a str> {
        match self.steps.last() {
            Some(Step::Key(key)) => Some(key),
            Some(Step::Index(_)) => None,
            None => self.place.key(),
        }
    }

    /// The whole path, with dots: `input`, `output.choices.0.text`, `metadata.user.email`.
    #[must_use]
    pub fn path(&self) -> String {
        let mut path = String::from(self.place.name());
        if let Some(key) = self.place.key() {
            path.push('.');
            path.push_str(key);
        }
        for step in self.steps {
            path.push('.');
            match step {
                Step::Key(key) => path.push_str(key),
                Step::Index(index) => path.push_str(itoa::Buffer::new().format(*index)),
            }
        }
        path
    }

    /// The path inside the value, as a JSON Pointer (RFC 6901): `/choices/0/text`; empty at its top.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.steps {
            pointer.push('/');
            match step {
                Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
                Step::Index(index) => pointer.push_str(itoa::Buffer::new().format(*index)),
            }
        }
        pointer
    }
}

impl fmt::Debug for MaskTarget<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MaskTarget").field(&self.path()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_a_path_a_pointer_and_a_key() {
        let steps = [
            Step::Key("choices".into()),
            Step::Index(0),
            Step::Key("a/b~c".into()),
        ];
        let at = MaskTarget {
            place: Place::Metadata("user"),
            kind: ObservationType::Generation,
            steps: &steps,
        };
        assert_eq!(at.path(), "metadata.user.choices.0.a/b~c");
        assert_eq!(at.pointer(), "/choices/0/a~1b~0c");
        assert_eq!(at.key(), Some("a/b~c"));
        let in_list = MaskTarget {
            steps: &steps[..2],
            ..at
        };
        assert_eq!(in_list.key(), None);
        let top = MaskTarget { steps: &[], ..at };
        assert_eq!((top.key(), top.pointer().as_str()), (Some("user"), ""));
        assert_eq!(
            MaskTarget {
                place: Place::Input,
                ..top
            }
            .key(),
            None
        );
    }
}
