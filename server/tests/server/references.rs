//! Phantom ids, and references to them.

use serde_json::{Value, json};

use crate::host::{Host, event};

#[tokio::test]
async fn references_between_phantoms_of_one_request_are_resolved_in_any_order() {
    let host = Host::start().await;
    let answer = host
        .sync(json!({
            "assignments": { "added": [{ "$PhantomId": "a1", "event": "e1", "resource": "r1" }] },
            "events": { "added": [event("e1", "With someone new")] },
            "resources": { "added": [{ "$PhantomId": "r1", "name": "Nova" }] },
        }))
        .await;
    let event = answer["events"]["rows"][0]["id"].clone();
    let resource = answer["resources"]["rows"][0]["id"].clone();
    let assignment = &answer["assignments"]["rows"][0];
    assert!(event.is_i64() && resource.is_i64());
    assert_eq!(
        (&assignment["event"], &assignment["resource"]),
        (&event, &resource)
    );
    let stored = host.record("assignments", assignment["id"].clone()).await;
    // Both projects have assignments; the plain address serves the calendar's.
    assert_eq!((&stored["event"], &stored["resource"]), (&event, &resource));
}

#[tokio::test]
async fn an_updated_record_may_point_to_a_phantom_of_the_same_request() {
    let host = Host::start().await;
    let answer = host
        .sync(json!({
            "assignments": { "updated": [{ "id": 1, "event": "e1" }] },
            "events": { "added": [event("e1", "New home")] },
        }))
        .await;
    let id = answer["events"]["rows"][0]["id"].clone();
    assert_eq!(
        answer["assignments"]["rows"],
        json!([{ "id": 1, "event": id }])
    );
    let stored = host.record("assignments", 1).await;
    assert_eq!(stored["event"], id);
}

#[tokio::test]
async fn phantoms_of_earlier_requests_stay_known_as_references_and_as_ids() {
    let mut host = Host::start().await;
    let first = host
        .sync(json!({ "clientId": "c", "events": { "added": [event("e1", "First")] } }))
        .await;
    let id = first["events"]["rows"][0]["id"].clone();
    host.restart().await;
    let second = host
        .sync(json!({
            "clientId": "c",
            "assignments": { "added": [{ "$PhantomId": "a1", "event": "e1", "resource": 1 }] },
            "events": { "updated": [{ "id": "e1", "name": "Renamed" }] },
        }))
        .await;
    assert_eq!(second["assignments"]["rows"][0]["event"], id);
    assert_eq!(host.record("events", id.clone()).await["name"], "Renamed");
    host.sync(json!({ "clientId": "c", "events": { "removed": [{ "id": "e1" }] } }))
        .await;
    assert_eq!(host.record("events", id).await, Value::Null);
}

#[tokio::test]
async fn an_added_record_with_a_known_phantom_id_updates_its_record() {
    let host = Host::start().await;
    let first = host
        .sync(json!({ "requestId": 1, "events": { "added": [event("e1", "Once")] } }))
        .await;
    let id = first["events"]["rows"][0]["id"].clone();
    let added = json!([event("e1", "Edited")]);
    let second = host
        .sync(json!({ "requestId": 2, "revision": 1, "events": { "added": added } }))
        .await;
    assert_eq!(second["events"]["rows"][0]["$PhantomId"], "e1");
    assert_eq!(second["events"]["rows"][0]["id"], id);
    assert_eq!(host.record("events", id).await["name"], "Edited");
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name IN ('Once', 'Edited')")
            .await,
        1
    );
}

#[tokio::test]
async fn the_same_phantom_twice_in_one_package_is_one_record() {
    let host = Host::start().await;
    let added = json!([event("e1", "Draft"), event("e1", "Final")]);
    let answer = host.sync(json!({ "events": { "added": added } })).await;
    assert_eq!(answer["events"]["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Final'")
            .await,
        1
    );
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Draft'")
            .await,
        0
    );
}

#[tokio::test]
async fn clients_that_name_themselves_do_not_share_phantom_ids() {
    let host = Host::start().await;
    for client in ["one", "two"] {
        let added = json!([event("_generated-1", client)]);
        host.sync(json!({ "clientId": client, "events": { "added": added } }))
            .await;
    }
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name IN ('one', 'two')")
            .await,
        2
    );
}

#[tokio::test]
async fn a_tree_of_phantoms_is_inserted_parents_first() {
    let host = Host::start().await;
    let added = json!([
        { "$PhantomId": "leaf", "name": "Leaf", "$PhantomParentId": "twig", "parentId": "twig" },
        { "$PhantomId": "twig", "name": "Twig", "parentId": "trunk" },
        { "$PhantomId": "trunk", "name": "Trunk", "parentId": 1 },
    ]);
    let answer = host.sync(json!({ "tasks": { "added": added } })).await;
    let rows = answer["tasks"]["rows"].as_array().unwrap();
    let id = |phantom: &str| {
        rows.iter()
            .find(|row| row["$PhantomId"] == phantom)
            .unwrap()["id"]
            .clone()
    };
    assert_eq!(
        host.record("tasks", id("leaf")).await["parentId"],
        id("twig")
    );
    assert_eq!(
        host.record("tasks", id("twig")).await["parentId"],
        id("trunk")
    );
    assert_eq!(host.record("tasks", id("trunk")).await["parentId"], 1);
}

#[tokio::test]
async fn rings_of_parents_are_refused() {
    let host = Host::start().await;
    let ring = json!([
        { "$PhantomId": "a", "name": "A", "parentId": "b" },
        { "$PhantomId": "b", "name": "B", "parentId": "a" },
    ]);
    host.refused(422, json!({ "tasks": { "added": ring } }))
        .await;
    let ring = json!([{ "id": 1, "parentId": 2 }, { "id": 2, "parentId": 1 }]);
    let answer = host
        .refused(422, json!({ "tasks": { "updated": ring } }))
        .await;
    assert_eq!(
        answer["tasks"]["rows"][0]["error"],
        "A task can't be its own ancestor"
    );
    host.refused(
        422,
        json!({ "tasks": { "updated": [{ "id": 1, "parentId": 1 }] } }),
    )
    .await;
}

#[tokio::test]
async fn a_reference_to_nothing_is_refused_and_names_its_record() {
    let host = Host::start().await;
    for event in [
        json!(987_654),
        json!("no-such-phantom"),
        json!(-1),
        json!(1.5),
        json!({}),
        json!(null),
    ] {
        let added = json!([{ "$PhantomId": "a1", "event": event, "resource": 1 }]);
        let answer = host
            .refused(
                422,
                json!({ "events": {}, "assignments": { "added": added } }),
            )
            .await;
        let row = &answer["assignments"]["rows"][0];
        assert_eq!(
            (&row["$PhantomId"], &row["success"]),
            (&json!("a1"), &json!(false))
        );
        assert_eq!(row["fields"], json!(["event"]), "{answer}");
    }
}

#[tokio::test]
async fn who_refers_to_a_refused_phantom_is_told_so() {
    let host = Host::start().await;
    let answer = host
        .refused(
            422,
            json!({
                "events": { "added": [event("e1", "")] },
                "assignments": { "added": [{ "$PhantomId": "a1", "event": "e1", "resource": 1 }] },
            }),
        )
        .await;
    assert_eq!(answer["events"]["rows"][0]["error"], "Name is required");
    let error = answer["assignments"]["rows"][0]["error"].as_str().unwrap();
    assert_eq!(error, "Event refers to an event that was refused");
}
