//! The checks that need everything in place: references, rules between fields, rules between
//! records.

use std::collections::HashMap;

use serde_json::Value;
use syncline::protocol::RefusedRow;

use super::{Place, Session, Touched, refusal};
use crate::db::rows;
use crate::failure::Failure;
use crate::stores::date::DateTime;
use crate::stores::value::{Cell, Id};
use crate::stores::{Rule, store_of};

impl Session<'_> {
    /// Looks at every record that was written and still exists.
    pub(super) async fn check(&mut self) -> Result<(), Failure> {
        let touched = std::mem::take(&mut self.touched);
        let mut seen: HashMap<Place, bool> = HashMap::new();
        for (place, entry) in &touched {
            if entry.written.is_empty() || self.removed.contains(place) {
                continue;
            }
            let mut faults = self.references(entry, &mut seen).await?;
            for rule in entry.store.rules {
                faults.extend(self.rule(rule, entry).await?);
            }
            if faults.is_empty() {
                continue;
            }
            let error: Vec<&str> = faults.iter().map(|(_, error)| error.as_str()).collect();
            let refused = RefusedRow {
                id: entry.phantom.is_none().then(|| entry.record.id.to_value()),
                phantom_id: entry.phantom.clone(),
                fields: faults
                    .iter()
                    .flat_map(|(fields, _)| fields.clone())
                    .collect(),
                ..refusal(error.join("; "))
            };
            self.refuse(entry.store, refused);
        }
        self.touched = touched;
        Ok(())
    }

    async fn references(
        &mut self,
        entry: &Touched,
        seen: &mut HashMap<Place, bool>,
    ) -> Result<Vec<Fault>, Failure> {
        let mut faults = Vec::new();
        for field in entry
            .store
            .fields
            .iter()
            .filter(|f| entry.written.contains(f.name))
        {
            let Some(reference) = field.reference else {
                continue;
            };
            let Some(target) = store_of(reference.table) else {
                continue;
            };
            let value = entry.record.row.get(field.name).unwrap_or(&Value::Null);
            let Some(id) = Id::from_value(target.id, value) else {
                continue;
            };
            let place = (target.table, id);
            let exists = match seen.get(&place) {
                Some(exists) => *exists,
                None => rows::exists(self.connection, target.table, &place.1).await?,
            };
            if !exists {
                let error = format!("refers to {} that doesn't exist", target.a_noun());
                faults.push((vec![field.name.to_owned()], field.says(&error)));
            }
            seen.insert(place, exists);
        }
        Ok(faults)
    }

    async fn rule(&mut self, rule: &Rule, entry: &Touched) -> Result<Option<Fault>, Failure> {
        let (store, record) = (entry.store, &entry.record);
        let date = |name: &str| DateTime::parse(record.row.get(name)?.as_str()?);
        let fault = match rule {
            Rule::Locked { .. } => None,
            Rule::NotBefore { start, end } => match (date(start), date(end)) {
                (Some(first), Some(last)) if last.is_before(first) => Some((
                    vec![(*start).to_owned(), (*end).to_owned()],
                    format!("The {} must not end before it starts", store.noun),
                )),
                _ => None,
            },
            Rule::Unique { fields, message } => {
                let relevant = fields.iter().any(|name| entry.written.contains(name));
                let cells: Vec<(&str, Cell)> = store
                    .fields
                    .iter()
                    .filter(|field| fields.contains(&field.name))
                    .map(|field| {
                        let value = record.row.get(field.name).unwrap_or(&Value::Null);
                        (field.name, field.to_cell(value))
                    })
                    .collect();
                let complete = cells.iter().all(|(_, cell)| *cell != Cell::Null);
                let clash = relevant
                    && complete
                    && rows::twin(self.connection, store, &record.id, &cells).await?;
                let names = fields.iter().map(|name| (*name).to_owned()).collect();
                clash.then(|| (names, (*message).to_owned()))
            }
            Rule::Tree { parent } => {
                let ring = entry.written.contains(parent)
                    && rows::is_own_ancestor(self.connection, store, parent, &record.id).await?;
                let error = format!("A {} can't be its own ancestor", store.noun);
                ring.then(|| (vec![(*parent).to_owned()], error))
            }
        };
        Ok(fault)
    }
}

/// The fields at fault, and why.
type Fault = (Vec<String>, String);
