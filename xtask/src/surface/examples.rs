//! Every public method of the five central types has an example. Called by `tidy`.

use anyhow::Result;
use syn::{Attribute, Expr, ExprLit, ImplItem, Lit, Meta, Type};

use super::walk::{is_hidden, is_public, read};
use crate::process::root;

/// The types that applications call all the time.
const TYPES: &[&str] = &["Tracer", "Trace", "TraceBuilder", "Span", "SpanBuilder"];
/// What a reader can keep in mind; the rest is in modules.
const ROOT_NAMES: usize = 45;

/// One line for each method without an example, and one if the facade's root has too many names.
pub(crate) fn check() -> Result<Vec<String>> {
    let mut findings = without(&read(&root().join("crates/core/src/lib.rs"))?);
    let names = super::facade_root()?.len();
    if names > ROOT_NAMES {
        findings.push(format!(
            "crates/tracefuse/src/lib.rs: {names} names at the root, at most {ROOT_NAMES}: put them into a module"
        ));
    }
    Ok(findings)
}

fn without(tree: &super::walk::Tree) -> Vec<String> {
    let mut findings = Vec::new();
    for found in tree.impls().filter(|found| found.trait_.is_none()) {
        let Type::Path(subject) = &*found.self_ty else {
            continue;
        };
        let Some(name) = subject.path.get_ident().map(ToString::to_string) else {
            continue;
        };
        if !TYPES.contains(&name.as_str()) {
            continue;
        }
        for item in tree.items_of(found) {
            if let ImplItem::Fn(method) = item
                && is_public(&method.vis)
                && !is_hidden(&method.attrs)
                && !has_example(&method.attrs)
            {
                findings.push(format!(
                    "tracefuse-core: {name}::{} has no example in its documentation",
                    method.sig.ident
                ));
            }
        }
    }
    findings.sort();
    findings.dedup();
    findings
}

fn has_example(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| match &attr.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => matches!(
            &doc.value,
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().contains("```")
        ),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::walk::{Module, Tree};

    #[test]
    fn a_public_method_without_an_example_is_found() {
        let source = "
            impl Span {
                /// ```
                /// span.end();
                /// ```
                pub fn end(&self) {}
                /// Nothing to run.
                pub fn set(&self) {}
                pub(crate) fn write(&self) {}
            }
            impl Other { pub fn free(&self) {} }";
        let items = syn::parse_file(source).unwrap().items;
        let module = Module {
            path: Vec::new(),
            public: true,
            items,
        };
        let tree = Tree {
            modules: vec![module],
        };
        let missing = "tracefuse-core: Span::set has no example in its documentation";
        assert_eq!(without(&tree), [missing]);
    }
}
