//! Syncs that succeed.

use serde_json::json;

use crate::host::{Host, event};

#[tokio::test]
async fn an_added_record_gets_an_id_and_the_answer_says_only_what_the_client_does_not_know() {
    let host = Host::start().await;
    let answer = host
        .sync(
            json!({ "type": "sync", "requestId": 5, "events": { "added": [event("p1", "New")] } }),
        )
        .await;
    assert_eq!(
        (&answer["requestId"], &answer["revision"]),
        (&json!(5), &json!(2))
    );
    assert_eq!(answer["idempotent"], true);
    let row = &answer["events"]["rows"][0];
    let id = row["id"].as_i64().unwrap();
    let expected = json!({
        "$PhantomId": "p1", "id": id,
        "allDay": false, "draggable": true, "resizable": true, "readOnly": false,
    });
    assert_eq!(row, &expected);
    let stored = host.record("events", id).await;
    assert_eq!(
        (&stored["name"], &stored["startDate"]),
        (&json!("New"), &json!("2026-03-02T09:00:00"))
    );
}

#[tokio::test]
async fn an_update_that_needs_no_comment_is_answered_without_rows() {
    let host = Host::start().await;
    let updated = json!([{ "id": 1, "name": "Renamed", "allDay": true, "note": null }]);
    let answer = host
        .sync(json!({ "requestId": 1, "events": { "updated": updated } }))
        .await;
    assert_eq!(
        answer,
        json!({ "success": true, "requestId": 1, "revision": 2, "idempotent": true })
    );
    let stored = host.record("events", 1).await;
    assert_eq!(
        (&stored["name"], &stored["allDay"]),
        (&json!("Renamed"), &json!(true))
    );
    assert_eq!(stored["note"], json!(null));
}

#[tokio::test]
async fn values_that_the_server_normalises_come_back() {
    let host = Host::start().await;
    let updated = json!([{
        "id": "1", "name": "  Ada  ", "startDate": "2026-03-02 09:00+0100",
        "endDate": "2026-03-02T10:00:00.500Z",
    }]);
    let answer = host.sync(json!({ "events": { "updated": updated } })).await;
    let expected = json!([{ "id": 1, "name": "Ada", "startDate": "2026-03-02T09:00:00+01:00",
        "endDate": "2026-03-02T10:00:00.5Z" }]);
    assert_eq!(answer["events"]["rows"], expected);
    // Also when the normalised value is what is stored already.
    let again = host
        .sync(json!({ "events": { "updated": [{ "id": 1, "name": "Ada " }] } }))
        .await;
    assert_eq!(again["events"]["rows"], json!([{ "id": 1, "name": "Ada" }]));
}

#[tokio::test]
async fn a_deadline_is_a_plain_date_and_never_shifts() {
    let host = Host::start().await;
    let updated = json!([{ "id": 1, "deadline": "2026-03-30T00:00:00+13:00" }]);
    host.sync(json!({ "tasks": { "updated": updated } })).await;
    assert_eq!(host.record("tasks", 1).await["deadline"], "2026-03-30");
}

#[tokio::test]
async fn only_a_sync_that_writes_raises_the_revision() {
    let host = Host::start().await;
    let nothing = host.sync(json!({ "requestId": 1 })).await;
    assert_eq!(nothing["revision"], 1);
    let same = host
        .sync(json!({ "events": { "updated": [{ "id": 1, "allDay": false }] } }))
        .await;
    assert_eq!(same["revision"], 1);
    let gone = host
        .sync(json!({ "events": { "removed": [{ "id": 987654 }] } }))
        .await;
    assert_eq!(gone["revision"], 1);
    let written = host
        .sync(json!({ "events": { "updated": [{ "id": 1, "allDay": true }] } }))
        .await;
    assert_eq!(written["revision"], 2);
}

#[tokio::test]
async fn modified_is_another_word_for_updated_and_empty_parts_are_no_fault() {
    let host = Host::start().await;
    let package = json!({
        "type": "sync", "revision": null, "clientId": null, "trace": "abc",
        "events": { "added": [], "modified": [{ "id": 1, "name": "Other" }], "removed": null },
        "resources": {},
    });
    host.sync(package).await;
    assert_eq!(host.record("events", 1).await["name"], "Other");
}

#[tokio::test]
async fn a_store_with_text_ids_takes_the_clients_id_or_makes_one_up() {
    let host = Host::start().await;
    let added = json!([
        { "id": "blocked", "text": "Blocked" },
        { "$PhantomId": "p1", "id": "p1", "text": "Someday" },
        { "$PhantomId": "p2", "id": "parked", "text": "Parked" },
    ]);
    let answer = host.sync(json!({ "columns": { "added": added } })).await;
    let rows = answer["columns"]["rows"].as_array().unwrap();
    let id_of = |phantom: &str| {
        rows.iter()
            .find(|row| row["$PhantomId"] == phantom)
            .unwrap()["id"]
            .clone()
    };
    assert_eq!(id_of("p2"), "parked");
    assert_ne!(id_of("p1"), "p1");
    assert!(rows.iter().any(|row| row["id"] == "blocked"));
    assert_eq!(host.record("columns", id_of("p1")).await["text"], "Someday");
    assert_eq!(host.record("columns", "blocked").await["collapsed"], false);
}

#[tokio::test]
async fn a_client_that_names_its_revision_hears_what_others_did_since() {
    let host = Host::start().await;
    let added = host
        .sync(json!({ "events": { "added": [event("p1", "By another")] } }))
        .await;
    let new = added["events"]["rows"][0]["id"].clone();
    let updated = json!([{ "id": 1, "name": "Theirs" }]);
    host.sync(json!({ "events": { "updated": updated, "removed": [{ "id": 2 }] } }))
        .await;
    let package = json!({ "revision": 1, "events": { "updated": [{ "id": 1, "allDay": true }] } });
    let answer = host.sync(package).await;
    assert_eq!(answer["revision"], 4);
    let rows = answer["events"]["rows"].as_array().unwrap();
    assert_eq!(rows[0], json!({ "id": 1, "name": "Theirs" }));
    assert_eq!(
        (&rows[1]["id"], &rows[1]["name"]),
        (&new, &json!("By another"))
    );
    assert_eq!(rows.len(), 2);
    assert_eq!(answer["events"]["removed"], json!([{ "id": 2 }]));
    assert!(
        answer["assignments"]["removed"]
            .as_array()
            .is_some_and(|list| list.len() == 3)
    );
    // An empty sync at the new revision has nothing to say.
    let poll = host.sync(json!({ "revision": 4 })).await;
    assert_eq!(
        poll,
        json!({ "success": true, "revision": 4, "idempotent": true })
    );
}

#[tokio::test]
async fn a_record_that_came_and_went_unseen_is_not_mentioned() {
    let host = Host::start().await;
    let added = host
        .sync(json!({ "events": { "added": [event("p1", "Brief")] } }))
        .await;
    let id = added["events"]["rows"][0]["id"].clone();
    host.sync(json!({ "events": { "removed": [{ "id": id }] } }))
        .await;
    let poll = host.sync(json!({ "revision": 1 })).await;
    assert_eq!(poll.get("events"), None);
}

#[tokio::test]
async fn resources_are_shared_by_both_projects_and_assignments_are_not() {
    let host = Host::start().await;
    host.post(
        "/api/taskboard/sync",
        &json!({ "resources": { "updated": [{ "id": 3, "name": "David" }] } }),
    )
    .await;
    let (_, calendar) = host.get("/api/calendar/load").await;
    assert_eq!(calendar["resources"]["rows"][2]["name"], "David");
    let (_, board) = host.get("/api/taskboard/load").await;
    let removed = json!({ "assignments": { "removed": [{ "id": 1 }] } });
    let (status, _) = host.post("/api/taskboard/sync", &removed).await;
    assert_eq!(status, 200);
    let (_, after) = host.get("/api/calendar/load").await;
    assert_eq!(after["assignments"], calendar["assignments"]);
    let total = board["assignments"]["total"].as_u64().unwrap();
    assert_eq!(
        host.count("SELECT count(*) FROM assignments").await,
        total as i64 - 1
    );
}
