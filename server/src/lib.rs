//! The reference backend of Syncline: load and sync over HTTP, kept in one SQLite file.
//!
//! A sync that was confirmed is on disk; one that was not confirmed is there wholly or not at all,
//! and repeating it with the same `requestId` is always safe. The stores are data, see `stores`.

mod db;
mod failure;
mod faults;
mod http;
mod load;
mod sample;
mod serve;
mod stores;
mod sync;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use clap::builder::NonEmptyStringValueParser;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use db::OpenError;

use crate::db::Database;
use crate::faults::Faults;
use crate::http::App;

/// The reference backend of Syncline: load and sync for calendars and task boards.
#[derive(Debug, Clone, Parser)]
#[command(version, about)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// The database, created when missing: sqlite://path/to/file or sqlite::memory:
    #[arg(long, value_name = "URL", default_value = "sqlite://syncline.sqlite")]
    pub database: String,

    /// A directory of files to serve beside the API, such as the built demo.
    #[arg(long = "static", value_name = "DIR")]
    pub static_dir: Option<PathBuf>,

    /// A bearer token that every request to the API must carry.
    #[arg(
        long,
        env = "SYNCLINE_TOKEN",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub token: Option<String>,

    /// The largest body in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024)]
    pub body_limit: usize,

    /// An origin beside the server's own whose pages may load and sync, such as
    /// http://localhost:5173; may be given several times.
    #[arg(long, value_name = "ORIGIN", value_parser = origin)]
    pub allow_origin: Vec<String>,

    /// Opens /api/_faults, by which tests make the server fail. Never in earnest.
    #[arg(long)]
    pub faults: bool,
}

/// Accepts what a browser writes into the `Origin` header.
fn origin(text: &str) -> Result<String, String> {
    let host = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |host: &str| {
        !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
    };
    match host {
        Some(host) if plain(host) => Ok(text.to_owned()),
        _ => Err("expected a scheme and a host, as in http://localhost:5173".to_owned()),
    }
}

/// Why a server can't start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database can't be used.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The directory of static files is none.
    #[error("{0} is no directory that can be served")]
    Static(PathBuf),
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    database: Database,
}

impl Server {
    /// Opens the database and begins to listen.
    ///
    /// # Errors
    /// [`StartError`], when the database, the address or the static directory can't be used.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        if let Some(directory) = options.static_dir.as_ref().filter(|path| !path.is_dir()) {
            return Err(StartError::Static(directory.clone()));
        }
        let database = Database::open(&options.database).await?;
        let wanted = options.listen;
        let listening = |source| StartError::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let (stop, stopping) = watch::channel(false);
        let app = App {
            database: database.clone(),
            faults: options.faults.then(Faults::default),
            options,
            stopping: stopping.clone(),
        };
        let router = http::router(Arc::new(app));
        let task = tokio::spawn(serve::serve(listener, router, stopping));
        Ok(Self {
            address,
            stop,
            task,
            database,
        })
    }

    /// The address that the server listens on, with its real port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets running requests finish and closes the database.
    pub async fn stop(self) {
        _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the listener");
        }
        self.database.close().await;
    }
}
