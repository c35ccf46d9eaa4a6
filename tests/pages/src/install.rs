//! Chromium and its driver: where they are, and their installation on a machine of CI.
//! Used by `main`; says in words why there is no browser.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The programs.
pub(crate) struct Browser {
    pub(crate) chromium: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds them, or installs Debian's packages where `CI` is set and this is the user root.
///
/// # Errors
/// In words for a person, why there are none.
pub(crate) fn browser(in_ci: bool) -> Result<Browser, String> {
    if let Some(browser) = found() {
        return Ok(browser);
    }
    let is_ci =
        std::env::var_os("CI").is_some_and(|set| !set.is_empty() && set != "0" && set != "false");
    let advice = "install `chromium` and `chromium-driver` (Debian), or set CHROMIUM and CHROMEDRIVER to the programs";
    if !(in_ci && is_ci) {
        return Err(format!("chromium and chromedriver are not here: {advice}"));
    }
    if !is_root() {
        return Err(format!(
            "chromium is not here, and only root can install it: {advice}"
        ));
    }
    println!("pages: installing chromium and chromium-driver");
    apt(&["update", "-qq"])?;
    apt(&[
        "install",
        "-y",
        "-qq",
        "--no-install-recommends",
        "chromium",
        "chromium-driver",
        "fonts-liberation",
    ])?;
    found().ok_or_else(|| "apt-get installed no chromium and chromedriver".to_owned())
}

fn found() -> Option<Browser> {
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    Some(Browser {
        chromium: named("CHROMIUM")
            .or_else(|| on_path(&["chromium", "chromium-browser", "google-chrome"]))?,
        driver: named("CHROMEDRIVER").or_else(|| on_path(&["chromedriver"]))?,
    })
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let files = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    files.into_iter().find(|file| file.is_file())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output();
    id.is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

fn apt(arguments: &[&str]) -> Result<(), String> {
    let mut command = Command::new("apt-get");
    let status = command
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdout(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`apt-get {}` failed", arguments.join(" "))),
        Err(error) => Err(format!(
            "chromium is not here, and apt-get cannot be started: {error}"
        )),
    }
}
