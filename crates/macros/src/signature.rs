//! What a function is: its arguments by name, what it returns, and where its async body is.
//! Read by `expand`. Types are recognised by how they are written: a macro has no other information.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Error, Expr, ExprAsync, FnArg, GenericArgument, Ident, ItemFn, PatIdent, Path,
    PathArguments, Result, ReturnType, Signature, Stmt, TraitItemFn, Type, TypeParamBound,
    parse_quote,
};

/// The function below the attribute.
pub(crate) fn function(item: TokenStream) -> Result<ItemFn> {
    syn::parse2::<ItemFn>(item.clone()).map_err(|error| {
        let without_body = syn::parse2::<TraitItemFn>(item.clone())
            .is_ok_and(|function| function.default.is_none());
        if without_body {
            Error::new_spanned(
                item,
                "this method has no body to observe; put `#[observe]` on its implementations",
            )
        } else if is_function(&item) {
            error
        } else {
            Error::new_spanned(item, "`#[observe]` goes on a function or a method")
        }
    })
}

/// Whether it reads like a function that does not parse: then its own error is the better one.
fn is_function(item: &TokenStream) -> bool {
    item.clone()
        .into_iter()
        .take_while(|token| !matches!(token, proc_macro2::TokenTree::Group(group) if group.delimiter() == proc_macro2::Delimiter::Brace))
        .any(|token| token.to_string() == "fn")
}

/// What the arguments bind, in their order, without `self`; names that start with `__` are a macro's.
pub(crate) fn arguments(signature: &Signature) -> Vec<Ident> {
    struct Names(Vec<Ident>);
    impl<'a> Visit<'a> for Names {
        fn visit_pat_ident(&mut self, pattern: &'a PatIdent) {
            if !pattern.ident.to_string().starts_with("__") {
                self.0.push(pattern.ident.clone());
            }
            visit::visit_pat_ident(self, pattern);
        }
    }
    let mut names = Names(Vec::new());
    for argument in &signature.inputs {
        if let FnArg::Typed(argument) = argument {
            names.visit_pat(&argument.pat);
        }
    }
    names.0
}

/// The name of an argument as it is recorded.
pub(crate) fn key(argument: &Ident) -> String {
    argument.unraw().to_string()
}

/// What is returned, `()` if nothing is written.
pub(crate) fn returned(signature: &Signature) -> Type {
    match &signature.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, returned) => (**returned).clone(),
    }
}

/// The type with `_` in place of `impl Trait`, for positions where `impl Trait` is not allowed.
pub(crate) fn nameable(mut named: Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, part: &mut Type) {
            if matches!(part, Type::ImplTrait(_)) {
                *part = parse_quote!(_);
            } else {
                visit_mut::visit_type_mut(self, part);
            }
        }
    }
    Infer.visit_type_mut(&mut named);
    named
}

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

/// The async block a function ends in, as it is or in `Box::pin(..)`.
pub(crate) fn final_async_block(body: &mut Block) -> Option<&mut ExprAsync> {
    match body.stmts.last_mut()? {
        Stmt::Expr(last, None) => async_block(last),
        _ => None,
    }
}

fn async_block(expression: &mut Expr) -> Option<&mut ExprAsync> {
    match expression {
        Expr::Async(block) => Some(block),
        Expr::Group(group) => async_block(&mut group.expr),
        Expr::Paren(paren) => async_block(&mut paren.expr),
        Expr::Call(call) if is_box_pin(&call.func) && call.args.len() == 1 => {
            async_block(call.args.first_mut()?)
        }
        _ => None,
    }
}

fn is_box_pin(function: &Expr) -> bool {
    let ends = |path: &Path| {
        let mut last = path.segments.iter().rev();
        last.next().is_some_and(|segment| segment.ident == "pin")
            && last.next().is_some_and(|segment| segment.ident == "Box")
    };
    matches!(function, Expr::Path(function) if ends(&function.path))
}

/// Without the invisible parentheses that `macro_rules!` leaves.
fn bare(written: &Type) -> &Type {
    match written {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => written,
    }
}
