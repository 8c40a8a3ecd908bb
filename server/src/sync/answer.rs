//! What the client hears: only what it can't know by itself.

use std::collections::BTreeMap;

use serde_json::Value;
use syncline::protocol::{
    ErrorCode, PHANTOM_ID, RefusedRow, Removed, Row, StoreAnswer, SyncAnswer,
};

use super::{Package, Session, Touched};
use crate::db;
use crate::db::rows::{self, Record};
use crate::failure::Failure;
use crate::stores::Store;
use crate::stores::value::{Id, same_value};

impl Session<'_> {
    /// Raises the revision when something was written, and puts the answer together.
    pub(super) async fn answer(
        &mut self,
        package: &Package,
        revision: i64,
    ) -> Result<String, Failure> {
        let revision_after = if self.wrote() { self.next } else { revision };
        if revision_after != revision {
            db::set_revision(self.connection, revision_after).await?;
        }
        // A client that names its revision also hears what others did since; any other one only
        // what this sync itself did.
        let since = self.base.unwrap_or(revision);
        let mut stores = BTreeMap::new();
        for store in self.project.stores {
            let section = StoreAnswer {
                rows: self.rows(store, since).await?,
                removed: self.gone(store, since).await?,
            };
            if !section.is_empty() {
                stores.insert(store.name.to_owned(), section);
            }
        }
        let answer = SyncAnswer {
            success: true,
            request_id: package.request_id.clone(),
            revision: revision_after.unsigned_abs(),
            idempotent: true,
            stores,
        };
        serde_json::to_string(&answer).map_err(|error| {
            tracing::error!(%error, "answer");
            Failure::new(ErrorCode::Internal, "The server failed; nothing was saved")
        })
    }

    /// The answer to a package that was refused.
    pub(super) fn failure(&self, revision: i64) -> Failure {
        let conflict = !self.conflicts.is_empty();
        let held = |row: &RefusedRow| row.code == ErrorCode::Locked;
        let code = if conflict {
            ErrorCode::Conflict
        } else if self.refused.iter().all(|(_, row)| held(row)) {
            ErrorCode::Locked
        } else {
            ErrorCode::Validation
        };
        let first = self
            .refused
            .first()
            .map_or("", |(_, row)| row.error.as_str());
        let message = match self.refused.len() {
            0 | 1 => first.to_owned(),
            count => format!("{count} records were refused, the first because: {first}"),
        };
        let mut failure = Failure::new(code, message);
        failure.0.revision = u64::try_from(revision).ok();
        failure.0.rolled_back = true;
        failure.0.conflicts = self.conflicts.clone();
        for (store, row) in &self.refused {
            let section = failure.0.stores.entry(store.name.to_owned()).or_default();
            if let Ok(Value::Object(row)) = serde_json::to_value(row) {
                section.rows.push(row);
            }
        }
        failure
    }

    async fn rows(&mut self, store: &'static Store, since: i64) -> Result<Vec<Row>, Failure> {
        let mut rows: BTreeMap<Id, Row> = BTreeMap::new();
        for record in rows::changed_since(self.connection, store, since).await? {
            let touched = self.touched.get(&(store.table, record.id.clone()));
            let row = match touched {
                Some(touched) => touched_row(touched, &record, since),
                None if record.created > since => Some(record.to_wire()),
                None => partial_row(&record, |name, _| record.changes.since(name, since)),
            };
            if let Some(row) = row {
                rows.insert(record.id, row);
            }
        }
        // What was touched without being written, or was removed again by a cascade.
        for ((table, id), touched) in &self.touched {
            if *table == store.table && !rows.contains_key(id) {
                let gone = self.removed.contains(&(*table, id.clone()));
                let row = if gone {
                    touched.phantom.as_ref().map(|phantom| mapping(phantom, id))
                } else {
                    touched_row(touched, &touched.record, since)
                };
                rows.extend(row.map(|row| (id.clone(), row)));
            }
        }
        Ok(rows.into_values().collect())
    }

    async fn gone(&mut self, store: &'static Store, since: i64) -> Result<Vec<Removed>, Failure> {
        let mut ids = rows::removed_since(self.connection, store, since, self.next).await?;
        ids.retain(|id| !self.asked.contains(&(store.table, id.clone())));
        Ok(ids.iter().map(|id| Removed { id: id.to_value() }).collect())
    }
}

/// A record that the client sent: what differs from what it sent, and what others changed.
fn touched_row(touched: &Touched, record: &Record, since: i64) -> Option<Row> {
    let unknown = |name: &str, value: &Value| match touched.sent.get(name) {
        Some(sent) => !same_value(sent, value),
        None if touched.phantom.is_some() || record.created > since => !value.is_null(),
        None => record.changes.since(name, since),
    };
    let news = partial_row(record, unknown);
    match &touched.phantom {
        Some(phantom) => {
            let mut row = mapping(phantom, &record.id);
            row.extend(news.unwrap_or_default());
            Some(row)
        }
        None if record.created > since => {
            let mut row = news.unwrap_or_default();
            row.insert("id".to_owned(), record.id.to_value());
            Some(row)
        }
        None => news,
    }
}

fn mapping(phantom: &str, id: &Id) -> Row {
    let mut row = Row::new();
    row.insert(PHANTOM_ID.to_owned(), phantom.into());
    row.insert("id".to_owned(), id.to_value());
    row
}

/// The id with those fields that the client doesn't know; `None` when it knows them all.
fn partial_row(record: &Record, unknown: impl Fn(&str, &Value) -> bool) -> Option<Row> {
    let mut row = Row::new();
    for (name, value) in &record.row {
        if unknown(name, value) {
            row.insert(name.clone(), value.clone());
        }
    }
    if row.is_empty() {
        return None;
    }
    row.insert("id".to_owned(), record.id.to_value());
    Some(row)
}
