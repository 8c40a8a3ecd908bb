//! Who is here.

use serde_json::{Value, json};

use super::client::Client;
use crate::host::Host;

/// Waits for a list that fulfils a condition.
async fn list(client: &mut Client, wanted: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    loop {
        let presence = client.until("presence").await;
        let list = presence["data"].as_array().unwrap().clone();
        assert!(presence["total"].as_u64().unwrap() >= list.len() as u64);
        if wanted(&list) {
            return list;
        }
    }
}

#[tokio::test]
async fn everybody_sees_who_is_here_and_what_they_edit() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&userName=Alice").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b&userName=Bob").await;
    list(&mut alice, |list| list.len() == 2).await;
    let editing = json!({ "recordType": "event", "recordId": "4", "action": "editing" });
    let ack = bob
        .ask(json!({ "type": "presence", "data": editing }))
        .await;
    assert_eq!(ack["success"], true, "{ack}");
    let seen = list(&mut alice, |list| list[0]["action"] == "editing").await;
    assert_eq!(
        (
            &seen[0]["userName"],
            &seen[0]["recordType"],
            &seen[0]["recordId"]
        ),
        (&json!("Bob"), &json!("events"), &json!(4))
    );
    assert!(seen[0]["color"].as_str().unwrap().starts_with("hsl("));
    assert_eq!(
        (&seen[1]["userName"], &seen[1]["recordId"]),
        (&json!("Alice"), &json!(null))
    );
    bob.ask(json!({ "type": "presence", "data": { "action": "left" } }))
        .await;
    list(&mut alice, |list| list.len() == 1).await;
    bob.ask(json!({ "type": "presence", "data": { "action": "viewing" } }))
        .await;
    list(&mut alice, |list| list.len() == 2).await;
    bob.leave().await;
    list(&mut alice, |list| list.len() == 1).await;
}

#[tokio::test]
async fn two_connections_of_one_client_are_one_and_rooms_are_apart() {
    let host = Host::start().await;
    let mut first = Client::live(&host, "project=calendar&clientId=a").await;
    let second = Client::live(&host, "project=calendar&clientId=a").await;
    let mut board = Client::live(&host, "project=taskboard&clientId=t").await;
    let quiet = Client::live(&host, "project=calendar&clientId=q&presence=0").await;
    let _bob = Client::live(&host, "project=calendar&clientId=b").await;
    let seen = list(&mut first, |list| list.len() == 2).await;
    assert!(seen.iter().all(|one| one["clientId"] != "q"));
    list(&mut board, |list| list.len() == 1).await;
    drop((second, quiet));
    first.hears_no("presence").await;
}
