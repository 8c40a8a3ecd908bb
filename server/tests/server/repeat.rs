//! Requests that come twice.

use serde_json::{Value, json};

use crate::host::{Host, event};

async fn text(host: &Host, package: &Value) -> String {
    let url = format!("{}/api/sync", host.url);
    host.http
        .post(url)
        .body(package.to_string())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_byte_for_byte_also_after_a_restart() {
    let mut host = Host::start().await;
    let package =
        json!({ "requestId": 7, "revision": 1, "events": { "added": [event("p", "Once")] } });
    let first = text(&host, &package).await;
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": "Meanwhile" }] } }))
        .await;
    assert_eq!(text(&host, &package).await, first);
    host.restart().await;
    assert_eq!(text(&host, &package).await, first);
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Once'")
            .await,
        1
    );
    assert_eq!(host.load(&["events"]).await["revision"], 3);
}

#[tokio::test]
async fn the_order_of_members_and_blanks_do_not_make_another_package() {
    let host = Host::start().await;
    let one = r#"{"requestId":7,"events":{"removed":[{"id":2}]}}"#;
    let other = r#" { "events" : {"removed": [ {"id": 2} ]}, "requestId": 7 } "#;
    let first = host.post_text("/api/sync", one).await;
    assert_eq!(host.post_text("/api/sync", other).await, first);
    assert_eq!(first.0, 200);
}

#[tokio::test]
async fn a_request_id_used_for_another_package_is_refused() {
    let host = Host::start().await;
    host.sync(json!({ "requestId": 7, "events": { "updated": [{ "id": 1, "name": "One" }] } }))
        .await;
    let other = json!({ "requestId": 7, "events": { "updated": [{ "id": 1, "name": "Two" }] } });
    let answer = host.refused(422, other.clone()).await;
    assert_eq!(
        (&answer["code"], &answer["requestId"]),
        (&json!("REQUEST_ID_REUSED"), &json!(7))
    );
    assert_eq!(answer["rolledBack"], true);
    // Another client, and another project, count for themselves.
    let mut of_other_client = other;
    of_other_client["clientId"] = json!("someone-else");
    host.sync(of_other_client).await;
    host.sync(json!({ "requestId": 7, "tasks": { "updated": [{ "id": 1, "name": "T" }] } }))
        .await;
}

#[tokio::test]
async fn a_refused_request_may_come_again_with_the_same_id() {
    let host = Host::start().await;
    let bad = json!({ "requestId": 7, "events": { "updated": [{ "id": 1, "name": "" }] } });
    host.refused(422, bad).await;
    host.sync(json!({ "requestId": 7, "events": { "updated": [{ "id": 1, "name": "Good" }] } }))
        .await;
}

#[tokio::test]
async fn requests_without_an_id_are_not_remembered_and_polls_neither() {
    let host = Host::start().await;
    host.sync(json!({ "events": { "updated": [{ "id": 1, "name": "One" }] } }))
        .await;
    host.sync(json!({ "requestId": 8, "revision": 2 })).await;
    assert_eq!(host.count("SELECT count(*) FROM answers").await, 0);
}

#[tokio::test]
async fn many_copies_of_one_request_at_the_same_time_are_one_change() {
    let host = Host::start().await;
    let package = json!({ "requestId": 7, "events": { "added": [event("p", "Once")] } });
    let copies = (0..12).map(|_| text(&host, &package));
    let mut answers = Vec::new();
    for answer in futures(copies).await {
        answers.push(answer);
    }
    assert!(
        answers
            .iter()
            .all(|answer| *answer == answers[0] && answer.contains("\"success\":true"))
    );
    assert_eq!(
        host.count("SELECT count(*) FROM events WHERE name = 'Once'")
            .await,
        1
    );
}

#[tokio::test]
async fn answers_older_than_a_week_and_beyond_ten_thousand_are_forgotten() {
    let host = Host::start().await;
    let database = host.database().await;
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10005)
               INSERT INTO answers (project, client, request, body_hash, answer, at)
               SELECT 'calendar', '', 'r' || i, '', '', unixepoch() - (i = 9000) * 700000 FROM n";
    sqlx::query(sql).execute(&database).await.unwrap();
    host.sync(json!({ "requestId": "now", "events": { "updated": [{ "id": 1, "name": "X" }] } }))
        .await;
    let kept = host.count("SELECT count(*) FROM answers").await;
    assert_eq!(kept, 9_999);
    assert_eq!(
        host.count("SELECT count(*) FROM answers WHERE request IN ('r6', 'r9000')")
            .await,
        0
    );
    assert_eq!(
        host.count("SELECT count(*) FROM answers WHERE request IN ('r7', 'now')")
            .await,
        2
    );
}

async fn futures<F: Future<Output = String>>(list: impl Iterator<Item = F>) -> Vec<String> {
    let mut pending: Vec<_> = list.map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|future| match future.as_mut().poll(context) {
            std::task::Poll::Ready(text) => {
                done.push(text);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done
}
