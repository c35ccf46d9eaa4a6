//! A spool's directory after a crash, a disk error or a foreign write: every payload that is read was written, and
//! every readable one is read. Input: files, then what is done with each batch. Run by the
//! fuzzer and by the replay of its seeds. The format is read here a second time, by other code.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use tracefuse_spool::{Spool, SpoolConfig};

const TAG: u64 = 7;
const NOW: u64 = 1_700_000_000_000;

/// The input as a stream of bytes that never ends.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }
}

pub(crate) fn run(data: &[u8]) {
    let mut input = Input(data);
    let dir = tempfile::tempdir().expect("a directory");
    let process = dir.path().join("v1").join("1-1-00000000");
    std::fs::create_dir_all(&process).expect("a process");
    private(&process);
    let mut written = BTreeMap::new();
    let mut whole = BTreeMap::new();
    let mut names = BTreeMap::<u8, u8>::new();
    for _ in 0..input.byte() % 4 + 1 {
        let (bytes, sequence, kind) = (file(&mut input), input.byte() % 4, input.byte() % 8);
        let frames = frames(&bytes).unwrap_or_default();
        let name = match kind {
            0 => format!("{sequence:016x}.corrupt"),
            1..=3 => format!("{sequence:016x}.open"),
            4 => format!("{sequence:016x}-{:08x}.batch", input.byte()),
            _ => format!("{sequence:016x}-{:08x}.batch", frames.len()),
        };
        *names.entry(sequence).or_default() += 1;
        if std::fs::write(process.join(&name), &bytes).is_ok() {
            for frame in frames {
                *written.entry(frame.clone()).or_insert(0_u32) += 1;
                // Of two files of one number one may supersede the other; what is apart stays apart.
                if kind != 0 {
                    whole.entry(sequence).or_insert_with(Vec::new).push(frame);
                }
            }
        }
    }
    let alone = whole
        .into_iter()
        .filter(|(sequence, _)| names.get(sequence) == Some(&1));
    let expected: Vec<Vec<u8>> = alone.flat_map(|(_, frames)| frames).collect();
    drain(dir.path(), &mut input, &mut written, &expected);
}

/// Opens, reads and acknowledges until nothing is left. At the end everything `expected` must have come.
fn drain(
    dir: &Path,
    input: &mut Input<'_>,
    written: &mut BTreeMap<Vec<u8>, u32>,
    expected: &[Vec<u8>],
) {
    let mut came = Vec::new();
    for round in 0..4 {
        let mut config = SpoolConfig::new(dir).tag(TAG);
        // Old batches are dropped: not tested here.
        config.max_age = Duration::MAX;
        let (mut spool, _) = Spool::open(config, NOW).expect("a directory that is private");
        let mut turns = 0;
        while let Some(batch) = spool.next(NOW).expect("readable") {
            turns += 1;
            assert!(turns < 100, "it never ends");
            assert!(!batch.payloads.is_empty());
            let left = match (round, input.byte() % 8) {
                (0..3, 0) => break,
                (0..3, 1) if turns < 10 => {
                    spool.defer(batch.id);
                    continue;
                }
                (0..3, 2) => batch.payloads.len() / 2,
                _ => 0,
            };
            let (gone, kept) = batch.payloads.split_at(batch.payloads.len() - left);
            spool
                .acknowledge_partly(batch.id, kept)
                .expect("acknowledged");
            for payload in gone {
                let known = written.get_mut(payload).filter(|count| **count > 0);
                *known.expect("no payload that was not written, and none twice") -= 1;
                came.push(payload.clone());
            }
        }
        if round == 3 {
            assert_eq!((spool.stats().frames, spool.stats().files), (0, 0));
        }
    }
    for payload in expected {
        let at = came.iter().position(|known| known == payload);
        came.swap_remove(at.expect("what can be read is given out"));
    }
}

/// A file: its header and its frames each whole, or as the input has them.
fn file(input: &mut Input<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    match input.byte() % 8 {
        0 => bytes.extend_from_slice(input.take(26)),
        1 => header(u64::from(input.byte()), 0, &mut bytes),
        _ => header(TAG, u64::from(input.byte()) << 40, &mut bytes),
    }
    for _ in 0..input.byte() % 5 {
        let length = usize::from(input.byte());
        let damage = input.byte();
        let payload = input.take(length % 40);
        let start = bytes.len();
        frame(payload, &mut bytes);
        match damage % 8 {
            0 => bytes.truncate(start + usize::from(damage / 8)),
            1 => bytes.extend_from_slice(payload),
            2 => {
                let at = start + usize::from(damage / 8) % (bytes.len() - start);
                bytes[at] ^= input.byte();
            }
            _ => {}
        }
    }
    bytes
}

fn header(tag: u64, created: u64, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(b"TFSP\x01\x00");
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&created.to_le_bytes());
    out.extend_from_slice(&crc32(&out[start..]).to_le_bytes());
}

fn frame(payload: &[u8], out: &mut Vec<u8>) {
    let length = (payload.len() as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc32(&[&length, payload].concat()).to_le_bytes());
    out.extend_from_slice(payload);
}

/// The payloads before the first bad frame; `None` if the file is not ours to read.
fn frames(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (head, mut rest) = bytes.split_at_checked(26)?;
    let (covered, sum) = head.split_at(22);
    let known = covered.starts_with(b"TFSP\x01\x00") && covered[6..14] == TAG.to_le_bytes();
    if !known || sum != crc32(covered).to_le_bytes() {
        return None;
    }
    let mut payloads = Vec::new();
    while let Some((head, after)) = rest.split_first_chunk::<8>() {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let Some((payload, after)) = after.split_at_checked(length) else {
            break;
        };
        if head[4..] != crc32(&[&head[..4], payload].concat()).to_le_bytes() {
            break;
        }
        payloads.push(payload.to_vec());
        rest = after;
    }
    Some(payloads)
}

/// CRC-32 as in zip and Ethernet, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}

#[cfg(unix)]
fn private(process: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for path in process.ancestors().take(2) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).expect("private");
    }
}

#[cfg(not(unix))]
fn private(_: &Path) {}
