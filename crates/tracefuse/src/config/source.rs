//! The process environment, `.env` and `tracefuse.toml`: the only code that reads them.
//! Called by `layers`; tests use their own `Source`.

use std::io::Read as _;

use super::ConfigError;

pub(super) const TOML: &str = "tracefuse.toml";
pub(super) const DOTENV: &str = ".env";
/// The most bytes of a file that are read: more than a file of settings needs.
const MAX_FILE: u64 = 64 * 1024;

/// What configuration is read from.
pub(crate) trait Source {
    /// The text of a file in the working directory; `None` if there is none.
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError>;
    /// Whether every user of this machine can read it.
    fn is_readable_by_others(&self, name: &str) -> bool;
    /// A variable of the process environment.
    fn variable(&self, name: &str) -> Option<String>;
    /// The names of all variables of the process environment.
    fn variables(&self) -> Vec<String>;
}

/// The process itself.
pub(crate) struct Process;

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the process environment and its files"
)]
impl Source for Process {
    fn file(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let cannot = |error| ConfigError::because(format!("`{name}` cannot be read"), error);
        // Checked before the file is opened: opening a pipe of that name would block.
        if !std::fs::metadata(name).is_ok_and(|metadata| metadata.is_file()) {
            return Ok(None);
        }
        let file = std::fs::File::open(name).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1)
            .read_to_end(&mut bytes)
            .map_err(cannot)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(ConfigError::new(format!(
                "`{name}` is larger than 64 KiB: is it the right file?"
            )));
        }
        let text = match name {
            DOTENV => lossy_text(&bytes),
            _ => String::from_utf8(bytes).map_err(|error| {
                cannot(std::io::Error::new(std::io::ErrorKind::InvalidData, error))
            })?,
        };
        Ok(Some(text))
    }

    #[cfg(unix)]
    fn is_readable_by_others(&self, name: &str) -> bool {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::metadata(name).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
    }

    #[cfg(not(unix))]
    fn is_readable_by_others(&self, _: &str) -> bool {
        false
    }

    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn variables(&self) -> Vec<String> {
        std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect()
    }
}

/// The text of a file that other programs write and read as well. After the mark of UTF-16, as PowerShell writes it, it is
/// that; otherwise it is UTF-8. A byte that is none, such as a comment in another encoding, becomes U+FFFD, so that all
/// other lines are read as they are.
fn lossy_text(bytes: &[u8]) -> String {
    let units = |unit: fn([u8; 2]) -> u16| -> Vec<u16> {
        let pairs = bytes.chunks_exact(2).skip(1);
        let pairs = pairs.filter_map(|pair| <[u8; 2]>::try_from(pair).ok());
        pairs.map(unit).collect()
    };
    match bytes {
        [0xff, 0xfe, ..] => String::from_utf16_lossy(&units(u16::from_le_bytes)),
        [0xfe, 0xff, ..] => String::from_utf16_lossy(&units(u16::from_be_bytes)),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_file_is_no_reason_to_ignore_it() {
        let text = "A=ü\r\nB=c";
        let wide = |unit: fn(u16) -> [u8; 2], mark: u16| -> Vec<u8> {
            let units = std::iter::once(mark).chain(text.encode_utf16());
            units.flat_map(unit).collect()
        };
        for bytes in [
            text.as_bytes().to_vec(),
            wide(u16::to_le_bytes, 0xfeff),
            wide(u16::to_be_bytes, 0xfeff),
        ] {
            assert_eq!(lossy_text(&bytes), text, "{bytes:?}");
        }
        assert_eq!(
            lossy_text(b"# gr\xfc\xdfe\nA=b"),
            "# gr\u{fffd}\u{fffd}e\nA=b"
        );
        assert_eq!(lossy_text(b"\xff\xfe"), "");
        assert_eq!(lossy_text(b""), "");
    }

    #[test]
    fn a_file_is_taken_from_the_working_directory_alone_and_to_a_limit() {
        // The tests' working directory is the crate's, which has neither file; those above it may.
        assert_eq!(Process.file(DOTENV).unwrap(), None);
        assert_eq!(Process.file("src").unwrap(), None, "a directory is no file");
        let name = |file: &tempfile::NamedTempFile| file.path().to_string_lossy().into_owned();
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(MAX_FILE).unwrap();
        let text = Process.file(&name(&file)).unwrap().unwrap();
        assert_eq!(text.len() as u64, MAX_FILE);
        file.as_file().set_len(MAX_FILE + 1).unwrap();
        let error = Process.file(&name(&file)).unwrap_err().to_string();
        assert!(error.contains("64 KiB"), "{error}");
        // Endless, and no file at all.
        assert_eq!(Process.file("/dev/zero").unwrap(), None);
    }
}
