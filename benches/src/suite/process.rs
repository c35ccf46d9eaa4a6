//! The measuring programs as child processes.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn binary(name: &str) -> PathBuf {
    std::env::current_exe().unwrap().with_file_name(name)
}

/// The receiver, and its address. Killed when it goes.
pub struct Sink {
    child: Child,
    pub url: String,
}

impl Sink {
    pub fn start() -> Self {
        let mut child = Command::new(binary("sink")).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program for at most two minutes; `None` if it did not finish or printed no JSON.
pub fn child(name: &str, args: &[&str]) -> Option<Value> {
    eprintln!("{name} {}", args.join(" "));
    let mut command = Command::new("timeout");
    command.arg("120").arg(binary(name)).args(args);
    let output = command.stderr(Stdio::null()).output().ok()?;
    serde_json::from_slice(&output.stdout).ok()
}
