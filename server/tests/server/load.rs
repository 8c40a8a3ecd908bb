//! Loads.

use serde_json::{Value, json};

use crate::host::Host;

#[tokio::test]
async fn a_load_without_anything_gives_all_stores_of_the_calendar_with_their_totals() {
    let host = Host::start().await;
    let (status, answer) = host.get("/api/load").await;
    assert_eq!(status, 200);
    assert_eq!(answer["success"], true);
    assert_eq!(answer["idempotent"], true);
    assert_eq!(answer["revision"], 1);
    assert_eq!(answer.get("requestId"), None);
    for store in [
        "calendars",
        "resources",
        "events",
        "assignments",
        "timeRanges",
        "resourceTimeRanges",
    ] {
        let rows = answer[store]["rows"].as_array().unwrap();
        assert!(!rows.is_empty(), "{store}");
        assert_eq!(answer[store]["total"], rows.len(), "{store}");
    }
    assert_eq!(answer.get("tasks"), None);
    assert_eq!(host.get("/api/calendar/load").await.1, answer);
}

#[tokio::test]
async fn the_task_board_has_the_sample_data_of_the_reference() {
    let host = Host::start().await;
    let (_, answer) = host.get("/api/taskboard/load").await;
    let totals = ["columns", "swimlanes", "resources", "tasks", "assignments"]
        .map(|store| answer[store]["total"].as_u64().unwrap());
    assert_eq!(totals, [4, 3, 7, 5, 10]);
    let task = &answer["tasks"]["rows"][0];
    assert_eq!(task["name"], "Bug with rendering");
    assert_eq!(task["status"], "review");
    let friday: String =
        sqlx::query_scalar("SELECT date('now', 'localtime', '-6 days', 'weekday 1', '+4 days')")
            .fetch_one(&host.database().await)
            .await
            .unwrap();
    assert_eq!(task["deadline"], friday);
    let todo = json!({
        "id": "todo", "text": "Backlog", "color": "purple", "collapsed": false, "weight": 0,
    });
    assert!(
        answer["columns"]["rows"]
            .as_array()
            .unwrap()
            .contains(&todo)
    );
    assert_eq!(
        answer["assignments"]["rows"][1],
        json!({ "id": 2, "event": 1, "resource": 5, "units": 100.0 })
    );
}

#[tokio::test]
async fn the_sample_week_is_this_week_and_has_every_kind_of_entry() {
    let host = Host::start().await;
    let answer = host.load(&["events", "assignments"]).await;
    let monday: String =
        sqlx::query_scalar("SELECT date('now', 'localtime', '-6 days', 'weekday 1')")
            .fetch_one(&host.database().await)
            .await
            .unwrap();
    let events = answer["events"]["rows"].as_array().unwrap();
    assert!(events.len() >= 25);
    assert_eq!(events[0]["startDate"], format!("{monday}T09:00:00"));
    let count = |test: &dyn Fn(&Value) -> bool| events.iter().filter(|event| test(event)).count();
    assert_eq!(count(&|event| event["readOnly"] == true), 1);
    assert!(count(&|event| event["allDay"] == true) >= 3);
    let day = |event: &Value, field: &str| event[field].as_str().unwrap()[..10].to_owned();
    assert!(count(&|event| day(event, "startDate") < day(event, "endDate")) >= 4);
    let assigned = answer["assignments"]["rows"].as_array().unwrap();
    let of_first = assigned
        .iter()
        .filter(|row| row["event"] == events[0]["id"])
        .count();
    assert_eq!(of_first, 7);
}

#[tokio::test]
async fn the_package_may_come_in_the_query_or_in_the_body() {
    let host = Host::start().await;
    let package = json!({ "type": "load", "requestId": 17, "stores": ["events"] });
    let url = format!("{}/api/load", host.url);
    let request = host.http.get(&url).query(&[("data", package.to_string())]);
    let by_query: Value = request.send().await.unwrap().json().await.unwrap();
    let (_, by_body) = host.post("/api/load", &package).await;
    assert_eq!(by_query, by_body);
    assert_eq!(by_query["requestId"], 17);
    assert!(by_query["events"]["total"].as_u64().unwrap() > 0);
    assert_eq!(by_query.get("resources"), None);
}

#[tokio::test]
async fn stores_are_named_by_text_or_by_objects_with_parameters() {
    let host = Host::start().await;
    let stores =
        json!(["events", { "id": "resources", "startIndex": 0 }, { "storeId": "calendars" }]);
    let (status, answer) = host.post("/api/load", &json!({ "stores": stores })).await;
    assert_eq!(status, 200);
    let mut names: Vec<&String> = answer.as_object().unwrap().keys().collect();
    names.retain(|name| !["success", "revision", "idempotent"].contains(&name.as_str()));
    assert_eq!(names, ["calendars", "events", "resources"]);
}

#[tokio::test]
async fn the_plain_address_serves_the_project_whose_stores_are_named() {
    let host = Host::start().await;
    let board = host.load(&["tasks", "assignments"]).await;
    assert_eq!(board["assignments"]["total"], 10);
    let calendar = host.load(&["events", "assignments"]).await;
    assert!(calendar["assignments"]["total"].as_u64().unwrap() > 50);
}

#[tokio::test]
async fn an_unknown_store_is_named_in_the_error() {
    let host = Host::start().await;
    for (path, store) in [
        ("/api/load", "unicorns"),
        ("/api/load", "__proto__"),
        ("/api/calendar/load", "tasks"),
        ("/api/taskboard/load", "events"),
    ] {
        let package = json!({ "requestId": "r-1", "stores": ["resources", store] });
        let (status, answer) = host.post(path, &package).await;
        assert_eq!((status, &answer["code"]), (400, &json!("UNKNOWN_STORE")));
        assert_eq!(answer["requestId"], "r-1");
        assert!(
            answer["message"].as_str().unwrap().contains(store),
            "{answer}"
        );
    }
    let (_, mixed) = host
        .post("/api/load", &json!({ "stores": ["events", "tasks"] }))
        .await;
    assert!(
        mixed["message"].as_str().unwrap().contains("tasks"),
        "{mixed}"
    );
}

#[tokio::test]
async fn many_rows_with_all_sorts_of_text_arrive_complete_and_in_order() {
    let host = Host::start().await;
    let texts = [
        "plain",
        "quote \" and \\ slash",
        "日本語 é 🙂",
        "line\nbreak\ttab \u{1} \u{7f} \u{2028}",
    ];
    let added: Vec<Value> = (0..1700)
        .map(|index| {
            let note = texts[index % texts.len()];
            json!({
                "$PhantomId": format!("p{index}"), "name": format!("Event {index}"), "note": note,
                "startDate": "2026-03-02T09:00", "endDate": "2026-03-02T10:00",
                "exceptionDates": ["2026-03-03", { "deep": [null, 1.5, "x"] }],
            })
        })
        .collect();
    host.sync(json!({ "events": { "added": added } })).await;
    let answer = host.load(&["events"]).await;
    let rows = answer["events"]["rows"].as_array().unwrap();
    let ours: Vec<&Value> = rows
        .iter()
        .filter(|row| row["startDate"] == "2026-03-02T09:00:00")
        .collect();
    assert_eq!(ours.len(), 1700);
    for (index, row) in ours.iter().enumerate() {
        assert_eq!(row["name"], format!("Event {index}"));
        assert_eq!(row["note"], texts[index % texts.len()]);
        assert_eq!(row["exceptionDates"][1]["deep"], json!([null, 1.5, "x"]));
    }
    assert_eq!(answer["events"]["total"], rows.len());
}

#[tokio::test]
async fn an_empty_store_is_an_empty_list() {
    let host = Host::start().await;
    let ranges = host.load(&["timeRanges"]).await["timeRanges"]["rows"].clone();
    let ids: Vec<Value> = ranges
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!({ "id": row["id"] }))
        .collect();
    host.sync(json!({ "timeRanges": { "removed": ids } })).await;
    let answer = host.load(&["timeRanges"]).await;
    assert_eq!(answer["timeRanges"], json!({ "rows": [], "total": 0 }));
}

#[tokio::test]
async fn a_database_in_memory_serves_too() {
    let host = Host::start_with(|options| options.database = "sqlite::memory:".into()).await;
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": "Kept in memory" }] } }))
        .await;
    assert_eq!(host.record("events", 1).await["name"], "Kept in memory");
}
