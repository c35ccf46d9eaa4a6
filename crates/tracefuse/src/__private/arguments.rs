//! The arguments of an observed function, as one object by their names.
//! Built by expansions of `#[observe]`, written by serde.

use std::fmt::Debug;

use serde::ser::{Serialize, SerializeMap, Serializer};

/// Arguments as an object by their names.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Arguments<T>(pub T);

impl<T: List> Serialize for Arguments<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(T::LEN))?;
        self.0.entries(&mut map)?;
        map.end()
    }
}

/// An argument by name and reference, and those after it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Argument<V, Rest>(pub &'static str, pub V, pub Rest);

/// No more arguments.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct End;

/// Arguments of different types.
pub trait List {
    /// How many.
    const LEN: usize;
    /// Writes each.
    ///
    /// # Errors
    /// If a value refuses to be serialized.
    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error>;
}

impl<V: Serialize, Rest: List> List for Argument<V, Rest> {
    const LEN: usize = Rest::LEN + 1;

    fn entries<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        map.serialize_entry(self.0, &self.1)?;
        self.2.entries(map)
    }
}

impl List for End {
    const LEN: usize = 0;

    fn entries<M: SerializeMap>(&self, _: &mut M) -> Result<(), M::Error> {
        Ok(())
    }
}

/// A value captured by `Debug`.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "expansions build it")]
pub struct Debugged<'a, T: ?Sized>(pub &'a T);

impl<T: Debug + ?Sized> Serialize for Debugged<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:?}", self.0))
    }
}
