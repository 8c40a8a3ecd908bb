//! Golden transcripts: what goes into the engine and what comes out, as JSON that can be read. They
//! are tests, and they show the protocol by example; `docs/protocol.md` says which one shows what.
//!
//! `cargo test --test golden` compares; `SYNCLINE_BLESS=1 cargo test --test golden` writes anew
//! what comes out. Look at the difference before you keep it.
//!
//! A transcript is `{title, about, client, steps}`. `client` is what the app configures: `manager`,
//! `stores`, which before… events it `listen`s to, and the `zone` in hours. A step happens `at` so
//! many ms after the start and is one of
//!
//! | member | what happens |
//! |---|---|
//! | `input` | the app, its user or the browser does something: one member that names it (see `client.rs`) |
//! | `answer` | the server answers the request `to` that number, or listeners answer the question `ask` |
//! | `look` | somebody looks: at `changes`, at `status`, at the records of a store; `seen` is what there is to see |
//!
//! and has the `effects` that follow, in order, and the `timer`: in how many ms the engine wants to
//! be called again. Requests and questions are numbered as they come. `requestId` and client ids
//! are random numbers and UUIDs; here they are 1, 2, 3 … and `00000000-0000-4000-8000-000000000001`
//! …, in the order of their first appearance. What the host keeps of answers for listeners is left
//! out.
#![cfg(not(target_arch = "wasm32"))]
#![allow(unreachable_pub, reason = "a test's modules are its own")]

mod client;
mod names;
mod print;
mod render;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use client::Client;

#[test]
fn every_transcript_is_what_the_engine_does() {
    let bless = std::env::var_os("SYNCLINE_BLESS").is_some();
    let mut failures = Vec::new();
    let paths = transcripts();
    assert!(paths.len() > 20, "the transcripts were not found");
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let before: Value = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // Shown when the play panics.
        eprintln!("playing {}", path.display());
        let after = play(&before);
        if bless {
            fs::write(&path, print::pretty(&after)).unwrap();
        } else {
            let name = path.file_name().unwrap().to_string_lossy();
            failures.extend(differences(&name, &before, &after));
        }
    }
    assert!(
        failures.is_empty(),
        "SYNCLINE_BLESS=1 writes them anew\n{}",
        failures.join("\n")
    );
}

#[test]
fn transcripts_say_what_they_are_about() {
    for path in transcripts() {
        let text = fs::read_to_string(&path).unwrap();
        let transcript: Value = serde_json::from_str(&text).unwrap();
        for member in ["title", "about"] {
            let said = transcript[member].as_str().unwrap_or_default();
            assert!(!said.is_empty(), "{}: no {member}", path.display());
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let documented = fs::read_to_string(root().join("docs/protocol.md")).unwrap();
        assert!(
            documented.contains(&name),
            "docs/protocol.md doesn't name {name}"
        );
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn transcripts() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("tests/golden")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "json"));
    paths.sort();
    paths
}

/// The transcript with what the engine does written into it.
fn play(transcript: &Value) -> Value {
    let mut played = transcript.clone();
    let mut client = Client::new(&transcript["client"]);
    let steps = played["steps"].as_array_mut().expect("steps");
    for step in steps {
        let at = step["at"].as_u64().expect("when the step happens");
        let step = step.as_object_mut().unwrap();
        for derived in ["effects", "timer", "seen", "error"] {
            step.remove(derived);
        }
        client.begin(at);
        if let Some(look) = step.get("look") {
            let seen = client.look(look);
            step.insert("seen".into(), seen);
            continue;
        }
        let outcome = match (step.get("input"), step.get("answer")) {
            (Some(input), None) => client.input(input),
            (None, Some(answer)) => client.answer(answer),
            _ => panic!("a step is an input, an answer or a look: {step:?}"),
        };
        if let Err(error) = outcome {
            step.insert("error".into(), json!(error.code.as_str()));
        }
        step.insert("effects".into(), client.effects().into());
        if let Some(ms) = client.timer() {
            step.insert("timer".into(), ms.into());
        }
    }
    client.check_end();
    played
}

fn differences(name: &str, before: &Value, after: &Value) -> Option<String> {
    let steps = |transcript: &Value| transcript["steps"].as_array().cloned().unwrap_or_default();
    for (at, (before, after)) in steps(before).iter().zip(&steps(after)).enumerate() {
        if before != after {
            let (before, after) = (print::pretty(before), print::pretty(after));
            let number = at + 1;
            return Some(format!(
                "--- {name}, step {number}, expected:\n{before}--- happened:\n{after}"
            ));
        }
    }
    None
}

/// The names of the simulation's tests that begin with one of these.
fn simulated(prefixes: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root().join("tests/sim")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let functions = text.lines().filter_map(|line| line.strip_prefix("fn "));
        let functions = functions.filter_map(|line| line.split('(').next());
        let wanted = functions.filter(|name| prefixes.iter().any(|with| name.starts_with(with)));
        names.extend(wanted.map(str::to_owned));
    }
    names
}

#[test]
fn the_table_of_scenarios_names_every_test_and_no_other() {
    let table = fs::read_to_string(root().join("docs/scenarios.md")).unwrap();
    let named: Vec<&str> = table.split('`').collect();
    let tests = simulated(&["scenario_", "further_"]);
    assert!(tests.len() > 45, "the tests were not found");
    for test in &tests {
        assert!(
            named.contains(&test.as_str()),
            "docs/scenarios.md doesn't name {test}"
        );
    }
    for name in &named {
        let is_test = ["scenario_", "further_"]
            .iter()
            .any(|with| name.starts_with(with));
        let whole = is_test && *name != "scenario_04";
        assert!(
            !whole || tests.iter().any(|test| test == name),
            "there is no {name}"
        );
    }
    let tests = simulated(&["interop_"]);
    for number in 1..=27 {
        let prefix = format!("interop_{number:02}_");
        assert!(
            tests.iter().any(|test| test.starts_with(&prefix)),
            "no {prefix}…"
        );
        assert!(
            table.contains(&prefix),
            "docs/scenarios.md doesn't name {prefix}…"
        );
    }
}
