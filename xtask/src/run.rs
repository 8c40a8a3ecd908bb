//! Running other programs: every one has a time limit, none can wait for a terminal.

use std::cell::Cell;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// An error is one line that tells a person what went wrong and, where possible, what to do.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Limit for a program that gives none: long enough for a cold release build on two cores.
const DEFAULT_LIMIT: Duration = Duration::from_secs(20 * 60);

/// Limit for questions such as `--version`.
const QUESTION_LIMIT: Duration = Duration::from_secs(30);

thread_local! {
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether standard output belongs to a machine that reads it.
static FOR_MACHINES: AtomicBool = AtomicBool::new(false);

/// From here on only the result goes to standard output, all else to standard error.
pub(crate) fn keep_stdout_clean() {
    FOR_MACHINES.store(true, Ordering::Relaxed);
}

/// Tells the person at the machine one line.
pub(crate) fn say(text: impl AsRef<str>) {
    let text = text.as_ref();
    if FOR_MACHINES.load(Ordering::Relaxed) {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

/// Runs `work`; every program started inside ends within `limit`, counted from here.
pub(crate) fn within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let outer = DEADLINE.replace(Some(Instant::now() + limit));
    let result = work();
    DEADLINE.set(outer);
    result
}

/// Prints the heading of a step, runs it and prints how long it took.
pub(crate) fn step<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    say(format!("==> {name}"));
    let start = Instant::now();
    let result = work();
    let word = if result.is_ok() { "done" } else { "failed" };
    note(format!("{word} in {}", seconds(start.elapsed())));
    result
}

/// `1.2 s`, `3 min 05 s`.
pub(crate) fn seconds(time: Duration) -> String {
    let whole = time.as_secs();
    if whole < 120 {
        format!("{:.1} s", time.as_secs_f64())
    } else {
        format!("{} min {:02} s", whole / 60, whole % 60)
    }
}

/// One line of explanation below a heading.
pub(crate) fn note(text: impl AsRef<str>) {
    say(format!("    {}", text.as_ref()));
}

/// A program to run.
#[derive(Debug)]
pub(crate) struct Cmd {
    command: Command,
    limit: Duration,
}

impl Cmd {
    /// `program`, looked up on `PATH`, with an environment that has nothing of the cargo
    /// that started us: what cargo and rustup set for a child would change the builds below.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let from_cargo = text.starts_with("CARGO_PKG_")
                || text.starts_with("CARGO_MANIFEST_")
                || matches!(
                    &*text,
                    "CARGO" | "CARGO_BIN_NAME" | "CARGO_CRATE_NAME" | "OUT_DIR"
                );
            if from_cargo {
                command.env_remove(&name);
            } else if text == "LD_LIBRARY_PATH" {
                match own_library_path(&value) {
                    Some(rest) => command.env(&name, rest),
                    None => command.env_remove(&name),
                };
            }
        }
        Self {
            command,
            limit: DEFAULT_LIMIT,
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn dir(mut self, dir: impl AsRef<Path>) -> Self {
        self.command.current_dir(dir);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Puts directories in front of `PATH`.
    pub(crate) fn path(self, dirs: &[PathBuf]) -> Self {
        let old = std::env::var_os("PATH").unwrap_or_default();
        let all = dirs.iter().cloned().chain(std::env::split_paths(&old));
        match std::env::join_paths(all) {
            Ok(path) => self.env("PATH", path),
            Err(_) => self,
        }
    }

    pub(crate) fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Lets the program ask the person at the terminal (for sudo's password only).
    pub(crate) fn with_terminal(mut self) -> Self {
        self.command.stdin(Stdio::inherit());
        self
    }

    /// Runs it with its output shown.
    pub(crate) fn run(mut self) -> Result<()> {
        let shown = self.to_string();
        note(format!("$ {shown}"));
        if FOR_MACHINES.load(Ordering::Relaxed) {
            self.command.stdout(Stdio::from(std::io::stderr()));
        }
        let status = self.wait(&shown)?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{}` failed: {status}", in_short(&shown)))
        }
    }

    /// Runs it for its output: that is the result of the whole command.
    pub(crate) fn show(mut self) -> Result<()> {
        let shown = self.to_string();
        let status = self.wait(&shown)?;
        if status.success() {
            Ok(())
        } else {
            Err(format!("`{shown}` failed: {status}"))
        }
    }

    /// Runs it without a word; whether it succeeded.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null());
        self.limit = self.limit.min(QUESTION_LIMIT);
        let shown = self.to_string();
        self.wait(&shown).is_ok_and(|status| status.success())
    }

    /// Runs it and returns what it printed; on failure the error holds what it said.
    pub(crate) fn output(mut self) -> Result<String> {
        let shown = self.to_string();
        // Files, not pipes: a grandchild that outlives the program would keep a pipe open.
        let (out_path, out) = scratch_file()?;
        let (err_path, err) = scratch_file()?;
        self.command.stdout(out).stderr(err);
        let status = self.wait(&shown);
        let text = fs::read(&out_path).unwrap_or_default();
        let complaint = fs::read(&err_path).unwrap_or_default();
        let _ = fs::remove_file(&out_path);
        let _ = fs::remove_file(&err_path);
        if status?.success() {
            return Ok(String::from_utf8_lossy(&text).into_owned());
        }
        let complaint = String::from_utf8_lossy(&complaint);
        Err(format!("`{shown}` failed: {}", complaint.trim()))
    }

    /// A short question such as `node --version`: what it printed, or nothing.
    pub(crate) fn answer(self) -> Option<String> {
        let limit = self.limit.min(QUESTION_LIMIT);
        self.limit(limit)
            .output()
            .ok()
            .map(|text| text.trim().to_owned())
    }

    /// Hands over to the standard library's command, for a program that takes our place.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    fn wait(&mut self, shown: &str) -> Result<ExitStatus> {
        let now = Instant::now();
        let limit = match DEADLINE.get() {
            Some(deadline) => self.limit.min(deadline.saturating_duration_since(now)),
            None => self.limit,
        };
        let mut child = self
            .command
            .spawn()
            .map_err(|error| format!("can't start `{shown}`: {error}"))?;
        let mut pause = Duration::from_millis(2);
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if now.elapsed() >= limit => {
                    kill_tree(&mut child);
                    return Err(format!(
                        "`{shown}` was stopped after {}",
                        seconds(now.elapsed())
                    ));
                }
                Ok(None) => thread::sleep(pause),
                Err(error) => return Err(format!("`{shown}`: {error}")),
            }
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }
}

impl std::fmt::Display for Cmd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.command.get_program().to_string_lossy())?;
        for arg in self.command.get_args() {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}

/// A command of which the whole was shown before.
fn in_short(shown: &str) -> String {
    const MAX_CHARS: usize = 120;
    match shown.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{} …", shown[..end].trim_end()),
        None => shown.to_owned(),
    }
}

/// The entries of a library path that the person set: those of rustup and cargo are left out,
/// they would lend one toolchain's libraries to another one.
fn own_library_path(value: &OsStr) -> Option<OsString> {
    let own = std::env::split_paths(value).filter(|dir| {
        let dir = dir.to_string_lossy();
        !(dir.contains("/toolchains/") || dir.contains("/debug") || dir.contains("/release"))
    });
    std::env::join_paths(own)
        .ok()
        .filter(|rest| !rest.is_empty())
}

fn scratch_file() -> Result<(PathBuf, File)> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("syncline-{}-{count}", std::process::id()));
    let file =
        File::create(&path).map_err(|error| format!("can't write {}: {error}", path.display()))?;
    Ok((path, file))
}

/// Ends a child with everything that it started. Children stay in our process group, so that
/// Ctrl-C reaches them all; the price is that the tree has to be walked here.
fn kill_tree(child: &mut Child) {
    let mut doomed = vec![child.id()];
    let pairs = process_parents();
    let mut next = 0;
    while let Some(&parent) = doomed.get(next) {
        doomed.extend(
            pairs
                .iter()
                .filter(|(_, of)| *of == parent)
                .map(|(pid, _)| *pid),
        );
        next += 1;
    }
    let list: Vec<String> = doomed.iter().map(u32::to_string).collect();
    // The shell's own `kill`: a slim container need not have the program.
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -KILL {}", list.join(" "))])
        .stderr(Stdio::null())
        .status();
    let _ = child.kill();
    let _ = child.wait();
}

/// All processes as (id, id of the parent).
fn process_parents() -> Vec<(u32, u32)> {
    if let Ok(entries) = fs::read_dir("/proc") {
        let pairs: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let pid = entry.file_name().to_str()?.parse().ok()?;
                let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
                Some((pid, parent_of_stat(&stat)?))
            })
            .collect();
        if !pairs.is_empty() {
            return pairs;
        }
    }
    let Ok(listed) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else {
        return Vec::new();
    };
    String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
        })
        .collect()
}

/// The fourth field of `/proc/*/stat`; the second is a name that may hold spaces and brackets.
fn parent_of_stat(stat: &str) -> Option<u32> {
    let rest = stat.get(stat.rfind(')')? + 1..)?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_a_name_with_brackets() {
        assert_eq!(parent_of_stat("12 (a) b)) S 7 12 12"), Some(7));
        assert_eq!(parent_of_stat("nonsense"), None);
    }

    #[test]
    fn a_program_that_hangs_is_stopped_with_its_children() {
        let start = Instant::now();
        let hung = Cmd::new("sh").args(["-c", "sleep 41.5 & sleep 41.5; true"]);
        let error = hung.limit(Duration::from_millis(200)).output().unwrap_err();
        assert!(error.contains("was stopped after"), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn an_outer_limit_holds_for_every_program_inside() {
        let error = within(Duration::from_millis(100), || {
            Cmd::new("sleep").arg("30").output()
        });
        assert!(error.unwrap_err().contains("was stopped after"));
    }

    #[test]
    fn a_failure_tells_what_the_program_said() {
        let error = Cmd::new("sh")
            .args(["-c", "echo it broke >&2; exit 3"])
            .output();
        assert!(error.unwrap_err().ends_with("it broke"));
    }

    #[test]
    fn library_paths_of_toolchains_are_left_out() {
        let both = "/usr/x/toolchains/stable/lib:/opt/lib";
        assert_eq!(own_library_path(both.as_ref()), Some("/opt/lib".into()));
        assert_eq!(own_library_path("/x/target/debug/deps".as_ref()), None);
    }
}
