//! The walls of the house, held by a test: who may name whom, and what must not stand anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// A room and the engine rooms that it may name. What isn't listed is a wall.
const MAY_USE: &[(&str, &[&str])] = &[
    ("value", &["table"]), // doc links only; a cell means nothing without its table
    ("time", &[]),
    ("rng", &[]),
    ("error", &[]),
    ("schema", &["value"]),
    // `json::dom` alone: whether two JSON texts say the same.
    ("table", &["schema", "value", "error", "json"]),
    ("json", &["table", "schema", "value", "error"]),
    (
        "store",
        &["table", "json", "schema", "value", "error", "rng", "time", "config", "event", "input"],
    ),
    (
        "crud",
        &[
            "store", "table", "json", "schema", "value", "error", "rng", "time", "config", "event",
            "effect", "input",
        ],
    ),
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn engine_files() -> Vec<(String, PathBuf, String)> {
    let engine = root().join("src/engine");
    let mut files = Vec::new();
    rust_files(&engine, &mut files);
    assert!(files.len() > 10, "the engine's files were not found");
    files
        .into_iter()
        .map(|path| {
            let inner = path.strip_prefix(&engine).unwrap();
            let room = inner.components().next().unwrap().as_os_str().to_str().unwrap();
            let room = room.trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (room, path, text)
        })
        .collect()
}

/// Code lines only: comments and the tests at a file's end may name what they like.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

/// The engine rooms that a line of code names, as `super::room`, `crate::engine::room` or in a `use` tree of either.
fn rooms_named(line: &str) -> Vec<&'static str> {
    let rooms = [
        "value", "time", "rng", "error", "schema", "table", "json", "store", "crud", "conflict",
        "presence", "channel", "config", "event", "effect", "input", "engine",
    ];
    rooms
        .into_iter()
        .filter(|room| {
            ["crate::engine::", "super::super::"]
                .iter()
                .any(|prefix| line.contains(&format!("{prefix}{room}::")))
        })
        .collect()
}

#[test]
fn rooms_of_the_engine_name_only_those_that_the_design_lets_them() {
    let mut wrong = Vec::new();
    for (room, path, text) in engine_files() {
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| *name == room) else { continue };
        for (number, line) in code(&text) {
            for named in rooms_named(line) {
                if named != room && !allowed.contains(&named) {
                    wrong.push(format!("{}:{number}: {room} names {named}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "walls broken:\n{}", wrong.join("\n"));
}

#[test]
fn the_engine_has_no_clock_no_io_and_no_iteration_in_hash_order() {
    let banned = [
        ("SystemTime", "time comes with every input"),
        ("Instant::now", "time comes with every input"),
        ("std::fs", "the engine does no IO"),
        ("std::net", "the engine does no IO"),
        ("std::thread", "the engine runs where it is called"),
        ("js_sys", "the engine knows no JavaScript"),
        ("web_sys", "the engine knows no JavaScript"),
        ("wasm_bindgen", "the engine knows no JavaScript"),
        ("std::collections::HashMap", "its iteration order isn't the same twice: use BTreeMap"),
        ("std::collections::HashSet", "its iteration order isn't the same twice: use BTreeSet"),
        ("todo!(", "nothing is left to do"),
        ("unimplemented!(", "nothing is left to do"),
    ];
    let mut wrong = Vec::new();
    for (_, path, text) in engine_files() {
        for (number, line) in code(&text) {
            for (word, why) in banned {
                if line.contains(word) {
                    wrong.push(format!("{}:{number}: {word}: {why}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn only_the_driver_feeds_the_engine() {
    let shell = root().join("src/wasm");
    let mut files = Vec::new();
    rust_files(&shell, &mut files);
    let wrong: Vec<_> = files
        .iter()
        .filter(|path| path.file_name().is_none_or(|name| name != "driver.rs"))
        .filter(|path| fs::read_to_string(path).unwrap().contains(".handle("))
        .collect();
    assert!(wrong.is_empty(), "these feed the engine past the driver: {wrong:?}");
    assert!(!files.is_empty(), "the shell's files were not found");
}

#[test]
fn the_demo_uses_the_package_alone() {
    let src = root().join("www/src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut stack = vec![src];
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                stack.push(path);
            } else if path.extension().is_some_and(|ext| ext == "ts") {
                seen += 1;
                let text = fs::read_to_string(&path).unwrap();
                if text.contains("pkg/src") || text.contains("pkg/wasm") || text.contains("../pkg")
                {
                    wrong.push(path);
                }
            }
        }
    }
    assert!(seen > 0, "the demo's files were not found");
    assert!(wrong.is_empty(), "these reach into the package's insides: {wrong:?}");
}
