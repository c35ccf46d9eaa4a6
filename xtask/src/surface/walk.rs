//! The modules of one crate, read from its sources. Used by `print` and `examples`; knows nothing of what is public.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use syn::{Attribute, Ident, ImplItem, Item, ItemImpl, ItemMacro, UseTree, Visibility};

/// A module: its path from the crate's root, and its items.
pub(crate) struct Module {
    pub(crate) path: Vec<String>,
    pub(crate) public: bool,
    pub(crate) items: Vec<Item>,
}

pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
}

/// One name of a `pub use`.
pub(crate) struct Export {
    /// `crate::a::B` as `["a", "B"]` if it is in this crate, else the path as it is written.
    pub(crate) target: Vec<String>,
    pub(crate) name: String,
}

pub(crate) fn read(file: &Path) -> Result<Tree> {
    let mut modules = Vec::new();
    module(
        file,
        file.parent().unwrap_or(file),
        Vec::new(),
        true,
        &mut modules,
    )?;
    Ok(Tree { modules })
}

fn module(
    file: &Path,
    folder: &Path,
    path: Vec<String>,
    public: bool,
    modules: &mut Vec<Module>,
) -> Result<()> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed =
        syn::parse_file(&text).with_context(|| format!("cannot parse {}", file.display()))?;
    items(parsed.items, folder, path, public, modules)
}

fn items(
    found: Vec<Item>,
    folder: &Path,
    path: Vec<String>,
    public: bool,
    modules: &mut Vec<Module>,
) -> Result<()> {
    let mut kept = Vec::new();
    for item in found {
        match item {
            Item::Mod(inner) if is_test(&inner.attrs) => {}
            Item::Mod(inner) => {
                let name = plain(&inner.ident);
                let mut below = path.clone();
                below.push(name.clone());
                let public = public && is_public(&inner.vis) && !is_hidden(&inner.attrs);
                let inside = folder.join(&name);
                match inner.content {
                    Some((_, content)) => items(content, &inside, below, public, modules)?,
                    None => {
                        let file = file_of(folder, &name);
                        if file.exists() {
                            module(&file, &inside, below, public, modules)?;
                        }
                    }
                }
            }
            Item::Macro(invoked) if invoked.ident.is_none() => kept.extend(expand(&invoked)),
            other => kept.push(other),
        }
    }
    modules.push(Module {
        path,
        public,
        items: kept,
    });
    Ok(())
}

fn file_of(folder: &Path, name: &str) -> PathBuf {
    let flat = folder.join(format!("{name}.rs"));
    if flat.exists() {
        flat
    } else {
        folder.join(name).join("mod.rs")
    }
}

/// What `pin_project!` is given are items; other macros give none.
fn expand(invoked: &ItemMacro) -> Vec<Item> {
    let parsed: syn::Result<syn::File> = syn::parse2(invoked.mac.tokens.clone());
    parsed.map(|file| file.items).unwrap_or_default()
}

impl Tree {
    pub(crate) fn module(&self, path: &[String]) -> Option<&Module> {
        self.modules.iter().find(|module| module.path == path)
    }

    /// Every `impl` of the crate.
    pub(crate) fn impls(&self) -> impl Iterator<Item = &ItemImpl> {
        let items = self.modules.iter().flat_map(|module| &module.items);
        items.filter_map(|item| match item {
            Item::Impl(found) if !is_test(&found.attrs) => Some(found),
            _ => None,
        })
    }

    /// The items of an `impl`, with what a macro of this crate adds, such as `observations!()`.
    pub(crate) fn items_of(&self, found: &ItemImpl) -> Vec<ImplItem> {
        let mut all = Vec::new();
        for item in &found.items {
            match item {
                ImplItem::Macro(invoked) => all.extend(self.written_by(&invoked.mac.path)),
                other => all.push(other.clone()),
            }
        }
        all
    }

    fn written_by(&self, name: &syn::Path) -> Vec<ImplItem> {
        let items = self.modules.iter().flat_map(|module| &module.items);
        let found = items.filter_map(|item| match item {
            Item::Macro(defined) if defined.ident.is_some() => Some(defined),
            _ => None,
        });
        let Some(defined) = found.into_iter().find(|defined| {
            defined
                .ident
                .as_ref()
                .is_some_and(|ident| name.is_ident(ident))
        }) else {
            return Vec::new();
        };
        // `() => { body };`: the last group in braces.
        let body = defined
            .mac
            .tokens
            .clone()
            .into_iter()
            .filter_map(|token| match token {
                proc_macro2::TokenTree::Group(group) => Some(group.stream().to_string()),
                _ => None,
            });
        let text = body.last().unwrap_or_default().replace("$ crate", "crate");
        let parsed = syn::parse_str::<ItemImpl>(&format!("impl X {{ {text} }}"));
        parsed.map(|found| found.items).unwrap_or_default()
    }

    /// The names at the crate's root, each once.
    pub(crate) fn root_names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for module in &self.modules {
            if module.path.len() == 1 && module.public {
                names.extend(module.path.first().cloned());
            }
            if !module.path.is_empty() {
                continue;
            }
            for item in &module.items {
                match item {
                    Item::Use(found) if is_public(&found.vis) && !is_hidden(&found.attrs) => {
                        let exports = exports(&found.tree, &module.path);
                        names.extend(exports.into_iter().map(|export| export.name));
                    }
                    other => names.extend(public_name(other)),
                }
            }
        }
        names.sort();
        names.dedup();
        names
    }
}

/// The names that a `use` brings, with what they stand for. `base`: the module in which it is written.
pub(crate) fn exports(tree: &UseTree, base: &[String]) -> Vec<Export> {
    let mut found = Vec::new();
    flatten(tree, &mut Vec::new(), &mut found);
    for export in &mut found {
        let mut target = std::mem::take(&mut export.target);
        match target.first().map(String::as_str) {
            Some("crate") => drop(target.remove(0)),
            Some("self") => {
                target.splice(0..1, base.iter().cloned());
            }
            Some("super") => {
                let above = base.len().saturating_sub(1);
                target.splice(0..1, base.iter().take(above).cloned());
            }
            _ => target.insert(0, "?".to_owned()),
        }
        export.target = target;
    }
    found
}

fn flatten(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Export>) {
    let mut export = |target: Vec<String>, name: String| found.push(Export { target, name });
    match tree {
        UseTree::Path(inner) => {
            path.push(plain(&inner.ident));
            flatten(&inner.tree, path, found);
            path.pop();
        }
        UseTree::Name(inner) if inner.ident == "self" => {
            export(path.clone(), path.last().cloned().unwrap_or_default());
        }
        UseTree::Name(inner) => {
            let name = plain(&inner.ident);
            export([&path[..], std::slice::from_ref(&name)].concat(), name);
        }
        UseTree::Rename(inner) => {
            let target = [&path[..], &[plain(&inner.ident)]].concat();
            export(target, plain(&inner.rename));
        }
        UseTree::Glob(_) => export([&path[..], &["*".to_owned()]].concat(), "*".to_owned()),
        UseTree::Group(inner) => inner
            .items
            .iter()
            .for_each(|tree| flatten(tree, path, found)),
    }
}

/// The name of an item that is `pub` and in the documentation.
pub(crate) fn public_name(item: &Item) -> Option<String> {
    let (vis, attrs, ident) = match item {
        Item::Const(found) => (&found.vis, &found.attrs, &found.ident),
        Item::Enum(found) => (&found.vis, &found.attrs, &found.ident),
        Item::Fn(found) => (&found.vis, &found.attrs, &found.sig.ident),
        Item::Static(found) => (&found.vis, &found.attrs, &found.ident),
        Item::Struct(found) => (&found.vis, &found.attrs, &found.ident),
        Item::Trait(found) => (&found.vis, &found.attrs, &found.ident),
        Item::Type(found) => (&found.vis, &found.attrs, &found.ident),
        _ => return None,
    };
    (is_public(vis) && !is_hidden(attrs) && !is_test(attrs)).then(|| plain(ident))
}

pub(crate) fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

pub(crate) fn is_hidden(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("doc")
            && attr
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "hidden")
    })
}

fn is_test(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("cfg")
            && attr.meta.require_list().is_ok_and(|list| {
                matches!(
                    list.tokens.to_string().as_str(),
                    "test" | "doctest" | "all (test , not (loom))"
                )
            })
    })
}

fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#")
        .map_or_else(|| text.clone(), str::to_owned)
}
