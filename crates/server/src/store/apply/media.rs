//! Applies media: announced, uploaded, and reported by the client. Called by `apply`.

use rusqlite::params;

use super::Work;
use crate::store::change::Announcement;
use crate::store::error::StoreError;

impl Work<'_> {
    pub(super) fn announce(&mut self, media: &Announcement) -> Result<(), StoreError> {
        // A later announcement says of which type the bytes are; their length and hash only until they are there.
        let mut put = self.db.prepare_cached(
            "INSERT INTO media(id, content_type, length, sha256) VALUES(?1, ?2, ?3, ?4) ON CONFLICT(id) DO UPDATE SET \
             content_type = excluded.content_type, length = iif(data IS NULL, excluded.length, length), \
             sha256 = iif(data IS NULL, excluded.sha256, sha256)",
        )?;
        put.execute(params![
            media.media,
            media.content_type,
            i64::try_from(media.length).unwrap_or(i64::MAX),
            media.sha256
        ])?;
        let mut link = self
            .db
            .prepare_cached("INSERT OR IGNORE INTO media_link VALUES(?1, ?2, ?3, ?4)")?;
        let observation = media.observation_id.as_deref().unwrap_or_default();
        link.execute(params![
            media.media,
            media.trace_id,
            observation,
            media.field
        ])?;
        self.stored += 1;
        Ok(())
    }

    pub(super) fn upload(&mut self, media: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let mut put = self
            .db
            .prepare_cached("UPDATE media SET data = ?2, uploaded_ns = ?3 WHERE id = ?1")?;
        put.execute(params![media, bytes, self.now_ns])?;
        self.stored += 1;
        Ok(())
    }

    /// The result of an upload, as the client reports it.
    pub(super) fn uploaded(&mut self, media: &str, status: i64) -> Result<(), StoreError> {
        let sql = "UPDATE media SET status = ?2 WHERE id = ?1";
        self.db
            .prepare_cached(sql)?
            .execute(params![media, status])?;
        self.stored += 1;
        Ok(())
    }
}
