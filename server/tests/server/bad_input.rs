//! Input that is broken, hostile or merely odd: a typed error each time, and the server lives on.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::host::{Host, event};

async fn expect(
    host: &Host,
    path: &str,
    body: impl Into<reqwest::Body>,
    status: u16,
    code: &str,
) -> Value {
    let (got, answer) = host.post_text(path, body).await;
    assert_eq!((got, &answer["code"]), (status, &json!(code)), "{answer}");
    assert_eq!(answer["success"], false);
    assert!(
        answer["message"]
            .as_str()
            .is_some_and(|message| !message.is_empty())
    );
    answer
}

#[tokio::test]
async fn a_bad_phantom_id_is_named_so_that_the_client_knows_which_record_it_was() {
    let host = Host::start().await;
    let long = "x".repeat(200);
    for (sent, told) in [(json!(5000), "5000"), (json!(long), long.as_str())] {
        let body = json!({ "type": "sync", "requestId": 1, "events": {
            "added": [{ "$PhantomId": sent, "name": "x" }],
        } });
        let (status, answer) = host.post_text("/api/sync", body.to_string()).await;
        assert_eq!(
            (status, &answer["code"]),
            (422, &json!("VALIDATION")),
            "{answer}"
        );
        assert_eq!(answer["events"]["rows"][0]["$PhantomId"], told);
    }
}

#[tokio::test]
async fn text_that_is_no_json_is_refused() {
    let host = Host::start().await;
    for body in [
        "",
        "   ",
        "{",
        "{\"requestId\":1,",
        "<html></html>",
        "{\"a\":1}{",
        "{'a':1}",
        "nul",
        "{\"a\":1e999}",
    ] {
        expect(&host, "/api/sync", body, 400, "BAD_JSON").await;
    }
    for body in ["{", "<html>", "\u{feff}{}"] {
        expect(&host, "/api/load", body, 400, "BAD_JSON").await;
    }
    expect(
        &host,
        "/api/sync",
        &b"{\"name\":\"\xff\xfe\"}"[..],
        400,
        "BAD_JSON",
    )
    .await;
    let (status, answer) = host.get("/api/load?data=%7Bbroken").await;
    assert_eq!((status, &answer["code"]), (400, &json!("BAD_JSON")));
    let (status, _) = host.get("/api/load?data=%ff").await;
    assert_eq!(status, 400);
}

#[tokio::test]
async fn json_of_another_shape_is_refused() {
    let host = Host::start().await;
    for body in ["[]", "null", "5", "\"text\"", "true", "[{\"events\":{}}]"] {
        expect(&host, "/api/sync", body, 400, "BAD_REQUEST").await;
        expect(&host, "/api/load", body, 400, "BAD_REQUEST").await;
    }
    for package in [
        json!({ "type": "load" }),
        json!({ "events": [] }),
        json!({ "events": { "added": {} } }),
        json!({ "events": { "added": [null] } }),
        json!({ "events": { "added": [5] } }),
        json!({ "events": { "updated": [{ "name": "no id" }] } }),
        json!({ "events": { "updated": [{ "id": null }] } }),
        json!({ "events": { "updated": [{ "id": { "x": 1 } }] } }),
        json!({ "events": { "removed": [{}] } }),
        json!({ "events": { "removed": [null] } }),
        json!({ "events": { "deleted": [] } }),
        json!({ "revision": -1 }),
        json!({ "revision": 1.5 }),
        json!({ "revision": [1] }),
        json!({ "revision": u64::MAX }),
        json!({ "clientId": {} }),
        json!({ "clientId": "" }),
    ] {
        let answer = expect(&host, "/api/sync", package.to_string(), 400, "BAD_REQUEST").await;
        assert_eq!(answer.get("rolledBack"), None);
    }
    for stores in [
        json!("events"),
        json!({}),
        json!([null]),
        json!([{ "name": "events" }]),
        json!([[]]),
    ] {
        let package = json!({ "stores": stores });
        expect(&host, "/api/load", package.to_string(), 400, "BAD_REQUEST").await;
    }
}

#[tokio::test]
async fn unknown_stores_are_refused_and_named() {
    let host = Host::start().await;
    for (path, store) in [
        ("/api/sync", "unicorns"),
        ("/api/sync", "__proto__"),
        ("/api/sync", "options"),
        ("/api/sync", "people"),
        ("/api/calendar/sync", "tasks"),
    ] {
        let package = json!({ "requestId": 3, "events": {}, store: { "added": [] } });
        let answer = expect(&host, path, package.to_string(), 400, "UNKNOWN_STORE").await;
        assert!(answer["message"].as_str().unwrap().contains(store));
        assert_eq!(answer["requestId"], 3);
    }
    let long = "x".repeat(100_000);
    let answer = expect(
        &host,
        "/api/sync",
        json!({ long: {} }).to_string(),
        400,
        "UNKNOWN_STORE",
    )
    .await;
    assert!(answer["message"].as_str().unwrap().len() < 200);
}

#[tokio::test]
async fn request_ids_out_of_bounds_are_refused_and_good_ones_echoed_as_received() {
    let host = Host::start().await;
    for id in [
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_992_u64),
        json!(""),
        json!([]),
        json!(true),
    ] {
        for path in ["/api/sync", "/api/load"] {
            expect(
                &host,
                path,
                json!({ "requestId": id }).to_string(),
                400,
                "BAD_REQUEST_ID",
            )
            .await;
        }
    }
    for id in [
        json!(0),
        json!(9_007_199_254_740_991_u64),
        json!("17228564331330"),
        json!("a-b-c"),
    ] {
        for path in ["/api/sync", "/api/load"] {
            let (status, answer) = host.post(path, &json!({ "requestId": id })).await;
            assert_eq!((status, &answer["requestId"]), (200, &id));
        }
    }
}

#[tokio::test]
async fn deep_nesting_is_refused_without_a_trace() {
    let host = Host::start().await;
    for deep in ["[".repeat(2_000_000), "{\"a\":".repeat(1_000_000)] {
        expect(&host, "/api/sync", deep.clone(), 400, "BAD_JSON").await;
        expect(&host, "/api/load", deep, 400, "BAD_JSON").await;
    }
    let value = format!("{}{}", "[".repeat(120), "]".repeat(120));
    let package = format!(r#"{{"events":{{"updated":[{{"id":1,"exceptionDates":{value}}}]}}}}"#);
    let (status, answer) = host.post_text("/api/sync", package).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(host.get("/api/load").await.0, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_413_declared_or_not() {
    let host = Host::start_with(|options| options.body_limit = 1000).await;
    let answer = expect(&host, "/api/sync", "x".repeat(1001), 413, "TOO_LARGE").await;
    assert!(answer["message"].as_str().unwrap().contains("1000 bytes"));
    expect(&host, "/api/load", "x".repeat(100_000), 413, "TOO_LARGE").await;
    let mut stream = connect(&host).await;
    let head = "POST /api/sync HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
    stream
        .write_all(format!("{chunk}{chunk}0\r\n\r\n").as_bytes())
        .await
        .unwrap();
    assert!(read_some(&mut stream).await.starts_with("HTTP/1.1 413"));
    let fits = format!(r#"{{"requestId":1,"note":"{}"}}"#, "x".repeat(900));
    assert_eq!(host.post_text("/api/sync", fits).await.0, 200);
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_are_answered_in_json() {
    let host = Host::start().await;
    for (method, path) in [
        ("GET", "/api/sync"),
        ("DELETE", "/api/load"),
        ("PUT", "/api/health"),
    ] {
        let method = method.parse().unwrap();
        let response = host
            .http
            .request(method, format!("{}{path}", host.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 405);
        assert!(response.headers().contains_key("allow"));
        assert_eq!(
            response.json::<Value>().await.unwrap()["code"],
            "METHOD_NOT_ALLOWED"
        );
    }
    for path in [
        "/api",
        "/api/",
        "/api/nope",
        "/api/calendar",
        "/api/unicorns/load",
        "/api/load/x",
    ] {
        let (status, answer) = host.get(path).await;
        assert_eq!(
            (status, &answer["code"]),
            (404, &json!("NOT_FOUND")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_content_type_does_not_matter() {
    let host = Host::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json",
        "nonsense",
    ] {
        let request = host
            .http
            .post(format!("{}/api/sync", host.url))
            .header("content-type", kind);
        let response = request.body(r#"{"requestId":1}"#).send().await.unwrap();
        assert_eq!(response.status(), 200, "{kind}");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_and_garbage_on_the_line_leave_the_server_alive() {
    let host = Host::start().await;
    for bytes in [
        &b"POST /api/sync HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{\"events\":"[..],
        b"\x00\xff\x13garbage\r\n\r\n",
        b"GET /api/load?data=%00%01 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        let mut stream = connect(&host).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        read_some(&mut stream).await;
    }
    assert_eq!(host.get("/api/load").await.0, 200);
}

#[tokio::test]
async fn every_kind_of_value_in_every_field_is_saved_or_refused_but_never_an_error_of_the_server() {
    let host = Host::start().await;
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(1e308),
        json!(0.5),
        json!(""),
        json!("text"),
        json!("\u{0}"),
        json!("2026-01-01"),
        json!("9999-12-31T23:59:59Z"),
        json!("'; --"),
        json!([]),
        json!([1]),
        json!({}),
        json!({ "id": 1 }),
        json!("\u{10ffff}"),
    ];
    for (path, stores) in [("/api/calendar", 6), ("/api/taskboard", 5)] {
        let (_, loaded) = host.get(&format!("{path}/load")).await;
        let sections: Vec<(&String, &Value)> = loaded
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, section)| section.is_object())
            .collect();
        assert_eq!(sections.len(), stores);
        for (store, section) in sections {
            let row = section["rows"][0].as_object().unwrap();
            for (field, value) in row
                .keys()
                .flat_map(|field| values.iter().map(move |v| (field, v)))
            {
                let phantom = format!("{field}-{value}");
                for change in [
                    json!({ "updated": [{ "id": row["id"], field: value }] }),
                    json!({ "added": [{ "$PhantomId": phantom, field: value }] }),
                ] {
                    let (status, answer) = host
                        .post(&format!("{path}/sync"), &json!({ store: change }))
                        .await;
                    assert!(
                        [200, 400, 409, 422].contains(&status),
                        "{store}.{field} = {value}: {answer}"
                    );
                }
            }
        }
    }
    host.sync(json!({ "events": { "added": [event("after", "Still alive")] } }))
        .await;
}

async fn connect(host: &Host) -> TcpStream {
    TcpStream::connect(host.url.trim_start_matches("http://"))
        .await
        .unwrap()
}

async fn read_some(stream: &mut TcpStream) -> String {
    let mut bytes = vec![0; 4096];
    let read = tokio::time::timeout(std::time::Duration::from_secs(60), stream.read(&mut bytes));
    let count = read.await.unwrap().unwrap_or(0);
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}
