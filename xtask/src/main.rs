//! The project's commands: `cargo xtask setup | demo | test | bench | size | dist`.

// A command-line tool talks to the person who runs it.
#![allow(clippy::print_stdout)]

mod package;
mod project;
mod run;
mod setup;

use std::env;
use std::process::ExitCode;
use std::time::Instant;

use run::Result;
use setup::Scope;

const HELP: &str = "\
cargo xtask <command>

  setup    bring this machine to where everything builds (again and again: seconds)
  help     this text";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    let start = Instant::now();
    match command(&args) {
        Ok(()) => {
            println!("==> finished in {}", run::seconds(start.elapsed()));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<()> {
    let (name, _rest) = args
        .split_first()
        .map_or(("help", args), |(n, rest)| (n.as_str(), rest));
    match name {
        "build" => {
            setup::setup(Scope::Build)?;
            run::step("npm package", package::build)
        }
        "setup" => setup::setup(Scope::Everything),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(())
        }
        other => Err(format!("there is no command `{other}`\n\n{HELP}")),
    }
}
