//! Tokens and origins.

use serde_json::{Value, json};

use crate::host::Host;

async fn sync_with(host: &Host, header: &str, value: &str) -> (u16, Value) {
    let request = host
        .http
        .post(format!("{}/api/sync", host.url))
        .header(header, value);
    let response = request.body("{}").send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

#[tokio::test]
async fn a_token_is_asked_for_when_the_server_has_one() {
    let host = Host::start_with(|options| options.token = Some("s3cret".into())).await;
    for path in ["/api/load", "/api/nope"] {
        let response = host
            .http
            .get(format!("{}{path}", host.url))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()["www-authenticate"], "Bearer");
        assert_eq!(
            response.json::<Value>().await.unwrap()["code"],
            "UNAUTHORIZED"
        );
    }
    for wrong in [
        "Bearer wrong!",
        "Bearer s3cre",
        "Bearer s3crets",
        "Basic s3cret",
        "s3cret",
        "",
        "Bearer",
    ] {
        assert_eq!(
            sync_with(&host, "authorization", wrong).await.0,
            401,
            "{wrong}"
        );
    }
    for right in ["Bearer s3cret", "bearer s3cret"] {
        assert_eq!(
            sync_with(&host, "authorization", right).await.0,
            200,
            "{right}"
        );
    }
    assert_eq!(host.get("/api/health").await.0, 200);
}

#[tokio::test]
async fn writes_from_pages_of_other_origins_are_refused() {
    let host = Host::start().await;
    for origin in [
        "http://evil.example",
        "null",
        "",
        "http://127.0.0.1:1",
        "http://127.0.0.1.evil.example",
    ] {
        let (status, answer) = sync_with(&host, "origin", origin).await;
        assert_eq!(
            (status, &answer["code"]),
            (403, &json!("FORBIDDEN_ORIGIN")),
            "{origin}"
        );
    }
    assert_eq!(sync_with(&host, "origin", &host.url).await.0, 200);
}

#[tokio::test]
async fn an_allowed_origin_may_write_and_preflights_are_answered_for_it_alone() {
    let origin = "http://localhost:5173";
    let host = Host::start_with(|options| {
        options.allow_origin = vec![origin.to_owned()];
        options.token = Some("s3cret".into());
    })
    .await;
    let sync = format!("{}/api/sync", host.url);
    let post = |from: &str| {
        let request = host.http.post(&sync).header("origin", from.to_owned());
        request.bearer_auth("s3cret").body("{}").send()
    };
    let answer = post(origin).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], origin);
    assert_eq!(post("http://localhost:5174").await.unwrap().status(), 403);
    for (from, allowed) in [(origin, true), ("http://localhost:5174", false)] {
        let preflight = host
            .http
            .request(reqwest::Method::OPTIONS, &sync)
            .header("origin", from);
        let preflight = preflight.header("access-control-request-method", "POST");
        let answer = preflight.send().await.unwrap();
        assert_eq!(
            answer.headers().contains_key("access-control-allow-origin"),
            allowed,
            "{from}"
        );
    }
}

#[tokio::test]
async fn without_allowed_origins_no_page_elsewhere_gets_permission() {
    let host = Host::start().await;
    let request = host
        .http
        .get(format!("{}/api/load", host.url))
        .header("origin", "http://a.example");
    let answer = request.send().await.unwrap();
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}
