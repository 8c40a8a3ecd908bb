//! Records over a table: what the server has, what is on the wire, what the user has typed.
//!
//! The table's columns hold what the app sees. A record that is not as the server has it also has
//! an entry in `changes`: per touched field the three layers, and per layer whether it adds or
//! removes the record.
//!
//! What always holds ([`Store::check`] verifies it):
//! 1. A field is seen as `pending`, else `inflight`, else `base`. A record without an entry is base
//!    alone.
//! 2. A pending value differs from what lies under it; an entry that says nothing isn't kept.
//! 3. A record is in the visible order exactly when its layers say that it exists. Removed ones
//!    stay in the table, hidden and findable by id, until the server has confirmed that they are
//!    gone.
//! 4. Every record has an id, and no two have the same. A phantom's is its client id; one that the
//!    app chose stays here, and the server gets another in its place (`alias`).
//! 5. Only server data writes base, only the user writes pending, and only a sync moves values
//!    between the layers.
//!
//! | file | what |
//! |---|---|
//! | `layers`, `touched` | one field's layers; the fields of a record that have any |
//! | `record_state` | one record's layers |
//! | `changes` | all records with layers, found by row; how many there are |
//! | `edit`, `adding`, `removing`, `moving` | what the user does |
//! | `rollback` | accept and reject |
//! | `holding` | what is kept from packages |
//! | `clashes` | conflicts: found, decided, waiting for the app |
//! | `stakes` | what calls wait for: promises per edit, groups, edits that aren't shown yet |
//! | `taking_back` | edits of a call that was refused go, and nothing else |
//! | `flight` | freeze, thaw, confirm, refuse |
//! | `naming` | whose ids the server's rows say |
//! | `answer`, `applying` | an answer to a sync: plan and apply; remote changesets |
//! | `server` | how server data writes base |
//! | `load`, `differences` | a new data set, as a whole or by its differences |
//! | `natural_key` | phantoms found again by other fields than their ids |
//! | `package`, `portion` | what a sync sends, all or a part of it |
//! | `phantoms` | by which ids servers know phantoms, and which ids those got |
//! | `rebirth` | records that the server removed and the user wants back |
//! | `relations`, `tree` | references between records, and what becomes of them |
//! | `aftermath` | what an operation means for other stores |
//! | `state` | where records stand, for hosts |
//! | `fields` | the schema, from the options |
//! | `keys` | the name of a record that never changes |
//! | `rows` | small tools for rows |
//! | `notices` | what listeners hear; batches |

mod adding;
mod aftermath;
mod answer;
mod applying;
mod changes;
mod check;
mod clashes;
mod differences;
mod edit;
mod fields;
mod flight;
mod holding;
mod keys;
mod layers;
mod load;
mod moving;
mod naming;
mod natural_key;
mod notices;
mod package;
mod phantoms;
mod portion;
mod rebirth;
mod record_state;
mod relations;
mod removing;
mod rollback;
mod rows;
mod server;
mod stakes;
mod state;
mod taking_back;
mod touched;
mod tree;

use crate::prelude::*;
use alloc::sync::Arc;

pub use aftermath::{Aftermath, Id, IdChange};
pub use answer::{Applied, ApplyOptions, NewId, Refused, StorePlan, Unmentioned, Warning};
pub use clashes::{CONFLICTS_MAX, Clash, Conflict};
pub use load::Loaded;
pub use naming::Named;
pub use notices::{FOREIGN_SHIFT, Notices, STALE};
pub use package::{Layer, PackageOptions, Targets};
pub use phantoms::{PHANTOMS_MAX, Which};
pub use portion::Waiting;
pub use record_state::RecordState;
pub use stakes::Fate;

use self::changes::Changes;
use self::fields::{invalid_config, schema};
use self::keys::Keys;
use self::phantoms::Phantoms;
use self::record_state::{Counted, Dirty};
use self::relations::Reference;
use self::rows::Groups;
use self::stakes::Owner;
use super::config::StoreConfig;
use super::conflict::Side;
use super::error::{ErrorCode, SyncError};
use super::input::StoreId;
use super::schema::{Field, FieldIx, FieldKind, Zone};
use super::table::{Difference, IdRef, RowId, RowIx, Table};
use super::value::Cell;

/// Stores share the space of generations, so that a handle tells whose it is: the upper bits name
/// the store.
const STORE_SHIFT: u32 = 24;

/// A named set of records.
#[derive(Clone, Debug)]
pub struct Store {
    id: StoreId,
    config: StoreConfig,
    table: Table,
    changes: Changes,
    references: Vec<Reference>,
    /// Fields whose cascades the server does by itself, so that they are never sent.
    quiet_fields: Vec<FieldIx>,
    keys: Keys,
    /// By field: what `set` has to look out for.
    traits: Vec<u8>,
    /// The visible order before the user first moved or removed something.
    order_before: Option<Vec<RowId>>,
    /// References that the last answer itself wrote, so that the phantom's text is really what the
    /// server has.
    echoed: Vec<u64>,
    /// Records whose removal was taken back too late: the server has removed them, and they get
    /// client ids when the answer is applied.
    reborn: Vec<RowIx>,
    policy: clashes::Policy,
    /// Conflicts that were found or decided, to be told.
    conflicts: Vec<Conflict>,
    next_conflict: u32,
    /// The moment of what happens, in ms.
    now: f64,
    /// The user's edits are taken for the server's.
    untracked: bool,
    /// Whose edits these are, while a call makes them.
    owner: Owner,
    /// The records in which that call has something at stake.
    staked: Vec<RowIx>,
    /// Some removed record may be kept for the case that a call is refused.
    keeps_unsent: bool,
    phantoms: Phantoms,
    /// Phantoms by the hash of the client id that the server gets in place of their own.
    aliases: Groups,
    /// Whether packages carry the ids of added records, so that the server may keep them.
    sends_ids: bool,
    aftermath: Aftermath,
    zone: Arc<Zone>,
    mask: u32,
    batch: u32,
    batch_start: u64,
    version: u64,
    /// Grows with everything but the order of the data that changes the shape of a tree.
    shape: u32,
    /// How many records the server has, as it last said.
    total: Option<f64>,
    /// Room to work in.
    differences: Vec<Difference>,
}

/// A number is kept as it is.
const PLAIN_NUMBER: u8 = 1;
/// The id.
const IS_ID: u8 = 2;
/// The parent of a tree's record.
const IS_PARENT: u8 = 4;
/// Refers to a record (the parent too).
const IS_REFERENCE: u8 = 8;
/// Its changes are sent.
const PERSISTS: u8 = 16;
/// A text is kept as it is.
const PLAIN_TEXT: u8 = 32;
/// Says where records lie in time.
const IS_TIME: u8 = 64;
/// Decides on the shape of a tree.
const SHAPES: u8 = 128;

impl Store {
    /// An empty store. Fails on options that make no sense: no name, a field twice, a kind or
    /// format that isn't known.
    pub fn new(id: StoreId, config: StoreConfig) -> Result<Self, SyncError> {
        if config.id.is_empty() {
            return Err(invalid_config("a store needs an id"));
        }
        if config.phantom_id_field.as_deref() == Some("") {
            return Err(invalid_config("phantomIdField must not be empty"));
        }
        let schema = schema(&config)?;
        let first_generation = (id.0 << STORE_SHIFT) | 1;
        let table = Table::new(schema, first_generation);
        let mut store = Self {
            id,
            table,
            changes: Changes::default(),
            references: Vec::new(),
            quiet_fields: Vec::new(),
            keys: Keys::default(),
            traits: Vec::new(),
            order_before: None,
            echoed: Vec::new(),
            reborn: Vec::new(),
            policy: clashes::Policy::default(),
            conflicts: Vec::new(),
            next_conflict: 0,
            now: 0.0,
            untracked: false,
            owner: Owner::default(),
            staked: Vec::new(),
            keeps_unsent: false,
            phantoms: Phantoms::default(),
            aliases: Groups::default(),
            sends_ids: false,
            aftermath: Aftermath::default(),
            zone: Arc::new(Zone::default()),
            mask: 0,
            batch: 0,
            batch_start: 0,
            version: 0,
            shape: 0,
            total: None,
            differences: Vec::new(),
            config,
        };
        store.learn_references();
        store.learn_traits();
        store.set_strategy(None);
        Ok(store)
    }

    fn learn_references(&mut self) {
        let schema = self.table.schema();
        if let Some(parent) = schema.parent {
            self.references.push(Reference::new(parent, None));
        }
        for relation in &self.config.relations {
            if let Some(field) = schema.find(&relation.field)
                && Some(field) != schema.parent
            {
                self.references
                    .push(Reference::new(field, Some(relation.clone())));
            }
        }
        let quiet = self.references.iter().filter(|reference| {
            let relation = reference.relation.as_ref();
            relation.is_some_and(|relation| !relation.send_cascade)
        });
        self.quiet_fields = quiet.map(|reference| reference.field).collect();
    }

    /// Brings `traits` up to date with the schema, which only ever grows.
    fn learn_traits(&mut self) {
        let schema = self.table.schema();
        for ix in self.traits.len()..schema.len() {
            let ix = FieldIx(ix as u16);
            let Some(field) = schema.field(ix) else { break };
            let mut bits = 0;
            let plain = match &field.kind {
                FieldKind::Auto | FieldKind::Number => true,
                FieldKind::Date(format) => !format.is_plain(),
                _ => false,
            };
            if plain {
                bits |= PLAIN_NUMBER;
            }
            if matches!(field.kind, FieldKind::Auto | FieldKind::Text) {
                bits |= PLAIN_TEXT;
            }
            if schema
                .interval
                .is_some_and(|(start, end)| ix == start || ix == end)
            {
                bits |= IS_TIME;
            }
            if ix == schema.id {
                bits |= IS_ID;
            }
            if schema.parent == Some(ix) {
                bits |= IS_PARENT;
            }
            if self
                .references
                .iter()
                .any(|reference| reference.field == ix)
            {
                bits |= IS_REFERENCE;
            }
            if field.persist {
                bits |= PERSISTS;
            }
            if bits & (IS_ID | IS_PARENT) != 0 || field.name == "expanded" {
                bits |= SHAPES;
            }
            self.traits.push(bits);
        }
    }

    /// The field of that name, made if the schema doesn't know it. Fails when there are too many.
    pub fn ensure_field(&mut self, name: &str) -> Result<FieldIx, SyncError> {
        if let Some(ix) = self.table.schema().find(name) {
            return Ok(ix);
        }
        let mut field = Field::new(name, FieldKind::Auto);
        field.declared = false;
        self.adopt_field(field).ok_or_else(|| {
            SyncError::new(
                ErrorCode::Limit,
                format!("no room for another field: {name}"),
            )
        })
    }

    fn adopt_field(&mut self, field: Field) -> Option<FieldIx> {
        let ix = self.table.ensure_field(field)?;
        self.learn_traits();
        Some(ix)
    }

    /// The zone that text without an offset is in, and that dates are written in.
    pub fn set_zone(&mut self, zone: Arc<Zone>) {
        self.zone = zone;
    }

    /// What happens from here on happens at that moment (ms).
    #[inline]
    pub const fn set_now(&mut self, now: f64) {
        self.now = now;
    }

    /// Whether the user's edits are tracked, to be sent; else they are taken for what the server
    /// has.
    pub const fn track(&mut self, tracked: bool) {
        self.untracked = !tracked;
    }

    /// What other stores have to follow since this was last asked.
    pub fn take_aftermath(&mut self) -> Aftermath {
        core::mem::take(&mut self.aftermath)
    }

    /// Whether [`Store::take_aftermath`] has anything to give.
    pub fn has_aftermath(&self) -> bool {
        !self.aftermath.is_empty()
    }

    /// Gives memory of dead text back, when that is worth it. Cells that were handed out (in
    /// notices) lose their meaning: call it when none wait.
    pub fn tidy(&mut self) {
        let (changes, conflicts) = (&mut self.changes, &mut self.conflicts);
        self.table.compact_if_worth(&mut |visit| {
            changes.cells(visit);
            for clash in conflicts.iter_mut().flat_map(|it| &mut it.fields) {
                [&mut clash.base, &mut clash.mine, &mut clash.theirs]
                    .into_iter()
                    .for_each(&mut *visit);
            }
        });
    }

    // --- what is there ------------------------------------------------------------------------

    /// Which store this is.
    pub const fn id(&self) -> StoreId {
        self.id
    }

    /// Its name, also that of its section on the wire.
    pub fn name(&self) -> &str {
        &self.config.id
    }

    /// Its options.
    pub const fn config(&self) -> &StoreConfig {
        &self.config
    }

    /// What the app sees, and the hidden rows of removed records.
    pub const fn table(&self) -> &Table {
        &self.table
    }

    /// How many records the server has, as its last load answer said; it may be wrong.
    pub const fn total(&self) -> Option<f64> {
        self.total
    }

    /// See [`total`](Self::total).
    pub const fn set_total(&mut self, total: Option<f64>) {
        self.total = total;
    }

    /// Grows with everything that changes what is seen.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Another number than before when the shape of a tree may be another, for the same order of
    /// the data.
    pub const fn shape(&self) -> u32 {
        self.shape
    }

    /// The visible records whose time lies, at least in part, between two instants (ms), by their
    /// start.
    pub fn range(&mut self, start: f64, end: f64) -> &[RowIx] {
        self.table.range(start, end)
    }

    /// The row of a handle, visible or removed.
    pub fn resolve(&self, id: RowId) -> Result<RowIx, SyncError> {
        self.table.resolve(id).ok_or_else(|| self.not_here(id))
    }

    /// The row of a handle to a record that the app can see.
    #[inline]
    pub(in crate::engine) fn visible(&self, id: RowId) -> Result<RowIx, SyncError> {
        self.table.shown(id).ok_or_else(|| self.not_here(id))
    }

    #[cold]
    fn not_here(&self, id: RowId) -> SyncError {
        if (id.generation ^ (self.id.0 << STORE_SHIFT)) >> STORE_SHIFT != 0 {
            SyncError::new(
                ErrorCode::ForeignRecord,
                format!("the record belongs to another store than {}", self.name()),
            )
        } else {
            SyncError::new(
                ErrorCode::UnknownRecord,
                format!(
                    "no such record in {}: it was removed, or loaded anew",
                    self.name()
                ),
            )
        }
    }

    /// The visible record of that id.
    pub fn find(&self, id: IdRef<'_>) -> Option<RowId> {
        let row = self.table.find_id(id)?;
        self.table.is_visible(row).then(|| self.table.handle(row))
    }

    pub(in crate::engine) fn id_of(&self, row: RowIx) -> Option<Id> {
        let cell = self.table.cell(row, self.table.schema().id);
        self.table.id_ref(cell).map(Id::from)
    }

    // --- shared by the parts ------------------------------------------------------------------

    fn traits(&self, field: FieldIx) -> u8 {
        self.traits.get(field.ix()).copied().unwrap_or(0)
    }

    /// Whether two cells of a field are one value: null is absent, and in fields that hold ids
    /// `4037` is `"4037"`.
    #[inline]
    fn equal(&self, field: FieldIx, a: Cell, b: Cell) -> bool {
        equal(&self.table, self.traits(field), a, b)
    }

    /// Writes what is seen, and keeps the indexes true.
    #[inline]
    fn put(&mut self, row: RowIx, field: FieldIx, cell: Cell) {
        let traits = self.traits(field);
        if traits & IS_REFERENCE != 0 {
            let old = self.table.cell(row, field);
            self.reindex(row, field, old, cell);
        }
        self.table.set_cell(row, field, cell);
        self.version += 1;
        self.shape = self.shape.wrapping_add(u32::from(traits & SHAPES != 0));
    }

    /// Brings a record's entry in order: what says nothing goes, tallies follow.
    fn settle(&mut self, row: RowIx) {
        let Some(dirty) = self.changes.get_mut(row) else {
            return;
        };
        dirty.prune();
        if !dirty.stakes.is_empty() {
            self.review(row);
        }
        if self
            .changes
            .get(row)
            .is_some_and(|it| it.conflict.is_some())
        {
            self.review_conflict(row);
        }
        if self.changes.get(row).is_some_and(Dirty::is_clean) {
            self.drop_alias(row);
            self.changes.forget(row);
        } else {
            self.recount(row);
        }
    }

    fn recount(&mut self, row: RowIx) {
        let Some(dirty) = self.changes.get(row) else {
            return;
        };
        let changed = self.is_changed(dirty);
        let sendable = changed && dirty.blocked == 0;
        let counted = Counted {
            changed,
            sendable,
            ready: sendable && !dirty.held,
            sent: dirty.is_sent(),
        };
        self.changes.recount(row, counted);
    }

    /// Whether something of a record waits to be sent.
    fn is_changed(&self, dirty: &Dirty) -> bool {
        dirty.is_sendable(
            &|a, b| self.equal_any(a, b),
            &|touched| self.sends(touched),
            &|cascade| cascade.is_none_or(|field| self.sends_removal(dirty, field)),
        )
    }

    /// Whether a field's change goes into packages.
    fn sends(&self, touched: &layers::Touched) -> bool {
        self.traits(touched.field) & PERSISTS != 0
            && (!touched.cascaded || self.sends_cascade(touched.field))
    }

    fn equal_any(&self, a: Cell, b: Cell) -> bool {
        equal(&self.table, 0, a, b)
    }

    /// Ends a record for good.
    fn free(&mut self, row: RowIx) {
        self.unindex(row);
        self.close_conflict(row, Side::Theirs);
        self.decide(row, &Err(stakes::gone()));
        self.drop_alias(row);
        self.changes.forget(row);
        self.keys.forget(row);
        self.table.free_row(row);
        self.version += 1;
    }
}

/// See [`Store::equal`].
#[inline]
fn equal(table: &Table, traits: u8, a: Cell, b: Cell) -> bool {
    a == b
        || (a.is_nullish() && b.is_nullish())
        || (a.is_span() && table.same_in(a, table, b))
        || (traits & (IS_REFERENCE | IS_ID) != 0 && table.same_id(a, b))
}
