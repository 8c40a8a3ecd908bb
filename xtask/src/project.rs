//! Where things are: the repository, the build directories, the cache outside of the clone.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Cmd, Result};

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable when it runs us; the built-in path serves a direct call.
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest
        .parent()
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// Whether a machine, not a person, runs us.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// What outlives a clone: tools and, on CI, build products.
pub(crate) fn cache() -> PathBuf {
    let base = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute());
    let base = base.unwrap_or_else(|| {
        env::var_os("HOME")
            .map_or_else(env::temp_dir, PathBuf::from)
            .join(".cache")
    });
    base.join("syncline")
}

/// Cargo's target directory for native builds. CI clones afresh each time: there it lies in the
/// cache, unless the caller chose a place.
pub(crate) fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None if is_ci() => cache().join("target"),
        None => root().join("target"),
    }
}

/// The target directory of wasm builds: another toolchain may make them, and two toolchains in
/// one directory wait for each other's lock.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
}

/// Our own products: packed packages, the demo's database, the packed package's test project.
pub(crate) fn products() -> PathBuf {
    root().join("target")
}

/// Cargo of the toolchain that runs us, in the repository.
pub(crate) fn cargo() -> Cmd {
    Cmd::new("cargo")
        .dir(root())
        .env("CARGO_TARGET_DIR", target())
}

/// On CI a lock file that doesn't fit is an error; at a desk cargo brings it up to date.
pub(crate) fn locked() -> Option<&'static str> {
    is_ci().then_some("--locked")
}

/// The version of a package in `Cargo.lock`.
pub(crate) fn locked_version(package: &str) -> Result<String> {
    let path = root().join("Cargo.lock");
    let lock = fs::read_to_string(&path)
        .map_err(|error| format!("can't read {}: {error}", path.display()))?;
    version_in_lock(&lock, package)
        .ok_or_else(|| format!("Cargo.lock has no package {package}: run `cargo check` first"))
}

fn version_in_lock(lock: &str, package: &str) -> Option<String> {
    let wanted = format!("name = \"{package}\"");
    let mut lines = lock.lines();
    lines.find(|line| *line == wanted)?;
    let version = lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')?;
    Some(version.to_owned())
}

/// The oldest Rust that the workspace builds with, as `Cargo.toml` says.
pub(crate) fn rust_version() -> (u32, u32) {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap_or_default();
    let line = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    line.and_then(|value| parse_version(value.trim_matches('"')))
        .unwrap_or((0, 0))
}

/// Major and minor of the first version number in a text such as `rustc 1.96.0 (…)` or `v20.1.2`.
pub(crate) fn parse_version(text: &str) -> Option<(u32, u32)> {
    text.split_whitespace().find_map(|word| {
        let mut parts = word.trim_start_matches('v').split(['.', '-', '+', '~']);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    })
}

/// Finds a program on `PATH`.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
}

/// Writes a file unless it already holds exactly this, so that nothing downstream rebuilds.
pub(crate) fn write_if_changed(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    let report = |error| format!("can't write {}: {error}", path.display());
    if let Some(dir) = path.parent() {
        fs::create_dir_all(dir).map_err(report)?;
    }
    fs::write(path, content).map_err(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_gives_the_version_of_exactly_that_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"9.9.9\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(
            version_in_lock(lock, "wasm-bindgen").as_deref(),
            Some("0.2.130")
        );
        assert_eq!(version_in_lock(lock, "wasm"), None);
    }

    #[test]
    fn versions_are_read_from_what_programs_print() {
        assert_eq!(
            parse_version("rustc 1.96.0 (ac68faa20 2026-05-25)"),
            Some((1, 96))
        );
        assert_eq!(parse_version("v20.19.4"), Some((20, 19)));
        assert_eq!(parse_version("1.96.0+dfsg1-1~deb12u2"), Some((1, 96)));
        assert_eq!(parse_version("no version here"), None);
    }
}
