//! The tables, written from the registry.

use sqlx::SqliteConnection;

use super::{Database, OpenError};
use crate::sample;
use crate::stores::{Default, Field, IdKind, Kind, OnRemove, Rule, Store, all_stores};

/// The number of the schema that this server writes.
const SCHEMA: i64 = 3;

/// The tables that belong to no store.
const OWN_TABLES: [&str; 6] = [
    // Small things by name: the revision, the schema's number.
    "CREATE TABLE IF NOT EXISTS options (
        name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    // Which record a phantom became; a repeated `added` finds its record here.
    "CREATE TABLE IF NOT EXISTS phantom_ids (
        phantom TEXT NOT NULL, tbl TEXT NOT NULL, client TEXT NOT NULL, id ANY NOT NULL,
        revision INTEGER NOT NULL, PRIMARY KEY (phantom, tbl, client)) STRICT, WITHOUT ROWID",
    // What was removed when, so that a client that was away hears of it.
    "CREATE TABLE IF NOT EXISTS removals (
        tbl TEXT NOT NULL, id ANY NOT NULL, revision INTEGER NOT NULL,
        created INTEGER NOT NULL, PRIMARY KEY (tbl, id)) STRICT, WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS removals_since ON removals (tbl, revision)",
    // The answers to past syncs, for requests that come again.
    "CREATE TABLE IF NOT EXISTS answers (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, project TEXT NOT NULL, client TEXT NOT NULL,
        request TEXT NOT NULL, body_hash TEXT NOT NULL, answer TEXT NOT NULL,
        at INTEGER NOT NULL, UNIQUE (project, client, request)) STRICT",
    "CREATE INDEX IF NOT EXISTS answers_at ON answers (at)",
];

/// What came with schema 2: the change log, and a name for the database.
const LOG_TABLES: [&str; 4] = [
    // What each revision did to each room. `size` is the sum of all bytes up to here.
    "CREATE TABLE changes (
        project TEXT NOT NULL, revision INTEGER NOT NULL, previous INTEGER NOT NULL,
        client TEXT NOT NULL, request TEXT NOT NULL, user TEXT NOT NULL, at INTEGER NOT NULL,
        size INTEGER NOT NULL, data TEXT, PRIMARY KEY (project, revision)) STRICT, WITHOUT ROWID",
    "CREATE INDEX changes_revision ON changes (revision)",
    // Revisions of different databases have nothing to do with each other.
    "INSERT INTO options (name, value) VALUES ('epoch', lower(hex(randomblob(8))))",
    // The log knows everything after this revision.
    "INSERT INTO options (name, value)
     SELECT 'log_floor', value FROM options WHERE name = 'revision'",
];

/// What came with schema 3: what is remembered is found by its age.
const MEMORY_INDEXES: [&str; 2] = [
    "CREATE INDEX removals_revision ON removals (revision)",
    "CREATE INDEX phantom_ids_revision ON phantom_ids (revision)",
];

/// Brings a new or older database to this schema, in one transaction.
pub(super) async fn prepare(database: &Database) -> Result<(), OpenError> {
    let mut tx = database.write().await?;
    let found = schema_of(&mut tx).await?;
    if found > SCHEMA {
        return Err(OpenError::TooNew {
            found,
            known: SCHEMA,
        });
    }
    if found < 1 {
        for sql in OWN_TABLES {
            sqlx::query(sql).execute(&mut *tx).await?;
        }
        for store in all_stores() {
            for sql in create(store) {
                sqlx::query(&sql).execute(&mut *tx).await?;
            }
        }
        sqlx::query("INSERT INTO options (name, value) VALUES ('revision', '1'), ('schema', ?)")
            .bind(SCHEMA.to_string())
            .execute(&mut *tx)
            .await?;
        sample::insert(&mut tx).await?;
    }
    if found < 2 {
        for sql in LOG_TABLES {
            sqlx::query(sql).execute(&mut *tx).await?;
        }
    }
    if found < SCHEMA {
        for sql in MEMORY_INDEXES {
            sqlx::query(sql).execute(&mut *tx).await?;
        }
        sqlx::query("UPDATE options SET value = ? WHERE name = 'schema'")
            .bind(SCHEMA.to_string())
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await?;
    Ok(())
}

/// The schema's number in the database, 0 for an empty one.
async fn schema_of(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema WHERE name = 'options'")
            .fetch_one(&mut *connection)
            .await?;
    if tables == 0 {
        return Ok(0);
    }
    let schema: Option<i64> =
        sqlx::query_scalar("SELECT CAST(value AS INTEGER) FROM options WHERE name = 'schema'")
            .fetch_optional(connection)
            .await?;
    Ok(schema.unwrap_or(0))
}

/// The statements that create a store's table and its indexes.
fn create(store: &Store) -> Vec<String> {
    let table = store.table;
    let id = match store.id {
        IdKind::Integer => "id INTEGER PRIMARY KEY AUTOINCREMENT",
        IdKind::Text => "id TEXT PRIMARY KEY NOT NULL",
    };
    let mut columns = vec![id.to_owned()];
    columns.extend(store.fields.iter().map(column));
    columns.push(format!("created_at TEXT NOT NULL DEFAULT ({NOW})"));
    columns.push(format!("updated_at TEXT NOT NULL DEFAULT ({NOW})"));
    // The revision of the last change, that of the creation, and those of the fields.
    columns.push("sync_revision INTEGER NOT NULL".to_owned());
    columns.push("sync_created INTEGER NOT NULL".to_owned());
    columns.push("sync_fields TEXT NOT NULL DEFAULT '{}'".to_owned());
    let mut statements = vec![
        format!(
            "CREATE TABLE \"{table}\" (\n  {}\n) STRICT",
            columns.join(",\n  ")
        ),
        format!("CREATE INDEX \"{table}_sync\" ON \"{table}\" (sync_revision)"),
    ];
    for field in store
        .fields
        .iter()
        .filter(|field| field.reference.is_some())
    {
        let name = field.name;
        statements.push(format!(
            "CREATE INDEX \"{table}_{name}\" ON \"{table}\" (\"{name}\")"
        ));
    }
    for rule in store.rules {
        let Rule::Unique { fields, .. } = rule else {
            continue;
        };
        // No UNIQUE: a sync may swap values, so uniqueness is checked when all is written.
        let (name, list) = (fields.join("_"), fields.join("\", \""));
        statements.push(format!(
            "CREATE INDEX \"{table}_by_{name}\" ON \"{table}\" (\"{list}\")"
        ));
    }
    statements
}

/// The time in the form of `created_at` and `updated_at`.
pub(super) const NOW: &str = "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')";

fn column(field: &Field) -> String {
    let kind = match field.kind {
        Kind::Integer(..) | Kind::Boolean => "INTEGER",
        Kind::Real(..) => "REAL",
        Kind::Text(_) | Kind::Choice(_) | Kind::Date | Kind::DateTime | Kind::Json(_) => "TEXT",
    };
    let mut sql = format!("\"{}\" {kind}", field.name);
    if field.required {
        sql.push_str(" NOT NULL");
    }
    match field.default {
        Default::Null => {}
        Default::Text(text) => sql.push_str(&format!(" DEFAULT '{text}'")),
        Default::Integer(number) => sql.push_str(&format!(" DEFAULT {number}")),
        Default::Real(number) => sql.push_str(&format!(" DEFAULT {number:?}")),
        Default::Boolean(flag) => sql.push_str(&format!(" DEFAULT {}", i32::from(flag))),
    }
    if let Some(reference) = field.reference {
        let action = match reference.on_remove {
            OnRemove::Cascade => " ON DELETE CASCADE",
            OnRemove::SetNull => " ON DELETE SET NULL",
            OnRemove::Restrict => "",
        };
        let table = reference.table;
        sql.push_str(&format!(" REFERENCES \"{table}\" (id){action}"));
        sql.push_str(" DEFERRABLE INITIALLY DEFERRED");
    }
    sql
}
