//! Removals and what follows from them.

use std::collections::HashSet;

use serde_json::Value;
use syncline::protocol::RefusedRow;

use super::write::locked;
use super::{Place, Session, refusal};
use crate::db::rows;
use crate::failure::Failure;
use crate::stores::value::Id;
use crate::stores::{OnRemove, Store, all_stores};

impl Session<'_> {
    /// Removes a record and what depends on it. One that is gone already is removed successfully.
    pub(super) async fn remove(
        &mut self,
        store: &'static Store,
        id: &Value,
    ) -> Result<(), Failure> {
        let Some(id) = self.id_of(store, id) else {
            return Ok(());
        };
        self.asked.insert((store.table, id.clone()));
        let Some(record) = rows::find(self.connection, store, &id).await? else {
            return Ok(());
        };
        let locked = locked(store, &record, std::iter::once(""));
        if let Some(refused) = locked.or_else(|| self.held(store, &id)) {
            self.refuse(
                store,
                RefusedRow {
                    id: Some(id.to_value()),
                    ..refused
                },
            );
            return Ok(());
        }
        // Dependants are found before anything is deleted, and deleted before what they refer to.
        let mut found = vec![(store, id.clone())];
        let mut seen: HashSet<Place> = HashSet::from([(store.table, id.clone())]);
        let mut next = 0;
        while let Some((of, dependant)) = found.get(next).cloned() {
            next += 1;
            match self.dependants(of, &dependant).await? {
                Ok(more) => {
                    let mut new =
                        |(store, id): &(&Store, Id)| seen.insert((store.table, id.clone()));
                    found.extend(more.into_iter().filter(&mut new));
                }
                Err(refused) => {
                    self.refuse(
                        store,
                        RefusedRow {
                            id: Some(id.to_value()),
                            ..refused
                        },
                    );
                    return Ok(());
                }
            }
        }
        for (store, id) in found.into_iter().rev() {
            self.release(store, &id).await?;
            rows::delete(self.connection, store, &id, self.next).await?;
            self.removed.insert((store.table, id));
        }
        Ok(())
    }

    /// The records that go with this one, or the reason why it can't go.
    async fn dependants(
        &mut self,
        store: &Store,
        id: &Id,
    ) -> Result<Result<Vec<(&'static Store, Id)>, RefusedRow>, Failure> {
        let mut dependants = Vec::new();
        for (other, field, on_remove) in references_to(store) {
            match on_remove {
                OnRemove::SetNull => {}
                OnRemove::Cascade => {
                    let ids = rows::referring(self.connection, other, field, id).await?;
                    dependants.extend(ids.into_iter().map(|id| (other, id)));
                }
                OnRemove::Restrict => {
                    let count = rows::referring(self.connection, other, field, id)
                        .await?
                        .len();
                    if count > 0 {
                        let plural = if count == 1 { "" } else { "s" };
                        let noun = other.noun;
                        let error = format!("This {} still has {count} {noun}{plural}", store.noun);
                        return Ok(Err(refusal(error)));
                    }
                }
            }
        }
        Ok(Ok(dependants))
    }

    /// Empties the references to a record that may stay without it.
    async fn release(&mut self, store: &Store, id: &Id) -> Result<(), Failure> {
        for (other, field, on_remove) in references_to(store) {
            if on_remove != OnRemove::SetNull {
                continue;
            }
            for id in rows::referring(self.connection, other, field, id).await? {
                let Some(mut record) = rows::find(self.connection, other, &id).await? else {
                    continue;
                };
                record.row.insert(field.to_owned(), Value::Null);
                record.changes.record(field, self.next, self.client);
                rows::update(self.connection, other, &record, &[field], self.next).await?;
                if let Some(touched) = self.touched.get_mut(&(other.table, id)) {
                    touched.record = record;
                }
            }
        }
        Ok(())
    }
}

/// The fields of all stores, of other projects too, that refer to records of a store.
fn references_to(store: &Store) -> Vec<(&'static Store, &'static str, OnRemove)> {
    let table = store.table;
    let all = all_stores().flat_map(|other| other.fields.iter().map(move |field| (other, field)));
    let to_store = all.filter_map(|(other, field)| {
        let reference = field
            .reference
            .filter(|reference| reference.table == table)?;
        Some((other, field.name, reference.on_remove))
    });
    to_store.collect()
}
