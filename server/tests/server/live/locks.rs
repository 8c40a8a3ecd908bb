//! Who may edit what.

use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Client, rename};
use crate::host::Host;

fn about(kind: &str, id: i64) -> Value {
    json!({ "type": kind, "data": { "type": "events", "id": id } })
}

#[tokio::test]
async fn a_lock_is_shown_to_everybody_and_refused_to_others() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&userName=Alice").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b&userName=Bob").await;
    let ack = alice.ask(about("lock", 4)).await;
    assert_eq!(ack["success"], true, "{ack}");
    assert_eq!(ack["data"]["userName"], "Alice");
    let lock = bob.until("lock").await;
    assert_eq!(
        (&lock["data"]["recordType"], &lock["data"]["recordId"]),
        (&json!("events"), &json!(4))
    );
    assert!(lock["data"]["expiresAt"].as_i64().unwrap() > 1_700_000_000_000);
    let ack = bob.ask(about("lock", 4)).await;
    assert_eq!(
        (&ack["success"], &ack["code"], &ack["status"]),
        (&json!(false), &json!("LOCKED"), &json!(423))
    );
    assert_eq!(ack["data"]["userName"], "Alice");
    assert_eq!(bob.ask(about("unlock", 4)).await["code"], "NOT_LOCKED");
    let mut late = Client::connect(&host, "project=calendar").await;
    let locks = late.until("subscribed").await["locks"].clone();
    assert_eq!(locks[0]["clientId"], "a");
    assert_eq!(alice.ask(about("unlock", 4)).await["success"], true);
    assert_eq!(bob.until("unlock").await["data"]["reason"], "released");
    assert_eq!(bob.ask(about("lock", 4)).await["success"], true);
}

#[tokio::test]
async fn an_edit_of_a_record_that_another_holds_is_refused_by_its_record() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&userName=Alice").await;
    alice.ask(about("lock", 4)).await;
    let mut package = rename(4, "Mine");
    package["events"]["updated"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": 5, "name": "Fine" }));
    package["clientId"] = json!("b");
    let answer = host.refused(423, package).await;
    assert_eq!(answer["code"], "LOCKED");
    assert_eq!(answer["rolledBack"], true);
    let rows = &answer["events"]["rows"];
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["code"], &rows[0]["error"]),
        (
            &json!(4),
            &json!("LOCKED"),
            &json!("Alice is editing this event")
        )
    );
    host.refused(423, json!({ "events": { "removed": [{ "id": 4 }] } }))
        .await;
    // Nothing changes: nothing is refused.
    let name = host.record("events", 4).await["name"].clone();
    host.sync(json!({ "events": { "updated": [{ "id": 4, "name": name }] } }))
        .await;
    let mut own = rename(4, "Own");
    own["clientId"] = json!("a");
    host.sync(own).await;
    let ack = alice
        .ask(json!({ "type": "sync", "data": rename(4, "Own 2") }))
        .await;
    assert_eq!(ack["success"], true);
    // Another tab of the same user.
    let mut tab = Client::live(&host, "project=calendar&clientId=a2&userId=a").await;
    let ack = tab
        .ask(json!({ "type": "sync", "data": rename(4, "Tab") }))
        .await;
    assert_eq!(ack["success"], true, "{ack}");
}

#[tokio::test]
async fn who_waits_is_announced_and_gets_the_lock_handed_over() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b&userName=Bob").await;
    alice.ask(about("lock", 4)).await;
    let mut wish = about("lock", 4);
    wish["requestId"] = json!("wish");
    wish["data"]["timeoutMs"] = json!(5000);
    bob.send(wish.clone()).await;
    let requested = alice.until("lockRequested").await;
    assert_eq!(
        (
            &requested["data"]["userName"],
            &requested["data"]["recordId"]
        ),
        (&json!("Bob"), &json!(4))
    );
    let mut over = about("unlock", 4);
    over["data"]["to"] = json!("b");
    alice.ask(over).await;
    let ack = bob.until("ack").await;
    assert_eq!(
        (&ack["requestId"], &ack["success"]),
        (&json!("wish"), &json!(true))
    );
    // The other way round, refused and timed out.
    let mut back = about("lock", 4);
    back["requestId"] = json!("back");
    back["data"]["timeoutMs"] = json!(30_000);
    alice.send(back).await;
    bob.until("lockRequested").await;
    bob.ask(about("denyLock", 4)).await;
    assert_eq!(alice.until("ack").await["code"], "LOCK_DENIED");
    let mut short = about("lock", 4);
    short["data"]["timeoutMs"] = json!(60);
    assert_eq!(alice.ask(short).await["code"], "LOCK_TIMEOUT");
}

#[tokio::test]
async fn a_lock_outlives_a_broken_connection_and_ends_with_a_goodbye() {
    let host = Host::start().await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b").await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    alice.ask(about("lock", 4)).await;
    drop(alice);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(bob.ask(about("lock", 4)).await["code"], "LOCKED");
    let alice = Client::live(&host, "project=calendar&clientId=a").await;
    assert_eq!(bob.ask(about("lock", 4)).await["code"], "LOCKED");
    alice.leave().await;
    bob.until("unlock").await;
    assert_eq!(bob.ask(about("lock", 4)).await["success"], true);
}

#[tokio::test]
async fn a_lock_ends_by_its_time_and_with_its_record() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let mut short = about("lock", 4);
    short["data"]["ttlMs"] = json!(1000);
    alice.ask(short).await;
    assert_eq!(alice.until("unlock").await["data"]["reason"], "expired");
    alice.ask(about("lock", 5)).await;
    let package = json!({ "clientId": "a", "events": { "removed": [{ "id": 5 }] } });
    host.sync(package).await;
    assert_eq!(alice.until("unlock").await["data"]["reason"], "removed");
}

#[tokio::test]
async fn locks_need_a_room_and_a_record_that_can_be() {
    let host = Host::start().await;
    let mut outside = Client::connect(&host, "clientId=x").await;
    assert_eq!(
        outside.ask(about("lock", 4)).await["code"],
        "NOT_SUBSCRIBED"
    );
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    for (data, code) in [
        (json!({ "type": "tasks", "id": 4 }), "UNKNOWN_STORE"),
        (json!({ "type": "events" }), "BAD_REQUEST"),
        (json!({ "type": "events", "id": {} }), "BAD_REQUEST"),
        (
            json!({ "type": "events", "id": 4, "timeoutMs": -1 }),
            "BAD_REQUEST",
        ),
        (
            json!({ "type": "events", "id": 4, "ttlMs": "long" }),
            "BAD_REQUEST",
        ),
        (json!({ "id": 4 }), "BAD_REQUEST"),
    ] {
        let ack = alice.ask(json!({ "type": "lock", "data": data })).await;
        assert_eq!(ack["code"], code, "{data}");
    }
}

#[tokio::test]
async fn locks_of_a_shared_store_hold_in_both_rooms() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let mut board = Client::live(&host, "project=taskboard&clientId=t").await;
    let lock = json!({ "type": "lock", "data": { "type": "resources", "id": 1 } });
    alice.ask(lock.clone()).await;
    assert_eq!(board.until("lock").await["data"]["recordType"], "resources");
    assert_eq!(board.ask(lock).await["code"], "LOCKED");
}
