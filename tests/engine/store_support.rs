//! A store with everything around it that a test needs. Every step verifies the store's invariants.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    clippy::unwrap_used
)]

use serde_json::{Map, Value as Json, json};
use syncline::engine::error::{ErrorCode, SyncError};
use syncline::engine::event::Notice;
use syncline::engine::input::{Place, StoreId};
use syncline::engine::json::{Response, ResponseReader, Rows, SectionSpec, read_rows, write};
use syncline::engine::rng::Rng;
use syncline::engine::schema::Zone;
use syncline::engine::store::{
    Applied, ApplyOptions, Layer, Loaded, Notices, PackageOptions, Store, StorePlan, Unmentioned,
};
use syncline::engine::table::{IdRef, RowId};
use syncline::engine::value::{CellKind, Value};

pub struct Fixture {
    pub store: Store,
    pub out: Notices,
    pub rng: Rng,
}

/// Full answers: what isn't mentioned isn't confirmed.
pub fn full() -> ApplyOptions {
    ApplyOptions {
        unmentioned: Unmentioned::Missing,
        ..ApplyOptions::default()
    }
}

impl Fixture {
    pub fn new(config: Json) -> Self {
        Self::with_id(1, config)
    }

    pub fn with_id(id: u32, config: Json) -> Self {
        let config = syncline::engine::config::parse(config.to_string().as_bytes()).unwrap();
        let mut store = Store::new(StoreId(id), config).unwrap();
        store.listen(u32::MAX);
        Self {
            store,
            out: Notices::default(),
            rng: Rng::new(7),
        }
    }

    /// A store of events with `name`, `a`, `b`.
    pub fn events(rows: Json) -> Self {
        let mut fixture = Self::new(json!({
            "id": "events",
            "fields": [{"name": "name", "type": "string"}, {"name": "a", "type": "number"}, {"name": "b", "type": "number"}],
        }));
        fixture.load(rows);
        fixture
    }

    /// A tree of tasks.
    pub fn tasks(rows: Json) -> Self {
        let mut fixture = Self::new(json!({
            "id": "tasks", "parentField": "parentId", "fields": [{"name": "name", "type": "string"}],
        }));
        fixture.load(rows);
        fixture
    }

    pub fn spec(&self) -> SectionSpec {
        SectionSpec {
            name: self.store.name().to_owned(),
            schema: self.store.table().schema().clone(),
            first_generation: self.store.table().next_generation(),
            phantom_id_field: "$PhantomId".into(),
            phantom_parent_id_field: "$PhantomParentId".into(),
        }
    }

    pub fn rows(&self, rows: &Json) -> Rows {
        read_rows(rows.to_string().as_bytes(), &self.spec(), &Zone::default()).unwrap()
    }

    fn response(&self, section: &Json) -> Response {
        let mut reader = ResponseReader::new(vec![self.spec()], Zone::default());
        let mut body = Map::new();
        body.insert(self.store.name().to_owned(), section.clone());
        reader
            .feed(Json::Object(body).to_string().as_bytes())
            .unwrap();
        reader.finish().unwrap()
    }

    pub fn plan(&self, section: Json) -> StorePlan {
        self.store.plan(self.response(&section).sections.remove(0))
    }

    pub fn checked<T>(&mut self, result: T) -> T {
        if let Err(what) = self.store.check() {
            panic!("invariant: {what}");
        }
        result
    }

    pub fn load(&mut self, rows: Json) -> Loaded {
        self.load_keeping(rows, true)
    }

    pub fn load_keeping(&mut self, rows: Json, keep: bool) -> Loaded {
        let rows = self.rows(&rows);
        let loaded = self.store.load(rows, keep, &mut self.rng, &mut self.out);
        self.checked(loaded)
    }

    pub fn id(&self, id: &str) -> RowId {
        self.store
            .find(IdRef::Text(id))
            .unwrap_or_else(|| panic!("no record {id}"))
    }

    pub fn has(&self, id: &str) -> bool {
        self.store.find(IdRef::Text(id)).is_some()
    }

    pub fn try_set(&mut self, id: RowId, field: &str, value: Json) -> Result<bool, SyncError> {
        let field = self.store.ensure_field(field).unwrap();
        let text = value.to_string();
        let value = match &value {
            Json::Null => Value::Null,
            Json::Bool(bool) => Value::Bool(*bool),
            Json::Number(number) => Value::Number(number.as_f64().unwrap()),
            Json::String(text) => Value::Text(text),
            _ => Value::Json(&text),
        };
        let changed = self.store.set(id, field, value, &mut self.out);
        self.checked(changed)
    }

    pub fn set(&mut self, id: &str, field: &str, value: Json) -> bool {
        let id = self.id(id);
        self.try_set(id, field, value).unwrap()
    }

    pub fn try_add(&mut self, rows: Json, place: Place) -> Result<Vec<RowId>, SyncError> {
        let rows = self.rows(&rows);
        let added = self.store.add(&rows, place, &mut self.rng, &mut self.out);
        self.checked(added)
    }

    /// Adds one record; gives its id.
    pub fn add(&mut self, row: Json) -> String {
        let added = self.try_add(json!([row]), Place::End).unwrap();
        self.store.key(added[0]).unwrap().into_owned()
    }

    pub fn remove(&mut self, ids: &[&str]) -> usize {
        let ids: Vec<RowId> = ids.iter().map(|id| self.id(id)).collect();
        let gone = self.store.remove(&ids, &mut self.out).unwrap();
        self.checked(gone.len())
    }

    pub fn move_to(&mut self, ids: &[&str], to: u32) {
        let ids: Vec<RowId> = ids.iter().map(|id| self.id(id)).collect();
        self.store.move_rows(&ids, to, &mut self.out).unwrap();
        self.checked(());
    }

    pub fn reject(&mut self) {
        self.store.reject_all(&mut self.out);
        self.checked(());
    }

    pub fn accept(&mut self) {
        self.store.accept_all(&mut self.out);
        self.checked(());
    }

    /// Freezes; gives what goes out.
    pub fn send(&mut self) -> Json {
        self.store.freeze(&mut self.out);
        self.checked(());
        self.package(Layer::Inflight)
    }

    pub fn package(&self, layer: Layer) -> Json {
        self.package_with(layer, &PackageOptions::default())
    }

    pub fn package_with(&self, layer: Layer, options: &PackageOptions) -> Json {
        let mut bytes = Vec::new();
        if self.store.write_package(layer, options, &[], &mut bytes) {
            serde_json::from_slice(&bytes).unwrap()
        } else {
            assert!(bytes.is_empty());
            Json::Null
        }
    }

    /// What the next package would be, on top of what is on the wire.
    pub fn changes(&self) -> Json {
        self.package(Layer::Unconfirmed)
    }

    pub fn answer(&mut self, section: Json) -> Applied {
        self.answer_with(section, &ApplyOptions::default())
    }

    pub fn answer_with(&mut self, section: Json, options: &ApplyOptions) -> Applied {
        let plan = self.plan(section);
        let applied = self
            .store
            .apply(plan, options, &mut self.rng, &mut self.out);
        self.store.forget(&applied.removed, &mut self.out);
        self.checked(applied)
    }

    pub fn remote(&mut self, section: Json) -> Applied {
        let plan = self.plan(section);
        let applied = self
            .store
            .apply_changeset(plan, &mut self.rng, &mut self.out);
        self.store.forget(&applied.removed, &mut self.out);
        self.checked(applied)
    }

    pub fn thaw(&mut self) {
        self.store.thaw(None, &mut self.out);
        self.checked(());
    }

    /// A field as it is seen.
    pub fn get(&self, id: &str, field: &str) -> Json {
        let row = self.id(id).row;
        let table = self.store.table();
        let Some(ix) = table.schema().find(field) else {
            return Json::Null;
        };
        let mut bytes = Vec::new();
        write::value(table.value(table.cell(row, ix)), &mut bytes);
        serde_json::from_slice(&bytes).unwrap()
    }

    /// All visible records, in order, without fields that are null.
    pub fn seen(&self) -> Vec<Json> {
        let table = self.store.table();
        let mut seen = Vec::new();
        for &row in table.order() {
            let mut object = Map::new();
            for (at, field) in table.schema().fields().iter().enumerate() {
                let cell = table.cell(row, syncline::engine::schema::FieldIx(at as u16));
                if matches!(cell.kind(), CellKind::Absent | CellKind::Null) {
                    continue;
                }
                let mut bytes = Vec::new();
                write::value(table.value(cell), &mut bytes);
                object.insert(field.name.clone(), serde_json::from_slice(&bytes).unwrap());
            }
            seen.push(Json::Object(object));
        }
        seen
    }

    /// The ids of all visible records, in order.
    pub fn ids(&self) -> Vec<String> {
        self.seen()
            .iter()
            .map(|row| match &row["id"] {
                Json::String(text) => text.clone(),
                id => id.to_string(),
            })
            .collect()
    }

    pub fn notices(&mut self) -> Vec<Notice> {
        self.out.take()
    }
}

pub fn code<T>(result: Result<T, SyncError>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

/// Why a server refuses.
pub fn refused() -> syncline::engine::error::SyncError {
    let code = syncline::engine::error::ErrorCode::Refused;
    syncline::engine::error::SyncError::new(code, "no")
}
