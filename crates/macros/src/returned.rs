//! What a function returns: a result, a future, a stream. Types are recognised by how they are written.
//! Used by `signature`.

use syn::{GenericArgument, PathArguments, Type, TypeParamBound};

pub(crate) fn is_result(returned: &Type) -> bool {
    matches!(bare(returned), Type::Path(written)
        if written.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

/// The output of the future, if a future is returned: `impl Future`, `Pin<Box<dyn Future>>`, `BoxFuture`.
pub(crate) fn future_output(returned: &Type) -> Option<Type> {
    match bare(returned) {
        Type::ImplTrait(opaque) => output_of(&opaque.bounds),
        Type::TraitObject(object) => output_of(&object.bounds),
        Type::Path(written) => {
            let last = written.path.segments.last()?;
            let argument = last_type(&last.arguments)?;
            match last.ident.to_string().as_str() {
                "Pin" | "Box" => future_output(argument),
                "BoxFuture" | "LocalBoxFuture" => Some(argument.clone()),
                _ => None,
            }
        }
        _ => None,
    }
}

fn output_of<'a>(bounds: impl IntoIterator<Item = &'a TypeParamBound>) -> Option<Type> {
    associated(bounds, "Future", "Output")
}

/// The associated type `name` of the bound on the trait `of`.
fn associated<'a>(
    bounds: impl IntoIterator<Item = &'a TypeParamBound>,
    of: &str,
    name: &str,
) -> Option<Type> {
    let found = bounds.into_iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().filter(|last| last.ident == of),
        _ => None,
    })?;
    let PathArguments::AngleBracketed(arguments) = &found.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(known) if known.ident == name => Some(known.ty.clone()),
        _ => None,
    })
}

/// A stream that is returned.
pub(crate) struct Streamed {
    /// Its type is `Pin<Box<..>>`, so what takes its place is boxed too.
    pub(crate) boxed: bool,
    /// What it yields, where that is written.
    pub(crate) item: Option<Type>,
}

/// The stream, if one is returned: `impl Stream`, `Pin<Box<dyn Stream>>`, `BoxStream`.
pub(crate) fn streamed(returned: &Type) -> Option<Streamed> {
    let of = |bounds| associated(bounds, "Stream", "Item");
    match bare(returned) {
        Type::ImplTrait(opaque) => of(&opaque.bounds).map(|item| Streamed {
            boxed: false,
            item: Some(item),
        }),
        Type::TraitObject(object) => of(&object.bounds).map(|item| Streamed {
            boxed: true,
            item: Some(item),
        }),
        Type::Path(written) => {
            let last = written.path.segments.last()?;
            let argument = last_type(&last.arguments)?;
            match last.ident.to_string().as_str() {
                "Pin" | "Box" => streamed(argument).map(|inner| Streamed {
                    boxed: true,
                    ..inner
                }),
                "BoxStream" | "LocalBoxStream" => Some(Streamed {
                    boxed: true,
                    item: Some(argument.clone()),
                }),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The first type in the brackets of a `Result`.
pub(crate) fn ok_type(returned: &Type) -> Option<&Type> {
    let Type::Path(written) = bare(returned) else {
        return None;
    };
    let PathArguments::AngleBracketed(arguments) = &written.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(argument) => Some(argument),
        _ => None,
    })
}

fn last_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else {
        return None;
    };
    arguments
        .args
        .iter()
        .rev()
        .find_map(|argument| match argument {
            GenericArgument::Type(argument) => Some(argument),
            _ => None,
        })
}

/// Without the invisible parentheses that `macro_rules!` leaves.
fn bare(written: &Type) -> &Type {
    match written {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => written,
    }
}
