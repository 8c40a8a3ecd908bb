//! `cargo xtask test`: runs the steps, goes on after a failure, sums up at the end.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::project::root;
use crate::run::{Result, note, seconds, within};
use crate::steps::STEPS;

/// One step of the tests.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// Minutes after which it is stopped and has failed: several times what two cores need.
    pub(crate) minutes: u64,
    /// Files and directories without which it can't run. Missing ones are a failure: a test that
    /// is silently gone is worse than one that is red.
    pub(crate) needs: &'static [&'static str],
    /// Steps that have to pass first.
    pub(crate) after: &'static [&'static str],
    pub(crate) run: fn() -> Result<Outcome>,
}

/// How a step ended that didn't fail.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    /// It couldn't run here and needn't; says why.
    Skipped(&'static str),
}

/// What the arguments ask for.
#[derive(Debug, PartialEq, Eq)]
enum Request {
    List,
    Run(Vec<&'static str>),
}

/// Runs what `args` ask for; `Err` only if the arguments make no sense. Whether all passed.
pub(crate) fn command(args: &[String]) -> Result<bool> {
    match parse(args)? {
        Request::List => {
            for step in STEPS {
                println!("{:<14}{}", step.name, step.what);
            }
            Ok(true)
        }
        Request::Run(names) => Ok(run(&names)),
    }
}

fn parse(args: &[String]) -> Result<Request> {
    match args {
        [] => Ok(Request::Run(STEPS.iter().map(|step| step.name).collect())),
        [list] if list == "--list" => Ok(Request::List),
        [only, names] if only == "--only" => selection(names).map(Request::Run),
        _ => Err("usage: cargo xtask test [--list | --only name,name]".to_owned()),
    }
}

/// The named steps in their order, with those that have to come first.
fn selection(names: &str) -> Result<Vec<&'static str>> {
    let mut wanted: Vec<&'static str> = Vec::new();
    let mut waiting: Vec<&str> = names.split(',').map(str::trim).collect();
    while let Some(name) = waiting.pop() {
        let step = STEPS.iter().find(|step| step.name == name);
        let step = step.ok_or_else(|| format!("no step `{name}`: see cargo xtask test --list"))?;
        if !wanted.contains(&step.name) {
            wanted.push(step.name);
            waiting.extend(step.after);
        }
    }
    Ok(STEPS
        .iter()
        .map(|step| step.name)
        .filter(|name| wanted.contains(name))
        .collect())
}

fn run(names: &[&str]) -> bool {
    let mut results: Vec<(&Step, Duration, Result<Outcome>)> = Vec::new();
    let mut passed: HashMap<&str, bool> = HashMap::new();
    for step in STEPS.iter().filter(|step| names.contains(&step.name)) {
        println!("==> {}: {}", step.name, step.what);
        let start = Instant::now();
        let result = attempt(step, &passed);
        let took = start.elapsed();
        match &result {
            Ok(Outcome::Passed) => note(format!("passed in {}", seconds(took))),
            Ok(Outcome::Skipped(why)) => note(format!("skipped: {why}")),
            Err(error) => note(format!("FAILED in {}: {error}", seconds(took))),
        }
        passed.insert(step.name, result.is_ok());
        results.push((step, took, result));
    }
    summary(&results)
}

fn attempt(step: &Step, passed: &HashMap<&str, bool>) -> Result<Outcome> {
    if let Some(before) = step
        .after
        .iter()
        .find(|name| passed.get(**name) == Some(&false))
    {
        return Err(format!("not run, because {before} failed"));
    }
    let missing: Vec<&str> = step
        .needs
        .iter()
        .copied()
        .filter(|path| !root().join(path).exists())
        .collect();
    if !missing.is_empty() {
        return Err(format!("missing in the repository: {}", missing.join(", ")));
    }
    within(Duration::from_secs(step.minutes * 60), step.run)
}

/// Prints the table and, as the last line, the sum. Whether nothing failed.
fn summary(results: &[(&Step, Duration, Result<Outcome>)]) -> bool {
    println!("\n{:<14}{:<10}{:>14}", "step", "result", "time");
    for (step, took, result) in results {
        let (word, remark) = match result {
            Ok(Outcome::Passed) => ("passed", ""),
            Ok(Outcome::Skipped(why)) => ("skipped", *why),
            Err(error) => ("FAILED", error.as_str()),
        };
        let line = format!(
            "{:<14}{word:<10}{:>14}   {remark}",
            step.name,
            seconds(*took)
        );
        println!("{}", line.trim_end());
    }
    let total: Duration = results.iter().map(|(_, took, _)| *took).sum();
    println!("{:<24}{:>14}\n", "together", seconds(total));
    let count = |wanted: fn(&Result<Outcome>) -> bool| {
        results
            .iter()
            .filter(|(_, _, result)| wanted(result))
            .count()
    };
    let failed = count(Result::is_err);
    println!(
        "{} passed, {failed} failed",
        count(|result| *result == Ok(Outcome::Passed))
    );
    failed == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selection_brings_the_steps_that_have_to_come_first() {
        assert_eq!(selection("size"), Ok(vec!["setup", "package", "size"]));
        assert_eq!(selection("fmt, fmt"), Ok(vec!["fmt"]));
        assert!(selection("nothing").is_err());
    }

    #[test]
    fn every_step_comes_after_those_it_waits_for() {
        for (at, step) in STEPS.iter().enumerate() {
            for before in step.after {
                assert!(
                    STEPS[..at].iter().any(|earlier| earlier.name == *before),
                    "{before}"
                );
            }
        }
    }

    #[test]
    fn a_step_whose_files_are_missing_fails_and_says_which() {
        let step = Step {
            name: "x",
            what: "",
            minutes: 1,
            needs: &["Cargo.toml", "no/such/file"],
            after: &[],
            run: || Ok(Outcome::Passed),
        };
        let error = attempt(&step, &HashMap::new()).unwrap_err();
        assert_eq!(error, "missing in the repository: no/such/file");
    }

    #[test]
    fn a_step_is_not_run_after_one_it_needs_has_failed() {
        let step = Step {
            name: "x",
            what: "",
            minutes: 1,
            needs: &[],
            after: &["package"],
            run: || Ok(Outcome::Passed),
        };
        assert!(attempt(&step, &HashMap::from([("package", false)])).is_err());
        assert_eq!(
            attempt(&step, &HashMap::from([("package", true)])),
            Ok(Outcome::Passed)
        );
    }
}
