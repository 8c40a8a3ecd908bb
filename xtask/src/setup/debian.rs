//! Packages and files of the system: Debian and Ubuntu, as root or with sudo.

use std::fs;
use std::io::IsTerminal;
use std::sync::Once;
use std::time::Duration;

use crate::project::on_path;
use crate::run::{Cmd, Result, note};

/// Whether packages come through apt here.
pub(crate) fn has_apt() -> bool {
    on_path("apt-get").is_some()
}

/// Whether this is Ubuntu, whose browser packages are stand-ins for snaps.
pub(crate) fn is_ubuntu() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    release.lines().any(|line| line == "ID=ubuntu")
}

/// Installs those of `packages` that are missing. `Err` says in one line what to do by hand.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|name| !is_installed(name))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!(
        "as root: apt-get install -y --no-install-recommends {}",
        missing.join(" ")
    );
    if !has_apt() {
        return Err(by_hand);
    }
    let apt = || -> Result<Cmd> {
        let cmd = as_root("env").map_err(|error| format!("{error}; {by_hand}"))?;
        Ok(cmd.args([
            "DEBIAN_FRONTEND=noninteractive",
            "apt-get",
            "-o",
            "DPkg::Lock::Timeout=300",
        ]))
    };
    refresh_lists(apt()?);
    apt()?
        .args(["install", "-y", "-q", "--no-install-recommends"])
        .args(&missing)
        .limit(Duration::from_secs(15 * 60))
        .run()
        .map_err(|error| format!("{error}; {by_hand}"))
}

/// The version that apt would install, such as `1.96.0+dfsg1-1`.
pub(crate) fn candidate(package: &str) -> Option<String> {
    let policy = Cmd::new("apt-cache").args(["policy", package]).answer()?;
    let line = policy
        .lines()
        .find_map(|line| line.trim().strip_prefix("Candidate: "))?;
    (line != "(none)").then(|| line.to_owned())
}

/// Whether apt knows of any packages: a slim image comes without lists.
pub(crate) fn has_lists() -> bool {
    fs::read_dir("/var/lib/apt/lists").is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

/// Brings apt's lists up to date, once in a run: a slim image comes without any.
pub(crate) fn refresh() {
    if let Ok(cmd) = as_root("env") {
        refresh_lists(cmd.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]));
    }
}

/// A program with the rights to change the system.
pub(crate) fn as_root(program: &str) -> Result<Cmd> {
    if Cmd::new("id").arg("-u").answer().as_deref() == Some("0") {
        return Ok(Cmd::new(program));
    }
    if Cmd::new("sudo").args(["-n", "true"]).succeeds() {
        return Ok(Cmd::new("sudo").args(["-n", program]));
    }
    if on_path("sudo").is_some() && std::io::stdin().is_terminal() {
        return Ok(Cmd::new("sudo").arg(program).with_terminal());
    }
    Err("neither root nor sudo without a password".to_owned())
}

fn refresh_lists(apt: Cmd) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Stale lists may still do: the installation itself decides.
        if let Err(error) = apt
            .args(["update", "-q"])
            .limit(Duration::from_secs(300))
            .run()
        {
            note(error);
        }
    });
}

fn is_installed(package: &str) -> bool {
    let status = Cmd::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", package])
        .answer();
    status.as_deref() == Some("installed")
}
