//! Node.js and the npm packages that builds and tests need.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::time::Duration;

use crate::project::{parse_version, root};
use crate::run::{Cmd, Result, note};

/// The oldest Node.js that the package supports, which is the oldest one we build with.
const OLDEST: (u32, u32) = (20, 19);

/// Directories with npm packages that a build needs.
pub(crate) const BUILD: &[&str] = &["pkg", "www"];

/// Those that tests and benchmarks need as well.
pub(crate) const ALL: &[&str] = &["pkg", "www", "tests", "tests/npm", "tests/e2e", "benches"];

/// Asks for Node.js: which way it came onto the machine is not ours to choose.
pub(crate) fn check() -> Result<()> {
    let (major, minor) = OLDEST;
    let wanted = format!("install Node.js {major}.{minor} or newer (nodejs.org, nvm or fnm)");
    let found = Cmd::new("node").arg("--version").answer().ok_or(&wanted)?;
    if parse_version(&found).is_none_or(|version| version < OLDEST) {
        return Err(format!("Node.js {found} is too old: {wanted}"));
    }
    if Cmd::new("npm").arg("--version").answer().is_none() {
        return Err("Node.js is there, npm is not: install npm".to_owned());
    }
    note(format!("Node.js {found}"));
    Ok(())
}

/// Installs what `package.json` asks for in each of `dirs` that has one.
pub(crate) fn install(dirs: &[&str]) -> Result<()> {
    for dir in dirs {
        let path = root().join(dir);
        if path.join("package.json").is_file() {
            install_in(&path, dir)?;
        }
    }
    Ok(())
}

fn install_in(path: &Path, name: &str) -> Result<()> {
    let stamp = path.join("node_modules/.syncline-stamp");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint(path)) {
        note(format!("{name} is up to date"));
        return Ok(());
    }
    let command = if path.join("package-lock.json").is_file() {
        "ci"
    } else {
        "install"
    };
    Cmd::new("npm")
        .args([command, "--no-audit", "--no-fund", "--loglevel=error"])
        .dir(path)
        .limit(Duration::from_secs(10 * 60))
        .run()?;
    // Taken afterwards: `npm install` writes the lock file.
    let done = fingerprint(path);
    fs::create_dir_all(path.join("node_modules"))
        .and_then(|()| fs::write(&stamp, done))
        .map_err(|error| format!("can't write {}: {error}", stamp.display()))
}

/// Changes whenever an installation could give something else.
fn fingerprint(path: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    for file in ["package.json", "package-lock.json"] {
        hasher.write(&fs::read(path.join(file)).unwrap_or_default());
        hasher.write_u8(0xff);
    }
    format!("{:016x}", hasher.finish())
}
