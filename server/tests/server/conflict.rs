//! Two users at one record.

use serde_json::{Value, json};

use crate::host::{Host, event};

#[tokio::test]
async fn a_field_that_someone_else_changed_since_is_refused_with_what_the_server_has() {
    let host = Host::start().await;
    host.sync(json!({ "revision": 1, "events": { "updated": [{ "id": 1, "name": "Theirs" }] } }))
        .await;
    let updated = json!([{ "id": 1, "name": "Mine", "allDay": true }, { "id": 2, "name": "Fine" }]);
    let answer = host
        .refused(
            409,
            json!({ "requestId": 9, "revision": 1, "events": { "updated": updated } }),
        )
        .await;
    assert_eq!(
        (&answer["code"], &answer["requestId"]),
        (&json!("CONFLICT"), &json!(9))
    );
    assert_eq!(
        (&answer["revision"], &answer["rolledBack"]),
        (&json!(2), &json!(true))
    );
    let conflict = &answer["conflicts"][0];
    assert_eq!(
        (&conflict["store"], &conflict["id"]),
        (&json!("events"), &json!(1))
    );
    assert_eq!(conflict["fields"], json!(["name"]));
    assert_eq!(conflict["server"], host.record("events", 1).await);
    let rows = answer["events"]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["success"]),
        (&json!(1), &json!(false))
    );
    assert_eq!(rows[0]["error"], "Someone else changed this event: name");
    assert_eq!(
        host.record("events", 2).await["name"],
        "Design review: onboarding"
    );
}

#[tokio::test]
async fn fields_that_do_not_clash_go_through() {
    let host = Host::start().await;
    host.sync(json!({ "revision": 1, "events": { "updated": [{ "id": 1, "name": "Theirs" }] } }))
        .await;
    let mine = json!([{ "id": 1, "allDay": true }]);
    let answer = host
        .sync(json!({ "revision": 1, "events": { "updated": mine } }))
        .await;
    assert_eq!(
        answer["events"]["rows"],
        json!([{ "id": 1, "name": "Theirs" }])
    );
    let stored = host.record("events", 1).await;
    assert_eq!(
        (&stored["name"], &stored["allDay"]),
        (&json!("Theirs"), &json!(true))
    );
}

#[tokio::test]
async fn the_same_edit_by_two_users_is_no_conflict() {
    let host = Host::start().await;
    for _ in 0..2 {
        let updated = json!([{ "id": 1, "name": "Agreed" }]);
        host.sync(json!({ "revision": 1, "events": { "updated": updated } }))
            .await;
    }
}

#[tokio::test]
async fn without_a_revision_the_last_write_wins() {
    let host = Host::start().await;
    for name in ["First", "Second"] {
        host.sync(json!({ "events": { "updated": [{ "id": 1, "name": name }] } }))
            .await;
    }
    assert_eq!(host.record("events", 1).await["name"], "Second");
}

#[tokio::test]
async fn a_client_does_not_clash_with_itself() {
    let host = Host::start().await;
    for name in ["First", "Second"] {
        let updated = json!([{ "id": 1, "name": name }]);
        host.sync(json!({ "clientId": "me", "revision": 1, "events": { "updated": updated } }))
            .await;
    }
    let other = json!([{ "id": 1, "name": "Third" }]);
    host.refused(
        409,
        json!({ "clientId": "you", "revision": 1, "events": { "updated": other } }),
    )
    .await;
}

#[tokio::test]
async fn the_revision_of_the_conflict_lets_the_user_insist() {
    let host = Host::start().await;
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": "Theirs" }] } }))
        .await;
    let mine = json!([{ "id": 1, "name": "Mine" }]);
    let refused = host
        .refused(409, json!({ "revision": 1, "events": { "updated": mine } }))
        .await;
    host.sync(json!({ "revision": refused["revision"], "events": { "updated": mine } }))
        .await;
    assert_eq!(host.record("events", 1).await["name"], "Mine");
}

#[tokio::test]
async fn an_update_of_a_record_that_is_gone_is_a_conflict_and_says_so() {
    let host = Host::start().await;
    host.sync(json!({ "events": { "removed": [{ "id": 1 }] } }))
        .await;
    for revision in [json!(1), Value::Null] {
        let updated = json!([{ "id": 1, "name": "Too late" }]);
        let answer = host
            .refused(
                409,
                json!({ "revision": revision, "events": { "updated": updated } }),
            )
            .await;
        assert_eq!(answer["code"], "CONFLICT");
        assert_eq!(
            answer["conflicts"],
            json!([{ "store": "events", "id": 1, "fields": [], "removed": true }])
        );
        let row = &answer["events"]["rows"][0];
        assert_eq!((&row["id"], &row["removed"]), (&json!(1), &json!(true)));
        assert_eq!(row["error"], "This event doesn't exist any more");
    }
}

#[tokio::test]
async fn a_field_emptied_by_a_cascade_counts_as_changed_by_someone_else() {
    let host = Host::start().await;
    host.sync(json!({ "swimlanes": { "removed": [{ "id": "low" }] } }))
        .await;
    let updated = json!([{ "id": 2, "prio": "high" }]);
    let answer = host
        .refused(
            409,
            json!({ "revision": 1, "tasks": { "updated": updated } }),
        )
        .await;
    assert_eq!(answer["conflicts"][0]["fields"], json!(["prio"]));
}

#[tokio::test]
async fn a_known_phantom_whose_record_others_changed_is_a_conflict() {
    let host = Host::start().await;
    let added = json!({ "events": { "added": [event("e1", "Created")] }, "revision": 1 });
    let id = host.sync(added).await["events"]["rows"][0]["id"].clone();
    host.sync(json!({ "events": { "updated": [{ "id": id, "name": "Theirs" }] } }))
        .await;
    let again = json!({ "events": { "added": [event("e1", "Mine")] }, "revision": 1 });
    let answer = host.refused(409, again).await;
    let row = &answer["events"]["rows"][0];
    assert_eq!((&row["$PhantomId"], &row["id"]), (&json!("e1"), &id));
}

#[tokio::test]
async fn conflicts_and_rule_breaks_are_reported_together() {
    let host = Host::start().await;
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": "Theirs" }] } }))
        .await;
    let updated = json!([{ "id": 1, "name": "Mine" }, { "id": 2, "name": "" }]);
    let answer = host
        .refused(
            409,
            json!({ "revision": 1, "events": { "updated": updated } }),
        )
        .await;
    let rows = answer["events"]["rows"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["code"], &rows[1]["code"]),
        (&json!("CONFLICT"), &json!("VALIDATION"))
    );
    assert!(
        answer["message"]
            .as_str()
            .unwrap()
            .starts_with("2 records were refused")
    );
}

#[tokio::test]
async fn a_revision_of_another_database_is_refused() {
    let host = Host::start().await;
    let answer = host
        .refused(
            409,
            json!({ "revision": 50, "events": { "removed": [{ "id": 1 }] } }),
        )
        .await;
    assert_eq!(
        (&answer["code"], &answer["revision"]),
        (&json!("REVISION_AHEAD"), &json!(1))
    );
}
