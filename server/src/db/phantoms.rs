//! The memory of which record a phantom became.

use std::collections::HashMap;

use sqlx::{Row as _, SqliteConnection};

use super::bind_id;
use super::rows::decode_id;
use crate::stores::value::Id;
use crate::stores::{Store, store_of};

/// The record that a phantom became.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) id: Id,
    /// The revision that created the record.
    pub(crate) revision: i64,
}

/// Of the texts in `candidates`, those that are phantoms of `client`, by table and phantom id.
pub(crate) async fn find(
    connection: &mut SqliteConnection,
    client: &str,
    candidates: &[&str],
) -> sqlx::Result<HashMap<(&'static str, String), Known>> {
    let list = serde_json::to_string(candidates).map_err(|e| sqlx::Error::Encode(e.into()))?;
    let sql = "SELECT id, tbl, phantom, revision FROM phantom_ids
               WHERE client = ? AND phantom IN (SELECT value FROM json_each(?))";
    let rows = sqlx::query(sql)
        .bind(client)
        .bind(list)
        .fetch_all(connection)
        .await?;
    let mut known = HashMap::with_capacity(rows.len());
    for row in rows {
        let Some(store) = store_of(row.try_get_unchecked("tbl")?) else {
            continue;
        };
        let id = decode_id(store.id, &row, 0)?;
        let revision = row.try_get_unchecked("revision")?;
        known.insert(
            (store.table, row.try_get_unchecked("phantom")?),
            Known { id, revision },
        );
    }
    Ok(known)
}

/// Remembers what a phantom became.
pub(crate) async fn insert(
    connection: &mut SqliteConnection,
    store: &Store,
    client: &str,
    phantom: &str,
    known: &Known,
) -> sqlx::Result<()> {
    let sql = "INSERT INTO phantom_ids (phantom, tbl, client, id, revision)
               VALUES (?, ?, ?, ?, ?)";
    let query = sqlx::query(sql).bind(phantom.to_owned()).bind(store.table);
    let query = bind_id(query.bind(client.to_owned()), &known.id);
    query.bind(known.revision).execute(connection).await?;
    Ok(())
}
