//! Verifies what the store's documentation promises.

use super::record_state::{Dirty, Stage};
use super::{Store, equal};
use crate::engine::table::RowIx;
use crate::prelude::*;

impl Store {
    /// Verifies every invariant; for tests. The error says what is broken.
    pub fn check(&self) -> Result<(), String> {
        self.changes.check()?;
        for row in self.table.live() {
            self.check_row(row)
                .map_err(|what| format!("row {}: {what}", row.0))?;
        }
        for dirty in self.changes.iter() {
            if self.table.resolve(self.table.handle(dirty.row)).is_none() {
                return Err(format!("an entry of row {}, which is free", dirty.row.0));
            }
        }
        self.check_indexes()
    }

    fn check_row(&self, row: RowIx) -> Result<(), String> {
        let id = self.table.cell(row, self.table.schema().id);
        match self.table.id_ref(id) {
            None => return Err("no id".into()),
            Some(id) if self.table.find_id(id) != Some(row) => {
                return Err(format!("its id {id:?} finds another"));
            }
            Some(_) => {}
        }
        let Some(dirty) = self.changes.get(row) else {
            return if self.table.is_visible(row) {
                Ok(())
            } else {
                Err("clean, but hidden".into())
            };
        };
        if dirty.is_clean() {
            return Err("an entry that says nothing".into());
        }
        if dirty.exists() != self.table.is_visible(row) {
            return Err(format!("exists: {}, but is not shown so", dirty.exists()));
        }
        if dirty.known != 0 && dirty.known != self.table.handle(row).generation {
            return Err("a handle to another record is taken for its own".into());
        }
        check_stages(dirty)?;
        self.check_fields(dirty)?;
        let sent = dirty.is_sent();
        if sent != dirty.counted.sent {
            return Err("counted wrongly as sent".into());
        }
        let changed = self.is_changed(dirty);
        if changed != dirty.counted.changed {
            return Err("counted wrongly as changed".into());
        }
        let sendable = changed && dirty.blocked == 0;
        if dirty.counted.ready != (sendable && !dirty.held) {
            return Err("counted wrongly as ready".into());
        }
        if sendable != dirty.counted.sendable {
            return Err("counted wrongly as sendable".into());
        }
        Ok(())
    }

    fn check_fields(&self, dirty: &Dirty) -> Result<(), String> {
        for (at, touched) in dirty.fields.iter().enumerate() {
            let name = touched.field.0;
            let traits = self.traits(touched.field);
            let same = |a, b| equal(&self.table, traits, a, b);
            if dirty.fields[..at]
                .iter()
                .any(|other| other.field == touched.field)
            {
                return Err(format!("two entries of field {name}"));
            }
            if touched.field == self.table.schema().id {
                return Err("layers of an id".into());
            }
            if !dirty.in_base && !touched.base.is_absent() {
                return Err(format!("field {name} has a base, the record none"));
            }
            if touched.is_idle() {
                return Err(format!("the entry of field {name} says nothing"));
            }
            if !touched.pending.is_absent() && same(touched.pending, touched.under()) {
                return Err(format!("pending of field {name} says what lies under it"));
            }
            if !same(self.table.cell(dirty.row, touched.field), touched.visible()) {
                return Err(format!("field {name} isn't seen as its layers say"));
            }
        }
        Ok(())
    }

    fn check_indexes(&self) -> Result<(), String> {
        for reference in &self.references {
            if let Some(found) = reference.check(&self.table) {
                return Err(format!("index of field {}: {found}", reference.field.0));
            }
        }
        Ok(())
    }
}

fn check_stages(dirty: &Dirty) -> Result<(), String> {
    let sound = match (dirty.in_base, dirty.inflight, dirty.pending) {
        (true, Stage::Idle, Stage::Idle | Stage::Remove(_)) => true,
        (true, Stage::Remove(_), Stage::Idle | Stage::Add) => true,
        (false, Stage::Add, Stage::Idle | Stage::Remove(_)) => true,
        (false, Stage::Idle, Stage::Add) => dirty.fields.is_empty(),
        (false, Stage::Idle, Stage::Remove(_)) => !dirty.stakes.is_empty(),
        _ => false,
    };
    if sound {
        Ok(())
    } else {
        Err(format!(
            "in base: {}, inflight: {:?}, pending: {:?}",
            dirty.in_base, dirty.inflight, dirty.pending
        ))
    }
}
