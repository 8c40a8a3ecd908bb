//! Added and updated records.

use std::collections::HashMap;

use serde_json::Value;
use syncline::protocol::{
    Conflict, ErrorCode, PHANTOM_ID, PHANTOM_PARENT_ID, RefusedRow, Row, is_id_text,
};

use super::{Session, Touched, refusal};
use crate::db::phantoms::{self, Known};
use crate::db::rows::{self, Record};
use crate::failure::Failure;
use crate::stores::value::{Id, label};
use crate::stores::{Field, IdKind, Rule, Store, store_of};

/// The fields of a sent row that passed, and the faults of those that didn't.
#[derive(Default)]
struct Reading {
    values: Vec<(&'static Field, Value)>,
    faults: Vec<(String, String)>,
}

/// The order in which added records are inserted: a parent before its children.
pub(super) fn parents_first(store: &Store, added: &[Row]) -> Vec<usize> {
    let Some(field) = store.parent_field() else {
        return (0..added.len()).collect();
    };
    let phantom = |row: &Row| {
        row.get(PHANTOM_ID)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let by_phantom: HashMap<String, usize> = added
        .iter()
        .enumerate()
        .filter_map(|(index, row)| Some((phantom(row)?, index)))
        .collect();
    let parent = |index: usize| {
        let row = added.get(index)?;
        let text = row
            .get(PHANTOM_PARENT_ID)
            .or_else(|| row.get(field))?
            .as_str()?;
        by_phantom.get(text).copied()
    };
    let mut order = Vec::with_capacity(added.len());
    let mut placed = vec![false; added.len()];
    for start in 0..added.len() {
        let mut line = Vec::new();
        let mut next = Some(start);
        while let Some(index) = next.filter(|index| !placed[*index]) {
            // Marked at once, so that a ring of parents ends too; the check refuses it later.
            placed[index] = true;
            line.push(index);
            next = parent(index);
        }
        order.extend(line.into_iter().rev());
    }
    order
}

impl Session<'_> {
    /// Inserts an added record, or updates the one that its phantom id already became.
    pub(super) async fn add(&mut self, store: &'static Store, row: &Row) -> Result<(), Failure> {
        let phantom = match phantom_of(store, row) {
            Ok(phantom) => phantom,
            Err(refused) => {
                self.refuse(store, refused);
                return Ok(());
            }
        };
        if let Some(text) = &phantom
            && let Some(known) = self.known.get(&(store.table, text.clone())).cloned()
        {
            // The client has seen the record as it was created, whatever its revision says.
            let base = self.base.map(|base| base.max(known.revision));
            return self.change(store, &known.id, row, base, phantom).await;
        }
        let reading = self.read(store, row);
        let id = self.chosen_id(store, row, phantom.as_deref()).await?;
        let (values, id) = match (complete(store, reading), id) {
            (Ok(values), Ok(id)) => (values, id),
            (Err(mut refused), _) | (Ok(_), Err(mut refused)) => {
                refused.id = row.get("id").filter(|_| phantom.is_none()).cloned();
                refused.phantom_id = phantom;
                self.refuse(store, refused);
                return Ok(());
            }
        };
        let id = rows::insert(self.connection, store, id.as_ref(), &values, self.next).await?;
        if let Some(text) = &phantom {
            let known = Known {
                id: id.clone(),
                revision: self.next,
            };
            phantoms::insert(self.connection, store, self.client, text, &known).await?;
            self.known.insert((store.table, text.clone()), known);
        }
        let record = Record {
            id: id.clone(),
            row: values,
            created: self.next,
            changes: Default::default(),
        };
        let written = store.fields.iter().map(|field| field.name).collect();
        let touched = Touched {
            store,
            record,
            sent: row.clone(),
            phantom,
            written,
        };
        self.touched.insert((store.table, id), touched);
        Ok(())
    }

    /// Updates a record, named by its id or by the phantom id that the client still knows it by.
    pub(super) async fn update(&mut self, store: &'static Store, row: &Row) -> Result<(), Failure> {
        let sent = row.get("id").cloned().unwrap_or_default();
        match self.id_of(store, &sent) {
            Some(id) => self.change(store, &id, row, self.base, None).await,
            None => {
                self.refuse_gone(store, sent, None);
                Ok(())
            }
        }
    }

    /// The id meant by a value that is an id or a phantom's id.
    pub(super) fn id_of(&self, store: &Store, value: &Value) -> Option<Id> {
        let known = value
            .as_str()
            .and_then(|text| self.known.get(&(store.table, text.to_owned())));
        known
            .map(|known| known.id.clone())
            .or_else(|| Id::from_value(store.id, value))
    }

    async fn change(
        &mut self,
        store: &'static Store,
        id: &Id,
        row: &Row,
        base: Option<i64>,
        phantom: Option<String>,
    ) -> Result<(), Failure> {
        let Some(mut record) = rows::find(self.connection, store, id).await? else {
            self.refuse_gone(store, id.to_value(), phantom);
            return Ok(());
        };
        let reading = self.read(store, row);
        let named = |mut refused: RefusedRow| {
            refused.id = Some(id.to_value());
            refused.phantom_id = phantom.clone();
            refused
        };
        if !reading.faults.is_empty() {
            self.refuse(store, named(reading.refusal()));
            return Ok(());
        }
        let mut changed = reading.values;
        changed.retain(|(field, value)| record.row.get(field.name) != Some(value));
        if let Some(refused) = locked(store, &record, changed.iter().map(|(field, _)| field.name)) {
            self.refuse(store, named(refused));
            return Ok(());
        }
        if let Some(refused) = self.held(store, id).filter(|_| !changed.is_empty()) {
            self.refuse(store, named(refused));
            return Ok(());
        }
        let names: Vec<&'static str> = changed.iter().map(|(field, _)| field.name).collect();
        let clashes = self.clashes(&record, &names, base);
        if !clashes.is_empty() {
            let refused = self.conflict(store, &record, clashes);
            self.refuse(store, named(refused));
            return Ok(());
        }
        for (field, value) in changed {
            record.row.insert(field.name.to_owned(), value);
            record.changes.record(field.name, self.next, self.client);
        }
        if !names.is_empty() {
            rows::update(self.connection, store, &record, &names, self.next).await?;
        }
        self.touch(store, record, row, phantom, &names);
        Ok(())
    }

    /// Notes what was done to a record; a second change in one package adds to the first.
    fn touch(
        &mut self,
        store: &'static Store,
        record: Record,
        row: &Row,
        phantom: Option<String>,
        names: &[&'static str],
    ) {
        let place = (store.table, record.id.clone());
        let touched = self.touched.entry(place).or_insert_with(|| Touched {
            store,
            record: record.clone(),
            sent: Row::new(),
            phantom: None,
            written: Default::default(),
        });
        touched.record = record;
        touched.sent.extend(row.clone());
        touched.phantom = phantom.or(touched.phantom.take());
        touched.written.extend(names);
    }

    /// The fields that others changed since the client looked.
    fn clashes(&self, record: &Record, names: &[&'static str], base: Option<i64>) -> Vec<String> {
        let Some(base) = base else { return Vec::new() };
        let clash = |name: &&&str| {
            record
                .changes
                .foreign_since(name, base, self.next, self.client)
        };
        names
            .iter()
            .filter(clash)
            .map(|name| (*name).to_owned())
            .collect()
    }

    fn conflict(&mut self, store: &Store, record: &Record, fields: Vec<String>) -> RefusedRow {
        self.conflicts.push(Conflict {
            store: store.name.to_owned(),
            id: record.id.to_value(),
            fields: fields.clone(),
            server: Some(record.to_wire()),
            removed: false,
        });
        let labels: Vec<String> = fields
            .iter()
            .map(|name| label(name).to_lowercase())
            .collect();
        let error = format!(
            "Someone else changed this {}: {}",
            store.noun,
            labels.join(", ")
        );
        RefusedRow {
            code: ErrorCode::Conflict,
            fields,
            ..refusal(error)
        }
    }

    fn refuse_gone(&mut self, store: &'static Store, id: Value, phantom: Option<String>) {
        self.conflicts.push(Conflict {
            store: store.name.to_owned(),
            id: id.clone(),
            fields: Vec::new(),
            server: None,
            removed: true,
        });
        let error = format!("This {} doesn't exist any more", store.noun);
        let refused = RefusedRow {
            id: Some(id),
            phantom_id: phantom,
            code: ErrorCode::Conflict,
            removed: true,
            ..refusal(error)
        };
        self.refuse(store, refused);
    }

    /// The id that the client chose for an added record, in a store that allows it.
    async fn chosen_id(
        &mut self,
        store: &Store,
        row: &Row,
        phantom: Option<&str>,
    ) -> Result<Result<Option<Id>, RefusedRow>, Failure> {
        // Elsewhere an id beside the phantom id is the phantom id once more, or the client's own
        // number: the server's answer replaces it.
        let sent = row
            .get("id")
            .filter(|id| store.id == IdKind::Text && !id.is_null());
        let Some(sent) = sent.filter(|id| id.as_str() != phantom) else {
            return Ok(Ok(None));
        };
        let Some(id) = Id::from_value(store.id, sent) else {
            return Ok(Err(refusal("Id must be a text of at most 50 characters")));
        };
        if rows::exists(self.connection, store.table, &id).await? {
            return Ok(Err(refusal(format!(
                "There is a {} `{id}` already",
                store.noun
            ))));
        }
        Ok(Ok(Some(id)))
    }

    /// Checks and normalises the fields of a sent row, references included.
    fn read(&self, store: &Store, row: &Row) -> Reading {
        let mut reading = Reading::default();
        let parent = store.parent_field();
        let phantom_parent = row.get(PHANTOM_PARENT_ID).filter(|value| !value.is_null());
        for (name, value) in row {
            if name == "id" || name.starts_with('$') {
                continue;
            }
            if parent == Some(name) && phantom_parent.is_some() {
                continue;
            }
            let Some(field) = store.field(name) else {
                let short: String = name.chars().take(100).collect();
                reading
                    .faults
                    .push((short.clone(), format!("There is no field `{short}`")));
                continue;
            };
            reading.take(field, self.read_field(field, value));
        }
        let tree = parent.and_then(|name| store.field(name));
        if let (Some(field), Some(value)) = (tree, phantom_parent) {
            reading.take(field, self.read_field(field, value));
        }
        reading
    }

    fn read_field(&self, field: &Field, value: &Value) -> Result<Value, String> {
        let Some(reference) = field.reference.filter(|_| !value.is_null()) else {
            return field.normalise(value);
        };
        let Some(target) = store_of(reference.table) else {
            return field.normalise(value);
        };
        if let Some(text) = value.as_str()
            && self.doomed.contains(&(target.table, text.to_owned()))
        {
            return Err(field.says(&format!("refers to {} that was refused", target.a_noun())));
        }
        match self.id_of(target, value) {
            Some(id) => Ok(id.to_value()),
            None => Err(field.says(&format!("doesn't refer to {}", target.a_noun()))),
        }
    }
}

impl Reading {
    fn take(&mut self, field: &'static Field, value: Result<Value, String>) {
        match value {
            Ok(value) => self.values.push((field, value)),
            Err(fault) => self.faults.push((field.name.to_owned(), fault)),
        }
    }

    fn refusal(self) -> RefusedRow {
        let (fields, faults): (Vec<String>, Vec<String>) = self.faults.into_iter().unzip();
        RefusedRow {
            fields,
            ..refusal(faults.join("; "))
        }
    }
}

/// Why a locked record may not change in these fields, when it may not.
pub(super) fn locked<'n>(
    store: &Store,
    record: &Record,
    mut names: impl Iterator<Item = &'n str>,
) -> Option<RefusedRow> {
    let lock = store.rules.iter().find_map(|rule| match rule {
        Rule::Locked { field } => Some(*field),
        _ => None,
    })?;
    let closed = record.row.get(lock) == Some(&Value::Bool(true));
    (closed && names.any(|name| name != lock))
        .then(|| refusal(format!("This {} is locked", store.noun)))
}

/// Fills an added record up with defaults.
fn complete(store: &Store, mut reading: Reading) -> Result<Row, RefusedRow> {
    let mut row = Row::new();
    for (field, value) in std::mem::take(&mut reading.values) {
        row.insert(field.name.to_owned(), value);
    }
    for field in store.fields {
        let named = reading.faults.iter().any(|(name, _)| name == field.name);
        if named || row.contains_key(field.name) {
            continue;
        }
        match field.default_value() {
            Ok(value) => _ = row.insert(field.name.to_owned(), value),
            Err(fault) => reading.faults.push((field.name.to_owned(), fault)),
        }
    }
    if reading.faults.is_empty() {
        Ok(row)
    } else {
        Err(reading.refusal())
    }
}

/// The phantom id of an added record. Only a record that brings its id may lack it.
fn phantom_of(store: &Store, row: &Row) -> Result<Option<String>, RefusedRow> {
    match row.get(PHANTOM_ID) {
        Some(Value::String(text)) if is_id_text(text) => Ok(Some(text.clone())),
        None | Some(Value::Null) if store.id == IdKind::Text && row.contains_key("id") => Ok(None),
        None | Some(Value::Null) => Err(refusal("An added record needs a `$PhantomId`")),
        Some(other) => {
            let mut refused = refusal("`$PhantomId` must be a text of 1 to 128 bytes");
            // So that the client can tell which of its records it was.
            refused.phantom_id = match other {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            };
            Err(refused)
        }
    }
}
