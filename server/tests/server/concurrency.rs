//! Many clients at once.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::host::{Host, event};

const CLIENTS: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_clients_that_count_in_one_field_lose_no_step() {
    const STEPS: usize = 6;
    let host = Arc::new(Host::start().await);
    host.sync(json!({ "tasks": { "updated": [{ "id": 1, "storyPoints": 0 }] } }))
        .await;
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        let host = host.clone();
        clients.spawn(async move {
            let mut done = 0;
            while done < STEPS {
                let loaded = host.load(&["tasks"]).await;
                let points = loaded["tasks"]["rows"][0]["storyPoints"].as_i64().unwrap() + 1;
                let updated = json!([{ "id": 1, "storyPoints": points }]);
                let package =
                    json!({ "revision": loaded["revision"], "tasks": { "updated": updated } });
                // Two that write the same number at one revision agree in the eyes of the server,
                // so each client signs its step in a field of its own kind.
                let (status, answer) = host.try_sync(signed(package)).await;
                assert!(status == 200 || status == 409, "{answer}");
                done += usize::from(status == 200);
            }
        });
    }
    while let Some(result) = clients.join_next().await {
        result.unwrap();
    }
    assert_eq!(
        host.record("tasks", 1).await["storyPoints"],
        CLIENTS * STEPS
    );
}

/// Makes the update differ from everybody else's.
fn signed(mut package: Value) -> Value {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let step = NEXT.fetch_add(1, Ordering::Relaxed);
    package["tasks"]["updated"][0]["labels"] = json!(format!("step {step}"));
    package
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sixteen_clients_that_edit_different_fields_and_add_records_all_succeed() {
    const ROUNDS: usize = 8;
    let host = Arc::new(Host::start().await);
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let host = host.clone();
        clients.spawn(async move {
            let mut revision = json!(1);
            for round in 0..ROUNDS {
                let name = format!("c{client} r{round}");
                let package = json!({
                    "clientId": format!("c{client}"), "requestId": round, "revision": revision,
                    "events": {
                        "added": [event(&format!("p{client}-{round}"), &name)],
                        "updated": [{ "id": client + 14, "note": name }],
                    },
                    "assignments": { "added": [
                        { "$PhantomId": format!("a{client}-{round}"),
                          "event": format!("p{client}-{round}"), "resource": 1 },
                    ] },
                });
                let package = if client + 14 > 28 {
                    without_update(package)
                } else {
                    package
                };
                revision = host.sync(package).await["revision"].clone();
            }
        });
    }
    while let Some(result) = clients.join_next().await {
        result.unwrap();
    }
    let total = (CLIENTS * ROUNDS) as i64;
    assert_eq!(
        host.count("SELECT count(DISTINCT name) FROM events WHERE name LIKE 'c% r%'")
            .await,
        total
    );
    let sql = "SELECT count(*) FROM event_assignments a JOIN events e ON e.id = a.event
               WHERE e.name LIKE 'c% r%'";
    assert_eq!(host.count(sql).await, total);
    assert_eq!(host.load(&["events"]).await["revision"], total + 1);
    assert_eq!(
        host.record("events", 14).await["note"],
        format!("c0 r{}", ROUNDS - 1)
    );
}

fn without_update(mut package: Value) -> Value {
    package["events"].as_object_mut().unwrap().remove("updated");
    package
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_load_beside_writers_sees_one_revision_of_all_stores() {
    let host = Arc::new(Host::start().await);
    let writer = host.clone();
    let writing = tokio::spawn(async move {
        for round in 0..40 {
            let (e, a) = (format!("e{round}"), format!("a{round}"));
            let added = json!([{ "$PhantomId": a, "event": e, "resource": 1 }]);
            let package = json!({
                "events": { "added": [event(&e, "Pair")] }, "assignments": { "added": added },
            });
            writer.sync(package).await;
        }
    });
    while !writing.is_finished() {
        let loaded = host.load(&["events", "assignments"]).await;
        let events = loaded["events"]["rows"].as_array().unwrap();
        let pairs: Vec<&Value> = events
            .iter()
            .filter(|row| row["name"] == "Pair")
            .map(|row| &row["id"])
            .collect();
        let assigned = loaded["assignments"]["rows"].as_array().unwrap();
        let ours = assigned
            .iter()
            .filter(|row| pairs.contains(&&row["event"]))
            .count();
        assert_eq!(ours, pairs.len());
        assert_eq!(
            loaded["revision"].as_u64().unwrap() as usize,
            pairs.len() + 1
        );
    }
    writing.await.unwrap();
}
