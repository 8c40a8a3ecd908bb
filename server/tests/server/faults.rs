//! Faults on demand, and the start and stop of a server.

use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};
use syncline_server::{Options, Server, StartError};

use crate::host::{Host, event, options};

async fn plan(host: &Host, plan: Value) {
    let (status, answer) = host.post("/api/_faults", &plan).await;
    assert_eq!(status, 200, "{answer}");
}

#[tokio::test]
async fn a_dropped_answer_closes_the_connection_after_the_sync_was_saved() {
    let host = Host::start().await;
    plan(&host, json!({ "dropAnswer": 2 })).await;
    let package = json!({ "requestId": 1, "events": { "added": [event("p", "Lost")] } });
    let send = || {
        host.http
            .post(format!("{}/api/sync", host.url))
            .body(package.to_string())
            .send()
    };
    assert!(send().await.is_err());
    assert!(send().await.is_err());
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Lost'")
            .await,
        1
    );
    let answer = host.sync(package.clone()).await;
    assert_eq!(answer["events"]["rows"][0]["$PhantomId"], "p");
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Lost'")
            .await,
        1
    );
}

#[tokio::test]
async fn failures_with_a_status_come_as_often_as_planned_and_do_nothing() {
    let host = Host::start().await;
    plan(&host, json!({ "failNext": { "status": 503, "count": 2 } })).await;
    let package = json!({ "requestId": 1, "events": { "updated": [{ "id": 1, "name": "X" }] } });
    for _ in 0..2 {
        let (status, answer) = host.try_sync(package.clone()).await;
        assert_eq!(
            (status, &answer["success"], &answer["requestId"]),
            (503, &json!(false), &json!(1))
        );
    }
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'X'")
            .await,
        0
    );
    host.sync(package).await;
}

#[tokio::test]
async fn a_planned_refusal_names_every_record_with_the_reason() {
    let host = Host::start().await;
    plan(
        &host,
        json!({ "refuseNext": { "message": "Not on Fridays" } }),
    )
    .await;
    let package = json!({ "events": {
        "added": [event("p", "X")], "updated": [{ "id": 1 }], "removed": [{ "id": 2 }],
    } });
    host.load(&["events"]).await;
    let (status, answer) = host.try_sync(package.clone()).await;
    assert_eq!(
        (status, &answer["message"]),
        (422, &json!("Not on Fridays"))
    );
    let rows = answer["events"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(
        rows.iter()
            .all(|row| row["error"] == "Not on Fridays" && row["success"] == false)
    );
    host.sync(package).await;
}

#[tokio::test]
async fn latency_delays_each_request_until_it_is_reset() {
    let host = Host::start().await;
    plan(&host, json!({ "latencyMs": 150 })).await;
    let start = Instant::now();
    host.load(&["events"]).await;
    assert!(start.elapsed() >= Duration::from_millis(150));
    assert_eq!(host.get("/api/_faults").await.1["latencyMs"], 150);
    // Who waits already needn't wait any longer.
    plan(&host, json!({ "latencyMs": 60_000 })).await;
    let request = host.http.get(format!("{}/api/load", host.url)).send();
    let mut waiting = tokio::spawn(request);
    let early = tokio::time::timeout(Duration::from_millis(150), &mut waiting).await;
    assert!(early.is_err());
    plan(&host, json!({ "reset": true })).await;
    let answered = tokio::time::timeout(Duration::from_secs(50), waiting).await;
    assert_eq!(answered.unwrap().unwrap().unwrap().status(), 200);
    assert_eq!(host.get("/api/_faults").await.1["latencyMs"], 0);
}

#[tokio::test]
async fn a_hanging_request_is_not_worked_on_and_does_not_keep_the_server_from_stopping() {
    let mut host = Host::start().await;
    plan(&host, json!({ "hangNext": 1 })).await;
    let package = json!({ "events": { "updated": [{ "id": 1, "name": "Never" }] } });
    let request = host
        .http
        .post(format!("{}/api/sync", host.url))
        .body(package.to_string());
    let hanging = tokio::spawn(request.send());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!hanging.is_finished());
    assert_eq!(host.get("/api/load").await.0, 200);
    let start = Instant::now();
    host.stop().await;
    assert!(start.elapsed() < Duration::from_secs(30));
    assert!(hanging.await.unwrap().is_err());
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Never'")
            .await,
        0
    );
}

#[tokio::test]
async fn a_server_that_stops_finishes_what_it_works_on() {
    let mut host = Host::start().await;
    plan(&host, json!({ "latencyMs": 3000 })).await;
    let package = json!({ "events": { "updated": [{ "id": 1, "name": "In time" }] } });
    let request = host
        .http
        .post(format!("{}/api/sync", host.url))
        .body(package.to_string());
    let running = tokio::spawn(request.send());
    tokio::time::sleep(Duration::from_secs(1)).await;
    host.stop().await;
    assert_eq!(running.await.unwrap().unwrap().status(), 200);
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'In time'")
            .await,
        1
    );
}

#[tokio::test]
async fn faults_exist_only_when_asked_for_and_misspelt_ones_are_refused() {
    let host = Host::start_with(|options| options.faults = false).await;
    assert_eq!(
        host.post("/api/_faults", &json!({ "hangNext": 1 })).await.0,
        404
    );
    let host = Host::start().await;
    for bad in [
        json!({ "hangNxt": 1 }),
        json!({ "failNext": 5 }),
        json!({ "dropAnswer": -1 }),
        json!([]),
    ] {
        assert_eq!(host.post("/api/_faults", &bad).await.0, 400, "{bad}");
    }
}

#[tokio::test]
async fn a_server_that_can_not_start_says_why() {
    let host = Host::start().await;
    let taken = Options {
        listen: host.url[7..].parse().unwrap(),
        ..in_memory()
    };
    assert!(matches!(
        Server::start(taken).await,
        Err(StartError::Listen { .. })
    ));
    let missing = Options {
        static_dir: Some("/does/not/exist".into()),
        ..in_memory()
    };
    assert!(matches!(
        Server::start(missing).await,
        Err(StartError::Static(_))
    ));
    for address in [
        "postgres://localhost/x",
        "file.sqlite",
        "sqlite:///does/not/exist/x.sqlite",
    ] {
        let options = Options {
            database: address.into(),
            ..options()
        };
        assert!(
            matches!(Server::start(options).await, Err(StartError::Database(_))),
            "{address}"
        );
    }
    let file = host.file();
    let garbage = file.with_file_name("garbage.sqlite");
    std::fs::write(
        &garbage,
        "this is no database, it only looks like a file of one".repeat(100),
    )
    .unwrap();
    let options = Options {
        database: format!("sqlite://{}", garbage.display()),
        ..options()
    };
    assert!(matches!(
        Server::start(options).await,
        Err(StartError::Database(_))
    ));
}

#[tokio::test]
async fn a_database_of_a_newer_server_is_left_alone() {
    let mut host = Host::start().await;
    let sql = "UPDATE options SET value = '99' WHERE name = 'schema'";
    sqlx::query(sql)
        .execute(&host.database().await)
        .await
        .unwrap();
    host.stop().await;
    let options = Options {
        database: format!("sqlite://{}", host.file().display()),
        ..options()
    };
    let error = Server::start(options).await.err().unwrap().to_string();
    assert_eq!(
        error,
        "the database has schema 99, this server knows schema 3"
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for bad in [
        ["--listen", "here"],
        ["--body-limit", "-1"],
        ["--no-such", "x"],
    ] {
        assert!(Options::try_parse_from(["syncline-server"].into_iter().chain(bad)).is_err());
    }
    for origin in [
        "*",
        "localhost:5173",
        "http://",
        "http://a/b",
        "http://a\n",
        "null",
    ] {
        let bad = ["syncline-server", "--allow-origin", origin];
        assert!(Options::try_parse_from(bad).is_err(), "{origin}");
    }
}

fn in_memory() -> Options {
    Options {
        database: "sqlite::memory:".into(),
        ..options()
    }
}
