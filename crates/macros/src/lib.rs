//! The attribute `#[observe]`: a function that records each of its calls as an observation.
//! Used through `tracefuse`, feature `macros`; what it writes names `::tracefuse::__private` alone.
//! `args` reads the options, `signature` the function, `expand` writes.

use proc_macro::TokenStream;
use quote::quote;

mod args;
mod expand;
mod signature;

/// Records each call of a function or method as a child of the current span.
///
/// Where no span is current, the function just runs. The body runs in the new span, so what it calls
/// nests below it; a panic is recorded and goes on; a future that is dropped is marked as cancelled.
///
/// It works on functions and methods, sync and async, with generics, lifetimes and `impl Trait`; on
/// methods of `#[async_trait]` blocks; and on functions that end in `async move { .. }` or
/// `Box::pin(async move { .. })`. It moves nothing and asks for no bound, except `Serialize`
/// (or `Debug`) of what you want captured.
///
/// # Options
/// | option | without it |
/// | --- | --- |
/// | `name = "vector-search"` | the name of the function |
/// | `as_type = "tool"`: `span`, `generation`, `event`, `embedding`, `agent`, `tool`, `chain`, `retriever`, `evaluator`, `guardrail` | `span` |
/// | `capture(query, top_k)`: these arguments are the input, an object by their names; `self` can be among them | no input |
/// | `capture_input`: all arguments but `self` are the input | no input |
/// | `skip(key, ..)`: leaves these out of `capture_input` | none is left out |
/// | `skip_all`: says that no argument is captured | the same |
/// | `debug`: captures by `Debug` instead of `Serialize` | `Serialize` |
/// | `capture_output = true`: what is returned is the output, of a `Result` the value in `Ok` | no output |
/// | `err = false`: does not record an `Err` | an `Err` is recorded, level ERROR |
///
/// A return type is a `Result` if it is written so: a name that ends in `Result`, such as
/// `anyhow::Result<T>` or `io::Result<T>`. What an error says is recorded if it is an `Error`, else if it
/// has `Display`, else `Debug`, else its type alone.
///
/// A span that is current when a function is called, and one when its future is polled, can differ:
/// as everywhere, the one that counts is the one at the first poll.
#[proc_macro_attribute]
pub fn observe(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    let observed = syn::parse(args)
        .and_then(|options| expand::expand(&options, signature::function(item.clone())?));
    // The function stays as it was beside the error, so that its callers have no errors of their own.
    observed
        .unwrap_or_else(|error| {
            let error = error.into_compile_error();
            quote!(#error #item)
        })
        .into()
}
