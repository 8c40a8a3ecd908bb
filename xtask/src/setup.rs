//! `cargo xtask setup`: from a machine with rustup's cargo and Node to one where everything builds.
//!
//! Each part asks first whether there is anything to do, so a second run takes a second or two.

pub(crate) mod browser;
pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod toolchain;
pub(crate) mod tools;

use crate::run::{Result, step};

/// How much of the machine is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// To build the package and the demo.
    Build,
    /// To test as well: browsers, their drivers, wasm-pack.
    Everything,
}

/// Brings the machine up to `scope`.
pub(crate) fn setup(scope: Scope) -> Result<()> {
    let tests = scope == Scope::Everything;
    step("Node.js", node::check)?;
    // What only root can do comes together, so that it has to be asked for once.
    let system = [
        Some(step("Rust for wasm32-unknown-unknown", || {
            toolchain::ensure().map(drop)
        })),
        tests.then(|| step("browsers and their drivers", browser::ensure)),
    ];
    let missing: Vec<String> = system
        .into_iter()
        .flatten()
        .filter_map(Result::err)
        .collect();
    if !missing.is_empty() {
        return Err(missing.join("\n       "));
    }
    if tests {
        step("rustfmt and clippy", toolchain::ensure_linters)?;
    }
    step("wasm-bindgen", || tools::ensure_wasm_bindgen().map(drop))?;
    if tests {
        step("wasm-pack", || tools::ensure_wasm_pack().map(drop))?;
        step("geckodriver (optional)", tools::try_geckodriver)?;
    }
    let dirs = if tests { node::ALL } else { node::BUILD };
    step("npm packages", || node::install(dirs))
}
