//! The entries of a sync in the change log: in each room, what it did there.

use serde_json::{Map, Value, json};
use syncline::protocol::PHANTOM_ID;

use super::{Package, Session};
use crate::db::changes::{self, Change};
use crate::db::rows;
use crate::failure::Failure;
use crate::stores::{PROJECTS, Store};

impl Session<'_> {
    /// Writes down what this sync did, for every room that it reached: shared stores and cascades
    /// concern other rooms than the sender's too.
    pub(super) async fn log(&mut self, package: &Package, before: i64) -> Result<(), Failure> {
        for project in PROJECTS {
            let mut sections = Map::new();
            for store in project.stores {
                let section = self.section(store, before).await?;
                if !section.is_empty() {
                    sections.insert(store.name.to_owned(), Value::Object(section));
                }
            }
            if sections.is_empty() {
                continue;
            }
            let own = project.name == package.project.name;
            let request = package.request_id.as_ref().filter(|_| own);
            let change = Change {
                project: project.name.to_owned(),
                revision: self.next,
                previous: before,
                client: self.client.to_owned(),
                request: request.map_or(Value::Null, |id| json!(id)),
                user: self.sender.user.clone(),
                at: self.sender.now,
                data: Some(Value::Object(sections).to_string()),
            };
            changes::append(self.connection, &change).await?;
        }
        Ok(())
    }

    /// What this sync added, updated and removed in one store.
    async fn section(
        &mut self,
        store: &'static Store,
        before: i64,
    ) -> Result<Map<String, Value>, Failure> {
        let (mut added, mut updated) = (Vec::new(), Vec::new());
        for record in rows::changed_since(self.connection, store, before).await? {
            if record.created == self.next {
                let touched = self.touched.get(&(store.table, record.id.clone()));
                let mut row = record.to_wire();
                if let Some(phantom) = touched.and_then(|touched| touched.phantom.as_ref()) {
                    row.insert(PHANTOM_ID.to_owned(), phantom.as_str().into());
                }
                added.push(Value::Object(row));
                continue;
            }
            let mut row = Map::new();
            row.insert("id".to_owned(), record.id.to_value());
            let news = record.row.iter();
            let news = news.filter(|(name, _)| record.changes.since(name, before));
            row.extend(news.map(|(name, value)| (name.clone(), value.clone())));
            updated.push(Value::Object(row));
        }
        let gone = rows::removed_since(self.connection, store, before, before).await?;
        let removed = gone.iter().map(|id| json!({ "id": id.to_value() }));
        let mut section = Map::new();
        for (list, rows) in [
            ("added", added),
            ("updated", updated),
            ("removed", removed.collect()),
        ] {
            if !rows.is_empty() {
                section.insert(list.to_owned(), Value::Array(rows));
            }
        }
        Ok(section)
    }
}
