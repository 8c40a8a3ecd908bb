//! What the server refuses, and that a refusal saves nothing.

use serde_json::{Value, json};

use crate::host::{Host, event};

/// Sends one update of the first event and gives the reason of the refusal.
async fn reason(host: &Host, fields: Value) -> String {
    let mut row = json!({ "id": 1 });
    row.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    let answer = host
        .refused(422, json!({ "events": { "updated": [row] } }))
        .await;
    assert_eq!(answer["code"], "VALIDATION");
    assert_eq!(answer["rolledBack"], true);
    let refused = &answer["events"]["rows"][0];
    assert_eq!(
        (&refused["id"], &refused["success"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(answer["message"], refused["error"]);
    refused["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn fields_of_an_event_are_checked_and_the_reason_is_given_in_words() {
    let host = Host::start().await;
    for (fields, expected) in [
        (json!({ "name": "" }), "Name is required"),
        (json!({ "name": "   " }), "Name is required"),
        (json!({ "name": null }), "Name is required"),
        (json!({ "name": 5 }), "Name must be a text"),
        (json!({ "name": ["x"] }), "Name must be a text"),
        (
            json!({ "name": "x".repeat(256) }),
            "Name is longer than 255 characters",
        ),
        (
            json!({ "note": "a\u{0}b" }),
            "Note contains a NUL character",
        ),
        (
            json!({ "startDate": "tomorrow" }),
            "Start date is not a date",
        ),
        (
            json!({ "startDate": 1_700_000_000_000_u64 }),
            "Start date is not a date",
        ),
        (json!({ "startDate": null }), "Start date is required"),
        (json!({ "allDay": "yes" }), "All day must be true or false"),
        (
            json!({ "duration": 1e300 }),
            "Duration must lie between 0 and 1000000000000",
        ),
        (json!({ "duration": "long" }), "Duration must be a number"),
        (
            json!({ "exceptionDates": "x".repeat(70_000) }),
            "Exception dates is larger than 65536 bytes",
        ),
        (
            json!({ "calendar": "nowhere" }),
            "Calendar refers to a calendar that doesn't exist",
        ),
        (
            json!({ "endDate": "1999-01-01" }),
            "The event must not end before it starts",
        ),
        (
            json!({ "startDate": "2199-01-01T00:00Z" }),
            "The event must not end before it starts",
        ),
        (json!({ "colour": "red" }), "There is no field `colour`"),
        (
            json!({ "__proto__": { "x": 1 } }),
            "There is no field `__proto__`",
        ),
        (
            json!({ "sync_revision": 7 }),
            "There is no field `sync_revision`",
        ),
        (
            json!({ "created_at": "2020-01-01" }),
            "There is no field `created_at`",
        ),
    ] {
        assert_eq!(reason(&host, fields).await, expected);
    }
}

#[tokio::test]
async fn a_name_of_255_characters_of_any_script_fits() {
    let host = Host::start().await;
    let name = "é".repeat(255);
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": name }] } }))
        .await;
    assert_eq!(host.record("events", 1).await["name"], name);
}

#[tokio::test]
async fn an_event_may_end_when_it_starts_and_zones_are_respected() {
    let host = Host::start().await;
    let fields =
        json!({ "id": 1, "startDate": "2026-03-02T10:00+02:00", "endDate": "2026-03-02T08:00Z" });
    host.sync(json!({ "events": { "updated": [fields] } }))
        .await;
    let fields = json!({ "startDate": "2026-03-02T10:00+02:00", "endDate": "2026-03-02T07:59Z" });
    reason(&host, fields).await;
}

#[tokio::test]
async fn the_locked_event_of_the_sample_week_refuses_moves_edits_and_removal() {
    let host = Host::start().await;
    let rows = host.load(&["events"]).await["events"]["rows"].clone();
    let locked = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["readOnly"] == true)
        .unwrap();
    let id = &locked["id"];
    let moved = json!({ "id": id, "startDate": "2026-03-02T10:00", "endDate": "2026-03-02T11:00" });
    let answer = host
        .refused(422, json!({ "events": { "updated": [moved] } }))
        .await;
    assert_eq!(answer["events"]["rows"][0]["error"], "This event is locked");
    assert_eq!(answer["message"], "This event is locked");
    let answer = host
        .refused(422, json!({ "events": { "removed": [{ "id": id }] } }))
        .await;
    assert_eq!(answer["events"]["rows"][0]["id"], *id);
    host.sync(json!({ "events": { "updated": [{ "id": id, "readOnly": false }] } }))
        .await;
    host.sync(json!({ "events": { "updated": [{ "id": id, "name": "Open" }] } }))
        .await;
}

#[tokio::test]
async fn all_faults_of_all_records_are_told_at_once_and_nothing_is_saved() {
    let host = Host::start().await;
    let bad = json!({ "$PhantomId": "bad", "name": "", "endDate": "x" });
    let answer = host
        .refused(
            422,
            json!({
                "requestId": "r",
                "events": {
                    "added": [event("good", "Good"), bad],
                    "updated": [{ "id": 1, "name": "Fine" }, { "id": 2, "name": null, "nope": 1 }],
                    "removed": [{ "id": 3 }],
                },
            }),
        )
        .await;
    assert_eq!(answer["requestId"], "r");
    let rows = answer["events"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0]["$PhantomId"], "bad");
    assert_eq!(rows[0].get("id"), None);
    assert_eq!(rows[0]["fields"], json!(["endDate", "name", "startDate"]));
    assert_eq!(
        rows[0]["error"],
        "End date is not a date; Name is required; Start date is required"
    );
    assert_eq!(rows[1]["fields"], json!(["name", "nope"]));
    assert!(rows.iter().all(|row| row["success"] == false));
    assert_eq!(host.count("SELECT count(*) FROM phantom_ids").await, 0);
    assert_eq!(host.count("SELECT count(*) FROM answers").await, 0);
}

#[tokio::test]
async fn a_resource_is_assigned_to_an_event_once() {
    let host = Host::start().await;
    let twice = json!([{ "$PhantomId": "a1", "event": 2, "resource": 2 }]);
    let package = json!({ "events": {}, "assignments": { "added": twice } });
    let answer = host.refused(422, package).await;
    let error = &answer["assignments"]["rows"][0]["error"];
    assert_eq!(error, "This resource is assigned to the event already");
    // Unassigned and assigned again in one package is fine.
    host.sync(json!({ "events": {}, "assignments": { "added": twice, "removed": [{ "id": 8 }] } }))
        .await;
}

#[tokio::test]
async fn unique_values_may_be_swapped_within_one_package() {
    let host = Host::start().await;
    let swap = json!([
        { "id": 1, "email": "celia@example.com" }, { "id": 2, "email": "angelo@example.com" },
    ]);
    host.sync(json!({ "resources": { "updated": swap } })).await;
    let taken = json!([{ "id": 3, "email": "kate@example.com" }]);
    let answer = host
        .refused(422, json!({ "resources": { "updated": taken } }))
        .await;
    assert_eq!(
        answer["message"],
        "Another resource has this e-mail address"
    );
}

#[tokio::test]
async fn a_task_needs_a_column_that_exists() {
    let host = Host::start().await;
    let answer = host
        .refused(
            422,
            json!({ "tasks": { "updated": [{ "id": 1, "status": "limbo" }] } }),
        )
        .await;
    assert_eq!(
        answer["message"],
        "Status refers to a column that doesn't exist"
    );
    let added = json!([{ "$PhantomId": "t", "status": "c" }]);
    let columns = json!([{ "$PhantomId": "c", "text": "Limbo" }]);
    let answer = host
        .sync(json!({ "tasks": { "added": added }, "columns": { "added": columns } }))
        .await;
    assert_eq!(answer["tasks"]["rows"][0]["name"], "New Task");
    assert_eq!(
        answer["tasks"]["rows"][0]["status"],
        answer["columns"]["rows"][0]["id"]
    );
}

#[tokio::test]
async fn added_records_need_a_phantom_id_of_proper_form() {
    let host = Host::start().await;
    let long = "x".repeat(129);
    for phantom in [
        json!(null),
        json!(""),
        json!(7),
        json!(long),
        json!("a\u{0}b"),
        json!({}),
    ] {
        let mut added = event("p", "Nameless");
        added["$PhantomId"] = phantom;
        let answer = host
            .refused(422, json!({ "events": { "added": [added] } }))
            .await;
        assert!(
            answer["message"].as_str().unwrap().contains("$PhantomId"),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_text_id_that_is_taken_or_malformed_is_refused() {
    let host = Host::start().await;
    for id in [
        json!("todo"),
        json!("x".repeat(51)),
        json!(""),
        json!("a\nb"),
        json!([1]),
    ] {
        let added = json!([{ "$PhantomId": "p", "id": id, "text": "Column" }]);
        host.refused(422, json!({ "columns": { "added": added } }))
            .await;
    }
}

#[tokio::test]
async fn sql_in_names_and_values_is_only_text() {
    let host = Host::start().await;
    let evil = "x'); DROP TABLE events; --\"";
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": evil }] } }))
        .await;
    assert_eq!(host.record("events", 1).await["name"], evil);
    reason(&host, json!({ "name\" = 'x' --": "y" })).await;
    let removed = json!([{ "id": "1 OR 1=1" }]);
    host.sync(json!({ "events": { "removed": removed } })).await;
    assert!(
        host.load(&["events"]).await["events"]["total"]
            .as_u64()
            .unwrap()
            > 20
    );
    let (status, _) = host
        .post(
            "/api/load",
            &json!({ "stores": ["events\"; DROP TABLE events"] }),
        )
        .await;
    assert_eq!(status, 400);
}
