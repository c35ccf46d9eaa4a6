//! The part of a handle that records. In a build without the feature `record` this type has no values: the compiler then
//! knows that every handle is empty, and removes the code behind it and the arguments of its calls. Used by all handles.

/// Whether anything is recorded in this build.
pub const RECORDS: bool = cfg!(feature = "record");

#[cfg(not(feature = "record"))]
pub(crate) use absent::{Recorded, recorded, unwrap};
#[cfg(feature = "record")]
pub(crate) use there::{Recorded, recorded, unwrap};

#[cfg(feature = "record")]
mod there {
    pub(crate) type Recorded<T> = T;

    /// Makes the part of a handle that records; `None` in a build that records nothing.
    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "without the feature it is `None`")]
    pub(crate) fn recorded<T>(value: T) -> Option<Recorded<T>> {
        Some(value)
    }

    /// Takes the value out.
    #[inline]
    pub(crate) fn unwrap<T>(value: Recorded<T>) -> T {
        value
    }
}

#[cfg(not(feature = "record"))]
mod absent {
    use std::convert::Infallible;
    use std::marker::PhantomData;
    use std::ops::{Deref, DerefMut};

    pub(crate) struct Recorded<T>(Infallible, PhantomData<T>);

    pub(crate) fn recorded<T>(_: T) -> Option<Recorded<T>> {
        None
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "the same signature as with the feature"
    )]
    pub(crate) fn unwrap<T>(value: Recorded<T>) -> T {
        match value.0 {}
    }

    impl<T> Deref for Recorded<T> {
        type Target = T;
        fn deref(&self) -> &T {
            match self.0 {}
        }
    }

    impl<T> DerefMut for Recorded<T> {
        fn deref_mut(&mut self) -> &mut T {
            match self.0 {}
        }
    }

    impl<T> Clone for Recorded<T> {
        fn clone(&self) -> Self {
            match self.0 {}
        }
    }
}
