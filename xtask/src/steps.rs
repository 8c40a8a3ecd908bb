//! The steps of `cargo xtask test`, in their order: after the set-up, what fails fast comes first.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{cargo, locked, products, root, wasm_target, write_if_changed};
use crate::release;
use crate::run::{Cmd, Result};
use crate::setup::{Scope, browser, setup, toolchain, tools};
use crate::test::{Outcome, Step};
use crate::{demo, package};

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "setup",
        what: "toolchain, browsers, tools, npm packages",
        minutes: 60,
        needs: &[],
        after: &[],
        run: || setup(Scope::Everything).map(passed),
    },
    Step {
        name: "fmt",
        what: "the formatting of all Rust code",
        minutes: 15,
        needs: &["rustfmt.toml"],
        after: &[],
        run: fmt,
    },
    Step {
        name: "clippy",
        what: "lints of the whole workspace, native",
        minutes: 40,
        needs: &["src/engine", "data/src", "server", "xtask"],
        after: &[],
        run: clippy,
    },
    Step {
        name: "clippy-wasm",
        what: "lints of the engine and its shell for WebAssembly",
        minutes: 30,
        needs: &["src/wasm", "tests/web.rs"],
        after: &["setup"],
        run: clippy_wasm,
    },
    Step {
        name: "native",
        what: "engine, simulation, walls, server, tools: cargo test",
        minutes: 60,
        needs: &["tests/engine", "tests/sim", "server/tests"],
        after: &[],
        run: native,
    },
    Step {
        name: "doctest",
        what: "the examples in the documentation",
        minutes: 30,
        needs: &[],
        after: &[],
        run: doctest,
    },
    Step {
        name: "rustdoc",
        what: "the documentation builds without a warning",
        minutes: 30,
        needs: &[],
        after: &[],
        run: rustdoc,
    },
    Step {
        name: "package",
        what: "the npm package: module, glue, bundle, declarations",
        minutes: 40,
        needs: &["pkg/package.json", "pkg/src/index.ts", "pkg/src/slim.ts"],
        after: &["setup"],
        run: || package::build().map(passed),
    },
    Step {
        name: "size",
        what: "the default entry keeps its budget",
        minutes: 10,
        needs: &["pkg/scripts/size.mjs"],
        after: &["package"],
        run: || release::size(&[]).map(passed),
    },
    Step {
        name: "web-chrome",
        what: "the shell in headless Chromium: wasm-pack test",
        minutes: 40,
        needs: &["tests/web.rs"],
        after: &["setup"],
        run: web_chrome,
    },
    Step {
        name: "web-firefox",
        what: "the shell in headless Firefox: wasm-pack test",
        minutes: 30,
        needs: &["tests/web.rs"],
        after: &["setup"],
        run: web_firefox,
    },
    Step {
        name: "npm",
        what: "the packed package, installed into an empty project, in Node.js and a browser",
        minutes: 60,
        needs: &["tests/npm"],
        after: &["package"],
        run: npm,
    },
    Step {
        name: "types",
        what: "the package's declarations under strict TypeScript, and publint",
        minutes: 15,
        needs: &["tests/npm/types"],
        after: &["npm"],
        run: types,
    },
    Step {
        name: "www",
        what: "the build of the demo",
        minutes: 15,
        needs: &["www/package.json"],
        after: &["package"],
        run: || demo::build_www().map(passed),
    },
    Step {
        name: "e2e",
        what: "a real browser against the real server",
        minutes: 60,
        needs: &["tests/e2e"],
        after: &["www"],
        run: e2e,
    },
];

fn passed<T>(_: T) -> Outcome {
    Outcome::Passed
}

fn fmt() -> Result<Outcome> {
    cargo()
        .args(["fmt", "--all", "--", "--check"])
        .run()
        .map(passed)
}

fn clippy() -> Result<Outcome> {
    cargo()
        .args(["clippy", "--workspace", "--all-targets"])
        .args(locked())
        .args(["--", "-D", "warnings"])
        .run()
        .map(passed)
}

fn clippy_wasm() -> Result<Outcome> {
    package::wasm_cargo()?
        .args(["clippy", "--package", "syncline", "--lib", "--test", "web"])
        .args(["--target", toolchain::TARGET])
        .args(locked())
        .args(["--", "-D", "warnings"])
        .run()
        .map(passed)
}

fn native() -> Result<Outcome> {
    cargo()
        .args([
            "test",
            "--workspace",
            "--lib",
            "--bins",
            "--tests",
            "--no-fail-fast",
        ])
        .args(locked())
        .run()
        .map(passed)
}

fn doctest() -> Result<Outcome> {
    cargo()
        .args(["test", "--workspace", "--doc"])
        .args(locked())
        .run()
        .map(passed)
}

fn rustdoc() -> Result<Outcome> {
    cargo()
        .args(["doc", "--workspace", "--no-deps"])
        .args(locked())
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
        .map(passed)
}

fn web_chrome() -> Result<Outcome> {
    let chrome = browser::chrome().ok_or("no Chromium with its driver: cargo xtask setup")?;
    let args = [
        OsStr::new("--chrome"),
        OsStr::new("--chromedriver"),
        chrome.driver.as_os_str(),
    ];
    wasm_pack_test(&args)?.run().map(passed)
}

fn web_firefox() -> Result<Outcome> {
    let Some(driver) = tools::geckodriver() else {
        return Ok(Outcome::Skipped("no geckodriver"));
    };
    if browser::firefox().is_none() {
        return Ok(Outcome::Skipped("no Firefox"));
    }
    let args = [
        OsStr::new("--firefox"),
        OsStr::new("--geckodriver"),
        driver.as_os_str(),
    ];
    wasm_pack_test(&args)?.run().map(passed)
}

fn wasm_pack_test(browser: &[&OsStr]) -> Result<Cmd> {
    let toolchain = toolchain::ensure()?;
    let tools = [tools::ensure_wasm_bindgen()?, tools::ensure_wasm_pack()?];
    let cmd = toolchain
        .apply(Cmd::new("wasm-pack"))
        .dir(root())
        .path(&tools)
        .env("CARGO_TARGET_DIR", wasm_target())
        .env("WASM_BINDGEN_TEST_WEBDRIVER_JSON", webdriver_config()?)
        // Seconds for the whole run of one file; the default of 20 is short on a busy machine.
        .env("WASM_BINDGEN_TEST_TIMEOUT", "600")
        // `no-install`: its own way to tools is a download of binaries.
        .args(["test", "--headless", "--mode", "no-install"])
        .args(browser);
    Ok(cmd.args([".", "--test", "web"]))
}

/// `webdriver.json`, with the browsers that were chosen by `CHROME` and `FIREFOX` put in.
fn webdriver_config() -> Result<PathBuf> {
    let path = root().join("webdriver.json");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let mut chosen = text.clone();
    for (variable, options) in [
        ("CHROME", "\"goog:chromeOptions\": {"),
        ("FIREFOX", "\"moz:firefoxOptions\": {"),
    ] {
        if let Some(binary) = browser::named(variable) {
            let line = format!("{options}\n    \"binary\": {:?},", binary.to_string_lossy());
            chosen = chosen.replace(options, &line);
        }
    }
    if chosen == text {
        return Ok(path);
    }
    let path = products().join("webdriver.json");
    write_if_changed(&path, chosen.as_bytes())?;
    Ok(path)
}

/// The project into which the packed package gets installed.
fn npm_project() -> PathBuf {
    products().join("npm-test")
}

fn npm() -> Result<Outcome> {
    let project = npm_project();
    release::install_packed(&project)?;
    // Copied, so that `import 'syncline'` finds the installed package and nothing else.
    let tests = project.join("tests");
    copy_tests(&root().join("tests/npm"), &tests)?;
    let chrome = browser::chrome().ok_or("no Chromium with its driver: cargo xtask setup")?;
    node_tests(&tests, &project)?
        .env("CHROME", chrome.browser)
        .run()
        .map(passed)
}

fn types() -> Result<Outcome> {
    let bin = root().join("pkg/node_modules/.bin");
    Cmd::new(bin.join("publint"))
        .arg("--strict")
        .dir(root().join("pkg"))
        .run()?;
    Cmd::new(bin.join("tsc"))
        .args(["-p", "tests/types"])
        .dir(npm_project())
        .run()
        .map(passed)
}

fn e2e() -> Result<Outcome> {
    let server = demo::build_server()?;
    let chrome = browser::chrome().ok_or("no Chromium with its driver: cargo xtask setup")?;
    node_tests(&root().join("tests/e2e"), &root())?
        .env("SYNCLINE_SERVER", server)
        .env("CHROME", chrome.browser)
        .run()
        .map(passed)
}

/// Node's test runner on all `*.test.mjs` of a directory, one file after the other.
fn node_tests(tests: &Path, dir: &Path) -> Result<Cmd> {
    let mut files: Vec<PathBuf> = fs::read_dir(tests)
        .map_err(|error| format!("{}: {error}", tests.display()))?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("no *.test.mjs in {}", tests.display()));
    }
    Ok(Cmd::new("node")
        .args(["--test", "--test-concurrency=1", "--test-reporter=spec"])
        // Of a file: a test that hangs is to be a failure with a name. The longest takes a minute;
        // two cores that others use as well may need ten times as long.
        .arg("--test-timeout=1200000")
        .args(files)
        .dir(dir)
        .env("SYNCLINE_ROOT", root()))
}

fn copy_tests(from: &Path, to: &Path) -> Result<()> {
    let complain = |error| format!("can't copy {}: {error}", from.display());
    fs::create_dir_all(to).map_err(complain)?;
    for entry in fs::read_dir(from).map_err(complain)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "node_modules" {
                copy_tests(&entry.path(), &target)?;
            }
        } else {
            fs::copy(entry.path(), target).map_err(complain)?;
        }
    }
    Ok(())
}
