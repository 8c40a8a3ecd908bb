//! Bad input and bad clients.

use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::client::{Client, rename};
use crate::host::Host;

#[tokio::test]
async fn what_is_no_message_is_answered_and_changes_nothing() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar&clientId=a").await;
    for (text, code) in [
        ("not json", "BAD_JSON"),
        ("", "BAD_JSON"),
        ("[]", "BAD_REQUEST"),
        ("null", "BAD_REQUEST"),
        ("{}", "BAD_REQUEST"),
        (r#"{"type":5}"#, "BAD_REQUEST"),
        (r#"{"type":"dance"}"#, "UNKNOWN_TYPE"),
        (r#"{"type":"__proto__"}"#, "UNKNOWN_TYPE"),
        (r#"{"type":"ping","requestId":-1}"#, "BAD_REQUEST_ID"),
        (r#"{"type":"subscribe"}"#, "BAD_REQUEST"),
        (
            r#"{"type":"subscribe","project":"moon"}"#,
            "UNKNOWN_PROJECT",
        ),
        (
            r#"{"type":"subscribe","project":"calendar","since":"x"}"#,
            "BAD_REQUEST",
        ),
        (
            r#"{"type":"presence","data":{"action":"dancing"}}"#,
            "BAD_REQUEST",
        ),
        (r#"{"type":"sync","data":[]}"#, "BAD_REQUEST"),
    ] {
        client.send_text(text.to_owned()).await;
        let error = client.until("error").await;
        assert_eq!(error["data"]["code"], code, "{text}");
        assert!(error["data"]["message"].is_string());
    }
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    client.send_text(deep).await;
    assert_eq!(client.until("error").await["data"]["code"], "BAD_JSON");
    let ack = client
        .ask(json!({ "type": "sync", "data": { "nope": { "updated": [{ "id": 1 }] } } }))
        .await;
    assert_eq!(ack["code"], "UNKNOWN_STORE");
    let ahead = json!({ "type": "sync", "revision": 99, "data": rename(1, "X") });
    assert_eq!(client.ask(ahead).await["code"], "REVISION_AHEAD");
    client.send(json!({ "type": "ping" })).await;
    client.until("pong").await;
    assert_eq!(host.load(&["events"]).await["revision"], 1);
}

#[tokio::test]
async fn who_sends_nothing_but_nonsense_is_shown_the_door() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar").await;
    for _ in 0..20 {
        client.send_text("nonsense".to_owned()).await;
    }
    assert_eq!(client.closed().await.0, 1008);
}

#[tokio::test]
async fn binary_messages_end_the_connection() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar").await;
    let message = Message::binary(vec![1, 2, 3]);
    client.socket.send(message).await.unwrap();
    assert_eq!(client.closed().await.0, 1003);
}

#[tokio::test]
async fn a_message_of_fifty_megabytes_is_refused_with_a_code_that_the_sender_can_read() {
    let host = Host::start().await;
    let mut client = Client::live(&host, "project=calendar").await;
    let text = format!("{{\"type\":\"sync\",\"x\":\"{}\"}}", "x".repeat(50_000_000));
    client.send_text(text).await;
    let (code, reason) = client.closed().await;
    assert_eq!(code, 1009, "{reason}");
    assert!(reason.contains("8388608"), "{reason}");
    Client::live(&host, "project=calendar").await;
}

#[tokio::test]
async fn messages_out_of_order_and_from_the_past_do_no_harm() {
    let host = Host::start().await;
    let mut client = Client::connect(&host, "clientId=a").await;
    client.until("hello").await;
    for kind in ["presence", "lock", "unlock", "denyLock"] {
        let ack = client
            .ask(json!({ "type": kind, "data": { "type": "events", "id": 1 } }))
            .await;
        assert_eq!(ack["code"], "NOT_SUBSCRIBED", "{kind}");
    }
    client.ask(json!({ "type": "unsubscribe" })).await;
    host.sync(rename(1, "New")).await;
    let old = json!({ "type": "sync", "revision": 1, "data": rename(1, "Old") });
    let ack = client.ask(old).await;
    assert_eq!(
        (&ack["code"], &ack["data"]["conflicts"][0]["server"]["name"]),
        (&json!("CONFLICT"), &json!("New"))
    );
}

#[tokio::test]
async fn pages_of_foreign_origins_may_not_connect() {
    let host = Host::start_with(|options| {
        options.allow_origin = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let own = host.url.clone();
    for origin in [
        "http://localhost:5173",
        "http://127.0.0.1:1",
        "https://app.example.com",
        own.as_str(),
    ] {
        let connected = Client::try_connect(&host, "", &[("origin", origin)]).await;
        assert!(connected.is_ok(), "{origin}");
    }
    for origin in [
        "https://evil.example.com",
        "null",
        "http://localhost.evil.com",
    ] {
        match Client::try_connect(&host, "", &[("origin", origin)]).await {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{origin}"),
            _ => panic!("{origin} was let in"),
        }
        for path in ["/api/events", "/socket.io/?EIO=4&transport=polling"] {
            let request = host.http.get(format!("{}{path}", host.url));
            let response = request.header("origin", origin).send().await.unwrap();
            assert_eq!(response.status(), 403, "{origin} {path}");
        }
    }
    let plain = host.http.get(format!("{}/ws", host.url)).send().await;
    assert_eq!(plain.unwrap().status(), 426);
}

#[tokio::test]
async fn a_client_that_says_nothing_is_closed_and_one_that_answers_pings_is_not() {
    let host = Host::start_with(|options| options.heartbeat_ms = 1000).await;
    let mut alive = Client::live(&host, "project=calendar&clientId=alive").await;
    let silent = Client::live(&host, "project=calendar&clientId=silent").await;
    let start = Instant::now();
    // Reading answers the server's pings.
    while start.elapsed() < Duration::from_millis(4000) {
        _ = tokio::time::timeout(Duration::from_millis(50), alive.next()).await;
    }
    let mut silent = silent;
    assert_eq!(silent.closed().await.0, 4408);
    alive.send(json!({ "type": "ping" })).await;
    alive.until("pong").await;
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped_and_nobody_waits_for_it() {
    let host = Host::start().await;
    let mut slow = Client::narrow(&host, "project=calendar&clientId=slow").await;
    slow.until("live").await;
    let mut quick = Client::live(&host, "project=calendar&clientId=quick").await;
    // Large changes fill what the system holds for the client, small messages what the server does.
    let note = "x".repeat(9_990);
    for n in 0..20 {
        let rows: Vec<_> = (14..=28)
            .map(|id| json!({ "id": id, "note": format!("{n}{note}") }))
            .collect();
        host.sync(json!({ "events": { "updated": rows } })).await;
        assert_eq!(quick.until("sync").await["revision"], n + 2);
    }
    for _ in 0..400 {
        for kind in ["lock", "unlock"] {
            let about = json!({ "type": "events", "id": 1 });
            quick.send(json!({ "type": kind, "data": about })).await;
            assert_eq!(quick.until("ack").await["success"], true);
        }
    }
    let (code, reason) = slow.closed().await;
    assert!(code == 4413 || code == 1006, "{code} {reason}");
    let mut back = Client::connect(&host, "project=calendar&clientId=slow&since=20").await;
    assert_eq!(back.until("subscribed").await["catchUp"], 1);
}

#[tokio::test]
async fn no_more_clients_are_let_in_than_the_limit_allows() {
    let host = Host::start_with(|options| options.max_clients = 2).await;
    let first = Client::live(&host, "project=calendar").await;
    let _second = Client::live(&host, "project=calendar").await;
    let mut third = Client::connect(&host, "project=calendar").await;
    assert_eq!(third.closed().await.0, 4429);
    let (status, answer) = host.get("/api/events").await;
    assert_eq!((status, &answer["code"]), (503, &json!("TOO_MANY")));
    first.leave().await;
    // Its goodbye may still be on the way.
    while Client::connect(&host, "project=calendar")
        .await
        .next()
        .await["type"]
        != "hello"
    {}
}

#[tokio::test]
async fn a_handshake_that_is_none_and_bytes_that_are_no_frames_do_no_harm() {
    let host = Host::start().await;
    let address = host.url.replace("http://", "");
    let mut raw = tokio::net::TcpStream::connect(&address).await.unwrap();
    let request = format!(
        "GET /ws?project=calendar HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    raw.write_all(request.as_bytes()).await.unwrap();
    raw.write_all(&[0xff; 4096]).await.unwrap();
    drop(raw);
    Client::live(&host, "project=calendar").await;
}

#[tokio::test]
async fn names_from_outside_have_a_length_and_a_form() {
    let host = Host::start().await;
    let long = "x".repeat(200);
    for query in [
        format!("clientId={long}"),
        format!("userName={long}"),
        "color=red;background:url(x)".to_owned(),
        "userName=a%00b".to_owned(),
    ] {
        let mut client = Client::connect(&host, &query).await;
        let error = client.until("error").await;
        assert_eq!(error["data"]["code"], "BAD_REQUEST", "{query}");
        assert_eq!(client.closed().await.0, 1008);
    }
    let mut markup = Client::connect(&host, "userName=%3Cb%3EBob%3C/b%3E&project=calendar").await;
    let presence = markup.until("presence").await;
    // Markup is text like any other: whoever shows it has to show it as text.
    assert_eq!(presence["data"][0]["userName"], "<b>Bob</b>");
}
