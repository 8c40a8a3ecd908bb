//! Records of stores in their tables.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use syncline::protocol::Row;

use super::schema::NOW;
use super::{bind, bind_id};
use crate::stores::value::{Cell, Id};
use crate::stores::{IdKind, Kind, Store};

/// A stored record.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: Id,
    /// All fields of the store, without the id.
    pub(crate) row: Row,
    /// The revision that created it.
    pub(crate) created: i64,
    pub(crate) changes: FieldChanges,
}

/// Who changed a field last. Fields that nobody changed since the record was created are absent.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct FieldChanges(BTreeMap<String, FieldChange>);

/// The last change of one field.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FieldChange {
    #[serde(rename = "r")]
    revision: i64,
    #[serde(rename = "c", default, skip_serializing_if = "String::is_empty")]
    client: String,
}

impl FieldChanges {
    /// Whether someone other than `client` changed the field after the revision `since`; what the
    /// sync that makes the revision `next` wrote itself doesn't count.
    pub(crate) fn foreign_since(&self, field: &str, since: i64, next: i64, client: &str) -> bool {
        self.0.get(field).is_some_and(|change| {
            change.revision > since
                && change.revision < next
                && (client.is_empty() || change.client != client)
        })
    }

    pub(crate) fn since(&self, field: &str, revision: i64) -> bool {
        self.0
            .get(field)
            .is_some_and(|change| change.revision > revision)
    }

    pub(crate) fn record(&mut self, field: &str, revision: i64, client: &str) {
        let change = FieldChange {
            revision,
            client: client.to_owned(),
        };
        self.0.insert(field.to_owned(), change);
    }
}

impl Record {
    /// The record as it goes over the wire.
    pub(crate) fn to_wire(&self) -> Row {
        let mut row = Row::new();
        row.insert("id".to_owned(), self.id.to_value());
        row.extend(self.row.clone());
        row
    }
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    store: &Store,
    id: &Id,
) -> sqlx::Result<Option<Record>> {
    let sql = format!("{} WHERE id = ?", select(store));
    let row = bind_id(sqlx::query(&sql), id)
        .fetch_optional(connection)
        .await?;
    row.map(|row| decode(store, &row)).transpose()
}

pub(crate) async fn exists(
    connection: &mut SqliteConnection,
    table: &str,
    id: &Id,
) -> sqlx::Result<bool> {
    let sql = format!("SELECT 1 FROM \"{table}\" WHERE id = ?");
    Ok(bind_id(sqlx::query(&sql), id)
        .fetch_optional(connection)
        .await?
        .is_some())
}

/// The records that were created or changed after `revision`, in no particular order.
pub(crate) async fn changed_since(
    connection: &mut SqliteConnection,
    store: &Store,
    revision: i64,
) -> sqlx::Result<Vec<Record>> {
    // Ordered by id, SQLite would walk the whole table instead of the index on the revision.
    let sql = format!("{} WHERE sync_revision > ?", select(store));
    let rows = sqlx::query(&sql)
        .bind(revision)
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| decode(store, row)).collect()
}

/// The ids of the records whose `field` refers to `id`.
pub(crate) async fn referring(
    connection: &mut SqliteConnection,
    store: &Store,
    field: &str,
    id: &Id,
) -> sqlx::Result<Vec<Id>> {
    let sql = format!(
        "SELECT id FROM \"{}\" WHERE \"{field}\" = ? ORDER BY id",
        store.table
    );
    let rows = bind_id(sqlx::query(&sql), id).fetch_all(connection).await?;
    rows.iter().map(|row| decode_id(store.id, row, 0)).collect()
}

/// The id of another record with the same values in `fields`.
pub(crate) async fn twin(
    connection: &mut SqliteConnection,
    store: &Store,
    id: &Id,
    fields: &[(&str, Cell)],
) -> sqlx::Result<bool> {
    let terms: Vec<String> = fields
        .iter()
        .map(|(name, _)| format!("\"{name}\" = ?"))
        .collect();
    let terms = terms.join(" AND ");
    let sql = format!(
        "SELECT 1 FROM \"{}\" WHERE {terms} AND id <> ? LIMIT 1",
        store.table
    );
    let query = fields
        .iter()
        .fold(sqlx::query(&sql), |query, (_, cell)| bind(query, cell));
    Ok(bind_id(query, id)
        .fetch_optional(connection)
        .await?
        .is_some())
}

/// Whether a record is its own ancestor by the field `parent`.
pub(crate) async fn is_own_ancestor(
    connection: &mut SqliteConnection,
    store: &Store,
    parent: &str,
    id: &Id,
) -> sqlx::Result<bool> {
    let table = store.table;
    // UNION drops repeated ids, so the walk ends also in a ring.
    let sql = format!(
        "WITH RECURSIVE up (id) AS (
            SELECT \"{parent}\" FROM \"{table}\" WHERE id = ?
            UNION SELECT t.\"{parent}\" FROM \"{table}\" t JOIN up ON t.id = up.id)
        SELECT 1 FROM up WHERE id = ?"
    );
    let query = bind_id(bind_id(sqlx::query(&sql), id), id);
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Inserts a record with a value for every field; an id is made up when none is given.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    store: &Store,
    id: Option<&Id>,
    row: &Row,
    revision: i64,
) -> sqlx::Result<Id> {
    let names: Vec<&str> = store.fields.iter().map(|field| field.name).collect();
    let marks = ", ?".repeat(names.len());
    let made_up = match (id, store.id) {
        (Some(_), _) => "?",
        (None, IdKind::Integer) => "NULL",
        (None, IdKind::Text) => "lower(hex(randomblob(8)))",
    };
    let sql = format!(
        "INSERT INTO \"{}\" (id, \"{}\", sync_revision, sync_created)
         VALUES ({made_up}{marks}, ?, ?) RETURNING id",
        store.table,
        names.join("\", \""),
    );
    let mut query = sqlx::query(&sql);
    if let Some(id) = id {
        query = bind_id(query, id);
    }
    for field in store.fields {
        query = bind(
            query,
            &field.to_cell(row.get(field.name).unwrap_or(&Value::Null)),
        );
    }
    let inserted = query
        .bind(revision)
        .bind(revision)
        .fetch_one(&mut *connection)
        .await?;
    let id = decode_id(store.id, &inserted, 0)?;
    if store.id == IdKind::Text {
        // The id was perhaps in use before: then it counts as removed no more.
        let sql = "DELETE FROM removals WHERE tbl = ? AND id = ?";
        bind_id(sqlx::query(sql).bind(store.table), &id)
            .execute(connection)
            .await?;
    }
    Ok(id)
}

/// Writes the named fields of a record.
pub(crate) async fn update(
    connection: &mut SqliteConnection,
    store: &Store,
    record: &Record,
    fields: &[&str],
    revision: i64,
) -> sqlx::Result<()> {
    let sets: String = fields
        .iter()
        .map(|name| format!("\"{name}\" = ?, "))
        .collect();
    let sql = format!(
        "UPDATE \"{}\" SET {sets}sync_fields = ?, sync_revision = ?, updated_at = {NOW}
         WHERE id = ?",
        store.table
    );
    let mut query = sqlx::query(&sql);
    for name in fields {
        let field = store
            .field(name)
            .ok_or(sqlx::Error::ColumnNotFound((*name).to_owned()))?;
        query = bind(
            query,
            &field.to_cell(record.row.get(*name).unwrap_or(&Value::Null)),
        );
    }
    let changes = serde_json::to_string(&record.changes)
        .map_err(|error| sqlx::Error::Encode(error.into()))?;
    bind_id(query.bind(changes).bind(revision), &record.id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes a record and remembers that it is gone.
pub(crate) async fn delete(
    connection: &mut SqliteConnection,
    store: &Store,
    id: &Id,
    revision: i64,
) -> sqlx::Result<()> {
    let table = store.table;
    let sql = format!(
        "INSERT OR REPLACE INTO removals (tbl, id, revision, created)
         SELECT ?, id, ?, sync_created FROM \"{table}\" WHERE id = ?"
    );
    let query = sqlx::query(&sql).bind(table).bind(revision);
    bind_id(query, id).execute(&mut *connection).await?;
    let sql = format!("DELETE FROM \"{table}\" WHERE id = ?");
    bind_id(sqlx::query(&sql), id).execute(connection).await?;
    Ok(())
}

/// The ids of the records of a store that existed at `revision` or are created by the sync that
/// makes `next`, and were removed since.
pub(crate) async fn removed_since(
    connection: &mut SqliteConnection,
    store: &Store,
    revision: i64,
    next: i64,
) -> sqlx::Result<Vec<Id>> {
    let sql = "SELECT id FROM removals WHERE tbl = ? AND revision > ?
               AND (created <= ? OR created = ?) ORDER BY id";
    let query = sqlx::query(sql)
        .bind(store.table)
        .bind(revision)
        .bind(revision)
        .bind(next);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| decode_id(store.id, row, 0)).collect()
}

pub(crate) fn decode_id(kind: IdKind, row: &SqliteRow, column: usize) -> sqlx::Result<Id> {
    Ok(match kind {
        IdKind::Integer => Id::Integer(row.try_get_unchecked(column)?),
        IdKind::Text => Id::Text(row.try_get_unchecked(column)?),
    })
}

fn select(store: &Store) -> String {
    let names: Vec<&str> = store.fields.iter().map(|field| field.name).collect();
    format!(
        "SELECT id, \"{}\", sync_created, sync_fields FROM \"{}\"",
        names.join("\", \""),
        store.table
    )
}

fn decode(store: &Store, row: &SqliteRow) -> sqlx::Result<Record> {
    let mut fields = Row::new();
    for (index, field) in store.fields.iter().enumerate() {
        fields.insert(
            field.name.to_owned(),
            decode_value(field.kind, row, index + 1)?,
        );
    }
    let created = row.try_get_unchecked("sync_created")?;
    let changes: String = row.try_get_unchecked("sync_fields")?;
    let changes = serde_json::from_str(&changes).map_err(broken)?;
    Ok(Record {
        id: decode_id(store.id, row, 0)?,
        row: fields,
        created,
        changes,
    })
}

fn decode_value(kind: Kind, row: &SqliteRow, column: usize) -> sqlx::Result<Value> {
    Ok(match kind {
        Kind::Text(_) | Kind::Choice(_) | Kind::Date | Kind::DateTime => {
            row.try_get_unchecked::<Option<String>, _>(column)?.into()
        }
        Kind::Integer(..) => row.try_get_unchecked::<Option<i64>, _>(column)?.into(),
        Kind::Real(..) => row.try_get_unchecked::<Option<f64>, _>(column)?.into(),
        Kind::Boolean => row.try_get_unchecked::<Option<bool>, _>(column)?.into(),
        Kind::Json(_) => match row.try_get_unchecked::<Option<String>, _>(column)? {
            Some(text) => serde_json::from_str(&text).map_err(broken)?,
            None => Value::Null,
        },
    })
}

fn broken(error: serde_json::Error) -> sqlx::Error {
    sqlx::Error::Decode(error.into())
}
