//! Changes: who hears of them, in which form, and how they are sent over the channel.

use serde_json::json;

use super::client::{Client, rename};
use crate::host::{Host, event};

#[tokio::test]
async fn the_first_message_says_who_one_is_and_what_the_server_allows() {
    let host = Host::start().await;
    let mut client = Client::connect(
        &host,
        "clientId=tab-1&userId=alice&userName=Alice&color=red",
    )
    .await;
    let hello = client.next().await;
    assert_eq!(hello["type"], "hello");
    assert_eq!(hello["clientId"], "tab-1");
    assert_eq!(
        hello["user"],
        json!({ "userId": "alice", "userName": "Alice", "color": "red" })
    );
    assert_eq!(
        (&hello["revision"], &hello["protocol"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(hello["limits"]["frameBytes"], 8 * 1024 * 1024);
    assert_eq!(hello["epoch"].as_str().unwrap().len(), 16);
    client.hears_no("live").await;
}

#[tokio::test]
async fn a_sync_by_http_is_told_to_everybody_in_the_room_with_its_sender() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b&userName=Bob").await;
    let mut board = Client::live(&host, "project=taskboard&clientId=c").await;
    let mut package = rename(4, "Talk");
    package["requestId"] = json!(17);
    package["clientId"] = json!("b");
    package["events"]["added"] = json!([event("p1", " Review ")]);
    package["events"]["removed"] = json!([{ "id": 9 }]);
    let answer = host.sync(package).await;
    for client in [&mut alice, &mut bob] {
        let sync = client.until("sync").await;
        assert_eq!(sync["project"], "calendar");
        assert_eq!(
            (&sync["revision"], &sync["previous"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(
            (&sync["clientId"], &sync["requestId"]),
            (&json!("b"), &json!(17))
        );
        assert_eq!(
            (&sync["userId"], &sync["userName"]),
            (&json!("b"), &json!("Bob"))
        );
        assert!(sync["timestamp"].as_i64().unwrap() > 1_700_000_000_000);
        let events = &sync["data"]["events"];
        assert_eq!(events["updated"], json!([{ "id": 4, "name": "Talk" }]));
        assert_eq!(events["removed"], json!([{ "id": 9 }]));
        let added = &events["added"][0];
        assert_eq!(added["id"], answer["events"]["rows"][0]["id"]);
        assert_eq!(
            (&added["$PhantomId"], &added["name"], &added["allDay"]),
            (&json!("p1"), &json!("Review"), &json!(false))
        );
    }
    board.hears_no("sync").await;
}

#[tokio::test]
async fn cascades_and_shared_stores_are_told_in_every_room_that_they_reach() {
    let host = Host::start().await;
    let mut board = Client::live(&host, "project=taskboard&clientId=t").await;
    let mut calendar = Client::live(&host, "project=calendar&clientId=c").await;
    let package = json!({ "resources": { "removed": [{ "id": 1 }] }, "requestId": 5 });
    let (status, answer) = host.post("/api/calendar/sync", &package).await;
    assert_eq!(status, 200, "{answer}");
    let (on_board, on_calendar) = (board.until("sync").await, calendar.until("sync").await);
    for sync in [&on_board, &on_calendar] {
        assert_eq!(
            sync["data"]["resources"]["removed"],
            json!([{ "id": 1 }]),
            "{sync}"
        );
    }
    assert_eq!(
        (&on_calendar["requestId"], &on_board["requestId"]),
        (&json!(5), &json!(null))
    );
    assert!(on_calendar["data"]["assignments"]["removed"].is_array());
    assert!(on_board["data"]["events"].is_null());
}

#[tokio::test]
async fn who_wants_no_echo_gets_none_and_hears_the_others_all_the_same() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a&echo=0").await;
    let mut mine = rename(1, "Mine");
    mine["clientId"] = json!("a");
    host.sync(mine).await;
    let mut theirs = rename(1, "Theirs");
    theirs["clientId"] = json!("b");
    host.sync(theirs).await;
    let sync = alice.until("sync").await;
    assert_eq!(sync["clientId"], "b");
    assert_eq!(
        (&sync["revision"], &sync["previous"]),
        (&json!(3), &json!(2))
    );
}

#[tokio::test]
async fn refused_and_repeated_and_empty_syncs_are_not_told() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar").await;
    host.refused(
        422,
        json!({ "events": { "updated": [{ "id": 1, "nope": 1 }] } }),
    )
    .await;
    let mut package = rename(1, "Once");
    package["requestId"] = json!("r1");
    host.sync(package.clone()).await;
    host.sync(package).await;
    host.sync(json!({ "revision": 1 })).await;
    assert_eq!(alice.until("sync").await["requestId"], "r1");
    alice.hears_no("sync").await;
}

#[tokio::test]
async fn the_dialect_of_the_task_board_has_a_message_for_each_record() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=taskboard&dialect=taskboard").await;
    let package = json!({
        "tasks": {
            "added": [{ "$PhantomId": "p", "name": "Paint", "status": "todo" }],
            "updated": [{ "id": 3, "name": "Glue" }],
            "removed": [{ "id": 1 }],
        },
        "columns": { "updated": [{ "id": "todo", "text": "To do!" }] },
    });
    let (status, answer) = host.post("/api/taskboard/sync", &package).await;
    assert_eq!(status, 200, "{answer}");
    let column = client.until("columnUpdated").await;
    assert_eq!(column["column"], json!({ "id": "todo", "text": "To do!" }));
    assert_eq!(
        (&column["store"], &column["more"]),
        (&json!("columns"), &json!(true))
    );
    let created = client.until("taskCreated").await;
    assert_eq!(created["task"]["name"], "Paint");
    assert_eq!(created["task"]["$PhantomId"], "p");
    let updated = client.until("taskUpdated").await;
    assert_eq!(updated["task"], json!({ "id": 3, "name": "Glue" }));
    let deleted = client.until("taskDeleted").await;
    assert_eq!(deleted["taskId"], 1);
    let mut last = deleted;
    while last["more"] == true {
        last = client.next().await;
        assert_eq!(last["type"], "assignmentDeleted");
    }
    assert_eq!(
        (&last["revision"], &last["previous"]),
        (&json!(2), &json!(1))
    );
}

#[tokio::test]
async fn the_dialect_of_commands_is_understood_both_ways() {
    let host = Host::start().await;
    let mut client = Client::connect(&host, "dialect=command&clientId=a").await;
    assert_eq!(client.next().await["command"], "hello");
    let message = json!({ "command": "subscribe", "project": "calendar", "presence": 0 });
    client.send(message).await;
    assert_eq!(client.next().await["command"], "subscribed");
    assert_eq!(client.next().await["command"], "live");
    client
        .send(json!({ "command": "sync", "requestId": 1, "data": rename(1, "X") }))
        .await;
    let mut commands = [client.next().await, client.next().await];
    commands.sort_by_key(|message| message["command"].as_str().unwrap().to_owned());
    assert_eq!(commands[0]["command"], "ack");
    assert_eq!(commands[1]["data"], rename(1, "X"));
}

#[tokio::test]
async fn a_sync_over_the_channel_is_answered_as_http_would_answer_it() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let added = json!({ "events": { "added": [event("p1", "New")] } });
    let ack = alice
        .ask(json!({ "type": "sync", "requestId": 1, "revision": 1, "data": added }))
        .await;
    assert_eq!(
        (&ack["success"], &ack["status"]),
        (&json!(true), &json!(200))
    );
    let answer = &ack["data"];
    assert_eq!(
        (
            &answer["success"],
            &answer["requestId"],
            &answer["revision"],
            &answer["idempotent"]
        ),
        (&json!(true), &json!(1), &json!(2), &json!(true))
    );
    assert_eq!(answer["events"]["rows"][0]["$PhantomId"], "p1");

    let mut flat = rename(1, "Flat");
    flat["type"] = json!("sync");
    flat["requestId"] = json!(2);
    assert_eq!(alice.ask(flat).await["data"]["revision"], 3);

    let bad = json!({ "events": { "updated": [{ "id": 1, "nope": true }] } });
    let ack = alice
        .ask(json!({ "type": "sync", "requestId": 3, "data": bad }))
        .await;
    assert_eq!(
        (&ack["success"], &ack["status"], &ack["code"]),
        (&json!(false), &json!(422), &json!("VALIDATION"))
    );
    assert_eq!(ack["data"]["rolledBack"], true);
    assert_eq!(ack["data"]["events"]["rows"][0]["id"], 1);
}

#[tokio::test]
async fn a_request_is_saved_once_whether_it_comes_by_http_or_over_the_channel() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let data = json!({ "events": { "added": [event("p1", "Once")] } });
    let first = alice
        .ask(json!({ "type": "sync", "requestId": 7, "revision": 1, "data": data }))
        .await;
    let mut package = data.clone();
    package["requestId"] = json!(7);
    package["clientId"] = json!("a");
    let again = host.sync(package).await;
    assert_eq!(again, first["data"]);
    let third = alice
        .ask(json!({ "type": "sync", "requestId": 7, "data": data }))
        .await;
    assert_eq!(third["data"], again);
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Once'")
            .await,
        1
    );
}

#[tokio::test]
async fn a_clash_comes_as_conflict_to_clients_that_ask_for_no_answer() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    host.sync(rename(4, "Theirs")).await;
    alice
        .send(json!({ "type": "sync", "revision": 1, "data": rename(4, "Mine"), "timestamp": 1 }))
        .await;
    let conflict = alice.until("conflict").await;
    let data = &conflict["data"];
    assert_eq!(
        (&data["recordType"], &data["recordId"], &data["fields"]),
        (&json!("events"), &json!(4), &json!(["name"]))
    );
    assert_eq!(
        (
            &data["serverVersion"]["name"],
            &data["clientVersion"]["name"]
        ),
        (&json!("Theirs"), &json!("Mine"))
    );
    alice
        .send(json!({ "type": "sync", "data": { "events": { "updated": [{ "id": 1, "x": 1 }] } } }))
        .await;
    assert_eq!(alice.until("error").await["data"]["code"], "VALIDATION");
}

#[tokio::test]
async fn added_records_as_the_reference_sends_them_get_their_ids() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar&clientId=a").await;
    let row = json!({
        "id": "_generatedEvent7", "name": "Sketch",
        "startDate": "2026-03-02T09:00:00", "endDate": "2026-03-02T10:00:00",
    });
    alice
        .send(json!({ "type": "sync", "data": { "events": { "added": [row] } } }))
        .await;
    let added = alice.until("sync").await["data"]["events"]["added"][0].clone();
    assert_eq!(added["$PhantomId"], "_generatedEvent7");
    assert!(added["id"].is_i64());
    // Where the client chooses ids, it still does.
    let column = json!({ "columns": { "added": [{ "id": "later", "text": "Later" }] } });
    let mut board = Client::live(&host, "project=taskboard").await;
    let ack = board
        .ask(json!({ "type": "sync", "data": column, "project": "taskboard" }))
        .await;
    assert_eq!(ack["success"], true, "{ack}");
    assert_eq!(host.record("columns", "later").await["text"], "Later");
}

#[tokio::test]
async fn initial_data_can_be_asked_for_with_and_without_a_room() {
    let host = Host::start().await;
    let mut bare = Client::connect(&host, "").await;
    bare.send(json!({ "type": "requestInitialData" })).await;
    bare.until("live").await;
    let load = bare.until("load").await;
    assert_eq!(load["project"], "calendar");
    assert_eq!(load["data"]["events"]["total"], 28);
    host.sync(rename(1, "Heard")).await;
    bare.until("sync").await;

    let mut board = Client::live(&host, "project=taskboard").await;
    board
        .send(json!({ "type": "load", "requestId": 3, "stores": ["tasks"] }))
        .await;
    let load = board.until("load").await;
    assert_eq!(
        (&load["requestId"], &load["project"]),
        (&json!(3), &json!("taskboard"))
    );
    assert!(load["data"]["tasks"]["rows"].is_array());
    assert!(load["data"]["columns"].is_null());
}

#[tokio::test]
async fn a_ping_tells_the_revisions_of_the_rooms() {
    let host = Host::start().await;
    let mut alice = Client::live(&host, "project=calendar").await;
    host.sync(rename(1, "X")).await;
    alice.until("sync").await;
    alice.send(json!({ "type": "ping", "requestId": 8 })).await;
    let pong = alice.until("pong").await;
    assert_eq!(pong["revisions"], json!({ "calendar": 2 }));
    assert_eq!(pong["requestId"], 8);
}

#[tokio::test]
async fn many_syncs_at_once_are_told_in_the_order_in_which_they_were_saved() {
    let host = std::sync::Arc::new(Host::start().await);
    let mut alice = Client::live(&host, "project=calendar").await;
    let tasks: Vec<_> = (0..40)
        .map(|n| {
            let host = host.clone();
            tokio::spawn(async move { host.sync(rename(1 + n % 10, &format!("N{n}"))).await })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for revision in 2..42 {
        let sync = alice.until("sync").await;
        assert_eq!(
            (&sync["revision"], &sync["previous"]),
            (&json!(revision), &json!(revision - 1))
        );
    }
}
