//! What the example programs print in a terminal, without what differs from run to run: times, and the ids of traces.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs of each program. A tree that depends on which thread is faster differs in some of them.
const RUNS: usize = 20;

/// An example, which cargo has built beside this test, or builds now.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap();
    let program = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let program = folder.join("examples").join(program);
    if !program.exists() {
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "-p", "tracefuse", "--all-features"])
            .args(["--example", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success() && program.exists(), "{}", program.display());
    }
    program
}

/// What it prints with nothing but `TRACING_MODE=print` set, in a folder without files of settings.
fn printed(program: &Path) -> String {
    let output = Command::new(program)
        .env_clear()
        .env("TRACING_MODE", "print")
        .current_dir(std::env::temp_dir())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert_eq!(stderr, "");
    String::from_utf8(output.stdout).unwrap()
}

/// The text without durations, the chart of times, and ids.
fn shape(printed: &str) -> String {
    let mut shape = String::new();
    // The scale of the chart.
    for line in printed.lines().filter(|line| !line.contains('╷')) {
        let tree = line.chars().take_while(|c| " │├└".contains(*c));
        let tree: String = tree.collect();
        let words: Vec<&str> = line[tree.len()..].split_whitespace().collect();
        let mut kept = Vec::new();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let is_number = word.trim_start_matches('+').parse::<f64>().is_ok();
            let is_chart = word.chars().all(|c| "━╸╺╎◆".contains(c));
            let is_id = word.len() == 32 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_number && ["ns", "µs", "ms", "s"].contains(&next) {
                at += 1;
            } else if word.starts_with("execution_time_ms=") {
                kept.push("execution_time_ms=..");
            } else if !is_chart {
                kept.push(if is_id { "ID" } else { word });
            }
            at += 1;
        }
        shape.push_str(&format!("{tree}{}\n", kept.join(" ")));
    }
    shape
}

#[test]
fn quickstart_prints_its_trace() {
    let program = example("quickstart");
    let expected = "\
● span quickstart · 14 → 2 tokens
│ ID · user user123 · #example
│ in What is the capital of France?
│ out Paris
└ generation answer gpt-4o · 14 → 2 tokens
    in What is the capital of France?
    out Paris

";
    assert_eq!(shape(&printed(&program)), expected);
}

#[test]
fn fan_out_prints_one_tree_in_every_run() {
    let program = example("fan_out");
    let expected = "\
● span fan-out
│ ID
├ span joined
│ ├ retriever look-up
│ │   in a
│ │   out value of a
│ └ retriever look-up
│     in b
│     out value of b
├ span spawned
│ └ retriever look-up
│     in d
│     out value of d
├ tool blocking
│   out 42
└ retriever look-up
    in c
    out value of c

";
    for run in 0..RUNS {
        assert_eq!(shape(&printed(&program)), expected, "run {run}");
    }
}

#[test]
fn the_guide_of_llm4s_prints_the_same_in_every_run() {
    let program = example("llm4s_guide");
    let first = shape(&printed(&program));
    for words in [
        "│ metadata source=web · version=1.0\n",
        "  in {\"question\":\"What is Rust?\"}\n",
        "  ✗ RateLimit: too many requests\n",
        "  └ span child-operation-2\n    └ span grandchild\n        out second\n",
        "│   ✗ the answer is empty\n",
        "  ├ event cache-miss\n  │   metadata key=user:123 · shard=3\n",
        "    temperature=0.7 · max_tokens=1000\n",
        "├ span fetch-users\n│   out all users\n└ span fetch-orders\n    out all orders\n",
    ] {
        assert!(first.contains(words), "{words} in\n{first}");
    }
    assert!(!first.contains('◌'), "nothing is late: {first}");
    for run in 1..RUNS {
        assert_eq!(shape(&printed(&program)), first, "run {run}");
    }
}
