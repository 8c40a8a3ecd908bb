//! Removals and what follows from them.

use serde_json::{Value, json};

use crate::host::{Host, event};

#[tokio::test]
async fn removing_an_event_reports_its_removed_assignments() {
    let host = Host::start().await;
    let assigned = host.load(&["events", "assignments"]).await["assignments"]["rows"].clone();
    let of_event: Vec<Value> = assigned
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["event"] == 2)
        .map(|row| json!({ "id": row["id"] }))
        .collect();
    assert_eq!(of_event.len(), 3);
    let answer = host
        .sync(json!({ "events": { "removed": [{ "id": 2 }] } }))
        .await;
    assert_eq!(answer["assignments"]["removed"], json!(of_event));
    assert_eq!(answer.get("events"), None);
    assert_eq!(
        host.count("SELECT count(*) FROM event_assignments WHERE event = 2")
            .await,
        0
    );
}

#[tokio::test]
async fn what_the_client_removes_itself_is_not_reported_back() {
    let host = Host::start().await;
    let answer = host
        .sync(json!({
            "events": { "removed": [{ "id": 2 }] },
            "assignments": { "removed": [{ "id": 8 }, { "id": 9 }] },
        }))
        .await;
    assert_eq!(answer["assignments"]["removed"], json!([{ "id": 10 }]));
}

#[tokio::test]
async fn removing_a_resource_reaches_into_the_other_project() {
    let host = Host::start().await;
    let (_, answer) = host
        .post(
            "/api/taskboard/sync",
            &json!({ "resources": { "removed": [{ "id": 1 }] } }),
        )
        .await;
    assert_eq!(
        answer["assignments"]["removed"],
        json!([{ "id": 1 }, { "id": 7 }])
    );
    assert_eq!(
        host.count("SELECT count(*) FROM event_assignments WHERE resource = 1")
            .await,
        0
    );
    let (_, poll) = host
        .post("/api/calendar/sync", &json!({ "revision": 1 }))
        .await;
    assert_eq!(poll["resources"]["removed"], json!([{ "id": 1 }]));
    assert!(poll["assignments"]["removed"].as_array().unwrap().len() > 10);
    assert!(
        poll["resourceTimeRanges"]["removed"]
            .as_array()
            .unwrap()
            .len()
            == 1
    );
}

#[tokio::test]
async fn removing_twice_is_a_success_both_times() {
    let host = Host::start().await;
    let package =
        json!({ "events": { "removed": [{ "id": 2 }, { "id": 2 }, { "id": 424_242 }, 3] } });
    host.sync(package.clone()).await;
    let again = host.sync(package).await;
    assert_eq!(
        again,
        json!({ "success": true, "revision": 2, "idempotent": true })
    );
}

#[tokio::test]
async fn an_optional_reference_to_a_removed_record_is_emptied_and_reported() {
    let host = Host::start().await;
    let answer = host
        .sync(json!({ "swimlanes": { "removed": [{ "id": "low" }] } }))
        .await;
    assert_eq!(
        answer["tasks"]["rows"],
        json!([{ "id": 2, "prio": null }, { "id": 5, "prio": null }])
    );
    assert_eq!(host.record("tasks", 2).await["prio"], Value::Null);
}

#[tokio::test]
async fn a_column_with_tasks_stays_until_they_are_moved() {
    let host = Host::start().await;
    let answer = host
        .refused(422, json!({ "columns": { "removed": [{ "id": "done" }] } }))
        .await;
    let row = &answer["columns"]["rows"][0];
    assert_eq!(
        (&row["id"], &row["error"]),
        (&json!("done"), &json!("This column still has 2 tasks"))
    );
    host.sync(json!({
        "columns": { "removed": [{ "id": "done" }] },
        "tasks": { "updated": [{ "id": 2, "status": "todo" }], "removed": [{ "id": 4 }] },
    }))
    .await;
    assert_eq!(host.record("columns", "done").await, Value::Null);
}

#[tokio::test]
async fn an_update_of_a_record_that_the_same_package_removes_is_left_out() {
    let host = Host::start().await;
    let package =
        json!({ "events": { "updated": [{ "id": 2, "name": "" }], "removed": [{ "id": "2" }] } });
    host.sync(package).await;
    assert_eq!(host.record("events", 2).await, Value::Null);
}

#[tokio::test]
async fn an_assignment_added_to_a_removed_event_goes_with_it() {
    let host = Host::start().await;
    let answer = host
        .sync(json!({
            "events": { "removed": [{ "id": 2 }] },
            "assignments": { "added": [{ "$PhantomId": "a1", "event": 2, "resource": 1 }] },
        }))
        .await;
    let row = &answer["assignments"]["rows"][0];
    assert_eq!(row["$PhantomId"], "a1");
    assert!(
        answer["assignments"]["removed"]
            .as_array()
            .unwrap()
            .contains(&json!({ "id": row["id"] }))
    );
}

#[tokio::test]
async fn a_number_is_never_used_for_a_second_record() {
    let mut host = Host::start().await;
    let add = |phantom: &str| json!({ "events": { "added": [event(phantom, "Short-lived")] } });
    let first = host.sync(add("p1")).await["events"]["rows"][0]["id"].clone();
    host.sync(json!({ "events": { "removed": [{ "id": first }] } }))
        .await;
    host.restart().await;
    let second = host.sync(add("p2")).await["events"]["rows"][0]["id"].clone();
    assert!(second.as_i64() > first.as_i64());
}

#[tokio::test]
async fn a_text_id_may_be_used_again_after_its_record_was_removed() {
    let host = Host::start().await;
    let column = json!({ "added": [{ "id": "extra", "text": "Extra" }] });
    host.sync(json!({ "columns": column })).await;
    host.sync(json!({ "columns": { "removed": [{ "id": "extra" }] } }))
        .await;
    host.sync(json!({ "columns": column })).await;
    let (_, poll) = host
        .post("/api/taskboard/sync", &json!({ "revision": 2 }))
        .await;
    assert_eq!(poll["columns"]["rows"][0]["text"], "Extra");
    assert_eq!(poll["columns"].get("removed"), None);
}

#[tokio::test]
async fn what_was_removed_long_ago_is_forgotten_and_who_is_older_has_to_load() {
    let mut host = Host::start().await;
    let package = json!({ "events": { "removed": [{ "id": 2 }] } });
    assert_eq!(host.sync(package).await["revision"], 2);
    // As many removals and phantoms as are remembered, each of a revision of its own.
    let database = host.database().await;
    for sql in [
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 100058)
         INSERT INTO removals (tbl, id, revision, created) SELECT 'tasks', -i, i, 1 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 100058)
         INSERT INTO phantom_ids (phantom, tbl, client, id, revision)
         SELECT 'p' || i, 'tasks', 'c', -i, i FROM n",
        "UPDATE options SET value = '100159' WHERE name = 'revision'",
    ] {
        sqlx::query(sql).execute(&database).await.unwrap();
    }
    host.restart().await;
    let rename = |name: &str| json!({ "events": { "updated": [{ "id": 1, "name": name }] } });
    let mut poll = json!({ "revision": 1, "events": {} });
    let heard = host.sync(poll.clone()).await;
    assert_eq!(heard["events"]["removed"], json!([{ "id": 2 }]));
    // 100160 is the next revision at which the memory is pruned.
    host.sync(rename("Now")).await;
    assert_eq!(host.count("SELECT count(*) FROM removals").await, 100_000);
    assert_eq!(
        host.count("SELECT count(*) FROM phantom_ids").await,
        100_000
    );
    let answer = host.refused(409, poll.clone()).await;
    assert_eq!(
        (&answer["code"], &answer["revision"], &answer["rolledBack"]),
        (&json!("REVISION_FORGOTTEN"), &json!(100_160), &json!(true))
    );
    poll["revision"] = json!(58);
    host.sync(poll).await;
}

#[tokio::test]
async fn a_database_of_an_older_schema_is_brought_up_to_date() {
    let mut host = Host::start().await;
    let database = host.database().await;
    for sql in [
        "DROP INDEX removals_revision",
        "DROP INDEX phantom_ids_revision",
        "UPDATE options SET value = '2' WHERE name = 'schema'",
    ] {
        sqlx::query(sql).execute(&database).await.unwrap();
    }
    host.restart().await;
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%_revision'";
    assert_eq!(host.count(sql).await, 3);
    let package = json!({ "events": { "removed": [{ "id": 2 }] } });
    assert_eq!(host.sync(package).await["revision"], 2);
}
