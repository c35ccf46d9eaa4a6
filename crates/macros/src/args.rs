//! The options in `#[observe(..)]`. Parsed from the attribute, read by `expand`; knows nothing of the function.

use proc_macro2::Span;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Ident, LitBool, LitStr, Path, Result, Token, parenthesized, parse_quote, token};

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

type List = (Ident, Vec<Ident>);

/// Refuses options that contradict each other.
fn capture(
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

fn name(input: ParseStream<'_>, option: &Ident) -> Result<LitStr> {
    let name = text(input, option, "..")?;
    if name.value().is_empty() {
        return Err(Error::new(
            name.span(),
            "an observation needs a name; leave `name` out to use that of the function",
        ));
    }
    Ok(name)
}

fn kind(text: &LitStr) -> Result<Ident> {
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
fn path(input: ParseStream<'_>, option: &Ident) -> Result<Path> {
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

fn text(input: ParseStream<'_>, option: &Ident, example: &str) -> Result<LitStr> {
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
fn flag(input: ParseStream<'_>, option: &Ident) -> Result<bool> {
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
fn list(input: ParseStream<'_>, option: &Ident) -> Result<Vec<Ident>> {
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
