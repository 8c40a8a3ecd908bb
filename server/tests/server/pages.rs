//! Static files.

use std::fs;

use crate::host::Host;

#[tokio::test]
async fn files_are_served_beside_the_api_with_sensible_cache_headers() {
    let files = tempfile::tempdir().unwrap();
    fs::create_dir(files.path().join("assets")).unwrap();
    fs::write(files.path().join("index.html"), "<h1>Week</h1>").unwrap();
    fs::write(files.path().join("assets/app-1a2b.js"), "run()").unwrap();
    fs::write(files.path().join("assets/engine-3c4d.wasm"), b"\0asm").unwrap();
    let directory = files.path().to_path_buf();
    let host = Host::start_with(|options| options.static_dir = Some(directory)).await;
    let forever = "public, max-age=31536000, immutable";
    for (path, kind, cache) in [
        ("/", "text/html", "no-cache"),
        ("/index.html", "text/html", "no-cache"),
        ("/assets/app-1a2b.js", "text/javascript", forever),
        ("/assets/engine-3c4d.wasm", "application/wasm", forever),
    ] {
        let answer = host
            .http
            .get(format!("{}{path}", host.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(answer.headers()["content-type"], kind);
        assert_eq!(answer.headers()["cache-control"], cache);
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    }
    assert_eq!(host.get("/api/load").await.0, 200);
    assert_eq!(host.get("/api/nope").await.0, 404);
    for path in [
        "/nope.js",
        "/assets/nope.js",
        "/..%2f..%2fetc%2fpasswd",
        "/%00",
    ] {
        let answer = host
            .http
            .get(format!("{}{path}", host.url))
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_client_error(), "{path}");
        assert!(!answer.headers().contains_key("cache-control"));
    }
}

#[tokio::test]
async fn a_server_without_files_points_to_its_api() {
    let host = Host::start().await;
    let answer = host.http.get(&host.url).send().await.unwrap();
    assert_eq!(answer.status(), 404);
    assert!(answer.text().await.unwrap().contains("/api"));
}
