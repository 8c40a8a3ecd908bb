//! The database file: opened once, written by one connection, read by a few.

pub(crate) mod answers;
pub(crate) mod changes;
pub(crate) mod memory;
pub(crate) mod phantoms;
pub(crate) mod rows;
pub(crate) mod schema;

use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{
    SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::stores::value::{Cell, Id};

/// Loads run beside each other and beside the writer; more would only compete for the disk.
const READERS: u32 = 4;

/// How long one request waits for its turn before it is told that the server is busy.
const TURN: Duration = Duration::from_secs(20);

/// How long SQLite waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The database with its connections.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    readers: SqlitePool,
    writer: SqlitePool,
}

/// Why a database can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is none that this server understands.
    #[error("`{0}` is no database address: expected sqlite://path/to/file or sqlite::memory:")]
    Address(String),
    /// The file was written by a newer server.
    #[error("the database has schema {found}, this server knows schema {known}")]
    TooNew {
        /// The schema's number in the file.
        found: i64,
        /// The number that this server writes.
        known: i64,
    },
    /// SQLite refuses the file.
    #[error("the database can't be opened: {0}")]
    Sqlite(#[from] sqlx::Error),
}

impl Database {
    /// Opens the database, creates what is missing in it and fills an empty one with sample data.
    pub(crate) async fn open(address: &str) -> Result<Self, OpenError> {
        let options = options(address)?;
        let memory = address.contains(":memory:");
        let pool = |connections: u32| {
            // A memory database lives and dies with its one connection.
            SqlitePoolOptions::new()
                .max_connections(if memory { 1 } else { connections })
                .min_connections(1)
                .acquire_timeout(TURN)
                .idle_timeout(None)
                .max_lifetime(None)
        };
        let writer = pool(1).connect_with(options.clone()).await?;
        let readers = if memory {
            writer.clone()
        } else {
            pool(READERS).connect_with(options).await?
        };
        let database = Self { readers, writer };
        schema::prepare(&database).await?;
        Ok(database)
    }

    /// Begins the one writing transaction; later callers wait for it to end.
    pub(crate) async fn write(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }

    /// Begins a reading transaction, which sees one state of all tables.
    pub(crate) async fn read(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        self.readers.begin().await
    }

    /// Closes the connections, which folds the write-ahead log into the file.
    pub(crate) async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

/// The revision: how many writing syncs there have been.
pub(crate) async fn revision(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("SELECT CAST(value AS INTEGER) FROM options WHERE name = 'revision'")
        .fetch_one(connection)
        .await
}

/// Raises the revision.
pub(crate) async fn set_revision(
    connection: &mut SqliteConnection,
    revision: i64,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE options SET value = CAST(? AS TEXT) WHERE name = 'revision'")
        .bind(revision)
        .execute(connection)
        .await?;
    Ok(())
}

/// A query with values bound to its question marks.
pub(crate) type Query<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments<'q>>;

/// Binds a cell to the next question mark.
pub(crate) fn bind<'q>(query: Query<'q>, cell: &Cell) -> Query<'q> {
    match cell {
        Cell::Null => query.bind(None::<i64>),
        Cell::Integer(value) => query.bind(*value),
        Cell::Real(value) => query.bind(*value),
        Cell::Text(value) => query.bind(value.clone()),
    }
}

/// Binds an id to the next question mark.
pub(crate) fn bind_id<'q>(query: Query<'q>, id: &Id) -> Query<'q> {
    bind(query, &id.to_cell())
}

fn options(address: &str) -> Result<SqliteConnectOptions, OpenError> {
    if !address.starts_with("sqlite:") {
        return Err(OpenError::Address(address.to_owned()));
    }
    let options = SqliteConnectOptions::from_str(address)
        .map_err(|_| OpenError::Address(address.to_owned()))?;
    Ok(options
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        // A confirmed sync survives the loss of power, not only the death of the process.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT))
}
