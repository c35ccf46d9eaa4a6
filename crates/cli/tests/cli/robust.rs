//! Absurd flags, stores that cannot be used, and two processes: an error says what to do.

use std::path::Path;

use crate::support::{Server, record, run};

#[test]
fn errors_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (ok, _, error) = run(&dir.path().join("none.db"), &["list"]);
    assert!(
        !ok && error.contains("start `tracefuse view` first"),
        "{error}"
    );
    let store = dir.path().join("traces.db");
    let (ok, _, error) = run(&store, &["view", "--listen", "0.0.0.0:0"]);
    assert!(!ok && error.contains("--token"), "{error}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (ok, _, error) = run(&store, &["view", "--listen", &address]);
    assert!(!ok && error.contains("choose another address"), "{error}");
    let (ok, _, error) = run(&store, &["list", "--level", "LOUD"]);
    assert!(!ok && error.contains("WARNING or ERROR"), "{error}");
}

#[test]
fn a_store_that_cannot_be_used_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("notes.txt");
    std::fs::write(&file, "these are notes, and more of them than a header has").unwrap();
    let view = ["view", "--listen", "127.0.0.1:0"];
    for (store, command, said) in [
        (
            dir.path(),
            view.as_slice(),
            "is a directory: name a file with --store, such as",
        ),
        (
            &file.join("traces.db"),
            &view,
            "name another file with --store",
        ),
        (&file, &view, "no store of this program"),
        (&file, &["list"], "name the file of a store with --store"),
        (
            &dir.path().join("missing/deep.db"),
            &["list"],
            "start `tracefuse view` first",
        ),
        (Path::new(":memory:"), &["list"], "name a file with --store"),
        (
            Path::new(":memory:"),
            &["import", "-"],
            "gone after the import",
        ),
        (
            Path::new(":memory:"),
            &["forward", "--to", "http://127.0.0.1:9"],
            "with --spool",
        ),
        (
            &dir.path().join("a.db"),
            &["forward", "--to", "http://127.0.0.1:4318"],
            "this server itself",
        ),
        (
            &dir.path().join("a.db"),
            &["forward", "--to", "not a url"],
            "cannot read --to",
        ),
        (
            &dir.path().join("a.db"),
            &[
                "forward",
                "--to",
                "http://example.com",
                "--to-public-key",
                "pk",
                "--to-secret-key",
                "sk",
            ],
            "give --to an address with https",
        ),
        (
            &dir.path().join("b.db"),
            &["import", "missing.jsonl"],
            "cannot import missing.jsonl",
        ),
        (
            &dir.path().join("b.db"),
            &["view", "--prices", "missing.json"],
            "cannot read missing.json",
        ),
    ] {
        let (ok, _, error) = run(store, command);
        assert!(!ok && error.contains(said), "{command:?}: {error}");
    }
    assert_eq!(std::fs::read(&file).unwrap().len(), 51);
    // A folder that is missing is made.
    let server = Server::start(&[
        "view",
        "--store",
        dir.path().join("new/deep.db").to_str().unwrap(),
    ]);
    server.stop();
}

#[cfg(unix)]
#[test]
fn a_store_that_may_not_be_written_says_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    record(&server.tracer());
    server.stop();
    let mode = |path: &Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&store, 0o400);
    mode(dir.path(), 0o500);
    let (ok, out, error) = run(&store, &["list"]);
    mode(dir.path(), 0o700);
    // An administrator may do everything.
    assert!(
        (ok && out.contains("question")) || error.contains("must be allowed to write"),
        "{out}{error}"
    );
}

#[test]
fn a_second_process_is_refused_and_readers_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let id = record(&server.tracer());
    let (ok, _, error) = run(&store, &["view", "--listen", "127.0.0.1:0"]);
    assert!(
        !ok && error.contains("another process writes to"),
        "{error}"
    );
    let lines = dir.path().join("lines.jsonl");
    std::fs::write(&lines, "").unwrap();
    let (ok, _, error) = run(&store, &["import", lines.to_str().unwrap()]);
    assert!(!ok && error.contains("stop it for the import"), "{error}");
    assert!(run(&store, &["list"]).1.contains(&id));
    server.stop();
    let (ok, _, error) = run(&store, &["import", lines.to_str().unwrap()]);
    assert!(ok, "{error}");
}
