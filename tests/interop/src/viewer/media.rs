//! The pictures of the programs `media`: announced, uploaded, read back, and shown on the page. Called by `viewer`.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Seen;

/// How the texts of the pictures begin, which are PNG in base64.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAGCAIAAABxZ0isAAAAEUlEQVR42m";

/// How those of the input, the output and the metadata end.
const PICTURES: [&str; 3] = [
    "M4oaGBFTEMpAQAgPc0gTglveMAAAAASUVORK5CYII=",
    "PQWBCAFTEMpAQAW3c0gad8fzYAAAAASUVORK5CYII=",
    "PQCDiBFTEMpAQAd5U8ARSmJ+EAAAAASUVORK5CYII=",
];

/// In each place there is a reference, below which the server has the bytes that the program sent.
pub(super) fn expect(seen: &Seen) -> Result<()> {
    let view = seen.trace()?;
    let span = view.observations.iter().find(|row| row.name == "look");
    let span = span.context("the generation `look` did not arrive")?;
    let bodies = seen.bodies(span)?;
    let page = seen.page(span)?;
    let metadata = bodies.metadata.get("thumbnail").map(ToString::to_string);
    let places = [
        ("input", bodies.input),
        ("output", bodies.output),
        ("metadata", metadata),
    ];
    for ((place, text), picture) in places.into_iter().zip(PICTURES) {
        let text = text.with_context(|| format!("there is no {place}"))?;
        ensure!(!text.contains(PNG), "the {place} has the bytes: {text}");
        let (_, reference) = text
            .split_once("@@@langfuseMedia:type=image/png|id=")
            .with_context(|| format!("the {place} has no reference: {text}"))?;
        let (id, _) = reference.split_once('|').unwrap_or((reference, ""));
        let bytes = STANDARD.decode(format!("{PNG}{picture}"))?;
        let media = seen.live.store.media(id)?;
        let media = media.with_context(|| format!("the {place} was not announced"))?;
        ensure!(
            media.bytes.as_ref() == Some(&bytes) && media.uploaded_ns.is_some(),
            "the {place} was not uploaded as it is: {media:?}"
        );
        let answer = seen.fetch(&format!("media/{id}"))?;
        ensure!(
            answer.content_type() == Some("image/png") && *answer.body() == bytes,
            "the {place} is served as {:?}",
            answer.content_type()
        );
        let shown = format!("<img src=\"/media/{id}\"");
        ensure!(page.contains(&shown), "the page does not show the {place}");
    }
    Ok(())
}
