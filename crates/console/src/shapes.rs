//! Which spans of a tree are equal, with all that is below them.
//! Used by `fold`; the rule is documented at `ConsoleConfig::fold`.

use std::collections::HashMap;

use crate::choices::Text;
use crate::model::Severity;
use crate::tree_span::TreeSpan;

/// What equal spans have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    kind: &'a str,
    name: &'a str,
    is_debug: bool,
    ok: bool,
    model: Option<&'a str>,
    prompt: Option<&'a str>,
    tags: &'a [String],
    /// Where whole texts are shown.
    texts: Option<Texts<'a>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Texts<'a> {
    input: Option<&'a str>,
    output: Option<&'a str>,
    metadata: &'a [(String, String)],
    parameters: &'a [(String, String)],
}

impl<'a> Key<'a> {
    /// `None` if the span is always shown.
    fn of(span: &'a TreeSpan, text: Text) -> Option<Self> {
        let is_quiet = matches!(span.level, Severity::Normal | Severity::Debug)
            && span.status_message.is_none()
            && span.errors.is_empty()
            && span.scores.is_empty();
        is_quiet.then(|| Self {
            kind: &span.kind,
            name: &span.name,
            is_debug: span.level == Severity::Debug,
            ok: span.ok,
            model: span.model.as_deref(),
            prompt: span.prompt.as_deref(),
            tags: &span.tags,
            texts: (text == Text::Full).then_some(Texts {
                input: span.input.as_deref(),
                output: span.output.as_deref(),
                metadata: &span.metadata,
                parameters: &span.parameters,
            }),
        })
    }
}

/// Places of spans: parents and children.
pub(crate) struct Tree {
    parents: Vec<Option<usize>>,
    children: Vec<Vec<usize>>,
}

impl Tree {
    pub(crate) fn of(spans: &[TreeSpan]) -> Self {
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (at, span) in spans.iter().enumerate() {
            // Of two spans with one id only the first has the children.
            places.entry(&span.id).or_insert(at);
        }
        let parent = |span: &TreeSpan| places.get(span.parent.as_deref()?).copied();
        let parents: Vec<Option<usize>> = spans.iter().map(parent).collect();
        let mut children = vec![Vec::new(); spans.len()];
        for (at, parent) in parents.iter().enumerate() {
            if let Some(list) = parent.and_then(|parent| children.get_mut(parent)) {
                list.push(at);
            }
        }
        Self { parents, children }
    }

    pub(crate) fn parent(&self, at: usize) -> Option<usize> {
        self.parents.get(at).copied().flatten()
    }

    fn children(&self, at: usize) -> &[usize] {
        self.children.get(at).map_or(&[], Vec::as_slice)
    }

    /// All spans below this one, which is in no cycle of parents.
    pub(crate) fn below(&self, at: usize) -> Vec<usize> {
        let mut all = self.children(at).to_vec();
        let mut next = 0;
        while let Some(at) = all.get(next) {
            all.extend_from_slice(self.children(*at));
            next += 1;
        }
        all
    }

    /// A number for each span, the same for spans that are equal with all that is below them. `None` where
    /// something must be shown.
    pub(crate) fn shapes(&self, spans: &[TreeSpan], text: Text) -> Vec<Option<usize>> {
        let mut known: HashMap<(Key<'_>, Vec<usize>), usize> = HashMap::new();
        let mut shapes = vec![None; spans.len()];
        let mut open: Vec<usize> = self.children.iter().map(Vec::len).collect();
        // Children before parents. Spans in a cycle are never ready: they have no shape.
        let leaves = open.iter().enumerate();
        let mut ready: Vec<usize> = leaves
            .filter(|(_, open)| **open == 0)
            .map(|(at, _)| at)
            .collect();
        while let Some(at) = ready.pop() {
            let below = self.children(at).iter();
            let below: Option<Vec<usize>> = below
                .map(|child| shapes.get(*child).copied().flatten())
                .collect();
            let key = spans.get(at).and_then(|span| Key::of(span, text));
            if let Some((key, mut below)) = key.zip(below)
                && let Some(shape) = shapes.get_mut(at)
            {
                below.sort_unstable();
                let new = known.len();
                *shape = Some(*known.entry((key, below)).or_insert(new));
            }
            if let Some(parent) = self.parent(at)
                && let Some(open) = open.get_mut(parent)
            {
                *open -= 1;
                if *open == 0 {
                    ready.push(parent);
                }
            }
        }
        shapes
    }
}
