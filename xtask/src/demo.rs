//! `cargo xtask demo`: everything that is needed to see the demo, and then the demo.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use crate::package;
use crate::project::{cargo, locked, products, root, target};
use crate::run::{Cmd, Result, note, say, step};
use crate::setup::{Scope, setup};

const USAGE: &str = "usage: cargo xtask demo [--port 3000] [--database target/demo.sqlite]";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    port: u16,
    database: String,
}

/// Sets up, builds and serves the demo. Returns only if something fails: the server takes this
/// process's place, so that Ctrl-C, or any signal, reaches it without a detour.
pub(crate) fn command(args: &[String]) -> Result<()> {
    let Options { port, database } = parse(args)?;
    // Before the minutes that a first build takes.
    ensure_free(port)?;
    setup(Scope::Build)?;
    step("npm package", package::build)?;
    step("demo", build_www)?;
    let server = step("server", build_server)?;
    std::fs::create_dir_all(products()).map_err(|error| error.to_string())?;
    say("==> the demo");
    note("/ a team's week   /board.html a task board   /live.html two people side by side");
    note("faults on demand are on (--faults): for a server that only this machine can reach");
    note("Ctrl-C stops the server");
    // The address is the server's to say, as soon as it listens.
    let cmd = Cmd::new(&server)
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--database", &database, "--static"])
        .arg(root().join("www/dist"))
        // What the page of two people has buttons for. Harmless, as it listens on loopback alone.
        .arg("--faults");
    Err(replace_process(cmd))
}

/// Builds `www/dist`.
pub(crate) fn build_www() -> Result<()> {
    Cmd::new("npm")
        .args(["run", "--silent", "build"])
        .dir(root().join("www"))
        .run()
}

/// Builds the server; its path. The `dev` profile: it takes half the time to build, and a demo
/// and tests have one user.
pub(crate) fn build_server() -> Result<PathBuf> {
    cargo()
        .args(["build", "--package", "syncline-server"])
        .args(locked())
        .run()?;
    Ok(target().join("debug/syncline-server"))
}

fn parse(args: &[String]) -> Result<Options> {
    let mut options = Options {
        port: 3000,
        database: file(&products().join("demo.sqlite")),
    };
    let mut rest = args.iter();
    while let Some(name) = rest.next() {
        let (name, inline) = match name.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (name.as_str(), None),
        };
        let mut value = || inline.clone().or_else(|| rest.next().cloned());
        match name {
            "--port" => {
                let text = value().ok_or(USAGE)?;
                options.port = text
                    .parse()
                    .map_err(|_| format!("--port {text}: not a port; {USAGE}"))?;
            }
            "--database" => options.database = address(&value().ok_or(USAGE)?)?,
            _ => return Err(format!("unknown argument {name}; {USAGE}")),
        }
    }
    Ok(options)
}

/// A database's address: given as such, or as the path of a file.
fn address(given: &str) -> Result<String> {
    match given.split_once(':') {
        Some(("sqlite", _)) => Ok(given.to_owned()),
        _ if given.contains("://") => Err(format!("--database {given}: not SQLite; {USAGE}")),
        _ => Ok(file(Path::new(given))),
    }
}

/// The address of a database file.
fn file(path: &Path) -> String {
    // An address ends at a question mark and has its percent signs decoded.
    let path = path.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3F");
    format!("sqlite://{path}")
}

fn ensure_free(port: u16) -> Result<()> {
    TcpListener::bind(("127.0.0.1", port))
        .map(drop)
        .map_err(|error| {
            format!("port {port} can't be used ({error}): choose another one with --port")
        })
}

#[cfg(unix)]
fn replace_process(cmd: Cmd) -> String {
    use std::os::unix::process::CommandExt;
    format!("can't start the server: {}", cmd.into_command().exec())
}

#[cfg(not(unix))]
fn replace_process(cmd: Cmd) -> String {
    match cmd.into_command().status() {
        Ok(status) => format!("the server ended: {status}"),
        Err(error) => format!("can't start the server: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Options> {
        parse(&args.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn a_database_is_an_address_or_a_path() {
        let database = |given: &str| parsed(&["--database", given]).map(|all| all.database);
        assert_eq!(
            database("/var/week.db"),
            Ok("sqlite:///var/week.db".to_owned())
        );
        assert_eq!(database("50% ?"), Ok("sqlite://50%25 %3F".to_owned()));
        assert_eq!(
            database("sqlite::memory:"),
            Ok("sqlite::memory:".to_owned())
        );
        assert!(database("postgres://localhost/week").is_err());
    }

    #[test]
    fn options_have_defaults_and_both_spellings() {
        let database = file(&products().join("demo.sqlite"));
        assert_eq!(
            parsed(&[]),
            Ok(Options {
                port: 3000,
                database
            })
        );
        let given = parsed(&["--port=8080", "--database", "sqlite://x"]).unwrap();
        assert_eq!(
            given,
            Options {
                port: 8080,
                database: "sqlite://x".to_owned()
            }
        );
    }

    #[test]
    fn wrong_options_are_refused() {
        for args in [&["--port"][..], &["--port", "70000"], &["--colour"]] {
            assert!(parsed(args).is_err(), "{args:?}");
        }
    }

    #[test]
    fn a_port_in_use_is_told_in_one_line() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let error = ensure_free(taken.local_addr().unwrap().port()).unwrap_err();
        assert!(error.contains("--port") && !error.contains('\n'), "{error}");
    }
}
