//! `cargo xtask size | bench | dist`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::package;
use crate::project::{products, root, write_if_changed};
use crate::run::{Cmd, Result, note, step};
use crate::setup::{Scope, browser, setup};

/// What the default entry may cost a page: bytes in brotli, the engine included. The goal is
/// 100,000; until that is reached, this keeps it from growing.
const BUDGET: u32 = 212_500;

const NPM_LIMIT: Duration = Duration::from_secs(300);

/// Prints the sizes of what a browser downloads; `Err` above the budget.
pub(crate) fn size(args: &[String]) -> Result<()> {
    Cmd::new("node")
        .args(["scripts/size.mjs", "--budget", &BUDGET.to_string()])
        .args(args)
        .dir(root().join("pkg"))
        .show()
}

/// Runs the benchmarks; flags go through.
pub(crate) fn bench(args: &[String]) -> Result<()> {
    if args.iter().any(|arg| arg == "--live") {
        return bench_live(args);
    }
    if !root().join("benches/run.mjs").is_file() {
        return Err("missing in the repository: benches/run.mjs".to_owned());
    }
    setup(Scope::Everything)?;
    step("npm package", package::build)?;
    let chrome = browser::chrome().ok_or("no Chromium: cargo xtask setup")?;
    Cmd::new("node")
        .arg("benches/run.mjs")
        .args(args)
        .dir(root())
        .env("CHROME", chrome.browser)
        .limit(Duration::from_secs(60 * 60))
        .show()
}

/// Runs the load generator of the live channel; flags go through.
fn bench_live(args: &[String]) -> Result<()> {
    let flags = args.iter().filter(|arg| *arg != "--live");
    Cmd::new("cargo")
        .args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "syncline-server",
        ])
        .args(["--example", "live-load", "--"])
        .args(flags)
        .dir(root())
        .limit(Duration::from_secs(30 * 60))
        .show()
}

/// The package as it is published, in `target/dist`, tried out.
pub(crate) fn dist() -> Result<()> {
    setup(Scope::Build)?;
    step("npm package", package::build)?;
    let out = products().join("dist");
    let tarball = step("packing", || {
        let _ = fs::remove_dir_all(&out);
        pack(&out)
    })?;
    step("smoke test", || {
        let project = products().join("dist-test");
        install(&tarball, &project)?;
        let smoke = root().join("pkg/scripts/smoke.mjs");
        // Copied: from inside the project `syncline` is the installed package.
        let text = fs::read(&smoke).map_err(|e| format!("{}: {e}", smoke.display()))?;
        write_if_changed(&project.join("smoke.mjs"), &text)?;
        Cmd::new("node")
            .arg("smoke.mjs")
            .dir(&project)
            .limit(Duration::from_secs(60))
            .run()
    })?;
    step("sizes", || size(&[]))?;
    note(format!("to publish: npm publish {}", tarball.display()));
    Ok(())
}

/// Packs the package and installs it into a new, otherwise empty project.
pub(crate) fn install_packed(project: &Path) -> Result<()> {
    let tarball = pack(&products().join("packed"))?;
    install(&tarball, project)
}

fn pack(out: &Path) -> Result<PathBuf> {
    fs::create_dir_all(out).map_err(|error| format!("can't create {}: {error}", out.display()))?;
    let name = Cmd::new("npm")
        .args(["pack", "--loglevel=error", "--pack-destination"])
        .arg(out)
        .dir(root().join("pkg"))
        .limit(NPM_LIMIT)
        .output()?;
    let name = name.lines().last().unwrap_or_default().trim();
    let tarball = out.join(name);
    if name.is_empty() || !tarball.is_file() {
        return Err(format!("npm pack wrote no {}", tarball.display()));
    }
    note(tarball.display().to_string());
    Ok(tarball)
}

fn install(tarball: &Path, project: &Path) -> Result<()> {
    let _ = fs::remove_dir_all(project);
    let manifest = "{ \"name\": \"empty\", \"private\": true, \"type\": \"module\" }\n";
    write_if_changed(&project.join("package.json"), manifest.as_bytes())?;
    Cmd::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--loglevel=error"])
        .arg(tarball)
        .dir(project)
        .limit(NPM_LIMIT)
        .run()
}
