//! What the compiler says of mistakes. Only our own sentences are compared: the rest is the compiler's, and changes with it.

#![expect(
    clippy::disallowed_methods,
    reason = "starts the compiler as cargo does, with a file"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Cargo's folder with the compiled dependencies of this test.
fn deps() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    program.parent().unwrap().to_owned()
}

/// This crate as it was compiled last, for this test.
fn this_crate() -> PathBuf {
    let built = |path: &Path| -> SystemTime { path.metadata().unwrap().modified().unwrap() };
    let files = std::fs::read_dir(deps())
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut found: Vec<PathBuf> = files
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libtracefuse_core-") && name.ends_with(".rlib")
        })
        .collect();
    found.sort_by_key(|path| built(path));
    found.pop().expect("this crate is compiled")
}

/// What the compiler says of `body`, the statements of a function that has a `tracer` and an error without `Display`.
fn compiled(body: &str) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let source = dir.path().join("main.rs");
    let program = format!(
        "#[derive(Debug)] pub struct Silent;\n\
         pub fn run(tracer: &tracefuse_core::Tracer) {{ {body} }}\nfn main() {{}}\n"
    );
    std::fs::write(&source, program).unwrap();
    let output = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
        .args([
            "--edition",
            "2024",
            "--emit",
            "metadata",
            "--color",
            "never",
            "-o",
        ])
        .arg(dir.path().join("out"))
        .arg("-L")
        .arg(format!("dependency={}", deps().display()))
        .arg("--extern")
        .arg(format!("tracefuse_core={}", this_crate().display()))
        .arg(&source)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), said)
}

#[test]
fn an_error_that_cannot_be_recorded_is_named_with_its_remedy() {
    for body in [
        "let _ = tracer.trace(\"t\").try_run(|_| Err::<(), _>(Silent));",
        "let _ = tracer.trace(\"t\").run(|trace| trace.span(\"s\").try_run(|_| Err::<(), _>(Silent)));",
        "tracer.trace(\"t\").run(|trace| trace.record_error(&Silent));",
        "let _ = tracer.trace(\"t\").try_run_async(async |_| Err::<(), _>(Silent));",
    ] {
        let (compiles, said) = compiled(body);
        assert!(!compiles, "{body}");
        for words in [
            "`Silent` cannot be recorded as an error",
            "not an error that can be recorded",
            "implement `std::error::Error` for it; boxed errors, `anyhow::Error`, `String` and `&str` can be recorded too",
            "where the error type cannot be inferred, as after `?` in a closure, name it: `Ok::<_, anyhow::Error>(value)`",
        ] {
            assert!(said.contains(words), "{words:?} of {body}: {said}");
        }
    }
}

#[test]
fn the_error_after_a_question_mark_must_be_named() {
    let parsed = |end: &str| {
        format!("let _ = tracer.trace(\"t\").try_run(|_| {{ let n: u8 = \"5\".parse()?; {end} }});")
    };
    let (compiles, said) = compiled(&parsed("Ok(n)"));
    assert!(
        !compiles && said.contains("type annotations needed"),
        "{said}"
    );
    let (compiles, said) = compiled(&parsed("Ok::<_, std::num::ParseIntError>(n)"));
    assert!(compiles, "{said}");
}

#[test]
fn errors_of_every_family_are_recorded() {
    let (compiles, said) = compiled(
        "let _ = tracer.trace(\"a\").try_run(|_| Err::<(), _>(std::fmt::Error)); \
         let _ = tracer.trace(\"b\").try_run(|_| Err::<(), _>(\"no\")); \
         let _ = tracer.trace(\"c\").try_run(|_| Err::<(), Box<dyn std::error::Error>>(\"no\".into()));",
    );
    assert!(compiles, "{said}");
}
