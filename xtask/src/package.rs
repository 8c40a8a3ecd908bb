//! The build of the npm package: Rust -> WebAssembly -> glue -> optimised module -> `pkg/dist`.
//!
//! Every part is skipped when what goes in is what went in last time.

use std::env;
use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::project::{cargo, locked, root, wasm_target, write_if_changed};
use crate::run::{Cmd, Result, note};
use crate::setup::{toolchain, tools};

/// The cargo profile of the module.
const PROFILE: &str = "wasm";

/// The crate's feature that leaves the standard library out.
const FEATURE: &str = "module";

/// For binaryen's `wasm-opt`. Features are left at their defaults: it reads from the module which
/// ones are in use, and `--all-features` would let it use more than browsers have.
///
/// What the compiler left as a function of its own stays one, unless it is tiny: functions that are
/// alike compress better apart, and those that are alike beside each other. Nothing lies in the
/// lowest kilobyte of memory but the end of the stack.
const WASM_OPT: [&str; 7] = [
    "--gufa-optimizing",
    "-Os",
    "--converge",
    "--low-memory-unused",
    "--one-caller-inline-max-function-size=20",
    "--local-cse",
    "--no-stack-ir",
];

/// The same, once the functions have names that say where they go.
const WASM_OPT_ORDER: [&str; 5] = [
    "--reorder-functions-by-name",
    "--generate-stack-ir",
    "--optimize-stack-ir",
    "--strip-debug",
    "--strip-producers",
];

/// What of `pkg/scripts` the module goes through, before and between.
const SCRIPTS: [&str; 5] = [
    "glue.mjs",
    "module.mjs",
    "order.mjs",
    "quiet.mjs",
    "split.mjs",
];

/// Builds `pkg/wasm` and `pkg/dist`.
pub(crate) fn build() -> Result<()> {
    let module = compile()?;
    bind(&module)?;
    bundle()
}

/// Cargo for the wasm target, in the toolchain that has it.
pub(crate) fn wasm_cargo() -> Result<Cmd> {
    let toolchain = toolchain::ensure()?;
    Ok(toolchain
        .apply(cargo())
        .env("CARGO_TARGET_DIR", wasm_target()))
}

/// The engine's crate as WebAssembly, as rustc makes it.
fn compile() -> Result<PathBuf> {
    wasm_cargo()?
        .args([
            "build",
            "--package",
            "syncline",
            "--lib",
            "--profile",
            PROFILE,
            "--features",
            FEATURE,
        ])
        .args(["--target", toolchain::TARGET])
        .args(locked())
        .env("CARGO_ENCODED_RUSTFLAGS", flags())
        .run()?;
    let module = wasm_target()
        .join(toolchain::TARGET)
        .join(PROFILE)
        .join("syncline.wasm");
    if module.is_file() {
        return Ok(module);
    }
    Err(format!(
        "cargo made no {}: is `cdylib` among the crate's types?",
        module.display()
    ))
}

/// Keeps the paths of this machine out of the module, where they would come by the places of
/// panics.
fn flags() -> String {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| env::home_dir().map(|dir| dir.join(".cargo")));
    let pairs = [(home, "cargo"), (Some(root()), "syncline")];
    let flags = pairs.into_iter().filter_map(|(from, to)| {
        let from = from?;
        Some(format!("--remap-path-prefix={}={to}", from.display()))
    });
    // The variable takes the place of the flags in `.cargo/config.toml`, which are for all builds
    // of the module.
    let simd = core::iter::once("-Ctarget-feature=+simd128".to_owned());
    // Cargo's separator, so that paths may hold blanks.
    flags.chain(simd).collect::<Vec<_>>().join("\u{1f}")
}

/// `pkg/wasm`: the glue of wasm-bindgen and the optimised module.
fn bind(module: &Path) -> Result<()> {
    let out = root().join("pkg/wasm");
    let bindgen = tools::ensure_wasm_bindgen()?.join("wasm-bindgen");
    let mut inputs = vec![
        module.to_path_buf(),
        root().join("pkg/package-lock.json"),
        bindgen.clone(),
    ];
    inputs.extend(SCRIPTS.map(|name| root().join("pkg/scripts").join(name)));
    let options = [&WASM_OPT[..], &WASM_OPT_ORDER].concat().join(" ");
    let print = fingerprint(&inputs, &options)?;
    let results = ["syncline.js", "syncline.d.ts", "syncline_bg.wasm"];
    if is_stamped(&out, &print) && results.iter().all(|name| out.join(name).is_file()) {
        note("pkg/wasm is up to date");
        return Ok(());
    }
    unstamp(&out);
    let raw = wasm_target().join("glue");
    for dir in [&raw, &out] {
        let _ = fs::remove_dir_all(dir.join("snippets"));
    }
    Cmd::new(bindgen)
        .args(["--target", "web", "--out-name", "syncline", "--out-dir"])
        .args([&raw, &module.to_path_buf()])
        .run()?;
    optimise(&raw)?;
    let read = |name: &str| {
        fs::read(raw.join(name)).map_err(|error| format!("wasm-bindgen wrote no {name}: {error}"))
    };
    write_if_changed(&out.join("syncline.js"), &read("glue.js")?)?;
    write_if_changed(&out.join("syncline.d.ts"), &read("syncline.d.ts")?)?;
    write_if_changed(&out.join("syncline_bg.wasm"), &read("optimised.wasm")?)?;
    // The shell's own JavaScript, which the glue imports.
    let snippets = raw.join("snippets");
    for from in files_below(&snippets) {
        let inner = from.strip_prefix(&raw).unwrap_or(&from);
        let to = out.join(inner);
        let text = fs::read(&from).map_err(|e| format!("{}: {e}", from.display()))?;
        write_if_changed(&to, &text)?;
    }
    stamp(&out, &print)
}

/// Makes `optimised.wasm` and `glue.js` of what wasm-bindgen wrote.
fn optimise(dir: &Path) -> Result<()> {
    let script = |name: &str, from: &str, to: &str| {
        Cmd::new("node")
            .arg(root().join("pkg/scripts").join(name))
            .args([dir.join(from), dir.join(to)])
            .limit(Duration::from_secs(300))
            .run()
    };
    // From npm, pinned in pkg/: distributions' older wasm-opt damages wasm-bindgen's tables.
    let wasm_opt = |options: &[&str], from: &str, to: &str| {
        Cmd::new(root().join("pkg/node_modules/.bin/wasm-opt"))
            .args(options)
            .arg(dir.join(from))
            .arg("-o")
            .arg(dir.join(to))
            .limit(Duration::from_secs(600))
            .run()
    };
    Cmd::new("node")
        .arg(root().join("pkg/scripts/glue.mjs"))
        .args(["syncline.js", "syncline_bg.wasm", "glue.js", "renamed.wasm"].map(|n| dir.join(n)))
        .limit(Duration::from_secs(60))
        .run()?;
    script("quiet.mjs", "renamed.wasm", "quiet.wasm")?;
    wasm_opt(&WASM_OPT, "quiet.wasm", "small.wasm")?;
    script("order.mjs", "small.wasm", "ordered.wasm")?;
    wasm_opt(&WASM_OPT_ORDER, "ordered.wasm", "optimised.wasm")
}

/// `pkg/dist`: what is published.
fn bundle() -> Result<()> {
    let pkg = root().join("pkg");
    let dist = pkg.join("dist");
    let mut inputs = files_below(&pkg.join("src"));
    inputs.extend(files_below(&pkg.join("scripts")));
    inputs.extend(["package.json", "package-lock.json", "tsconfig.json"].map(|n| pkg.join(n)));
    inputs.extend(["wasm/syncline.js", "wasm/syncline.d.ts"].map(|n| pkg.join(n)));
    inputs.push(pkg.join("wasm/syncline_bg.wasm"));
    let print = fingerprint(&inputs, "")?;
    if is_stamped(&dist, &print) && dist.join("index.js").is_file() {
        note("pkg/dist is up to date");
        return Ok(());
    }
    unstamp(&dist);
    Cmd::new("node")
        .arg("scripts/build.mjs")
        .dir(&pkg)
        .limit(Duration::from_secs(300))
        .run()?;
    stamp(&dist, &print)
}

/// Where the stamp of a generated directory lies: outside of it, since `pkg/dist` is published.
fn stamp_path(dir: &Path) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    root()
        .join("pkg/node_modules")
        .join(format!(".syncline-{name}"))
}

fn is_stamped(dir: &Path, print: &str) -> bool {
    fs::read_to_string(stamp_path(dir)).is_ok_and(|old| old == print)
}

/// Before a build: one that fails half-way must not pass for the one before it.
fn unstamp(dir: &Path) {
    let _ = fs::remove_file(stamp_path(dir));
}

fn stamp(dir: &Path, print: &str) -> Result<()> {
    write_if_changed(&stamp_path(dir), print.as_bytes())
}

fn fingerprint(files: &[PathBuf], options: &str) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    hasher.write(options.as_bytes());
    for file in files {
        let bytes = fs::read(file).map_err(|e| format!("can't read {}: {e}", file.display()))?;
        hasher.write(file.to_string_lossy().as_bytes());
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files below a directory, in a fixed order.
fn files_below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
