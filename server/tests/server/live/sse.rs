//! Server-sent events, and the way back.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::client::{Client, PATIENCE, rename};
use crate::host::Host;

/// One event of a stream.
#[derive(Debug, Default)]
struct Event {
    id: Option<String>,
    name: Option<String>,
    data: Value,
}

struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    async fn open(host: &Host, query: &str, last: Option<&str>) -> Self {
        let mut request = host.http.get(format!("{}/api/events?{query}", host.url));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let text = String::new();
        Self { response, text }
    }

    /// The next event that has data; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let event = parse(block);
                self.text = rest.to_owned();
                if !event.data.is_null() {
                    return Some(event);
                }
            }
            let chunk = timeout(PATIENCE, self.response.chunk()).await.unwrap();
            self.text += std::str::from_utf8(&chunk.ok()??).unwrap();
        }
    }

    async fn until(&mut self, kind: &str) -> Event {
        loop {
            let event = self.next().await.unwrap();
            if event.data["type"] == kind {
                return event;
            }
        }
    }
}

fn parse(block: &str) -> Event {
    let mut event = Event::default();
    for line in block.lines() {
        if let Some((field, value)) = line.split_once(": ") {
            match field {
                "id" => event.id = Some(value.to_owned()),
                "event" => event.name = Some(value.to_owned()),
                "data" => event.data = serde_json::from_str(value).unwrap(),
                _ => {}
            }
        }
    }
    event
}

#[tokio::test]
async fn a_stream_tells_changes_with_ids_and_resumes_after_the_last_one() {
    let host = Host::start().await;
    let mut stream = Stream::open(&host, "project=calendar&clientId=s", None).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.data["type"], "hello");
    let live = stream.until("live").await;
    assert!(live.id.unwrap().ends_with(":1"));
    host.sync(rename(1, "One")).await;
    let sync = stream.until("sync").await;
    assert_eq!(sync.name, None, "what an `onmessage` listener hears");
    assert_eq!(sync.data["data"], rename(1, "One"));
    let last = sync.id.unwrap();
    drop(stream);
    host.sync(rename(1, "Two")).await;
    let query = "project=calendar&since=0";
    let mut stream = Stream::open(&host, query, Some(&last)).await;
    let missed = stream.until("sync").await.data;
    assert_eq!(
        (&missed["previous"], &missed["data"]),
        (&json!(2), &rename(1, "Two"))
    );
    let foreign = Stream::open(&host, query, Some("0123456789abcdef:2"));
    assert_eq!(foreign.await.until("reload").await.data["reason"], "epoch");
}

#[tokio::test]
async fn the_dialect_of_the_task_board_reaches_plain_listeners() {
    let host = Host::start().await;
    let query = "project=taskboard&dialect=taskboard";
    let mut stream = Stream::open(&host, query, None).await;
    stream.until("live").await;
    let tasks =
        json!({ "tasks": { "updated": [{ "id": 1, "name": "A" }, { "id": 2, "name": "B" }] } });
    host.post("/api/taskboard/sync", &tasks).await;
    let first = stream.until("taskUpdated").await;
    assert_eq!(first.data["task"], json!({ "id": 1, "name": "A" }));
    assert_eq!((first.id, &first.data["more"]), (None, &json!(true)));
    let second = stream.until("taskUpdated").await;
    assert!(second.id.unwrap().ends_with(":2"));
}

#[tokio::test]
async fn a_heartbeat_shows_that_the_stream_is_alive() {
    let host = Host::start_with(|options| options.heartbeat_ms = 50).await;
    host.sync(rename(1, "One")).await;
    let mut stream = Stream::open(&host, "project=calendar", None).await;
    loop {
        let event = stream.next().await.unwrap();
        if event.name.as_deref() == Some("heartbeat") {
            assert_eq!(event.data, json!({ "revision": 2 }));
            break;
        }
    }
}

#[tokio::test]
async fn presence_locks_and_syncs_go_the_way_back() {
    let host = Host::start().await;
    let mut stream = Stream::open(&host, "project=calendar&clientId=s", None).await;
    stream.until("live").await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b").await;
    let post = async |client: &str, message: Value| {
        let path = format!("/api/live?project=calendar&clientId={client}");
        host.post(&path, &message).await
    };
    let lock = json!({ "type": "lock", "requestId": 1, "data": { "type": "events", "id": 4 } });
    let (status, ack) = post("s", lock.clone()).await;
    assert_eq!(
        (status, &ack["success"], &ack["requestId"]),
        (200, &json!(true), &json!(1)),
        "{ack}"
    );
    assert_eq!(bob.until("lock").await["data"]["clientId"], "s");
    let (status, ack) = post("b", lock.clone()).await;
    assert_eq!((status, &ack["code"]), (423, &json!("LOCKED")));
    let (status, ack) = post("stranger", lock).await;
    assert_eq!((status, &ack["code"]), (409, &json!("NOT_SUBSCRIBED")));
    let editing = json!({ "recordType": "events", "recordId": 4, "action": "editing" });
    post("s", json!({ "type": "presence", "data": editing })).await;
    loop {
        let presence = bob.until("presence").await;
        if presence["data"][0]["clientId"] == "s" && presence["data"][0]["recordId"] == 4 {
            break;
        }
    }
    let sync = json!({ "type": "sync", "requestId": 2, "data": rename(4, "By post") });
    let (status, ack) = post("s", sync).await;
    assert_eq!((status, &ack["data"]["revision"]), (200, &json!(2)));
    assert_eq!(stream.until("sync").await.data["clientId"], "s");
    let (status, answer) = post("s", json!({ "type": "dance" })).await;
    assert_eq!((status, &answer["code"]), (400, &json!("UNKNOWN_TYPE")));
    let (status, answer) = post("s", json!({ "type": "ping" })).await;
    assert_eq!((status, &answer["type"]), (200, &json!("pong")));
    // The stream breaks, and nobody of that name comes back in time.
    drop(stream);
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (_, ack) = post(
        "b",
        json!({ "type": "lock", "data": { "type": "events", "id": 4 } }),
    )
    .await;
    assert_eq!(ack["code"], "LOCKED");
}

#[tokio::test]
async fn a_stop_is_said_and_a_cut_is_not() {
    let mut host = Host::start().await;
    let mut cut = Stream::open(&host, "project=calendar&clientId=c", None).await;
    cut.until("live").await;
    let faults = json!({ "client": "c", "dropSockets": true });
    host.post("/api/_faults", &faults).await;
    while let Some(event) = cut.next().await {
        assert_ne!(event.data["type"], "closing");
    }
    let mut stream = Stream::open(&host, "project=calendar", None).await;
    stream.until("live").await;
    let waiting = tokio::spawn(async move {
        let closing = stream.until("closing").await;
        assert!(stream.next().await.is_none());
        closing.data
    });
    host.stop().await;
    assert_eq!(waiting.await.unwrap()["code"], 1012);
}

#[tokio::test]
async fn a_goodbye_by_post_ends_the_stream_and_frees_its_locks() {
    let host = Host::start().await;
    let mut bob = Client::live(&host, "project=calendar&clientId=b").await;
    let lock = json!({ "type": "lock", "data": { "type": "events", "id": 4 } });
    let post = "/api/live?project=calendar&clientId=s";
    for early in [false, true] {
        let mut stream = Stream::open(&host, "project=calendar&clientId=s", None).await;
        let hello = stream.until("hello").await.data;
        stream.until("live").await;
        assert_eq!(host.post(post, &lock).await.1["success"], true);
        bob.until("lock").await;
        // Another connection's goodbye is none.
        let mut goodbye = json!({ "type": "unsubscribe", "connectionId": "k0" });
        assert_eq!(host.post(post, &goodbye).await.0, 200);
        assert_eq!(bob.ask(lock.clone()).await["code"], "LOCKED");
        if early {
            // The page's end is quicker than its goodbye.
            drop(stream);
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(bob.ask(lock.clone()).await["code"], "LOCKED");
            goodbye["connectionId"] = hello["connectionId"].clone();
            host.post(post, &goodbye).await;
        } else {
            goodbye["connectionId"] = hello["connectionId"].clone();
            host.post(post, &goodbye).await;
            let closing = stream.until("closing").await.data;
            assert_eq!(closing["code"], 1000);
            assert!(stream.next().await.is_none());
        }
        assert_eq!(bob.until("unlock").await["data"]["reason"], "gone");
        assert_eq!(bob.ask(lock.clone()).await["success"], true);
        let unlock = json!({ "type": "unlock", "data": { "type": "events", "id": 4 } });
        bob.ask(unlock).await;
    }
}
