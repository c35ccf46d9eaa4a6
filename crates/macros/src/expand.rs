//! Writes the observed function: the same signature, the body in a closure whose return type is pinned,
//! so that `?` and `return` mean what they meant. What runs the closure lives in the facade's `__private`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Block, Error, FnArg, Ident, ItemFn, Result, Signature, Stmt, Type, parse_quote};

use crate::args::{Capture, Options};
use crate::signature::{
    arguments, final_async_block, future_output, is_result, key, nameable, returned,
};

pub(crate) fn expand(options: &Options, mut function: ItemFn) -> Result<TokenStream> {
    if let Some(constant) = function.sig.constness {
        return Err(Error::new(
            constant.span,
            "a `const fn` cannot be observed: at compile time there is nobody to record it",
        ));
    }
    let builder = builder(options, &function.sig)?;
    let returned = returned(&function.sig);
    if function.sig.asyncness.is_some() {
        let body = asynchronous(options, &builder, &function.block.stmts, returned);
        *function.block = body;
    } else if let Some(output) = future_output(&returned) {
        let Some(future) = final_async_block(&mut function.block) else {
            return Err(Error::new(
                returned.span(),
                "this function returns a future that `#[observe]` cannot look into: make it an `async fn`, \
                 or end it in `async move { .. }` or `Box::pin(async move { .. })`",
            ));
        };
        future.block = asynchronous(options, &builder, &future.block.stmts, output);
    } else {
        let (body, judge) = (&function.block.stmts, judge(options, &returned));
        let returned = nameable(returned);
        *function.block = parse_quote!({
            ::tracefuse::__private::run(#builder, move || -> #returned { #(#body)* }, #judge)
        });
    }
    Ok(quote!(#function))
}

fn asynchronous(options: &Options, builder: &TokenStream, body: &[Stmt], returned: Type) -> Block {
    let judge = judge(options, &returned);
    // An async closure would take a return type, but coerces nothing to it. Nobody can name `!` in an `Option`.
    let pin = (!matches!(returned, Type::Never(_))).then(|| {
        let returned = nameable(returned);
        quote! {
            if let ::core::option::Option::Some(__returned) = ::core::option::Option::None::<#returned> {
                return __returned;
            }
        }
    });
    parse_quote!({
        ::tracefuse::__private::run_async(#builder, async move { #pin #(#body)* }, #judge).await
    })
}

/// The span that will start, with its input.
fn builder(options: &Options, signature: &Signature) -> Result<TokenStream> {
    let name = match &options.name {
        Some(name) => name.value(),
        None => signature.ident.unraw().to_string(),
    };
    let kind = &options.kind;
    let builder = quote! {
        ::tracefuse::__private::child(#name, ::tracefuse::__private::ObservationType::#kind)
    };
    let captured = captured(&options.capture, signature)?;
    if captured.is_empty() {
        return Ok(builder);
    }
    let input = captured.iter().rev().fold(
        quote!(::tracefuse::__private::End),
        |rest, argument| {
            let key = key(argument);
            let value = value(options, argument.span(), &quote!(&#argument));
            quote_spanned!(argument.span()=> ::tracefuse::__private::Argument(#key, #value, #rest))
        },
    );
    Ok(quote!(#builder.input_with(|| ::tracefuse::__private::Arguments(#input))))
}

/// The arguments that are captured, each of which the function has.
fn captured(capture: &Capture, signature: &Signature) -> Result<Vec<Ident>> {
    let mut known = arguments(signature);
    let check = |named: &[Ident], known: &[Ident]| match named
        .iter()
        .find(|argument| !known.contains(argument))
    {
        None => Ok(()),
        Some(stranger) => Err(Error::new(
            stranger.span(),
            format!("`{stranger}` is not an argument of `{}`", signature.ident),
        )),
    };
    match capture {
        Capture::Nothing => Ok(Vec::new()),
        Capture::AllBut(skipped) => {
            check(skipped, &known)?;
            known.retain(|argument| !skipped.contains(argument));
            Ok(known)
        }
        Capture::Only(named) => {
            known.extend(signature.inputs.iter().find_map(|argument| match argument {
                FnArg::Receiver(receiver) => Some(Ident::from(receiver.self_token)),
                FnArg::Typed(_) => None,
            }));
            check(named, &known)?;
            // The function's own tokens, not the attribute's: a macro may have written the one and not the other.
            Ok(named
                .iter()
                .filter_map(|argument| known.iter().find(|known| *known == argument).cloned())
                .collect())
        }
    }
}

/// A closure that looks at the span and at what is returned, before the span ends.
fn judge(options: &Options, returned: &Type) -> TokenStream {
    let output = |reference: TokenStream| {
        let value = value(options, returned.span(), &reference);
        quote!(__span.set_output_with(|| #value))
    };
    if !is_result(returned) {
        return match options.output {
            false => quote!(|_, _| {}),
            true => {
                let output = output(quote!(__returned));
                quote!(|__span, __returned| #output)
            }
        };
    }
    let ok = match options.output {
        false => quote!(::core::result::Result::Ok(_) => {}),
        true => {
            let output = output(quote!(__value));
            quote!(::core::result::Result::Ok(__value) => #output,)
        }
    };
    let err = match options.err {
        false => quote!(::core::result::Result::Err(_) => {}),
        // The more a type is able to say of itself, the more `&` its way to say it is found behind.
        true => quote! {
            ::core::result::Result::Err(__error) => {
                use ::tracefuse::__private::error::*;
                (&&&&Caught(__error)).__record_on(__span);
            }
        },
    };
    match options.output || options.err {
        false => quote!(|_, _| {}),
        true => quote!(|__span, __returned| match __returned { #ok #err }),
    }
}

/// A reference as it is captured.
fn value(options: &Options, span: proc_macro2::Span, reference: &TokenStream) -> TokenStream {
    if options.debug {
        quote_spanned!(span=> ::tracefuse::__private::Debugged(#reference))
    } else {
        reference.clone()
    }
}
