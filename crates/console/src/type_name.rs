//! Names of Rust types as people write them.
//! Called by `convert` for the types of errors; records keep the full path.

/// Paths without the modules that only order a crate's own code: `io::Error` for `std::io::error::Error`, `ParseIntError`
/// for `core::num::error::ParseIntError`, `reqwest::Error` for `reqwest::error::Error`. A path inside of angle
/// brackets likewise; what is no path of Rust stays as it is.
pub(crate) fn readable(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while !rest.is_empty() {
        let is_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
        let path = rest.find(|c| !is_path(c)).unwrap_or(rest.len());
        let (head, after) = rest.split_at_checked(path).unwrap_or((rest, ""));
        out.push_str(&shortened(head));
        let between = after.find(is_path).unwrap_or(after.len());
        let (other, after) = after.split_at_checked(between).unwrap_or((after, ""));
        out.push_str(other);
        rest = after;
    }
    out
}

fn shortened(path: &str) -> String {
    let mut segments: Vec<&str> = path.split("::").collect();
    let Some(last) = segments.pop() else {
        return path.to_owned();
    };
    if segments.is_empty() || segments.iter().any(|segment| segment.is_empty()) {
        return path.to_owned();
    }
    let is_std = segments
        .first()
        .is_some_and(|first| matches!(*first, "std" | "core" | "alloc"));
    let inner = segments
        .iter()
        .skip(1)
        .filter(|segment| !matches!(**segment, "error" | "errors" | "err" | "imp" | "inner"));
    let inner: Vec<&str> = inner.copied().collect();
    if !is_std {
        let crate_name = segments.first().copied();
        let kept = crate_name.into_iter().chain(inner).chain([last]);
        return kept.collect::<Vec<_>>().join("::");
    }
    // A name of the standard library that is clear alone needs no module.
    match inner.last() {
        Some(module) if matches!(last, "Error" | "ErrorKind") => format!("{module}::{last}"),
        _ => last.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_modules_are_left_out() {
        for (name, shown) in [
            ("std::io::error::Error", "io::Error"),
            ("core::num::error::ParseIntError", "ParseIntError"),
            ("core::fmt::Error", "fmt::Error"),
            ("alloc::string::FromUtf8Error", "FromUtf8Error"),
            ("reqwest::error::Error", "reqwest::Error"),
            ("serde_json::error::Error", "serde_json::Error"),
            ("tokio::time::error::Elapsed", "tokio::time::Elapsed"),
            ("shop::billing::PaymentError", "shop::billing::PaymentError"),
            (
                "alloc::boxed::Box<dyn core::error::Error + core::marker::Send>",
                "Box<dyn Error + Send>",
            ),
            (
                "shop::Wrapped<std::io::error::Error, alloc::string::String>",
                "shop::Wrapped<io::Error, String>",
            ),
            // What others call their errors.
            ("ThrottlingException", "ThrottlingException"),
            ("openai.error.RateLimitError", "openai.error.RateLimitError"),
            ("400: INVALID_ARGUMENT", "400: INVALID_ARGUMENT"),
            ("a::::b", "a::::b"),
            ("::", "::"),
            ("", ""),
        ] {
            assert_eq!(readable(name), shown, "{name}");
        }
    }
}
