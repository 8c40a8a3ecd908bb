//! Finds, or makes, a Rust toolchain that can build and test for wasm32-unknown-unknown.
//!
//! Where rustup can fetch the target, that is all. Where it can't, Debian's packages hold a recent
//! compiler with the source of its standard library: the library is built once from it, and linked
//! with that compiler as the toolchain `syncline`. It lies in the cache: only the packages need
//! root.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use super::debian;
use crate::project::{self, parse_version};
use crate::run::{Cmd, Result, note};

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// The name under which Debian's compiler is linked with the library.
const LINKED: &str = "syncline";

/// The name under which people link `/usr` themselves.
const SYSTEM: &str = "system";

/// The programs that look for libraries.
const WRAPPED: [&str; 3] = ["rustc", "rustdoc", "cargo-clippy"];

/// Debian's compiler, its library source and the linters for the target.
const PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"];

/// Linkers that rustc can use, the best first.
const LINKERS: [&str; 4] = ["lld-19", "lld-20", "lld-21", "lld-18"];

/// A mirror that doesn't answer must not hold the set-up; a download of 20 MB fits well.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// A toolchain: the one that runs us, or one by its rustup name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    Own,
    Named(&'static str),
}

impl Toolchain {
    /// A program that goes through rustup, such as cargo, in this toolchain.
    pub(crate) fn apply(self, cmd: Cmd) -> Cmd {
        match self {
            Self::Own => cmd,
            Self::Named(name) => cmd.env("RUSTUP_TOOLCHAIN", name),
        }
    }

    /// Its name for a person.
    fn describe(self) -> &'static str {
        match self {
            Self::Own => "the default toolchain",
            Self::Named(name) => name,
        }
    }
}

/// The toolchain for wasm builds, or what to do to get one.
pub(crate) fn ensure() -> Result<Toolchain> {
    if let Some(found) = find() {
        note(format!("{} has it", found.describe()));
        return Ok(found);
    }
    let rustup = Cmd::new("rustup")
        .args(["target", "add", TARGET])
        .dir(project::root());
    if let Err(error) = rustup.limit(RUSTUP_LIMIT).run() {
        note(error);
    }
    // Asked again even if rustup was content: it goes by its records, not by what is there.
    if find().is_none() {
        note("rustup can't give the target here; Debian's compiler is the other way");
        from_debian()?;
    }
    find().ok_or_else(|| {
        format!("no toolchain builds for {TARGET}, even after the set-up: see CONTRIBUTING.md")
    })
}

/// rustfmt and clippy of the toolchain that runs us: rustup's minimal profile lacks them.
pub(crate) fn ensure_linters() -> Result<()> {
    for (component, command) in [("rustfmt", "fmt"), ("clippy", "clippy")] {
        let there = || {
            Cmd::new("cargo")
                .args([command, "--version"])
                .dir(project::root())
        };
        if there().succeeds() {
            continue;
        }
        let added = Cmd::new("rustup")
            .args(["component", "add", component])
            .dir(project::root())
            .limit(RUSTUP_LIMIT)
            .run();
        if added.is_err() || !there().succeeds() {
            return Err(format!("make `rustup component add {component}` work"));
        }
    }
    note("both are there");
    Ok(())
}

/// The first toolchain that really compiles and links for the target.
pub(crate) fn find() -> Option<Toolchain> {
    static FOUND: OnceLock<Toolchain> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return Some(*found);
    }
    let named = [SYSTEM, LINKED].map(Toolchain::Named);
    let found = [Toolchain::Own]
        .into_iter()
        .chain(named)
        .find(|one| works(*one))?;
    Some(*FOUND.get_or_init(|| found))
}

/// Whether a toolchain has the target: a directory alone proves nothing, its libraries may be
/// missing or those of an older compiler, and the linker or the `test` crate may not be there.
fn works(toolchain: Toolchain) -> bool {
    let print = toolchain.apply(Cmd::new("rustc"));
    let Some(libs) = print
        .args(["--print", "target-libdir", "--target", TARGET])
        .answer()
    else {
        return false;
    };
    if !has_std(Path::new(&libs)) {
        return false;
    }
    let Ok(dir) = scratch("probe") else {
        return false;
    };
    let source = dir.join("probe.rs");
    let works = fs::write(&source, "#[test]\nfn probe() {}\n").is_ok()
        && toolchain
            .apply(Cmd::new("rustc"))
            .args(["--test", "--target", TARGET, "-o"])
            .arg(dir.join("probe.wasm"))
            .arg(source)
            .succeeds();
    let _ = fs::remove_dir_all(dir);
    works
}

fn has_std(libs: &Path) -> bool {
    fs::read_dir(libs).is_ok_and(|entries| {
        entries.flatten().any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Debian's compiler with a standard library for the target, linked into rustup.
fn from_debian() -> Result<()> {
    let by_hand = format!("make `rustup target add {TARGET}` work, then run the set-up again");
    if project::on_path("rustup").is_none() {
        return Err("install rustup".to_owned());
    }
    if !debian::has_apt() {
        return Err(by_hand);
    }
    debian::refresh();
    let needed = project::rust_version();
    let offered = debian::candidate(PACKAGES[0]);
    if offered.is_none() && !debian::has_lists() {
        return Err("as root: apt-get update; then run the set-up again".to_owned());
    }
    let offered = parse_version(&offered.unwrap_or_default());
    if offered.is_none_or(|version| version < needed) {
        let (major, minor) = needed;
        return Err(format!(
            "no package rustc-web {major}.{minor} or newer here: {by_hand}"
        ));
    }
    let linker = LINKERS
        .into_iter()
        .find(|name| debian::candidate(name).is_some());
    let linker = linker.ok_or("install LLVM's linker lld")?;
    let packages: Vec<&str> = PACKAGES.into_iter().chain([linker]).collect();
    debian::install(&packages)?;

    // A newer compiler gets a toolchain of its own.
    let version = system_rustc(&["--version"])?;
    let mut words = version.split_whitespace();
    let name = format!("rustc-{}", words.nth(1).unwrap_or("unknown"));
    let toolchain = project::cache().join("toolchains").join(name);
    let dir = scratch("std")?;
    let built = build_std(&dir).and_then(|rlibs| install(&rlibs, &toolchain, linker));
    let _ = fs::remove_dir_all(&dir);
    built?;
    Cmd::new("rustup")
        .args(["toolchain", "link", LINKED])
        .arg(&toolchain)
        .run()
}

fn system_rustc(question: &[&str]) -> Result<String> {
    let text = Cmd::new("/usr/bin/rustc").args(question).output()?;
    Ok(text.trim().to_owned())
}

/// Builds the target's standard library in a throw-away crate; the libraries it consists of.
pub(crate) fn build_std(dir: &Path) -> Result<Vec<PathBuf>> {
    let manifest = "[package]\nname = \"throwaway\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
                    [lib]\ncrate-type = [\"cdylib\"]\n[workspace]\n";
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text).map_err(|error| format!("can't write {}: {error}", path.display()))
    };
    fs::create_dir_all(dir.join("src")).map_err(|error| error.to_string())?;
    write(dir.join("Cargo.toml"), manifest)?;
    write(dir.join("src/lib.rs"), "")?;
    let built = Cmd::new("/usr/bin/cargo")
        // `test` is there because `wasm-pack test` links it.
        .args(["build", "--release", "-Zbuild-std=std,panic_abort,test", "--target", TARGET])
        .dir(dir)
        .env("RUSTC_BOOTSTRAP", "1")
        // Otherwise cargo would find rustup's rustc on PATH.
        .env("RUSTC", "/usr/bin/rustc")
        .env("CARGO_TARGET_DIR", dir.join("target"))
        .without_env("RUSTUP_TOOLCHAIN")
        .without_env("RUSTFLAGS")
        .without_env("CARGO_ENCODED_RUSTFLAGS")
        .run();
    let deps = dir.join("target").join(TARGET).join("release/deps");
    let mut rlibs: Vec<PathBuf> = fs::read_dir(&deps)
        .map(|entries| entries.flatten().map(|entry| entry.path()).collect())
        .unwrap_or_default();
    rlibs.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.ends_with(".rlib") && !name.starts_with("libthrowaway")
    });
    let complete = ["libstd-", "libtest-", "libpanic_abort-"]
        .iter()
        .all(|wanted| {
            rlibs
                .iter()
                .any(|path| path.to_string_lossy().contains(&format!("/{wanted}")))
        });
    match built {
        // The last step, the link of the throw-away crate, may fail: the libraries count.
        _ if complete => Ok(rlibs),
        Ok(()) => Err("the standard library was built without `std` or `test`".to_owned()),
        Err(error) => Err(error),
    }
}

/// Puts a toolchain together: Debian's programs and libraries for the host, our libraries for the
/// target, and the linker, which rustc calls `rust-lld` and looks for beside the host's libraries.
#[cfg(unix)]
fn install(rlibs: &[PathBuf], toolchain: &Path, linker: &str) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let host_libs = PathBuf::from(system_rustc(&["--print", "target-libdir"])?);
    let host = host_libs.parent().and_then(Path::file_name);
    let host = host.ok_or_else(|| format!("{} is no sysroot", host_libs.display()))?;
    note(format!("putting {} together", toolchain.display()));
    let work = || -> std::io::Result<()> {
        // What an earlier attempt left would be taken for whole.
        if toolchain.exists() {
            fs::remove_dir_all(toolchain)?;
        }
        let rustlib = toolchain.join("lib/rustlib");
        let of_target = rustlib.join(TARGET).join("lib");
        let of_host = rustlib.join(host);
        let bin = toolchain.join("bin");
        for dir in [&of_target, &of_host.join("bin"), &bin] {
            fs::create_dir_all(dir)?;
        }
        for path in rlibs {
            fs::copy(path, of_target.join(path.file_name().unwrap_or_default()))?;
        }
        symlink(&host_libs, of_host.join("lib"))?;
        symlink(format!("/usr/bin/{linker}"), of_host.join("bin/rust-lld"))?;
        symlink("/usr/bin/cargo", bin.join("cargo"))?;
        for name in WRAPPED {
            let path = bin.join(name);
            fs::write(&path, wrapper(name, toolchain))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    };
    work().map_err(|error| format!("can't make {}: {error}", toolchain.display()))
}

#[cfg(not(unix))]
fn install(_: &[PathBuf], _: &Path, _: &str) -> Result<()> {
    Err("Debian's compiler needs Debian".to_owned())
}

/// A script that runs Debian's program on our libraries: by itself it looks beside its own file.
#[cfg(unix)]
fn wrapper(program: &str, toolchain: &Path) -> String {
    let sysroot = toolchain.to_string_lossy().replace('\'', r"'\''");
    let run = match program {
        // Its driver asks the environment.
        "cargo-clippy" => format!("SYSROOT='{sysroot}' exec /usr/bin/{program}"),
        _ => format!("exec /usr/bin/{program} --sysroot '{sysroot}'"),
    };
    format!("#!/bin/sh\n{run} \"$@\"\n")
}

fn scratch(purpose: &str) -> Result<PathBuf> {
    let dir = env::temp_dir().join(format!("syncline-{purpose}-{}", std::process::id()));
    fs::create_dir_all(&dir).map_err(|error| format!("can't create {}: {error}", dir.display()))?;
    Ok(dir)
}
