//! Writes the observed function: the same signature, and the body in a closure whose return type is written out, so that
//! `?` and `return` keep their meaning. The code that runs the closure is in the facade's `__private`.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Block, Error, Expr, FnArg, Ident, ItemFn, Result, Signature, Stmt, Type, parse_quote};

use crate::args::Options;
use crate::returned::{Streamed, future_output, is_result, ok_type, streamed};
use crate::signature::{arguments, final_async_block, key, nameable, returned};
use crate::values::Capture;

pub(crate) fn expand(options: &Options, mut function: ItemFn) -> Result<TokenStream> {
    if let Some(constant) = function.sig.constness {
        return Err(Error::new(
            constant.span,
            "a `const fn` cannot be observed: nothing is recorded at compile time",
        ));
    }
    let builder = builder(options, &function.sig)?;
    let returned = returned(&function.sig);
    if function.sig.asyncness.is_some() {
        let body = asynchronous(options, &builder, &function.block.stmts, &returned);
        *function.block = body;
    } else if let Some(output) = future_output(&returned) {
        let Some(future) = final_async_block(&mut function.block) else {
            return Err(Error::new(
                returned.span(),
                "this function returns a future that `#[observe]` cannot look into: make it an `async fn`, \
                 or end it in `async move { .. }` or `Box::pin(async move { .. })`",
            ));
        };
        future.block = asynchronous(options, &builder, &future.block.stmts, &output);
    } else {
        let private = private(options);
        let body = &function.block.stmts;
        let nameable = nameable(returned.clone());
        let body = quote!(move || -> #nameable { #(#body)* });
        *function.block = if let Some(stream) = stream(options, &returned) {
            let opened = quote!(#private::open(#builder, #body));
            streaming(options, &opened, &stream, &returned)
        } else {
            let judge = judge(options, &returned);
            parse_quote!({ #private::run(#builder, #body, #judge) })
        };
    }
    Ok(quote!(#function))
}

/// The module that expansions call.
fn private(options: &Options) -> TokenStream {
    let facade = &options.facade;
    quote!(#facade::__private)
}

fn asynchronous(options: &Options, builder: &TokenStream, body: &[Stmt], returned: &Type) -> Block {
    let private = private(options);
    // An async closure accepts a return type but does not coerce its body to it. `!` cannot be written in an `Option`.
    let pin = (!matches!(returned, Type::Never(_))).then(|| {
        let returned = nameable(returned.clone());
        quote! {
            if let ::core::option::Option::Some(__returned) = ::core::option::Option::None::<#returned> {
                return __returned;
            }
        }
    });
    let body = quote!(async move { #pin #(#body)* });
    if let Some(stream) = stream(options, returned) {
        let opened = quote!(#private::open_async(#builder, #body).await);
        return streaming(options, &opened, &stream, returned);
    }
    let judge = judge(options, returned);
    parse_quote!({ #private::run_async(#builder, #body, #judge).await })
}

/// The stream that a function returns, as it is or in a `Result`.
fn stream(options: &Options, returned: &Type) -> Option<Streamed> {
    let value = match is_result(returned) {
        true => ok_type(returned)?,
        false => returned,
    };
    let unknown = Streamed {
        boxed: false,
        item: None,
    };
    match options.stream {
        Some(false) => None,
        Some(true) => Some(streamed(value).unwrap_or(unknown)),
        None => streamed(value),
    }
}

/// Gives the open span to the stream that the function returns. The span ends with the stream.
fn streaming(options: &Options, opened: &TokenStream, stream: &Streamed, returned: &Type) -> Block {
    let private = private(options);
    let each = each(options, stream);
    let mut observed = quote!(#private::stream(__span, __stream, #each));
    if stream.boxed {
        let value = match is_result(returned) {
            true => ok_type(returned).unwrap_or(returned),
            false => returned,
        };
        // A future's output is not coerced where it is returned.
        let boxed = nameable(value.clone());
        observed = quote!({
            let __boxed: #boxed = ::std::boxed::Box::pin(#observed);
            __boxed
        });
    }
    if !is_result(returned) {
        return parse_quote!({
            let (__span, __stream) = #opened;
            #observed
        });
    }
    let record = options
        .err
        .then(|| record_error(&private, &quote!(__error), &quote!(&__span)));
    parse_quote!({
        let (__span, __returned) = #opened;
        match __returned {
            ::core::result::Result::Ok(__stream) => ::core::result::Result::Ok(#observed),
            ::core::result::Result::Err(__error) => {
                { let __error = &__error; #record }
                __span.end();
                ::core::result::Result::Err(__error)
            }
        }
    })
}

/// A closure that looks at each item of a stream.
fn each(options: &Options, stream: &Streamed) -> Expr {
    let private = private(options);
    let keep = |reference: TokenStream| {
        let value = value(options, proc_macro2::Span::call_site(), &reference);
        quote!(__items.keep(#value))
    };
    let of_results = stream.item.as_ref().is_some_and(is_result);
    if !of_results {
        let keep = options.output.then(|| keep(quote!(__item)));
        return parse_quote!(|__items: &mut #private::Items, __item| { #keep });
    }
    let ok = options.output.then(|| keep(quote!(__value)));
    let err = options
        .err
        .then(|| record_error(&private, &quote!(__error), &quote!(__items.span())));
    parse_quote!(|__items: &mut #private::Items, __item| match __item {
        ::core::result::Result::Ok(__value) => { #ok }
        ::core::result::Result::Err(__error) => { #err }
    })
}

/// Records the error behind a reference. Method resolution removes one `&` at a time, so it finds `Error` first, then
/// `Display`, then `Debug` (autoref specialization).
fn record_error(private: &TokenStream, error: &TokenStream, span: &TokenStream) -> TokenStream {
    quote! {
        use #private::error::*;
        (&&&&Caught(#error)).__record_on(#span);
    }
}

/// The span that will start, with its input.
fn builder(options: &Options, signature: &Signature) -> Result<TokenStream> {
    let name = match &options.name {
        Some(name) => name.value(),
        None => signature.ident.unraw().to_string(),
    };
    let private = private(options);
    let kind = &options.kind;
    let builder = quote! {
        #private::call(#name, #private::ObservationType::#kind)
    };
    let captured = captured(&options.capture, signature)?;
    if captured.is_empty() {
        return Ok(builder);
    }
    let input = captured
        .iter()
        .rev()
        .fold(quote!(#private::End), |rest, argument| {
            let key = key(argument);
            let value = value(options, argument.span(), &quote!(&#argument));
            quote_spanned!(argument.span()=> #private::Argument(#key, #value, #rest))
        });
    Ok(quote!(#builder.input_with(|| #private::Arguments(#input))))
}

/// The arguments to capture; an error if the function does not have one of them.
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
            // These are the function's tokens and not the attribute's: if a macro wrote one of the two, their hygiene differs.
            Ok(named
                .iter()
                .filter_map(|argument| known.iter().find(|known| *known == argument).cloned())
                .collect())
        }
    }
}

/// A closure that reads the returned value and writes to the span, before the span ends.
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
        true => {
            let record = record_error(&private(options), &quote!(__error), &quote!(__span));
            quote!(::core::result::Result::Err(__error) => { #record })
        }
    };
    match options.output || options.err {
        false => quote!(|_, _| {}),
        true => quote!(|__span, __returned| match __returned { #ok #err }),
    }
}

/// A reference in the form in which it is captured.
fn value(options: &Options, span: proc_macro2::Span, reference: &TokenStream) -> TokenStream {
    if options.debug {
        let private = private(options);
        quote_spanned!(span=> #private::Debugged(#reference))
    } else {
        reference.clone()
    }
}
