//! The rules of docs/security.md that a compiler does not know: lints that stay on, identifiers that are refused,
//! versions that stay above an advisory, and tests that are named there and exist.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::Findings;
use crate::process::root;

/// Crates that handle an application's data, or bytes from outside.
const DATA_PATH: &[&str] = &[
    "console",
    "core",
    "exporter",
    "http",
    "langfuse",
    "mask",
    "otlp",
    "runtime",
    "spool",
    "tracefuse",
];

const DENIED: &[&str] = &[
    "clippy::unwrap_used",
    "clippy::expect_used",
    "clippy::indexing_slicing",
    "clippy::panic",
];

/// Modules that parse lengths and numbers in bytes from outside.
const PARSERS: &[&str] = &[
    "crates/core/src/record/codec/mod.rs",
    "crates/http/src/answer.rs",
    "crates/http/src/client.rs",
    "crates/http/src/endpoint.rs",
    "crates/http/src/proxy.rs",
    "crates/otlp/src/partial.rs",
    "crates/spool/src/frame.rs",
    "crates/spool/src/name.rs",
];

const ARITHMETIC: &str = "#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]";

/// Identifiers of a switch that turns verification off.
const TLS_SWITCHES: &[&str] = &[
    "dangerous()",
    "ServerCertVerifier",
    "custom_certificate_verifier",
    "danger_accept",
    "insecure_skip",
    "verify_peer",
    "NoVerif",
];

/// What `deny.toml` must keep out, each for an advisory.
const BANNED: &[&str] = &[
    "dotenv",
    "openssl-sys",
    "reqwest",
    "h2@<0.4.16",
    "ring@<0.17.12",
    "rustls-webpki@<0.103.13",
    "time@<0.3.47",
    "tracing-subscriber@<0.3.20",
];

pub(super) fn check(files: &[PathBuf]) -> Result<Findings> {
    let mut findings = lints()?;
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        if name.ends_with(".rs") && name.starts_with("crates/") {
            let text = std::fs::read_to_string(root().join(file))?;
            findings.extend(words(&name, &text));
        }
    }
    let read = |name: &str| std::fs::read_to_string(root().join(name)).context(name.to_owned());
    findings.extend(dependencies(&read("deny.toml")?, &read("Cargo.lock")?));
    findings.extend(named_tests(&read("docs/security.md")?));
    Ok(findings)
}

fn lints() -> Result<Findings> {
    let mut findings = Vec::new();
    for entry in std::fs::read_dir(root().join("crates"))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        // A crate that is a program alone has no `lib.rs`.
        let library = entry.path().join("src/lib.rs");
        let (file, path) = match library.is_file() {
            true => ("lib.rs", library),
            false => ("main.rs", entry.path().join("src/main.rs")),
        };
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        // The core denies it by the workspace's lint, except for two measured places (`core/clock/tsc.rs`, `core/span/open/slots/mod.rs`).
        if name != "core" && !text.contains("#![forbid(unsafe_code)]") {
            findings.push(format!(
                "crates/{name}/src/{file} does not say #![forbid(unsafe_code)]"
            ));
        }
        for lint in DENIED.iter().filter(|lint| !text.contains(**lint)) {
            if DATA_PATH.contains(&name.as_str()) {
                findings.push(format!("crates/{name}/src/{file} does not deny {lint}"));
            }
        }
    }
    for file in PARSERS {
        if !std::fs::read_to_string(root().join(file))?.contains(ARITHMETIC) {
            findings.push(format!("{file} does not say {ARITHMETIC}"));
        }
    }
    Ok(findings)
}

fn words(name: &str, text: &str) -> Findings {
    let mut findings = Vec::new();
    if name.contains("/tests/") || name.contains("/examples/") {
        return findings;
    }
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    for word in TLS_SWITCHES.iter().filter(|word| code.contains(**word)) {
        findings.push(format!(
            "{name}: `{word}`: there is no way to turn the verification of certificates off"
        ));
    }
    // A page is made of `Sanitized` by its types; these two are where the types end.
    let console = name.starts_with("crates/console/src/");
    if console && !name.ends_with("/sanitize.rs") && code.contains(concat!("Sanitized", "(")) {
        findings.push(format!("{name}: only sanitize.rs makes a `Sanitized`"));
    }
    let writes = ["write_all", ".write(", "io::stdout()", "io::stderr()"];
    if console && !name.ends_with("/exporter.rs") && writes.iter().any(|word| code.contains(word)) {
        findings.push(format!("{name}: only exporter.rs writes to a stream"));
    }
    findings
}

/// What is banned is banned in `deny.toml`, and not in the lock file, unless a crate may depend on it (`wrappers`).
fn dependencies(deny: &str, lock: &str) -> Findings {
    let entries: Vec<(&str, Vec<&str>)> = deny.lines().filter_map(entry).collect();
    let banned: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
    let mut findings: Findings = BANNED
        .iter()
        .filter(|entry| !banned.contains(entry))
        .map(|entry| format!("deny.toml does not ban {entry}"))
        .collect();
    for package in lock.split("[[package]]") {
        let name = package.split("name = \"").nth(1);
        let name = name.and_then(|rest| rest.split('"').next());
        for (entry, wrappers) in entries.iter().filter(|(_, wrappers)| !wrappers.is_empty()) {
            let depends = package.lines().any(|line| {
                let line = line.trim().trim_matches(['"', ',']);
                line.split(' ').next() == Some(entry)
            });
            if let Some(name) = name.filter(|name| depends && !wrappers.contains(name)) {
                findings.push(format!("{name} depends on {entry}, which is banned"));
            }
        }
    }
    let banned = entries.iter().filter(|(_, wrappers)| wrappers.is_empty());
    let banned: Vec<&str> = banned.map(|(name, _)| *name).collect();
    let mut lines = lock.lines();
    while let Some(line) = lines.next() {
        let field = |line: Option<&str>, name: &str| {
            let value = line?.strip_prefix(name)?.strip_prefix(" = \"")?;
            value.strip_suffix('"').map(str::to_owned)
        };
        let Some(name) = field(Some(line), "name") else {
            continue;
        };
        let version = field(lines.next(), "version").unwrap_or_default();
        for entry in &banned {
            let (crate_name, below) = entry.split_once("@<").unwrap_or((entry, ""));
            let is_banned = below.is_empty() || numbers(&version) < numbers(below);
            if crate_name == name && is_banned {
                findings.push(format!(
                    "Cargo.lock has {name} {version}: {entry} is banned"
                ));
            }
        }
    }
    findings
}

/// The crate of a ban, and the crates that may depend on it.
fn entry(line: &str) -> Option<(&str, Vec<&str>)> {
    let rest = line.trim().strip_prefix("{ crate = \"")?;
    let (name, rest) = rest.split_once('"')?;
    let wrappers = rest
        .split_once("wrappers = [")
        .and_then(|(_, list)| list.split_once(']'));
    let wrappers = wrappers.map_or("", |(list, _)| list);
    let wrappers = wrappers.split('"').skip(1).step_by(2).collect();
    Some((name, wrappers))
}

fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

/// A test is named as `path/of/file.rs::name`, or by a file alone if all of it is one test.
fn named_tests(document: &str) -> Findings {
    let mut findings = Vec::new();
    let mut rules = Vec::new();
    for line in document.lines().filter(|line| line.starts_with("| S")) {
        let rule = line.split('|').nth(1).unwrap_or_default().trim();
        rules.push(rule.to_owned());
        let mut named = 0;
        for word in line.split('`').filter(|word| word.contains(".rs::")) {
            named += 1;
            let (file, test) = word.split_once("::").unwrap_or((word, ""));
            let path = ["crates", "xtask"].map(|folder| root().join(folder).join(file));
            let text = path
                .iter()
                .find_map(|path| std::fs::read_to_string(path).ok());
            let marks = [format!("fn {test}("), format!("\"{test}\"")];
            if !text.is_some_and(|text| marks.iter().any(|mark| text.contains(mark))) {
                findings.push(format!("docs/security.md, {rule}: there is no test {word}"));
            }
        }
        if named == 0 {
            findings.push(format!("docs/security.md, {rule}: no test is named"));
        }
    }
    let expected: Vec<String> = (1..=22).map(|number| format!("S{number}")).collect();
    if rules != expected {
        findings.push(format!("docs/security.md has the rules {rules:?}"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_below_its_minimum_is_found() {
        let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        let lock = |name: &str, version: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n")
        };
        for (name, version, found) in [
            ("h2", "0.4.15", true),
            ("h2", "0.4.16", false),
            ("ring", "0.17.9", true),
            ("ring", "0.17.14+x", false),
            ("time", "0.3.100", false),
            ("dotenv", "0.15.0", true),
            ("serde", "1.0.0", false),
        ] {
            let findings = dependencies(&deny, &lock(name, version));
            assert_eq!(
                !findings.is_empty(),
                found,
                "{name} {version}: {findings:?}"
            );
        }
        assert_eq!(dependencies("", "").len(), BANNED.len());
    }

    #[test]
    fn reqwest_is_only_below_what_instruments_it() {
        let deny = std::fs::read_to_string(root().join("deny.toml")).unwrap();
        for (name, found) in [
            ("tracefuse-http-client", 0),
            ("tracefuse", 1),
            ("tracefuse-http", 1),
        ] {
            let lock = format!(
                "[[package]]\nname = \"reqwest\"\nversion = \"0.13.5\"\n\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\ndependencies = [\n \"reqwest\",\n \"reqwest-middleware\",\n]\n"
            );
            assert_eq!(dependencies(&deny, &lock).len(), found, "{name}");
        }
    }

    #[test]
    fn a_switch_for_tls_and_a_second_way_to_the_terminal_are_found() {
        for (name, text, found) in [
            ("crates/http/src/tls.rs", "config.dangerous().set(x)", 1),
            (
                "crates/http/tests/http/trust.rs",
                "config.dangerous().set(x)",
                0,
            ),
            (
                "crates/console/src/tree.rs",
                concat!("Sanitized", "(text)"),
                1,
            ),
            (
                "crates/console/src/tree.rs",
                "io::stdout().write_all(text)",
                1,
            ),
            (
                "crates/console/src/exporter.rs",
                "io::stdout().write_all(text)",
                0,
            ),
            ("crates/http/src/tls.rs", "fn fine() {}", 0),
        ] {
            assert_eq!(words(name, text).len(), found, "{text}");
        }
    }

    #[test]
    fn a_rule_without_a_test_is_found() {
        let good = "| S1 | `http/src/secret.rs::a_secret_prints_as_stars_however_it_is_printed` |";
        let missing = "| S1 | `http/src/secret.rs::nothing` |";
        let none = "| S1 | none |";
        // All of these lack S2 to S22.
        assert_eq!(
            [good, missing, none].map(|text| named_tests(text).len()),
            [1, 2, 2]
        );
    }
}
