//! Mistakes in `#[observe]` are answered with sentences that say what to write instead.

#[test]
fn mistakes_are_answered_with_sentences() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
