//! Reading a spool's directory without changing it.
#![expect(
    clippy::disallowed_methods,
    reason = "looks at files, and damages them as a broken disk would"
)]

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{NOW, append, drain, files, open};
use tempfile::tempdir;
use tracefuse_spool::{ReadBatch, SpoolError, SpoolReader};

fn read(dir: &Path) -> Vec<ReadBatch> {
    let reader = SpoolReader::open(dir).expect("a spool");
    reader.map(|batch| batch.expect("readable")).collect()
}

fn texts(batches: &[ReadBatch]) -> Vec<String> {
    let payloads = batches.iter().flat_map(|batch| &batch.payloads);
    payloads
        .map(|payload| String::from_utf8(payload.clone()).expect("text"))
        .collect()
}

/// Every file below a directory and what is in it.
fn everything(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            found.extend(everything(&path));
        } else {
            found.insert(path.clone(), std::fs::read(&path).expect("read"));
        }
    }
    found
}

#[test]
fn what_waits_is_read_and_nothing_is_changed() {
    let dir = tempdir().expect("a directory");
    let (mut dead, _) = open(dir.path());
    append(&mut dead, &["a", "b"]);
    dead.seal().expect("sealed");
    append(&mut dead, &["c"]);
    let (mut alive, _) = open(dir.path());
    append(&mut alive, &["d"]);
    let before = everything(dir.path());
    let mut reader = SpoolReader::open(dir.path()).expect("a spool");
    assert_eq!((reader.remaining(), reader.set_apart()), (3, 0));
    assert!(reader.next().is_some());
    assert_eq!(reader.remaining(), 2);
    let mut found = texts(&read(dir.path()));
    found.sort();
    assert_eq!(found, ["a", "b", "c", "d"]);
    assert_eq!(everything(dir.path()), before);
    // Both still deliver what they have.
    assert_eq!(drain(&mut alive), ["d"]);
    assert_eq!(drain(&mut dead), ["a", "b", "c"]);
    assert!(read(dir.path()).is_empty());
}

#[test]
fn damage_is_counted_and_what_precedes_it_is_read() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["first", "second one", "3"]);
    spool.seal().expect("sealed");
    let path = files(dir.path(), "batch").remove(0);
    let whole = std::fs::read(&path).expect("read");
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).expect("written");
        let batches = read(dir.path());
        let found = texts(&batches);
        assert_eq!(found, ["first", "second one", "3"][..found.len()]);
        assert_eq!(batches[0].damaged, 3 - found.len() as u64, "{length}");
    }
    let mut longer = whole.clone();
    longer.extend_from_slice(b"more");
    std::fs::write(&path, longer).expect("written");
    let batches = read(dir.path());
    assert_eq!((texts(&batches).len(), batches[0].damaged), (3, 1));
    // Of a file without a name that counts, the cut end is one payload.
    std::fs::write(path.with_file_name("0000000000000009.open"), &whole[..50]).expect("written");
    std::fs::write(path.with_file_name("000000000000000a.open"), &whole[..9]).expect("written");
    std::fs::write(path.with_file_name("000000000000000b.corrupt"), &whole).expect("written");
    std::fs::write(path.with_file_name("notes.txt"), b"not ours").expect("written");
    assert_eq!(
        SpoolReader::open(dir.path()).expect("a spool").set_apart(),
        1
    );
    let damaged: Vec<u64> = read(dir.path()).iter().map(|batch| batch.damaged).collect();
    assert_eq!(damaged, [1, 1, 0]);
}

#[test]
fn of_two_files_of_one_number_the_larger_is_read() {
    let dir = tempdir().expect("a directory");
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["a", "b"]);
    spool.seal().expect("sealed");
    let path = files(dir.path(), "batch").remove(0);
    let whole = std::fs::read(&path).expect("read");
    let batch = spool.next(NOW).expect("read").expect("a batch");
    spool
        .acknowledge_partly(batch.id, &batch.payloads[1..])
        .expect("acknowledged");
    assert_eq!(texts(&read(dir.path())), ["b"]);
    // As a crash leaves it.
    std::fs::write(&path, whole).expect("written");
    let batches = read(dir.path());
    assert_eq!(
        (texts(&batches).as_slice(), batches[0].damaged),
        (["a", "b"].map(String::from).as_slice(), 0)
    );
}

#[test]
fn a_folder_without_a_spool_and_another_version_are_errors() {
    let dir = tempdir().expect("a directory");
    let Err(SpoolError::Io { source, .. }) = SpoolReader::open(dir.path()) else {
        panic!("it is no spool");
    };
    assert_eq!(source.kind(), ErrorKind::NotFound);
    let (mut spool, _) = open(dir.path());
    append(&mut spool, &["a"]);
    let path = files(dir.path(), "open").remove(0);
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[4] = 9;
    let sum = crc32(&bytes[..22]).to_le_bytes();
    bytes[22..26].copy_from_slice(&sum);
    std::fs::write(&path, bytes).expect("written");
    let mut reader = SpoolReader::open(dir.path()).expect("a spool");
    let error = reader.next().expect("one").expect_err("of another version");
    assert!(error.to_string().contains("another version"), "{error}");
    assert!(reader.next().is_none());
}

/// CRC-32 as in zip and Ethernet, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    })
}
