//! The reference backend of Syncline: load and sync over HTTP, kept in one SQLite file, and a live
//! channel that tells everybody else of what was saved.
//!
//! A sync that was confirmed is on disk; one that was not confirmed is there wholly or not at all,
//! and repeating it with the same `requestId` is always safe. The stores are data, see `stores`.

mod db;
mod failure;
mod faults;
mod http;
mod live;
mod load;
mod sample;
mod save;
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

    /// The secret by which tokens are signed (JWT, HS256): who shows one is the user in its `sub`,
    /// until `exp`.
    #[arg(
        long,
        env = "SYNCLINE_TOKEN_SECRET",
        hide_env_values = true,
        value_parser = NonEmptyStringValueParser::new()
    )]
    pub token_secret: Option<String>,

    /// How many clients of the live channel may be connected.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub max_clients: usize,

    /// How often connections of the live channel are asked for a sign of life, in milliseconds;
    /// those without one for 2.4 times as long are closed.
    #[arg(long, value_name = "MS", default_value_t = 25_000)]
    pub heartbeat_ms: u64,

    /// The largest body, or message of the live channel, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 8 * 1024 * 1024)]
    pub body_limit: usize,

    /// An origin beside the server's own whose pages may load and sync, such as
    /// http://localhost:5173; may be given several times. Pages of this machine may always use the
    /// live channel.
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
    teller: JoinHandle<()>,
    live: Arc<live::Live>,
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
        let (live, revision) = open_live(&database, &options)
            .await
            .map_err(OpenError::Sqlite)?;
        let app = App {
            database: database.clone(),
            faults: options.faults.then(Faults::default),
            options,
            live: live.clone(),
            stopping: stopping.clone(),
        };
        let teller = live::tell(live.clone(), database.clone(), revision, stopping.clone());
        let teller = tokio::spawn(teller);
        let router = http::router(Arc::new(app));
        let task = tokio::spawn(serve::serve(listener, router, stopping));
        Ok(Self {
            address,
            stop,
            task,
            teller,
            live,
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
        for task in [self.teller, self.task] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server");
            }
        }
        self.live.ended().await;
        self.database.close().await;
    }
}

/// The live channel at the state of the database, and the revision from which it has to go on.
async fn open_live(
    database: &Database,
    options: &Options,
) -> Result<(Arc<live::Live>, i64), sqlx::Error> {
    let mut tx = database.read().await?;
    let revision = db::revision(&mut tx).await?;
    let epoch = db::changes::epoch(&mut tx).await?;
    let live = live::Live::new(epoch, revision, options.max_clients);
    for project in stores::PROJECTS {
        if let Some(last) = db::changes::last(&mut tx, project.name).await? {
            live.hub().set_room_revision(project, last);
        }
    }
    Ok((live, revision))
}
