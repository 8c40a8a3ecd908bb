//! The project's commands: `cargo xtask setup | demo | test | bench | size | dist`.

// A command-line tool talks to the person who runs it.
#![allow(clippy::print_stdout)]

mod demo;
mod package;
mod project;
mod release;
mod run;
mod setup;
mod steps;
mod test;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use run::{Result, step};
use setup::Scope;

const HELP: &str = "\
cargo xtask <command>

  setup    bring this machine to where everything builds (again and again: seconds)
  demo     set up, build, and serve the demo on http://127.0.0.1:3000
             --port <port>   --database <path>
  build    set up and build the npm package in pkg/dist
  test     run all tests
             --list   --only <name,name>
  bench    compare Syncline with plain JavaScript in headless Chromium; flags go to benches/run.mjs
             --live   instead, many connected clients on the server; flags go to benches/live.rs
  size     print raw, gzip and brotli sizes of the package, and check its budget
             --json
  dist     pack the npm package into target/dist and try it out
  help     this text";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let (name, rest) = match args.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", args.as_slice()),
    };
    if matches!(name, "bench" | "size") && rest.iter().any(|arg| arg == "--json") {
        run::keep_stdout_clean();
    }
    let outcome = match name {
        // They end with a last line of their own.
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(true)
        }
        "test" => test::command(rest),
        _ => timed(|| command(name, rest)).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(name: &str, rest: &[String]) -> Result<()> {
    if !rest.is_empty() && matches!(name, "setup" | "build" | "dist") {
        return Err(format!("`{name}` takes no arguments\n\n{HELP}"));
    }
    match name {
        "setup" => setup::setup(Scope::Everything),
        "demo" => demo::command(rest),
        "build" => {
            setup::setup(Scope::Build)?;
            step("npm package", package::build)
        }
        "bench" => release::bench(rest),
        "size" => {
            setup::setup(Scope::Build)?;
            step("npm package", package::build)?;
            release::size(rest)
        }
        "dist" => release::dist(),
        other => Err(format!("there is no command `{other}`\n\n{HELP}")),
    }
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    work()?;
    run::say(format!("==> finished in {}", run::seconds(start.elapsed())));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_the_documentation_names_is_in_the_help() {
        let mut named = 0;
        for page in [
            "README.md",
            "CONTRIBUTING.md",
            "ARCHITECTURE.md",
            "CHANGELOG.md",
        ] {
            let text = std::fs::read_to_string(project::root().join(page)).unwrap();
            for (at, _) in text.match_indices("cargo xtask ") {
                let rest = &text[at + "cargo xtask ".len()..];
                let end = rest.find(|c: char| !c.is_ascii_lowercase());
                let name = &rest[..end.unwrap_or(rest.len())];
                let known = HELP.contains(&format!("\n  {name} "));
                assert!(known || name.is_empty(), "{page}: cargo xtask {name}");
                named += 1;
            }
        }
        assert!(named > 5);
    }
}
