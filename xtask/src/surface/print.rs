//! The public items of a crate as sorted lines. Called by the parent module.

use std::collections::{BTreeMap, BTreeSet};

use quote::ToTokens;
use syn::{Fields, ImplItem, Item, TraitItem, Type};

use super::walk::{Tree, exports, is_hidden, is_public, public_name};

/// Lines in order, and whether each is a name: not a method, a field, a variant or an implementation.
pub(crate) type Lines = BTreeMap<String, bool>;

pub(crate) fn lines(tree: &Tree) -> Lines {
    let mut printer = Printer {
        tree,
        lines: Lines::new(),
        types: BTreeMap::new(),
        seen: BTreeSet::new(),
    };
    let public = tree.modules.iter().filter(|module| module.public);
    for module in public {
        if !module.path.is_empty() {
            printer.name(format!("mod {}", module.path.join("::")));
        }
        printer.module(&module.path, &module.path);
    }
    printer.impls();
    printer.lines
}

struct Printer<'a> {
    tree: &'a Tree,
    lines: Lines,
    /// The public types: their name in the sources, and where the public finds them.
    types: BTreeMap<String, String>,
    seen: BTreeSet<(Vec<String>, Vec<String>)>,
}

impl Printer<'_> {
    fn name(&mut self, line: String) {
        self.lines.insert(line, true);
    }

    fn part(&mut self, line: String) {
        self.lines.entry(line).or_insert(false);
    }

    /// The public items of the module at `path`, for readers at `shown`.
    fn module(&mut self, path: &[String], shown: &[String]) {
        if !self.seen.insert((path.to_vec(), shown.to_vec())) {
            return;
        }
        let Some(module) = self.tree.module(path) else {
            return;
        };
        for item in &module.items {
            match item {
                Item::Use(found) if is_public(&found.vis) && !is_hidden(&found.attrs) => {
                    for export in exports(&found.tree, path) {
                        self.export(&export.target, path, shown, &export.name);
                    }
                }
                other => {
                    if let Some(name) = public_name(other) {
                        self.item(other, shown, &name);
                    }
                }
            }
        }
    }

    fn export(&mut self, target: &[String], base: &[String], shown: &[String], name: &str) {
        let (in_crate, target) = match target.split_first() {
            // Without `crate` or `self` it is a module below, or another crate.
            Some((mark, rest)) if mark == "?" => {
                let below = [base, rest].concat();
                if self.is_here(&below) {
                    (true, below)
                } else {
                    (false, rest.to_vec())
                }
            }
            _ => (true, target.to_vec()),
        };
        if !in_crate {
            let at = at(shown, name);
            self.name(format!("pub use {} as {at}", target.join("::")));
            return;
        }
        if name == "*" {
            let inside = target.split_last().map(|(_, rest)| rest.to_vec());
            self.module(&inside.unwrap_or_default(), shown);
            return;
        }
        if self.tree.module(&target).is_some() {
            let below = [shown, &[name.to_owned()]].concat();
            self.name(format!("mod {}", below.join("::")));
            self.module(&target, &below);
        }
        self.named(&target, shown, name);
    }

    fn is_here(&self, path: &[String]) -> bool {
        let Some((last, module)) = path.split_last() else {
            return false;
        };
        self.tree.module(path).is_some()
            || self.tree.module(module).is_some_and(|found| {
                last == "*"
                    || found
                        .items
                        .iter()
                        .any(|item| public_name(item).as_deref() == Some(last) || uses(item, last))
            })
    }

    /// The item at a path, also if the module there has it from a third one.
    fn named(&mut self, target: &[String], shown: &[String], name: &str) {
        let Some((last, path)) = target.split_last() else {
            return;
        };
        let Some(module) = self.tree.module(path) else {
            return;
        };
        for item in &module.items {
            if public_name(item).as_deref() == Some(last) {
                self.item(item, shown, name);
            } else if let Item::Use(found) = item {
                for export in exports(&found.tree, path) {
                    if export.name == *last {
                        self.export(&export.target, path, shown, name);
                    }
                }
            }
        }
    }

    fn item(&mut self, item: &Item, shown: &[String], name: &str) {
        let at = at(shown, name);
        match item {
            Item::Fn(found) => self.name(format!("{at}: pub {}", text(&found.sig))),
            Item::Const(found) => self.name(format!("{at}: pub const {}", text(&found.ty))),
            Item::Static(found) => self.name(format!("{at}: pub static {}", text(&found.ty))),
            Item::Type(found) => self.name(format!("{at}: pub type = {}", text(&found.ty))),
            Item::Struct(found) => {
                self.types.insert(found.ident.to_string(), at.clone());
                self.name(format!("{at}: pub struct{}", text(&found.generics)));
                self.fields(&at, &found.fields);
            }
            Item::Enum(found) => {
                self.types.insert(found.ident.to_string(), at.clone());
                self.name(format!("{at}: pub enum{}", text(&found.generics)));
                for variant in &found.variants {
                    let fields = match &variant.fields {
                        Fields::Unit => String::new(),
                        fields => text(fields),
                    };
                    self.part(format!("{at}::{}{fields}", variant.ident));
                }
            }
            Item::Trait(found) => {
                let bounds = text(&found.supertraits);
                self.name(format!("{at}: pub trait{} {bounds}", text(&found.generics)));
                for item in &found.items {
                    match item {
                        TraitItem::Fn(method) => {
                            let default = if method.default.is_some() {
                                " { .. }"
                            } else {
                                ""
                            };
                            self.part(format!("{at}: {}{default}", text(&method.sig)));
                        }
                        TraitItem::Type(kind) => self.part(format!("{at}: type {}", kind.ident)),
                        TraitItem::Const(value) => {
                            self.part(format!("{at}: const {}", value.ident))
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    fn fields(&mut self, at: &str, fields: &Fields) {
        for (n, field) in fields.iter().enumerate() {
            if is_public(&field.vis) && !is_hidden(&field.attrs) {
                let name = field
                    .ident
                    .as_ref()
                    .map_or_else(|| n.to_string(), ToString::to_string);
                self.part(format!("{at}::{name}: {}", text(&field.ty)));
            }
        }
    }

    /// Methods and implemented traits of the public types.
    fn impls(&mut self) {
        let tree = self.tree;
        for found in tree.impls() {
            let Type::Path(subject) = &*found.self_ty else {
                continue;
            };
            let Some(at) = subject
                .path
                .segments
                .last()
                .and_then(|segment| self.types.get(&segment.ident.to_string()))
                .cloned()
            else {
                continue;
            };
            if let Some((_, path, _)) = &found.trait_ {
                self.part(format!("{at}: impl {}", text(path)));
                continue;
            }
            for item in tree.items_of(found) {
                match item {
                    ImplItem::Fn(method) if is_public(&method.vis) && !is_hidden(&method.attrs) => {
                        self.part(format!("{at}: pub {}", text(&method.sig)));
                    }
                    ImplItem::Const(value) if is_public(&value.vis) => {
                        self.part(format!(
                            "{at}: pub const {}: {}",
                            value.ident,
                            text(&value.ty)
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
}

fn uses(item: &Item, name: &str) -> bool {
    let Item::Use(found) = item else { return false };
    is_public(&found.vis)
        && exports(&found.tree, &[])
            .iter()
            .any(|export| export.name == name)
}

fn at(shown: &[String], name: &str) -> String {
    [shown, &[name.to_owned()]].concat().join("::")
}

/// Tokens as people write them: without a space before `,` `(` `<` and after `&` `(` `<`.
fn text(tokens: &impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for (from, to) in [
        (" ,", ","),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" :: ", "::"),
        (":: ", "::"),
        (" < ", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" :", ":"),
        ("& ", "&"),
        ("' ", "'"),
        (" [ ", " ["),
        (" ]", "]"),
        ("->(", "-> ("),
        (">->", "> ->"),
        (" ;", ";"),
        ("! ", "!"),
    ] {
        text = text.replace(from, to);
    }
    text
}
