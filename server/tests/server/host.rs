//! A server of its own for each test.

use std::path::PathBuf;

use clap::Parser;
use serde_json::{Value, json};
use sqlx::sqlite::SqlitePool;
use syncline_server::{Options, Server};
use tempfile::TempDir;

pub(crate) struct Host {
    server: Option<Server>,
    options: Options,
    directory: TempDir,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
}

impl Host {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options();
        options.database = format!(
            "sqlite://{}",
            directory.path().join("test.sqlite").display()
        );
        change(&mut options);
        let server = Server::start(options.clone()).await.unwrap();
        let url = format!("http://{}", server.address());
        let http = reqwest::Client::new();
        Self {
            server: Some(server),
            options,
            directory,
            url,
            http,
        }
    }

    /// Stops the server and starts another one on the same database.
    pub(crate) async fn restart(&mut self) {
        self.server.take().unwrap().stop().await;
        let server = Server::start(self.options.clone()).await.unwrap();
        self.url = format!("http://{}", server.address());
        self.server = Some(server);
    }

    pub(crate) async fn stop(&mut self) {
        self.server.take().unwrap().stop().await;
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("test.sqlite")
    }

    /// The database itself, beside the server.
    pub(crate) async fn database(&self) -> SqlitePool {
        SqlitePool::connect(&self.options.database).await.unwrap()
    }

    pub(crate) async fn count(&self, sql: &str) -> i64 {
        sqlx::query_scalar(sql)
            .fetch_one(&self.database().await)
            .await
            .unwrap()
    }

    /// Loads stores and expects success.
    pub(crate) async fn load(&self, stores: &[&str]) -> Value {
        let (status, answer) = self.post("/api/load", &json!({ "stores": stores })).await;
        assert_eq!(
            (status, &answer["success"]),
            (200, &json!(true)),
            "{answer}"
        );
        answer
    }

    /// Loads one record.
    pub(crate) async fn record(&self, store: &str, id: impl Into<Value>) -> Value {
        let (id, answer) = (id.into(), self.load(&[store]).await);
        let rows = answer[store]["rows"].as_array().unwrap();
        rows.iter()
            .find(|row| row["id"] == id)
            .cloned()
            .unwrap_or_default()
    }

    /// Syncs and expects success.
    pub(crate) async fn sync(&self, package: Value) -> Value {
        let (status, answer) = self.try_sync(package).await;
        assert_eq!(
            (status, &answer["success"]),
            (200, &json!(true)),
            "{answer}"
        );
        answer
    }

    /// Syncs; gives the status and the answer.
    pub(crate) async fn try_sync(&self, package: Value) -> (u16, Value) {
        self.post("/api/sync", &package).await
    }

    /// Syncs and expects a refusal, which must have left no trace.
    pub(crate) async fn refused(&self, status: u16, package: Value) -> Value {
        let before = self.everything().await;
        let (got, answer) = self.try_sync(package).await;
        assert_eq!(
            (got, &answer["success"]),
            (status, &json!(false)),
            "{answer}"
        );
        assert_eq!(
            self.everything().await,
            before,
            "a refused sync changed something"
        );
        answer
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.post_text(path, body.to_string()).await
    }

    pub(crate) async fn post_text(
        &self,
        path: &str,
        body: impl Into<reqwest::Body>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.url);
        let response = self.http.post(url).body(body).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap())
    }

    async fn everything(&self) -> (Value, Value) {
        let (_, calendar) = self.get("/api/calendar/load").await;
        let (_, board) = self.get("/api/taskboard/load").await;
        (calendar, board)
    }
}

/// A free port, test hooks on.
pub(crate) fn options() -> Options {
    Options::parse_from(["syncline-server", "--listen", "127.0.0.1:0", "--faults"])
}

/// An event to add.
pub(crate) fn event(phantom: &str, name: &str) -> Value {
    json!({
        "$PhantomId": phantom,
        "name": name,
        "startDate": "2026-03-02T09:00:00",
        "endDate": "2026-03-02T10:00:00",
    })
}
