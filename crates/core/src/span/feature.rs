//! What a handle has of what it records; in a build without the feature `record` there is no value of it.
//! Then the compiler knows that every handle is empty, and leaves out what is behind it and all that it is given.

/// Whether anything is recorded in this build.
pub const RECORDS: bool = cfg!(feature = "record");

#[cfg(not(feature = "record"))]
pub(crate) use absent::{Recorded, recorded, unwrap};
#[cfg(feature = "record")]
pub(crate) use there::{Recorded, recorded, unwrap};

#[cfg(feature = "record")]
mod there {
    pub(crate) type Recorded<T> = T;

    /// For a handle to have; `None` in a build that records nothing.
    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "its twin has nothing to give")]
    pub(crate) fn recorded<T>(value: T) -> Option<Recorded<T>> {
        Some(value)
    }

    /// For what is no handle.
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

    #[expect(clippy::needless_pass_by_value, reason = "as its twin takes it")]
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
