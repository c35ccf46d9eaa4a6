//! Masks on scores: words that a user wrote are shown, names and categories are not.

use tracefuse_core::testing::Recorder;
use tracefuse_core::{ScoreValue, Tracer};
use tracefuse_mask::Mask;
use tracefuse_mask::apply::mask_score;

#[test]
fn a_mask_sees_comment_words_and_metadata_of_a_score_but_no_category() {
    let kept = Recorder::new();
    let tracer = Tracer::builder(kept.clone()).build();
    tracer
        .score_session("s", "note", ScoreValue::text("ask a@example.com"))
        .comment("b@example.com said so")
        .metadata("who", "c@example.com")
        .record();
    tracer.score_session("s", "mail", "a@example.com").record();
    let mut scores = kept.scores();
    let mask = Mask::new().emails();
    assert_eq!(mask_score(&mut scores[0], &mask).changed, 3);
    assert_eq!(scores[0].value, ScoreValue::text("ask <email>"));
    assert_eq!(scores[0].comment.as_deref(), Some("<email> said so"));
    assert_eq!(scores[0].metadata[0].1.as_ref().to_string(), "<email>");
    assert_eq!(mask_score(&mut scores[1], &mask).changed, 0);
}
