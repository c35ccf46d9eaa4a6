//! Absurd flags, stores that cannot be used, and two processes: an error says what to do.

use std::path::Path;
#[cfg(unix)]
use std::process::{Command, Stdio};

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
        (&file, &["list"], "no store of this program"),
        (
            Path::new("/dev/null"),
            &view,
            "is no regular file: name another one with --store",
        ),
        (Path::new("/dev/null"), &["list"], "is no regular file"),
        (&file, &["list", "--limit", "0"], "number would be zero"),
        (
            dir.path(),
            &["list"],
            "is a directory: name a file with --store, such as",
        ),
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

#[test]
fn the_lines_that_view_prints_are_the_ones_to_set() {
    use base64::Engine as _;
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    for more in [
        &[][..],
        &["--token", "a-long-token"],
        &[
            "--public-key",
            "pk",
            "--secret-key",
            "the-secret",
            "--token",
            "a-long-token",
        ],
    ] {
        let arguments = [&["view", "--store", store.to_str().unwrap()], more].concat();
        let server = Server::start(&arguments);
        let said = |name: &str| {
            let mut lines = server.said.lines();
            let value = lines.find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_else(|| panic!("no {name}: {}", server.said))
        };
        let secret = said("LANGFUSE_SECRET_KEY").replace("(the key that you gave)", "the-secret");
        let keys = format!("{}:{secret}", said("LANGFUSE_PUBLIC_KEY"));
        let keys = base64::engine::general_purpose::STANDARD.encode(keys);
        let header = format!("authorization: Basic {keys}\r\ncontent-type: application/json\r\n");
        let (status, body) = server.ask("POST", "/api/public/otel/v1/traces", &header, b"{}");
        assert_eq!(status, 200, "{more:?}: {body}");
        server.stop();
    }
}

#[cfg(unix)]
#[test]
fn a_body_that_is_being_read_does_not_keep_the_program() {
    use std::io::Write as _;
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    // It inflates to 256 MiB, for which an unoptimized program needs longer than the end of the program may take.
    let mut member = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    member.write_all(&[0; 1 << 20]).unwrap();
    let bomb = member.finish().unwrap().repeat(256);
    let host = server.address.trim_start_matches("http://");
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nhost: {host}\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        bomb.len()
    )
    .unwrap();
    stream.write_all(&bomb).unwrap();
    let begun = std::time::Instant::now();
    server.stop();
    assert!(begun.elapsed().as_secs() < 30, "{:?}", begun.elapsed());
}

#[test]
fn a_name_like_an_address_of_sqlite_is_the_name_of_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("file:traces.db?mode=memory");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let id = record(&server.tracer());
    server.stop();
    assert!(run(&store, &["list"]).1.contains(&id));
}

#[test]
fn an_export_does_not_destroy_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let id = record(&server.tracer());
    server.stop();
    let roundabout = dir.path().join("../").join(dir.path().file_name().unwrap());
    let mut names = vec![store.clone(), roundabout.join("traces.db")];
    for end in ["-wal", "-shm", "-journal", ".lock"] {
        names.push(dir.path().join(format!("traces.db{end}")));
    }
    #[cfg(unix)]
    {
        let link = dir.path().join("link.jsonl");
        std::os::unix::fs::symlink(&store, &link).unwrap();
        names.push(link);
    }
    for name in names {
        let (ok, _, error) = run(&store, &["export", "--output", name.to_str().unwrap()]);
        assert!(
            !ok && error.contains("belongs to the store itself"),
            "{name:?}: {error}"
        );
    }
    assert!(run(&store, &["list"]).1.contains(&id));
    let (ok, _, error) = run(
        &store,
        &[
            "export",
            "--output",
            dir.path().join("other.db").to_str().unwrap(),
        ],
    );
    assert!(ok, "{error}");
}

#[cfg(unix)]
#[test]
fn a_reader_of_a_pipe_may_go_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("traces.db");
    let server = Server::start(&["view", "--store", store.to_str().unwrap()]);
    let tracer = server.tracer();
    let long = tracer.trace("long").start();
    long.set_input("word ".repeat(100_000));
    let id = long.id().unwrap().to_string();
    drop(long);
    tracer.flush().unwrap();
    server.stop();
    for command in [
        &["export"][..],
        &["show", "--json", &id],
        &["show", &id],
        &["list"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tracefuse"))
            .arg("--store")
            .arg(&store)
            .args(command)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{command:?}: {said}"
        );
    }
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
