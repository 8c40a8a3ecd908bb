//! The real binary, killed without warning.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use tokio::task::JoinSet;

use crate::host::event;

/// How often the server dies, each time a little later into its work. `SYNCLINE_DEATHS` asks for
/// more.
const DEATHS: u64 = 5;

const CLIENTS: usize = 4;

/// How many syncs are confirmed before the server may die.
const CONFIRMED_FIRST: usize = 10;

/// A process that is killed when the test ends, however it ends.
struct Process {
    child: Child,
    url: String,
}

fn spawn(database: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_syncline-server"))
        .args(["--listen", "127.0.0.1:0", "--database"])
        .arg(format!("sqlite://{}", database.display()))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

impl Process {
    fn start(database: &Path) -> Self {
        let mut child = spawn(database);
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let url = line
            .trim()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// What the clients sent, and the ids that were confirmed.
#[derive(Default)]
struct Log {
    confirmed: Vec<(String, i64)>,
    unknown: Vec<(String, Value)>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_killed_amid_many_syncs_keeps_every_confirmed_one_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("crash.sqlite");
    let http = reqwest::Client::new();
    let mut confirmed: Vec<(String, i64)> = Vec::new();
    let asked = std::env::var("SYNCLINE_DEATHS").ok();
    let deaths = asked.map_or(DEATHS, |count| count.parse().unwrap());
    for death in 0..deaths {
        let mut process = Process::start(&file);
        let log = Arc::new(Mutex::new(Log::default()));
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            let name = format!("d{death} c{client}");
            clients.spawn(write_until_dead(
                http.clone(),
                process.url.clone(),
                name,
                log.clone(),
            ));
        }
        while log.lock().unwrap().confirmed.len() < CONFIRMED_FIRST {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        tokio::time::sleep(Duration::from_millis(70 * death % 700)).await;
        process.kill();
        clients.join_all().await;
        let log = std::mem::take(&mut *log.lock().unwrap());
        assert!(
            !log.confirmed.is_empty(),
            "the server died before it did anything"
        );
        assert!(!log.unknown.is_empty());
        confirmed.extend(log.confirmed);
        check(&file, &confirmed).await;
        // The same requests again: who was saved gets the first answer, who was not is saved now.
        let process = Process::start(&file);
        for (name, package) in log.unknown {
            let id = send(&http, &process.url, &package).await.unwrap();
            confirmed.push((name, id));
        }
        check(&file, &confirmed).await;
    }
}

/// Adds an event with an assignment, again and again, until the server is gone.
async fn write_until_dead(
    http: reqwest::Client,
    url: String,
    client: String,
    log: Arc<Mutex<Log>>,
) {
    for step in 0.. {
        let name = format!("{client} s{step}");
        let package = json!({
            "clientId": client, "requestId": format!("r{step}"),
            "events": { "added": [event(&name, &name)], "updated": [{ "id": 1, "note": name }] },
            "assignments": { "added": [
                { "$PhantomId": format!("a {name}"), "event": name, "resource": 1 },
            ] },
        });
        match send(&http, &url, &package).await {
            Some(id) => log.lock().unwrap().confirmed.push((name, id)),
            None => {
                log.lock().unwrap().unknown.push((name, package));
                return;
            }
        }
    }
}

/// The id that the event got; `None` when no answer came.
async fn send(http: &reqwest::Client, url: &str, package: &Value) -> Option<i64> {
    let response = http
        .post(format!("{url}/api/sync"))
        .body(package.to_string())
        .send()
        .await
        .ok()?;
    let answer: Value = response.json().await.ok()?;
    assert_eq!(answer["success"], true, "{answer}");
    Some(
        answer["events"]["rows"]
            .as_array()?
            .iter()
            .find(|row| row["$PhantomId"].is_string())?["id"]
            .as_i64()
            .unwrap(),
    )
}

/// The file opens, is sound, and holds each confirmed sync once and every other one wholly or not
/// at all.
async fn check(file: &Path, confirmed: &[(String, i64)]) {
    let database = SqlitePool::connect(&format!("sqlite://{}", file.display()))
        .await
        .unwrap();
    let sound: String = sqlx::query_scalar("PRAGMA integrity_check")
        .fetch_one(&database)
        .await
        .unwrap();
    assert_eq!(sound, "ok");
    let dangling: Vec<i64> = sqlx::query_scalar("SELECT 1 FROM pragma_foreign_key_check")
        .fetch_all(&database)
        .await
        .unwrap();
    assert!(dangling.is_empty());
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT e.name, e.id, (SELECT count(*) FROM event_assignments a WHERE a.event = e.id)
         FROM events e WHERE e.name LIKE 'd% c% s%' ORDER BY e.name",
    )
    .fetch_all(&database)
    .await
    .unwrap();
    assert!(
        rows.windows(2).all(|pair| pair[0].0 != pair[1].0),
        "a sync was saved twice"
    );
    assert!(
        rows.iter().all(|(_, _, assignments)| *assignments == 1),
        "a sync was saved in part"
    );
    for (name, id) in confirmed {
        assert!(
            rows.iter().any(|row| row.0 == *name && row.1 == *id),
            "{name} got lost"
        );
    }
    let revision: i64 =
        sqlx::query_scalar("SELECT CAST(value AS INTEGER) FROM options WHERE name = 'revision'")
            .fetch_one(&database)
            .await
            .unwrap();
    assert_eq!(revision, rows.len() as i64 + 1);
    database.close().await;
}

#[tokio::test]
async fn a_server_killed_while_it_makes_its_database_makes_all_of_it_at_the_next_start() {
    for later in 0..10 {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("young.sqlite");
        let mut child = spawn(&file);
        tokio::time::sleep(Duration::from_millis(7 * later)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let process = Process::start(&file);
        let response = reqwest::get(format!("{}/api/calendar/load", process.url));
        let answer: Value = response.await.unwrap().json().await.unwrap();
        assert_eq!(answer["events"]["total"], 28);
        check(&file, &[]).await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_stops_the_server_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("term.sqlite");
    let mut process = Process::start(&file);
    let answer = reqwest::get(format!("{}/api/load", process.url))
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let kill = Command::new("kill")
        .arg("-TERM")
        .arg(process.child.id().to_string())
        .status()
        .unwrap();
    assert!(kill.success());
    assert!(process.child.wait().unwrap().success());
    assert!(
        !file.with_extension("sqlite-wal").exists(),
        "the log was not folded into the file"
    );
}

#[test]
fn a_wrong_database_ends_the_program_with_a_message() {
    let output = Command::new(env!("CARGO_BIN_EXE_syncline-server"))
        .args(["--listen", "127.0.0.1:0", "--database", "mysql://x"])
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no database address"));
}
