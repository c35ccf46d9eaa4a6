//! Checks the assembly of a program that was built without exporters: it may contain no arguments of its calls
//! to tracefuse, and no calls. Called by `ci`; the program is `benches/off`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use crate::process::{cargo, root, succeed};

/// Every argument that the program gives to tracefuse contains this.
const MARKER: &str = "MARKER";
/// Functions that do nothing but call tracefuse, and some arithmetic.
const TRACED: [&str; 3] = ["traced_work", "traced_trace", "traced_span"];
/// The arithmetic needs no more on any processor.
const MOST: usize = 8;

pub(crate) fn run() -> Result<()> {
    let text = std::fs::read_to_string(build()?)?;
    let left: Vec<&str> = text.lines().filter(|line| line.contains(MARKER)).collect();
    ensure!(
        left.is_empty(),
        "a build without exporters still holds what calls were given:\n{}\nSee `core/span/feature.rs`: handles are to be \
         known as empty where they are used, which needs `#[inline]` on the functions between",
        left.join("\n")
    );
    for name in TRACED {
        let Some(body) = body(&text, name) else {
            // One of several functions that became the same.
            ensure!(
                text.contains(&format!("{name} = ")) || text.contains(&format!("\t.set\t{name}, ")),
                "the assembly has no `{name}`"
            );
            continue;
        };
        ensure!(
            body.len() <= MOST,
            "`{name}` has {} instructions in a build without exporters:\n{}",
            body.len(),
            body.join("\n")
        );
        println!("{name}: {} instructions", body.len());
    }
    Ok(())
}

/// The program's assembly, built as programs are by default: without link-time optimization.
fn build() -> Result<PathBuf> {
    let assembly = root().join("target/off.s");
    std::fs::create_dir_all(root().join("target"))?;
    let manifest = [
        "--quiet",
        "--locked",
        "--manifest-path",
        "benches/Cargo.toml",
    ];
    let program = ["--profile", "plain", "--package", "tracefuse-off"];
    // Cargo does not track the file and would not write it again.
    succeed(&mut cargo(&[&["clean"][..], &manifest, &program].concat()))?;
    let rustc = [&["rustc"][..], &manifest, &program].concat();
    let mut rustc = cargo(&rustc);
    rustc.args(["--", "--emit", &format!("asm={}", assembly.display())]);
    // As for any release: incremental builds inline nothing across crates that does not ask for it.
    succeed(rustc.env("CARGO_INCREMENTAL", "0")).context("the program without exporters")?;
    Ok(assembly)
}

/// Instructions of a function: neither labels nor directives.
fn body<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let labels = [format!("{name}:"), format!("_{name}:")];
    let mut lines = text.lines();
    lines.find(|line| labels.iter().any(|label| line.starts_with(label)))?;
    let lines = lines.take_while(|line| !line.contains("func_end") && !line.contains(".globl"));
    let instructions = lines.map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with(['.', '#', ';']) && !line.ends_with(':')
    });
    Some(instructions.collect())
}
