//! Finds browsers and their drivers for the tests; installs Debian's where there are none.

use std::env;
use std::path::PathBuf;

use super::debian;
use crate::project::on_path;
use crate::run::{Result, note};

const CHROMES: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// A Chromium and its driver.
#[derive(Debug)]
pub(crate) struct Chrome {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

/// What `CHROME` and `CHROMEDRIVER` name, else what is on `PATH`.
pub(crate) fn chrome() -> Option<Chrome> {
    let browser = named("CHROME").or_else(|| CHROMES.into_iter().find_map(on_path))?;
    let driver = named("CHROMEDRIVER").or_else(|| on_path("chromedriver"))?;
    Some(Chrome { browser, driver })
}

/// Firefox, which the tests use if it is there.
pub(crate) fn firefox() -> Option<PathBuf> {
    named("FIREFOX").or_else(|| ["firefox", "firefox-esr"].into_iter().find_map(on_path))
}

/// Sees to it that there is a Chromium with its driver, and where it comes easily a Firefox.
pub(crate) fn ensure() -> Result<()> {
    const BY_HAND: &str = "install Google Chrome or Chromium and the chromedriver of the same \
                           version, or name them in CHROME and CHROMEDRIVER";
    let packaged = debian::has_apt() && !debian::is_ubuntu();
    if chrome().is_none() && packaged {
        debian::install(&["chromium", "chromium-driver"])?;
    }
    let Chrome { browser, driver } = chrome().ok_or(BY_HAND)?;
    note(format!("{} with {}", browser.display(), driver.display()));
    if firefox().is_none() && packaged {
        // Optional, so a failure is only told.
        if let Err(error) = debian::install(&["firefox-esr"]) {
            note(error);
        }
    }
    match firefox() {
        Some(path) => note(path.display().to_string()),
        None => note("no Firefox: its tests are skipped"),
    }
    Ok(())
}

/// The file that an environment variable names, if there is one.
pub(crate) fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_file())
}
