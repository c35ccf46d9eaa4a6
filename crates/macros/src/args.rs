//! The options in `#[observe(..)]`. Parsed from the attribute, read by `expand`; knows nothing of the function.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token, parse_quote};

use crate::values::{Capture, capture, flag, kind, list, name, path, text};

/// The options of one attribute.
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    /// The variant of `ObservationType`.
    pub(crate) kind: Ident,
    pub(crate) capture: Capture,
    pub(crate) debug: bool,
    pub(crate) output: bool,
    pub(crate) err: bool,
    /// Whether what is returned is a stream; by its written type if it is not given.
    pub(crate) stream: Option<bool>,
    /// Where the facade is found: `::tracefuse`, unless it was renamed or re-exported.
    pub(crate) facade: Path,
}

const OPTIONS: &str = "`name = \"..\"`, `as_type = \"..\"`, `capture(arg, ..)`, `capture_input`, \
     `skip(arg, ..)`, `skip_all`, `debug`, `capture_output = true`, `err = false`, `stream`, `crate = path`";

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut options = Self {
            name: None,
            kind: Ident::new("Span", Span::call_site()),
            capture: Capture::Nothing,
            debug: false,
            output: false,
            err: true,
            stream: None,
            facade: parse_quote!(::tracefuse),
        };
        let (mut only, mut all, mut skip, mut skip_all) = (None, None, None, None);
        let mut seen: Vec<Ident> = Vec::new();
        while !input.is_empty() {
            let option = input
                .call(Ident::parse_any)
                .map_err(|error| Error::new(error.span(), format!("expected one of {OPTIONS}")))?;
            if seen.contains(&option) {
                return Err(Error::new(
                    option.span(),
                    format!("`{option}` is given twice"),
                ));
            }
            match option.to_string().as_str() {
                "name" => options.name = Some(name(input, &option)?),
                "as_type" => options.kind = kind(&text(input, &option, "tool")?)?,
                "capture" => only = Some((option.clone(), list(input, &option)?)),
                "capture_input" => all = flag(input, &option)?.then(|| option.clone()),
                "skip" => skip = Some((option.clone(), list(input, &option)?)),
                "skip_all" => skip_all = flag(input, &option)?.then(|| option.clone()),
                "debug" => options.debug = flag(input, &option)?,
                "capture_output" => options.output = flag(input, &option)?,
                "err" => options.err = flag(input, &option)?,
                "stream" => options.stream = Some(flag(input, &option)?),
                "crate" => options.facade = path(input, &option)?,
                _ => {
                    return Err(Error::new(
                        option.span(),
                        format!("`{option}` is no option of `#[observe]`; there are {OPTIONS}"),
                    ));
                }
            }
            seen.push(option);
            if !input.is_empty() {
                input
                    .parse::<Token![,]>()
                    .map_err(|error| Error::new(error.span(), "expected `,` between options"))?;
            }
        }
        options.capture = capture(only, all, skip, skip_all)?;
        Ok(options)
    }
}
