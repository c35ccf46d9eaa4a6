//! The scripts of the pages, checked by TypeScript's compiler, which is installed by npm below `target`.
//! Used by `main`; says in words where that cannot be done.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use xtask::process::{root, target};

const TYPESCRIPT: &str = "5.9.3";

/// Lines of all scripts together, at most.
const MOST_LINES: usize = 2000;

const SCRIPTS: &str = "crates/server/src/pages/assets";

/// Checks types; and that the scripts stay few.
pub(crate) fn check(in_ci: bool) -> Result<()> {
    let folder = root().join(SCRIPTS);
    let mut files = Vec::new();
    let mut lines = 0;
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "js") {
            let text = fs::read_to_string(&path)?;
            ensure!(
                text.contains("// @ts-check"),
                "{} has no `// @ts-check`",
                path.display()
            );
            lines += text.lines().count();
            files.push(path);
        }
    }
    ensure!(
        lines <= MOST_LINES,
        "the scripts have {lines} lines, more than {MOST_LINES}"
    );
    let modules = target().join("pages-tsc");
    if let Err(reason) = install(&modules, in_ci) {
        println!(
            "pages: types of {} scripts not checked, because {reason}",
            files.len()
        );
        return Ok(());
    }
    let mut compiler = Command::new("node");
    compiler.arg(modules.join("node_modules/typescript/bin/tsc"));
    compiler.args([
        "--allowJs",
        "--checkJs",
        "--noEmit",
        "--strict",
        "--noUncheckedIndexedAccess",
        "--exactOptionalPropertyTypes",
    ]);
    compiler.args([
        "--noImplicitReturns",
        "--noUnusedLocals",
        "--noUnusedParameters",
    ]);
    compiler.args([
        "--target",
        "es2022",
        "--module",
        "es2022",
        "--moduleResolution",
        "bundler",
    ]);
    compiler.args(["--lib", "es2023,dom,dom.iterable"]);
    let status = compiler
        .args(&files)
        .status()
        .context("node cannot be started")?;
    ensure!(
        status.success(),
        "TypeScript found errors in the scripts of the pages"
    );
    println!(
        "pages: {} scripts with {lines} lines, types checked by TypeScript {TYPESCRIPT}: ok",
        files.len()
    );
    Ok(())
}

fn install(modules: &Path, in_ci: bool) -> Result<(), String> {
    let package = modules.join("node_modules/typescript/package.json");
    let version = format!("\"version\": \"{TYPESCRIPT}\"");
    if fs::read_to_string(&package).is_ok_and(|text| text.contains(&version)) {
        return Ok(());
    }
    let is_ci =
        std::env::var_os("CI").is_some_and(|set| !set.is_empty() && set != "0" && set != "false");
    if in_ci && !is_ci {
        return Err(
            "TypeScript is not installed; `cargo xtask pages` or CI=true installs it".to_owned(),
        );
    }
    fs::create_dir_all(modules).map_err(|error| error.to_string())?;
    fs::write(modules.join("package.json"), "{\"private\": true}")
        .map_err(|error| error.to_string())?;
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.args([
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    npm.arg(format!("typescript@{TYPESCRIPT}"))
        .current_dir(modules)
        .stdout(Stdio::null());
    match npm.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("npm cannot install TypeScript here".to_owned()),
        Err(error) => Err(format!("there is no npm: {error}")),
    }
}
