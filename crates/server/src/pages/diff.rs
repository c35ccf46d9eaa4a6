//! Two texts side by side: equal and changed lines, and in changed lines the changed words.
//! Called by `compare`; pure except the HTML.

use maud::{Markup, html};

/// Cells of the table that are computed at most; above it the middle of both texts counts as changed.
const MOST: usize = 4_000_000;

/// Equal lines around a change that are shown, and how many more are not worth a fold.
const AROUND: usize = 3;
const FEW: usize = 12;

/// Runs of equal, or of removed and added elements.
#[derive(Debug, PartialEq, Eq)]
enum Run {
    Same {
        left: usize,
        right: usize,
        count: usize,
    },
    Changed {
        left: (usize, usize),
        right: (usize, usize),
    },
}

/// The texts, line by line.
pub(super) fn side_by_side(left: &str, right: &str) -> Markup {
    let lefts: Vec<&str> = left.lines().collect();
    let rights: Vec<&str> = right.lines().collect();
    let runs = runs(&lefts, &rights);
    let last = runs.len().saturating_sub(1);
    html! {
        div.diff {
            @for (place, run) in runs.iter().enumerate() {
                @match *run {
                    Run::Same { left, count, .. } => {
                        @let before = if place == 0 { 0 } else { AROUND };
                        @let after = if place == last { 0 } else { AROUND };
                        @let hidden = count.saturating_sub(before + after);
                        @let before = if hidden <= FEW { count } else { before };
                        @let after = if hidden <= FEW { 0 } else { after };
                        @for line in lefts.iter().skip(left).take(before) { (equal(line)) }
                        @if hidden > FEW { div.same { "… " (hidden) " equal lines" } div.same {} }
                        @for line in lefts.iter().skip(left + count - after).take(after) { (equal(line)) }
                    },
                    Run::Changed { left, right } => {
                        @for line in 0..(left.1 - left.0).max(right.1 - right.0) {
                            @let old = lefts.get(left.0 + line).filter(|_| left.0 + line < left.1);
                            @let new = rights.get(right.0 + line).filter(|_| right.0 + line < right.1);
                            (changed(old.copied(), new.copied()))
                        }
                    },
                }
            }
        }
    }
}

fn equal(line: &str) -> Markup {
    html! { div.same { (line) } div.same { (line) } }
}

fn changed(old: Option<&str>, new: Option<&str>) -> Markup {
    let (Some(old), Some(new)) = (old, new) else {
        return html! {
            div.gone[old.is_some()] { (old.unwrap_or_default()) }
            div.new[new.is_some()] { (new.unwrap_or_default()) }
        };
    };
    let (olds, news) = (words(old), words(new));
    let runs = runs(&olds, &news);
    html! {
        div.gone { @for run in &runs { @match *run {
            Run::Same { left, count, .. } => (olds.get(left..left + count).unwrap_or_default().concat()),
            Run::Changed { left, .. } => @if left.0 < left.1 { mark { (olds.get(left.0..left.1).unwrap_or_default().concat()) } },
        } } }
        div.new { @for run in &runs { @match *run {
            Run::Same { right, count, .. } => (news.get(right..right + count).unwrap_or_default().concat()),
            Run::Changed { right, .. } => @if right.0 < right.1 { mark { (news.get(right.0..right.1).unwrap_or_default().concat()) } },
        } } }
    }
}

/// Words with the space after them.
fn words(line: &str) -> Vec<&str> {
    line.split_inclusive(char::is_whitespace).collect()
}

/// The longest common subsequence, as runs.
fn runs(left: &[&str], right: &[&str]) -> Vec<Run> {
    let before = left
        .iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count();
    let rest = left.len().min(right.len()) - before;
    let after = left
        .iter()
        .rev()
        .zip(right.iter().rev())
        .take(rest)
        .take_while(|(left, right)| left == right)
        .count();
    let (left_end, right_end) = (left.len() - after, right.len() - after);
    let mut out = Vec::new();
    push_same(&mut out, 0, 0, before);
    let middle_left = left.get(before..left_end).unwrap_or_default();
    let middle_right = right.get(before..right_end).unwrap_or_default();
    if middle_left.len().saturating_mul(middle_right.len()) > MOST {
        push_changed(&mut out, (before, left_end), (before, right_end));
    } else {
        let (mut old, mut new) = (before, before);
        for (left, right) in common(middle_left, middle_right) {
            push_changed(&mut out, (old, before + left), (new, before + right));
            push_same(&mut out, before + left, before + right, 1);
            (old, new) = (before + left + 1, before + right + 1);
        }
        push_changed(&mut out, (old, left_end), (new, right_end));
    }
    push_same(&mut out, left_end, right_end, after);
    out
}

fn push_same(out: &mut Vec<Run>, left: usize, right: usize, more: usize) {
    match out.last_mut() {
        Some(Run::Same { count, .. }) => *count += more,
        _ if more > 0 => out.push(Run::Same {
            left,
            right,
            count: more,
        }),
        _ => {}
    }
}

fn push_changed(out: &mut Vec<Run>, left: (usize, usize), right: (usize, usize)) {
    if left.0 < left.1 || right.0 < right.1 {
        out.push(Run::Changed { left, right });
    }
}

/// Pairs of equal elements, as many as there can be, in order.
fn common(left: &[&str], right: &[&str]) -> Vec<(usize, usize)> {
    let width = right.len() + 1;
    let mut lengths = vec![0_u32; (left.len() + 1) * width];
    let at = |lengths: &[u32], row: usize, column: usize| {
        lengths.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, old) in left.iter().enumerate().rev() {
        for (column, new) in right.iter().enumerate().rev() {
            let length = if old == new {
                at(&lengths, row + 1, column + 1) + 1
            } else {
                at(&lengths, row + 1, column).max(at(&lengths, row, column + 1))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = length;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut pairs = Vec::new();
    while let (Some(old), Some(new)) = (left.get(row), right.get(column)) {
        if old == new {
            pairs.push((row, column));
            (row, column) = (row + 1, column + 1);
        } else if at(&lengths, row + 1, column) >= at(&lengths, row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changed_words_are_marked() {
        let html = side_by_side("same\nthe red fox", "same\nthe blue fox").into_string();
        assert!(html.contains("the <mark>red </mark>fox"), "{html}");
        assert!(html.contains("the <mark>blue </mark>fox"), "{html}");
    }

    #[test]
    fn long_equal_parts_are_folded() {
        let same = "x\n".repeat(100);
        let html = side_by_side(&format!("{same}a"), &format!("{same}b")).into_string();
        assert!(html.contains("97 equal lines"), "{html}");
        let html = side_by_side(&same, &same).into_string();
        assert!(html.contains("100 equal lines"), "{html}");
    }

    #[test]
    fn huge_texts_are_not_compared_in_the_middle() {
        let left: Vec<String> = (0..5000).map(|line| format!("l{line}")).collect();
        let right: Vec<String> = (0..5000).map(|line| format!("r{line}")).collect();
        let html = side_by_side(&left.join("\n"), &right.join("\n")).into_string();
        assert!(html.contains("l4999") && html.contains("r4999"));
    }

    proptest! {
        #[test]
        fn runs_cover_both_sides_in_order(left in "[abc ]{0,30}", right in "[abc ]{0,30}") {
            let (lefts, rights) = (words(&left), words(&right));
            let (mut old, mut new) = (0, 0);
            for run in runs(&lefts, &rights) {
                match run {
                    Run::Same { left, right, count } => {
                        prop_assert_eq!((left, right), (old, new));
                        prop_assert_eq!(&lefts[left..left + count], &rights[right..right + count]);
                        (old, new) = (left + count, right + count);
                    }
                    Run::Changed { left, right } => {
                        prop_assert_eq!((left.0, right.0), (old, new));
                        (old, new) = (left.1, right.1);
                    }
                }
            }
            prop_assert_eq!((old, new), (lefts.len(), rights.len()));
        }
    }
}
