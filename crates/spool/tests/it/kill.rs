//! `kill -9` at moments that a seed chooses: what `append` has returned for is there, what was acknowledged
//! is not. The child is this very program, run for one test by name.
#![expect(
    clippy::disallowed_methods,
    reason = "hands the child its orders by the environment"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{NOW, TAG, open};
use tracefuse_spool::{Spool, SpoolConfig};

const KILLS: u64 = 200;
const DIRECTORY: &str = "TRACEFUSE_TEST_SPOOL";
const SEED: &str = "TRACEFUSE_TEST_SEED";

/// splitmix64: the same numbers for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }
}

/// Payloads carry their name and a length that the name implies, so that a wrong byte would show.
fn payload(run: u64, number: u64) -> Vec<u8> {
    let size = Dice(run ^ number).roll(4_000);
    let mut bytes = format!("{run}/{number} ").into_bytes();
    bytes.extend((0..size).map(|at| (at ^ number) as u8));
    bytes
}

fn name(payload: &[u8]) -> String {
    let end = payload.iter().position(|byte| *byte == b' ');
    String::from_utf8(payload[..end.expect("a name")].to_vec()).expect("text")
}

/// What a child says, a line each, written before it goes on: `+` accepted, `?` about to acknowledge, `-` acknowledged.
struct Journal<'a>(std::io::StdoutLock<'a>);

impl Journal<'_> {
    fn say(&mut self, sign: &str, names: &[String]) {
        let line = format!("@{sign} {}\n", names.join(" "));
        self.0.write_all(line.as_bytes()).expect("written");
        self.0.flush().expect("flushed");
    }
}

/// Not a test by itself: does nothing unless the loop below started it.
#[test]
fn a_child_appends_seals_and_acknowledges_until_it_is_killed() {
    let Ok(dir) = std::env::var(DIRECTORY) else {
        assert!(std::env::var(SEED).is_err());
        return;
    };
    let run: u64 = std::env::var(SEED).expect("seed").parse().expect("seed");
    let mut dice = Dice(run);
    let mut journal = Journal(std::io::stdout().lock());
    journal.say("opening", &[]);
    let (mut spool, _) = Spool::open(SpoolConfig::new(dir).tag(TAG), NOW).expect("a spool");
    for number in 0.. {
        let bytes = payload(run, number);
        spool.append(&bytes, NOW).expect("appended");
        journal.say("+", &[name(&bytes)]);
        if dice.roll(4) == 0 {
            spool.seal().expect("sealed");
        }
        if dice.roll(6) == 0
            && let Some(batch) = spool.next(NOW).expect("read")
        {
            let done = match dice.roll(2) {
                0 => batch.payloads.len(),
                _ => dice.roll(batch.payloads.len() as u64 + 1) as usize,
            };
            let names: Vec<String> = batch.payloads[..done].iter().map(|p| name(p)).collect();
            journal.say("?", &names);
            spool
                .acknowledge_partly(batch.id, &batch.payloads[done..])
                .expect("acknowledged");
            journal.say("-", &names);
        }
    }
}

/// Runs a child until it has said `lines` lines, kills it, and enters all that it said.
fn run_and_kill(dir: &Path, run: u64, lines: u64, known: &mut BTreeMap<String, State>) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--exact",
            "--nocapture",
            "--test-threads=1",
            "kill::a_child_appends_seals_and_acknowledges_until_it_is_killed",
        ])
        .env(DIRECTORY, dir)
        .env(SEED, run.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("a child");
    let mut said = 0;
    let mut output = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    // After the kill the rest of the pipe is read too: what it holds was said before.
    while output.read_line(&mut line).expect("read") > 0 {
        // The test harness writes on the same pipe, and its last line has no end.
        if let Some((_, words)) = line.trim_end_matches('\n').split_once('@')
            && line.ends_with('\n')
        {
            said += 1;
            let mut words = words.split_whitespace();
            let state = match words.next() {
                Some("+") => State::Accepted,
                Some("?") => State::Uncertain,
                Some("-") => State::Acknowledged,
                _ => State::Accepted,
            };
            known.extend(words.map(|word| (word.to_owned(), state)));
            if said == lines {
                child.kill().expect("killed");
            }
        }
        line.clear();
    }
    let status = child.wait().expect("waited for");
    assert!(!status.success(), "run {run} ended by itself");
    assert!(said >= lines, "run {run} ended early, after {said} lines");
    said
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Accepted,
    Uncertain,
    Acknowledged,
}

#[test]
fn two_hundred_kills_take_nothing_that_was_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut known = BTreeMap::new();
    let mut dice = Dice(42);
    let (mut payloads, mut kills, mut torn, mut said) = (0, 0, 0, 0);
    for run in 0..KILLS {
        // The first line comes before `open`: some are killed while they adopt.
        said += run_and_kill(dir.path(), run, 1 + dice.roll(40), &mut known);
        kills += 1;
        // After every fifth run only: in between, children adopt from children.
        if run % 5 != 4 {
            continue;
        }
        let (mut spool, recovered) = open(dir.path());
        assert_eq!(recovered.failures, 0);
        torn += recovered.corrupt_files;
        let mut found = BTreeSet::new();
        while let Some(batch) = spool.next(NOW).expect("read") {
            for bytes in batch.payloads {
                let name = name(&bytes);
                let (run, number) = name.split_once('/').expect("a name");
                let expected = payload(run.parse().expect("n"), number.parse().expect("n"));
                assert_eq!(bytes, expected, "{name} is not as it was");
                assert!(found.insert(name.clone()), "{name} came twice");
                let state = known.get(&name);
                assert_ne!(
                    state,
                    Some(&State::Acknowledged),
                    "{name} was returned after it was acknowledged"
                );
            }
            spool.acknowledge(batch.id).expect("acknowledged");
        }
        for (name, state) in &known {
            assert!(
                *state != State::Accepted || found.contains(name),
                "{name} was accepted and is lost"
            );
        }
        assert_eq!(spool.stats().corrupt_frames, 0);
        payloads += known.len();
        known.clear();
    }
    assert_eq!(kills, KILLS);
    println!("{kills} kills, {said} lines, {payloads} payloads, 0 lost, {torn} torn tails");
}
