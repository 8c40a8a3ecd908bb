//! What a client hears that was away.

use serde_json::json;

use super::client::{Client, rename};
use crate::host::Host;

async fn epoch(host: &Host) -> String {
    let mut client = Client::connect(host, "").await;
    let hello = client.until("hello").await;
    hello["epoch"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn missed_changes_come_in_order_before_the_room_is_live() {
    let host = Host::start().await;
    for name in ["One", "Two", "Three"] {
        host.sync(rename(1, name)).await;
    }
    let task = json!({ "tasks": { "updated": [{ "id": 1, "name": "Elsewhere" }] } });
    let (status, answer) = host.post("/api/taskboard/sync", &task).await;
    assert_eq!((status, &answer["revision"]), (200, &json!(5)), "{answer}");
    let query = format!("project=calendar&since=2&epoch={}", epoch(&host).await);
    let mut client = Client::connect(&host, &query).await;
    let subscribed = client.until("subscribed").await;
    assert_eq!(
        (&subscribed["catchUp"], &subscribed["revision"]),
        (&json!(2), &json!(5))
    );
    for (revision, name) in [(3, "Two"), (4, "Three")] {
        let sync = client.next().await;
        assert_eq!(sync["revision"], revision);
        assert_eq!(sync["previous"], revision - 1);
        assert_eq!(sync["data"], rename(1, name));
    }
    let live = client.next().await;
    assert_eq!(
        (&live["type"], &live["revision"]),
        (&json!("live"), &json!(5))
    );
    host.sync(rename(1, "Four")).await;
    assert_eq!(client.until("sync").await["previous"], 4);
}

#[tokio::test]
async fn what_cannot_be_told_is_loaded_anew() {
    let host = Host::start().await;
    host.sync(rename(1, "One")).await;
    let own = epoch(&host).await;
    for (since, epoch, reason) in [
        (1, "0123456789abcdef", "epoch"),
        (99, own.as_str(), "ahead"),
        (0, own.as_str(), "forgotten"),
    ] {
        let query = format!("project=calendar&since={since}&epoch={epoch}");
        let mut client = Client::connect(&host, &query).await;
        assert_eq!(client.until("subscribed").await["catchUp"], json!(null));
        let reload = client.next().await;
        assert_eq!(
            (&reload["type"], &reload["reason"]),
            (&json!("reload"), &json!(reason))
        );
        assert_eq!(client.next().await["type"], "live");
        host.sync(rename(1, reason)).await;
        assert_eq!(client.until("sync").await["data"], rename(1, reason));
    }
}

#[tokio::test]
async fn too_many_missed_changes_are_a_reason_to_load() {
    let host = Host::start().await;
    let database = host.database().await;
    for revision in 2..1103 {
        sqlx::query(
            "INSERT INTO changes (project, revision, previous, client, request, user, at, size, data)
             VALUES ('calendar', ?, ?, '', 'null', 'null', 0, 0, '{}')",
        )
        .bind(revision)
        .bind(revision - 1)
        .execute(&database)
        .await
        .unwrap();
    }
    sqlx::query("UPDATE options SET value = '1102' WHERE name = 'revision'")
        .execute(&database)
        .await
        .unwrap();
    let mut host = host;
    host.restart().await;
    let mut client = Client::connect(&host, "project=calendar&since=1").await;
    assert_eq!(client.until("reload").await["reason"], "large");
    let mut client = Client::connect(&host, "project=calendar&since=200").await;
    assert_eq!(client.until("subscribed").await["catchUp"], 902);
}

#[tokio::test]
async fn one_change_that_is_too_large_for_the_log_is_a_reason_to_load() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar").await;
    let note = "x".repeat(9_000);
    let rows: Vec<_> = (0..130)
        .map(|n| {
            json!({
                "$PhantomId": format!("p{n}"), "name": "Big", "note": note,
                "startDate": "2026-03-02T09:00:00", "endDate": "2026-03-02T10:00:00",
            })
        })
        .collect();
    host.sync(json!({ "events": { "added": rows } })).await;
    let reload = client.until("reload").await;
    assert_eq!(
        (&reload["reason"], &reload["revision"]),
        (&json!("large"), &json!(2))
    );
    let mut late = Client::connect(&host, "project=calendar&since=1").await;
    assert_eq!(late.until("reload").await["reason"], "large");
}

#[tokio::test]
async fn the_log_survives_a_restart_and_old_entries_are_forgotten() {
    let mut host = Host::start().await;
    for n in 0..3 {
        host.sync(rename(1, &format!("N{n}"))).await;
    }
    let own = epoch(&host).await;
    host.restart().await;
    assert_eq!(epoch(&host).await, own);
    let mut client = Client::connect(&host, "project=calendar&since=1").await;
    assert_eq!(client.until("subscribed").await["catchUp"], 3);
    // Everything that is there becomes old; the next pruning takes it away.
    let database = host.database().await;
    sqlx::query("UPDATE changes SET at = 1")
        .execute(&database)
        .await
        .unwrap();
    for n in 4..64 {
        host.sync(rename(2, &format!("N{n}"))).await;
    }
    assert_eq!(host.count("SELECT min(revision) FROM changes").await, 5);
    let mut late = Client::connect(&host, "project=calendar&since=3").await;
    assert_eq!(late.until("reload").await["reason"], "forgotten");
    let mut known = Client::connect(&host, "project=calendar&since=4").await;
    assert_eq!(known.until("subscribed").await["catchUp"], 60);
    let mut board = Client::connect(&host, "project=taskboard&since=1").await;
    assert_eq!(board.until("subscribed").await["catchUp"], 0);
}

#[tokio::test]
async fn a_gap_is_closed_by_subscribing_again() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar&clientId=a").await;
    host.sync(rename(1, "One")).await;
    client.until("sync").await;
    client
        .send(json!({ "type": "subscribe", "requestId": 5, "project": "calendar", "since": 1 }))
        .await;
    let subscribed = client.until("subscribed").await;
    assert_eq!(
        (&subscribed["requestId"], &subscribed["catchUp"]),
        (&json!(5), &json!(1))
    );
    assert_eq!(client.next().await["data"], rename(1, "One"));
    client.until("live").await;
    client.ask(json!({ "type": "unsubscribe" })).await;
    host.sync(rename(1, "Two")).await;
    client.hears_no("sync").await;
}

#[tokio::test]
async fn a_restart_tells_the_clients_to_come_back() {
    let mut host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar").await;
    let waiting = tokio::spawn(async move { client.closed().await });
    host.stop().await;
    assert_eq!(waiting.await.unwrap().0, 1012);
}
