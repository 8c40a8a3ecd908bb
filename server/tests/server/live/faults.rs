//! Faults on demand on the live channel, and a server that is killed.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{Client, rename};
use crate::host::Host;

async fn plan(host: &Host, plan: Value) -> Value {
    let (status, answer) = host.post("/api/_faults", &plan).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn the_sockets_of_one_client_can_be_cut() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&userId=alice").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b").await;
    plan(&host, json!({ "client": "alice", "dropSockets": true })).await;
    assert_eq!(alice.closed().await.0, 1006);
    bob.send(json!({ "type": "ping" })).await;
    bob.until("pong").await;
}

#[tokio::test]
async fn changes_come_twice_late_or_not_at_all_to_the_client_that_is_named() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b").await;
    let faults = json!({ "client": "a", "loseNext": 1, "repeatNext": 1, "reorderNext": 1 });
    let planned = plan(&host, faults).await;
    assert_eq!(planned["clients"]["a"]["loseNext"], 1);
    for n in 1..=4 {
        host.sync(rename(1, &format!("N{n}"))).await;
    }
    let mut heard = Vec::new();
    for _ in 0..4 {
        heard.push(alice.until("sync").await["revision"].as_i64().unwrap());
    }
    assert_eq!(heard, [3, 3, 5, 4]);
    for revision in 2..=5 {
        assert_eq!(bob.until("sync").await["revision"], revision);
    }
    plan(&host, json!({ "client": "a", "reorderNext": 1 })).await;
    let start = Instant::now();
    host.sync(rename(1, "Alone")).await;
    alice.until("sync").await;
    assert!(start.elapsed() > Duration::from_millis(150));
}

#[tokio::test]
async fn messages_are_as_slow_as_planned_and_keep_their_order() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    plan(&host, json!({ "client": "a", "latencyMs": 400 })).await;
    let start = Instant::now();
    host.sync(rename(1, "One")).await;
    host.sync(rename(1, "Two")).await;
    assert_eq!(alice.until("sync").await["revision"], 2);
    assert!(start.elapsed() >= Duration::from_millis(390));
    assert_eq!(alice.until("sync").await["revision"], 3);
    // What is under way already comes as soon as the latency is taken back.
    plan(&host, json!({ "client": "a", "latencyMs": 60_000 })).await;
    host.sync(rename(1, "Three")).await;
    alice.hears_no("sync").await;
    plan(&host, json!({ "client": "a", "latencyMs": 0 })).await;
    let start = Instant::now();
    assert_eq!(alice.until("sync").await["revision"], 4);
    assert!(start.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn a_planned_conflict_is_a_true_one() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    plan(&host, json!({ "client": "a", "conflictNext": 1 })).await;
    let message = json!({ "type": "sync", "revision": 1, "data": rename(4, "Mine") });
    let ack = alice.ask(message).await;
    assert_eq!(ack["code"], "CONFLICT", "{ack}");
    let theirs = ack["data"]["conflicts"][0]["server"]["name"].clone();
    assert_eq!(theirs, "Mine (changed)");
    assert_eq!(host.record("events", 4).await["name"], theirs);
    let again = json!({ "type": "sync", "revision": 2, "data": rename(4, "Mine") });
    assert_eq!(alice.ask(again).await["success"], true);
}

#[tokio::test]
async fn a_planned_conflict_comes_also_where_the_sender_holds_the_lock() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&userId=alice").await;
    let lock = json!({ "type": "lock", "data": { "type": "events", "id": 4 } });
    assert_eq!(alice.ask(lock).await["success"], true);
    plan(&host, json!({ "client": "a", "conflictNext": 1 })).await;
    let message = json!({ "type": "sync", "revision": 1, "data": rename(4, "Mine") });
    assert_eq!(alice.ask(message).await["code"], "CONFLICT");
}

#[tokio::test]
async fn a_mute_server_accepts_and_says_nothing() {
    let host = Host::start().await;
    plan(&host, json!({ "mute": true })).await;
    let mut client = Client::connect(&host, "project=calendar&clientId=a").await;
    client.send(json!({ "type": "ping" })).await;
    client.hears_no("hello").await;
    plan(&host, json!({ "reset": true })).await;
    client.send(json!({ "type": "ping" })).await;
    client.until("pong").await;
}

#[tokio::test]
async fn an_answer_that_got_lost_is_there_for_the_repetition() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    plan(&host, json!({ "dropAnswer": 1, "refuseNext": 0 })).await;
    let message = json!({ "type": "sync", "requestId": 1, "data": rename(4, "Saved") });
    alice.send(message.clone()).await;
    alice.until("sync").await;
    alice.hears_no("ack").await;
    assert_eq!(alice.ask(message).await["data"]["revision"], 2);
    plan(&host, json!({ "client": "a", "refuseNext": 1 })).await;
    let refused = json!({ "type": "sync", "data": rename(4, "No") });
    let ack = alice.ask(refused).await;
    assert_eq!(
        (&ack["status"], &ack["data"]["events"]["rows"][0]["id"]),
        (&json!(422), &json!(4))
    );
    plan(&host, json!({ "failNext": { "status": 503 } })).await;
    let failed = json!({ "type": "sync", "data": rename(4, "No") });
    assert_eq!(alice.ask(failed).await["status"], 503);
}
