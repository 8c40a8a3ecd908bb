//! Fields: their names here and on the wire, their types, defaults and formats.

use crate::prelude::*;

pub mod date;
pub(crate) mod kind;
pub mod zone;

pub use date::DateFormat;
pub use zone::Zone;

/// A field's place in its store's [`Schema`], and its column's place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldIx(pub u16);

impl FieldIx {
    /// As an index into columns.
    pub const fn ix(self) -> usize {
        self.0 as usize
    }
}

/// Most fields a store can have, declared and met in data together. More than any table of a server
/// has; keeps a hostile answer with a new key in every row from making a column for each.
pub const FIELDS_MAX: usize = 1024;

/// What a field holds, and how text from the wire is read into it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum FieldKind {
    /// Whatever comes.
    #[default]
    Auto,
    /// Text; numbers and booleans are written out.
    Text,
    /// A number; text that holds one is read.
    Number,
    /// A whole number; fractions are rounded.
    Integer,
    /// `true`/`false`; `0`, `1`, `"0"`, `"1"`, `"true"`, `"false"` are read as such.
    Boolean,
    /// An instant or a plain date, kept as ms since the epoch and written in its format.
    Date(DateFormat),
    /// A JSON object.
    Object,
    /// A JSON array.
    Array,
}

/// One field of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name for the app.
    pub name: String,
    /// Its path on the wire: one key, or several for a dotted `dataSource` (nested objects).
    pub path: Vec<String>,
    /// The same for what is sent, where that is another one.
    pub write_path: Option<Vec<String>>,
    /// What it holds.
    pub kind: FieldKind,
    /// What a record that doesn't say gets, as JSON text.
    pub default: Option<Box<str>>,
    /// Whether changes are sent.
    pub persist: bool,
    /// Whether it goes along with every update.
    pub always_write: bool,
    /// Declared by the app, as opposed to met in data.
    pub declared: bool,
}

impl Field {
    /// A plain field that is named alike here and on the wire.
    #[inline]
    pub fn new(name: impl Into<String>, kind: FieldKind) -> Self {
        let name = name.into();
        Self {
            path: vec![name.clone()],
            write_path: None,
            name,
            kind,
            default: None,
            persist: true,
            always_write: false,
            declared: true,
        }
    }

    /// Its path in what is sent.
    pub fn sent_path(&self) -> &[String] {
        self.write_path.as_ref().unwrap_or(&self.path)
    }
}

/// The fields of a store. Fields are only ever added, so that a [`FieldIx`] stays true.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    fields: Vec<Field>,
    /// The field that holds the id; always the first.
    pub id: FieldIx,
    /// Fields that span a record's time, where it has any.
    pub interval: Option<(FieldIx, FieldIx)>,
    /// The field that refers to the parent, for trees.
    pub parent: Option<FieldIx>,
}

impl Schema {
    /// A schema whose first field is the id.
    #[inline]
    pub fn new(id: Field) -> Self {
        let mut schema = Self {
            fields: Vec::new(),
            id: FieldIx(0),
            interval: None,
            parent: None,
        };
        schema.fields.push(id);
        schema
    }

    /// Adds a field, or gives the one that has the name already. `None` when [`FIELDS_MAX`] is
    /// reached.
    #[inline]
    pub fn ensure(&mut self, field: Field) -> Option<FieldIx> {
        if let Some(ix) = self.find(&field.name) {
            return Some(ix);
        }
        if self.fields.len() >= FIELDS_MAX {
            return None;
        }
        let ix = FieldIx(u16::try_from(self.fields.len()).ok()?);
        self.fields.push(field);
        Some(ix)
    }

    /// The field of that name.
    #[inline]
    pub fn find(&self, name: &str) -> Option<FieldIx> {
        let mut fields = self.fields.iter();
        let at = fields.position(|field| field.name == name)?;
        Some(FieldIx(at as u16))
    }

    /// A field by its place.
    pub fn field(&self, ix: FieldIx) -> Option<&Field> {
        self.fields.get(ix.ix())
    }

    /// All fields, in the order of their places.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Never true: the id is always there.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}
