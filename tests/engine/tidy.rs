//! The walls of the house, held by a test: who may name whom, and what must not stand anywhere.

use std::fs;
use std::path::{Path, PathBuf};

/// What the lowest rooms offer to all.
const GROUND: &[&str] = &[
    "prelude", "value", "number", "decimal", "order", "error", "time", "rng",
];

/// A room and the engine rooms above the ground that it may name. What isn't listed is a wall.
const MAY_USE: &[(&str, &[&str])] = &[
    ("prelude", &[]),
    ("value", &[]),
    ("number", &[]),
    ("decimal", &[]),
    ("order", &[]),
    ("error", &[]),
    ("time", &[]),
    ("rng", &[]),
    ("schema", &[]),
    // Whether two nested values are the same is asked of their contents, which takes a parser.
    ("table", &["schema", "json"]),
    ("json", &["schema", "table"]),
    ("conflict", &["schema"]),
    ("config", &["schema", "json", "conflict"]),
    // The doors: what goes in and out, told in the words of the rooms below.
    (
        "input",
        &["schema", "table", "config", "conflict", "effect", "journal"],
    ),
    ("journal", &["schema", "table", "input"]),
    ("effect", &["event", "input"]),
    ("event", &["schema", "table", "effect", "input"]),
    ("presence", &["json"]),
    (
        "channel",
        &["json", "config", "effect", "input", "presence"],
    ),
    (
        "store",
        &[
            "schema", "table", "json", "config", "conflict", "event", "input", "journal",
        ],
    ),
    (
        "crud",
        &[
            "schema", "table", "json", "config", "conflict", "event", "effect", "input", "store",
        ],
    ),
];

fn rust_files(dir: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
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

/// A file of the engine: its room, its path, its text, and what comes before a room where it names
/// one.
struct File {
    room: String,
    path: PathBuf,
    text: String,
    ways: Vec<String>,
}

/// What comes before a room's name in a file of that path below `src/engine` (or `data/src`): the
/// crate's own way, and as many `super::` as lead out of the file's room.
fn ways_to_rooms(inner: &Path, own: &str) -> Vec<String> {
    let is_mod = inner.file_name().is_some_and(|name| name == "mod.rs");
    let depth = inner.components().count() - usize::from(is_mod);
    let mut ways = vec![own.to_owned(), "syncline_data::".to_owned()];
    // In the crate's own root `super::` leads nowhere.
    if depth > 0 {
        ways.push("super::".repeat(depth));
    }
    ways
}

/// The engine's files: the rooms that decide, and those of the crate that holds the data.
fn engine_files() -> Vec<File> {
    let mut found = Vec::new();
    for (dir, own) in [("src/engine", "crate::engine::"), ("data/src", "crate::")] {
        let dir = root().join(dir);
        let mut files = Vec::new();
        rust_files(&dir, &mut files);
        assert!(files.len() > 10, "no files in {}", dir.display());
        found.extend(files.into_iter().map(|path| {
            let inner = path.strip_prefix(&dir).unwrap();
            let first = inner.components().next().unwrap().as_os_str();
            let room = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let ways = ways_to_rooms(inner, own);
            File {
                room,
                path,
                text,
                ways,
            }
        }));
    }
    found
}

/// Code lines only: comments and the tests at a file's end may name what they like.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .take_while(|(_, line)| !line.starts_with("#[cfg(test)]"))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(number, line)| (number + 1, line))
}

/// The engine rooms that a text names as `crate::engine::room…` (`way` is what comes before the
/// room), also in a `use` tree.
fn rooms_named(text: &str, way: &str) -> Vec<String> {
    let code: Vec<&str> = code(text).map(|(_, line)| line).collect();
    let code = code.join(" ");
    let mut named = Vec::new();
    for (at, _) in code.match_indices(way) {
        // Not the end of a longer path.
        if code[..at].ends_with([':', '_']) {
            continue;
        }
        let rest = &code[at + way.len()..];
        let Some(tree) = rest.strip_prefix('{') else {
            named.push(word(rest));
            continue;
        };
        // The outermost items of the tree.
        let (mut depth, mut fresh) = (0, true);
        for (at, c) in tree.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => fresh = true,
                c if fresh && c.is_alphabetic() => {
                    named.push(word(&tree[at..]));
                    fresh = false;
                }
                _ => {}
            }
        }
    }
    named
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

#[test]
fn what_a_text_names_is_found_in_paths_and_trees() {
    let text = "use crate::engine::table::{RowIx, crud};\nuse crate::engine::{json::{self, dom}, store::Store};\nlet x = crate::engine::order::order();";
    let named = rooms_named(text, "crate::engine::");
    assert_eq!(named, ["table", "json", "store", "order"]);
    assert_eq!(rooms_named("use crate::value::Cell;", "crate::"), ["value"]);
    let ways = |path: &str| ways_to_rooms(Path::new(path), "crate::engine::").pop();
    assert_eq!(ways("event.rs").as_deref(), Some("super::"));
    assert_eq!(ways("channel/mod.rs").as_deref(), Some("super::"));
    assert_eq!(ways("channel/feed.rs").as_deref(), Some("super::super::"));
    let text = "use super::feed::Feed;\nuse super::super::store::Store;";
    assert_eq!(rooms_named(text, "super::super::"), ["store"]);
}

#[test]
fn rooms_of_the_engine_name_only_those_that_the_design_lets_them() {
    let mut wrong = Vec::new();
    for file in engine_files() {
        let File { room, path, .. } = &file;
        if ["engine", "mod", "lib"].contains(&room.as_str()) {
            continue;
        }
        let Some((_, allowed)) = MAY_USE.iter().find(|(name, _)| name == room) else {
            wrong.push(format!(
                "{}: no wall is known of the room {room}",
                path.display()
            ));
            continue;
        };
        let named = file
            .ways
            .iter()
            .flat_map(|way| rooms_named(&file.text, way));
        for named in named {
            let named = named.as_str();
            if named != room && !GROUND.contains(&named) && !allowed.contains(&named) {
                wrong.push(format!("{}: {room} names {named}", path.display()));
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
        (
            "std::collections::HashMap",
            "its iteration order isn't the same twice: use BTreeMap",
        ),
        (
            "std::collections::HashSet",
            "its iteration order isn't the same twice: use BTreeSet",
        ),
        ("todo!(", "nothing is left to do"),
        ("unimplemented!(", "nothing is left to do"),
    ];
    let mut wrong = Vec::new();
    for File { path, text, .. } in engine_files() {
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
    assert!(
        wrong.is_empty(),
        "these feed the engine past the driver: {wrong:?}"
    );
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
    assert!(
        wrong.is_empty(),
        "these reach into the package's insides: {wrong:?}"
    );
}

#[test]
fn no_file_holds_the_marks_of_an_unfinished_merge() {
    let marks = ["<<<<<<<", ">>>>>>>"];
    let mut stack = vec![root().to_owned()];
    let (mut seen, mut wrong) = (0, Vec::new());
    while let Some(dir) = stack.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('.') || ["target", "node_modules", "dist"].contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                stack.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                seen += 1;
                let marked = |line: &str| marks.iter().any(|mark| line.starts_with(mark));
                if text.lines().any(marked) {
                    wrong.push(path);
                }
            }
        }
    }
    assert!(seen > 300, "the repository's files were not found");
    assert!(wrong.is_empty(), "not merged to the end: {wrong:?}");
}
