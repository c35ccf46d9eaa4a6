//! What a function is: its arguments by name, what it returns, and where its async body is.
//! Read by `expand`. Types are recognised by how they are written: a macro has no other information.

use proc_macro2::TokenStream;
use syn::ext::IdentExt as _;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{
    Block, Error, Expr, ExprAsync, FnArg, Ident, ItemFn, PatIdent, Path, Result, ReturnType,
    Signature, Stmt, TraitItemFn, Type, parse_quote,
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
