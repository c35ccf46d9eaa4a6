//! The values of the options: names, kinds, paths, texts, switches and lists.
//! Called by `args` for each option.

use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitBool, LitStr, Path, Result, Token, parenthesized, token};

/// Which arguments are captured as the input.
pub(crate) enum Capture {
    Nothing,
    Only(Vec<Ident>),
    AllBut(Vec<Ident>),
}

/// Every observation type as it is written, and its variant.
const KINDS: [(&str, &str); 10] = [
    ("span", "Span"),
    ("generation", "Generation"),
    ("event", "Event"),
    ("embedding", "Embedding"),
    ("agent", "Agent"),
    ("tool", "Tool"),
    ("chain", "Chain"),
    ("retriever", "Retriever"),
    ("evaluator", "Evaluator"),
    ("guardrail", "Guardrail"),
];

type List = (Ident, Vec<Ident>);

/// Refuses options that contradict each other.
pub(crate) fn capture(
    only: Option<List>,
    all: Option<Ident>,
    skip: Option<List>,
    skip_all: Option<Ident>,
) -> Result<Capture> {
    if let Some(skip_all) = skip_all {
        if only.is_some() || all.is_some() || skip.is_some() {
            return Err(Error::new(
                skip_all.span(),
                "`skip_all` captures no argument: it cannot be combined with `capture`, `capture_input` or `skip`",
            ));
        }
        return Ok(Capture::Nothing);
    }
    match (only, all, skip) {
        (Some((option, _)), Some(_), _) => Err(Error::new(
            option.span(),
            "`capture(..)` names the arguments, `capture_input` takes them all: write one of them",
        )),
        (Some((option, _)), None, Some(_)) => Err(Error::new(
            option.span(),
            "`capture(..)` takes only the arguments it names: `skip(..)` beside it does nothing",
        )),
        (None, None, Some((option, _))) => Err(Error::new(
            option.span(),
            "no argument is captured unless asked: write `capture_input` beside `skip(..)`, or leave it out",
        )),
        (Some((_, named)), None, None) => Ok(Capture::Only(named)),
        (None, Some(_), skip) => Ok(Capture::AllBut(
            skip.map(|(_, named)| named).unwrap_or_default(),
        )),
        (None, None, None) => Ok(Capture::Nothing),
    }
}

pub(crate) fn name(input: ParseStream<'_>, option: &Ident) -> Result<LitStr> {
    let name = text(input, option, "..")?;
    if name.value().is_empty() {
        return Err(Error::new(
            name.span(),
            "an observation needs a name; leave `name` out to use that of the function",
        ));
    }
    Ok(name)
}

pub(crate) fn kind(text: &LitStr) -> Result<Ident> {
    let value = text.value();
    KINDS
        .iter()
        .find(|(word, _)| *word == value)
        .map(|(_, variant)| Ident::new(variant, text.span()))
        .ok_or_else(|| {
            let words: Vec<_> = KINDS
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            Error::new(
                text.span(),
                format!(
                    "\"{value}\" is no observation type; there are {}",
                    words.join(", ")
                ),
            )
        })
}

/// `crate = my::path`, or as text: `crate = "my::path"`.
pub(crate) fn path(input: ParseStream<'_>, option: &Ident) -> Result<Path> {
    let complain = |error: &Error| {
        Error::new(
            error.span(),
            format!("`{option}` takes a path: `{option} = my_crate::tracefuse`"),
        )
    };
    input
        .parse::<Token![=]>()
        .map_err(|error| complain(&error))?;
    let path = if input.peek(LitStr) {
        input.parse::<LitStr>()?.parse_with(Path::parse_mod_style)
    } else {
        input.call(Path::parse_mod_style)
    };
    path.map_err(|error| complain(&error))
}

pub(crate) fn text(input: ParseStream<'_>, option: &Ident, example: &str) -> Result<LitStr> {
    let complain = |error: &Error| {
        Error::new(
            error.span(),
            format!("`{option}` takes text: `{option} = \"{example}\"`"),
        )
    };
    input
        .parse::<Token![=]>()
        .map_err(|error| complain(&error))?;
    input.parse().map_err(|error| complain(&error))
}

/// `debug`, `debug = true` or `debug = false`.
pub(crate) fn flag(input: ParseStream<'_>, option: &Ident) -> Result<bool> {
    if !input.peek(Token![=]) {
        return Ok(true);
    }
    input.parse::<Token![=]>()?;
    input
        .parse::<LitBool>()
        .map(|flag| flag.value)
        .map_err(|error| {
            Error::new(
                error.span(),
                format!("`{option}` is `true` or `false`: `{option} = true`"),
            )
        })
}

/// Names of arguments; `self` is one.
pub(crate) fn list(input: ParseStream<'_>, option: &Ident) -> Result<Vec<Ident>> {
    let complain = |span| {
        Error::new(
            span,
            format!("`{option}` takes names of arguments: `{option}(query, top_k)`"),
        )
    };
    if !input.peek(token::Paren) {
        return Err(complain(option.span()));
    }
    let content;
    parenthesized!(content in input);
    let names = Punctuated::<Ident, Token![,]>::parse_terminated_with(&content, Ident::parse_any)
        .map_err(|error| complain(error.span()))?;
    if names.is_empty() {
        return Err(complain(option.span()));
    }
    Ok(names.into_iter().collect())
}
