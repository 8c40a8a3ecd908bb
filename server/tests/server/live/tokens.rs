//! Tokens on the live channel.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::client::{Client, rename};
use crate::host::Host;

const SECRET: &str = "a secret of the tests";

fn signed(payload: &Value, algorithm: &str, secret: &str) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let content = format!("{}.{}", part(&header), part(payload));
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(content.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    format!("{content}.{signature}")
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs_f64()
}

fn token(user: &str, lives: f64) -> String {
    let payload = json!({ "sub": user, "name": user.to_uppercase(), "exp": now() + lives });
    signed(&payload, "HS256", SECRET)
}

async fn guarded() -> Host {
    Host::start_with(|options| options.token_secret = Some(SECRET.to_owned())).await
}

#[tokio::test]
async fn a_token_is_taken_from_the_query_the_header_or_the_first_message() {
    let host = Host::start_with(|options| options.token = Some("s3cret".to_owned())).await;
    Client::live(&host, "project=calendar&token=s3cret").await;
    Client::live(&host, "project=calendar&access_token=s3cret").await;
    let bearer = [("authorization", "Bearer s3cret")];
    let mut by_header = Client::try_connect(&host, "project=calendar", &bearer)
        .await
        .unwrap();
    by_header.until("live").await;
    let mut by_message = Client::connect(&host, "project=calendar").await;
    assert_eq!(by_message.next().await["type"], "authRequired");
    by_message.send(json!({ "type": "ping" })).await;
    assert_eq!(
        by_message.until("error").await["data"]["code"],
        "UNAUTHORIZED"
    );
    by_message
        .send(json!({ "type": "auth", "token": "s3cret", "clientId": "late" }))
        .await;
    assert_eq!(by_message.until("hello").await["clientId"], "late");
    by_message.until("live").await;
}

#[tokio::test]
async fn a_wrong_token_closes_with_a_code_that_a_page_can_see() {
    let host = guarded().await;
    let other = signed(&json!({ "sub": "eve" }), "HS256", "another secret");
    let none = signed(&json!({ "sub": "eve" }), "none", SECRET);
    let early = json!({ "sub": "eve", "nbf": now() + 60.0 });
    let early = signed(&early, "HS256", SECRET);
    for wrong in ["nonsense", "a.b.c", &other, &none, &early] {
        let mut client = Client::connect(&host, &format!("token={wrong}")).await;
        let error = client.until("error").await;
        assert_eq!(error["data"]["code"], "UNAUTHORIZED", "{wrong}");
        assert_eq!(client.closed().await.0, 4401);
    }
    let mut expired = Client::connect(&host, &format!("token={}", token("a", -1.0))).await;
    assert_eq!(
        expired.until("error").await["data"]["code"],
        "TOKEN_EXPIRED"
    );
    assert_eq!(expired.closed().await.0, 4401);
    let mut message = Client::connect(&host, "").await;
    message
        .send(json!({ "type": "auth", "token": "nonsense", "requestId": 1 }))
        .await;
    assert_eq!(message.until("ack").await["code"], "UNAUTHORIZED");
    assert_eq!(message.closed().await.0, 4401);
    let (status, _) = host.get("/api/events?token=nonsense").await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn a_signed_token_says_who_the_user_is_over_http_as_well() {
    let host = guarded().await;
    let alice = token("alice", 60.0);
    let query = format!("project=calendar&clientId=a&userId=mallory&token={alice}");
    let mut client = Client::connect(&host, &query).await;
    let hello = client.until("hello").await;
    assert_eq!(
        (&hello["user"]["userId"], &hello["user"]["userName"]),
        (&json!("alice"), &json!("ALICE"))
    );
    client.until("live").await;
    let lock = json!({ "type": "lock", "data": { "type": "events", "id": 4 } });
    client.ask(lock).await;
    let send = async |token: &str, name: &str| {
        let request = host.http.post(format!("{}/api/sync", host.url));
        let request = request.header("authorization", format!("Bearer {token}"));
        let response = request.body(rename(4, name).to_string()).send().await;
        response.unwrap().status().as_u16()
    };
    assert_eq!(send(&token("bob", 60.0), "Bob's").await, 423);
    assert_eq!(send(&alice, "Alice's").await, 200);
    assert_eq!(client.until("sync").await["userId"], "alice");
    // The client's name belongs to its user.
    let query = format!("clientId=a&token={}", token("bob", 60.0));
    let mut thief = Client::connect(&host, &query).await;
    assert_eq!(
        thief.until("error").await["data"]["code"],
        "CLIENT_ID_TAKEN"
    );
    assert_eq!(thief.closed().await.0, 4409);
}

#[tokio::test]
async fn another_users_client_id_opens_none_of_its_locks() {
    let host = guarded().await;
    let query = format!("project=calendar&clientId=a&token={}", token("alice", 60.0));
    let mut alice = Client::live(&host, &query).await;
    alice
        .ask(json!({ "type": "lock", "data": { "type": "events", "id": 4 } }))
        .await;
    let bob = token("bob", 60.0);
    let send = async |path: &str, body: Value| {
        let request = host.http.post(format!("{}{path}", host.url));
        let request = request.header("authorization", format!("Bearer {bob}"));
        let response = request.body(body.to_string()).send().await.unwrap();
        response.json::<Value>().await.unwrap()
    };
    let mut package = rename(4, "Forged");
    package["clientId"] = json!("a");
    assert_eq!(send("/api/sync", package).await["code"], "LOCKED");
    let unlock = json!({ "type": "unlock", "data": { "type": "events", "id": 4 } });
    let path = "/api/live?project=calendar&clientId=a";
    assert_eq!(send(path, unlock).await["code"], "CLIENT_ID_TAKEN");
    let query = format!("project=calendar&clientId=b&token={bob}");
    let mut socket = Client::live(&host, &query).await;
    let message = json!({ "type": "sync", "clientId": "a", "data": rename(4, "Forged") });
    assert_eq!(socket.ask(message).await["code"], "LOCKED");
}

#[tokio::test]
async fn a_token_that_expires_closes_the_connection_unless_it_is_renewed() {
    let host = guarded().await;
    let query = |lives: f64| format!("project=calendar&token={}", token("alice", lives));
    let mut lazy = Client::live(&host, &query(3.0)).await;
    let mut diligent = Client::connect(&host, &query(3.0)).await;
    let expires_at = diligent.until("hello").await["expiresAt"].as_i64().unwrap();
    assert!(expires_at > 1_700_000_000_000);
    let renewed = diligent
        .ask(json!({ "type": "auth", "token": token("alice", 60.0) }))
        .await;
    assert_eq!(renewed["success"], true);
    assert_eq!(lazy.until("error").await["data"]["code"], "TOKEN_EXPIRED");
    assert_eq!(lazy.closed().await.0, 4401);
    tokio::time::sleep(Duration::from_millis(200)).await;
    diligent.send(json!({ "type": "ping" })).await;
    diligent.until("pong").await;
    let other = diligent
        .ask(json!({ "type": "auth", "token": token("bob", 60.0) }))
        .await;
    assert_eq!(other["code"], "UNAUTHORIZED");
}
