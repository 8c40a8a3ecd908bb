//! Tools from crates.io: wasm-bindgen's command line, wasm-pack, geckodriver.
//!
//! One on `PATH` is used if its version fits. Others go to the cache, one directory per version,
//! where they outlive the clone.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use crate::project::{cache, locked_version, on_path};
use crate::run::{Cmd, Result, note};

/// What `wasm-pack test` is known to work with.
const WASM_PACK: &str = "0.15.1";
const GECKODRIVER: &str = "0.36.0";

/// A failed optional installation is tried again after this time.
const RETRY_OPTIONAL: Duration = Duration::from_secs(24 * 60 * 60);

const INSTALL_LIMIT: Duration = Duration::from_secs(20 * 60);

/// The directory of wasm-bindgen's programs, in exactly the version of `Cargo.lock`: another one
/// doesn't understand what the crate's macros wrote into the module.
pub(crate) fn ensure_wasm_bindgen() -> Result<PathBuf> {
    let version = locked_version("wasm-bindgen")?;
    let programs = ["wasm-bindgen", "wasm-bindgen-test-runner"];
    ensure("wasm-bindgen-cli", &version, &programs)
}

/// The directory of wasm-pack.
pub(crate) fn ensure_wasm_pack() -> Result<PathBuf> {
    if let Some(found) = on_path("wasm-pack").filter(|_| answers("wasm-pack", None)) {
        note(format!("{} is there", found.display()));
        return parent(found);
    }
    ensure("wasm-pack", WASM_PACK, &["wasm-pack"])
}

/// geckodriver, if there is one.
pub(crate) fn geckodriver() -> Option<PathBuf> {
    let chosen = std::env::var_os("GECKODRIVER").map(PathBuf::from);
    let cached = root_of("geckodriver", GECKODRIVER).join("bin/geckodriver");
    chosen
        .or_else(|| on_path("geckodriver"))
        .or(Some(cached))
        .filter(|path| path.is_file())
}

/// Tries to install geckodriver; without it the tests in Firefox are skipped.
pub(crate) fn try_geckodriver() -> Result<()> {
    if let Some(found) = geckodriver() {
        note(format!("{} is there", found.display()));
        return Ok(());
    }
    if super::browser::firefox().is_none() {
        note("no Firefox, so no need for it: tests in Firefox are skipped");
        return Ok(());
    }
    let failed = cache().join("geckodriver-failed");
    let age = fs::metadata(&failed).and_then(|data| data.modified());
    if age.is_ok_and(|at| {
        SystemTime::now()
            .duration_since(at)
            .is_ok_and(|t| t < RETRY_OPTIONAL)
    }) {
        note("its installation failed within the last day: tests in Firefox are skipped");
        return Ok(());
    }
    if let Err(error) = ensure("geckodriver", GECKODRIVER, &["geckodriver"]) {
        note(error);
        note("tests in Firefox are skipped; to run them, install geckodriver");
        fs::write(&failed, "").map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// The directory that holds `programs` of a crate in that version, installed if need be.
fn ensure(name: &str, version: &str, programs: &[&str]) -> Result<PathBuf> {
    let first = programs[0];
    if let Some(found) =
        on_path(first).filter(|_| programs.iter().all(|p| answers(p, Some(version))))
    {
        note(format!("{} {version} is there", found.display()));
        return parent(found);
    }
    let root = root_of(name, version);
    let bin = root.join("bin");
    let fits = |program: &&str| {
        bin.join(program)
            .to_str()
            .is_some_and(|path| answers(path, Some(version)))
    };
    if programs.iter().all(&fits) {
        note(format!("{first} {version} is in {}", bin.display()));
        return Ok(bin);
    }
    fs::create_dir_all(&root).map_err(|e| format!("can't create {}: {e}", root.display()))?;
    let install = || {
        Cmd::new("cargo")
            .args(["install", name, "--version", version, "--force", "--root"])
            .arg(&root)
            .dir(&root)
            .without_env("CARGO_TARGET_DIR")
            // They run for seconds: quick to build beats quick to run.
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .limit(INSTALL_LIMIT)
    };
    // The versions that the tool's own lock file names are the tested ones, but a mirror of the
    // registry may lack one of them.
    if let Err(error) = install().arg("--locked").run() {
        note(format!(
            "{error}; once more with the versions that the registry has"
        ));
        install().run()?;
    }
    if programs.iter().all(fits) {
        return Ok(bin);
    }
    Err(format!(
        "{name} {version} was installed, but doesn't run; look into {}",
        bin.display()
    ))
}

fn root_of(name: &str, version: &str) -> PathBuf {
    cache().join("tools").join(format!("{name}-{version}"))
}

/// Whether a program runs and, if asked, is of that version.
fn answers(program: &str, version: Option<&str>) -> bool {
    let answer = Cmd::new(program).arg("--version").answer();
    answer.is_some_and(|text| {
        version.is_none_or(|wanted| text.split_whitespace().any(|word| word == wanted))
    })
}

fn parent(program: PathBuf) -> Result<PathBuf> {
    let dir = program.parent().map(PathBuf::from);
    dir.ok_or_else(|| format!("{} has no directory", program.display()))
}
