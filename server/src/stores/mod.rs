//! The registry: which stores there are, as data. The schema, the validation, the order of a sync
//! and the cascades are all read from it; a new store is a new entry here and nothing else.

pub(crate) mod calendar;
pub(crate) mod date;
pub(crate) mod taskboard;
pub(crate) mod value;

/// A set of stores that are loaded and synced together.
#[derive(Debug)]
pub(crate) struct Project {
    /// The segment of the URL: `/api/<name>/load`.
    pub(crate) name: &'static str,
    /// Parents before those who refer to them.
    pub(crate) stores: &'static [&'static Store],
}

/// One store: a named set of records in one table.
#[derive(Debug)]
pub(crate) struct Store {
    /// The name of the section on the wire.
    pub(crate) name: &'static str,
    pub(crate) table: &'static str,
    /// What one record is called in messages.
    pub(crate) noun: &'static str,
    pub(crate) id: IdKind,
    pub(crate) fields: &'static [Field],
    pub(crate) rules: &'static [Rule],
}

/// Who gives the ids of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IdKind {
    /// The database counts, and never uses a number twice.
    Integer,
    /// The client may choose a text; else the server makes one up.
    Text,
}

/// One field of a store.
#[derive(Debug)]
pub(crate) struct Field {
    /// The name on the wire and of the column.
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// What an added record gets that doesn't name the field.
    pub(crate) default: Default,
    pub(crate) reference: Option<Reference>,
}

/// The type of a field with its limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    /// At most so many characters.
    Text(usize),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A whole number within the limits.
    Integer(i64, i64),
    /// A number within the limits.
    Real(f64, f64),
    Boolean,
    /// `YYYY-MM-DD`.
    Date,
    /// An ISO date and time, with an offset or as wall-clock time.
    DateTime,
    /// Any JSON value of at most so many bytes as text.
    Json(usize),
}

/// The value of a field that an added record doesn't name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Default {
    Null,
    Text(&'static str),
    Integer(i64),
    Real(f64),
    Boolean(bool),
}

/// A field that holds the id of a record, in the same or another store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reference {
    /// The table of the record referred to.
    pub(crate) table: &'static str,
    pub(crate) on_remove: OnRemove,
}

/// What becomes of a record when the one that it refers to is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRemove {
    /// It is removed too.
    Cascade,
    /// The reference is emptied.
    SetNull,
    /// It stands in the way: the removal is refused.
    Restrict,
}

/// What a record has to obey beyond the types of its fields.
#[derive(Debug)]
pub(crate) enum Rule {
    /// The second date must not be before the first.
    NotBefore {
        start: &'static str,
        end: &'static str,
    },
    /// While the boolean field is set, nothing but that field may change.
    Locked { field: &'static str },
    /// No two records have the same values in these fields; records with a null never clash.
    Unique {
        fields: &'static [&'static str],
        message: &'static str,
    },
    /// The records form a tree by this field: none is its own ancestor.
    Tree { parent: &'static str },
}

/// The projects; the first one serves `/api/load` and `/api/sync` when nothing speaks for another.
pub(crate) static PROJECTS: [&Project; 2] = [&calendar::PROJECT, &taskboard::PROJECT];

/// Every store once, parents before those who refer to them.
pub(crate) fn all_stores() -> impl Iterator<Item = &'static Store> {
    let [first, second] = PROJECTS;
    let shared = |table: &str| first.stores.iter().any(|store| store.table == table);
    let rest = second
        .stores
        .iter()
        .filter(move |store| !shared(store.table));
    first.stores.iter().chain(rest).copied()
}

/// The store that lives in a table of the registry.
pub(crate) fn store_of(table: &str) -> Option<&'static Store> {
    all_stores().find(|store| store.table == table)
}

impl Project {
    pub(crate) fn store(&self, name: &str) -> Option<&'static Store> {
        self.stores.iter().find(|store| store.name == name).copied()
    }
}

impl Store {
    pub(crate) fn field(&self, name: &str) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What one record is called, with its article.
    pub(crate) fn a_noun(&self) -> String {
        let article = if self.noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {}", self.noun)
    }

    /// The field by which the records form a tree.
    pub(crate) fn parent_field(&self) -> Option<&'static str> {
        self.rules.iter().find_map(|rule| match rule {
            Rule::Tree { parent } => Some(*parent),
            _ => None,
        })
    }
}

impl Field {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            default: Default::Null,
            reference: None,
        }
    }

    pub(crate) const fn text(name: &'static str, max_chars: usize) -> Self {
        Self::new(name, Kind::Text(max_chars))
    }

    pub(crate) const fn integer(name: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, Kind::Integer(min, max))
    }

    pub(crate) const fn real(name: &'static str, min: f64, max: f64) -> Self {
        Self::new(name, Kind::Real(min, max))
    }

    pub(crate) const fn boolean(name: &'static str, default: bool) -> Self {
        let mut field = Self::new(name, Kind::Boolean);
        field.default = Default::Boolean(default);
        field
    }

    pub(crate) const fn choice(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(name, Kind::Choice(values))
    }

    pub(crate) const fn date(name: &'static str) -> Self {
        Self::new(name, Kind::Date)
    }

    pub(crate) const fn date_time(name: &'static str) -> Self {
        Self::new(name, Kind::DateTime)
    }

    pub(crate) const fn json(name: &'static str, max_bytes: usize) -> Self {
        Self::new(name, Kind::Json(max_bytes))
    }

    /// A reference to a store with whole numbers as ids.
    pub(crate) const fn to(name: &'static str, table: &'static str, then: OnRemove) -> Self {
        let mut field = Self::new(name, Kind::Integer(1, i64::MAX));
        field.reference = Some(Reference {
            table,
            on_remove: then,
        });
        field
    }

    /// A reference to a store with texts as ids.
    pub(crate) const fn to_text(name: &'static str, table: &'static str, then: OnRemove) -> Self {
        let mut field = Self::new(name, Kind::Text(MAX_TEXT_ID_CHARS));
        field.reference = Some(Reference {
            table,
            on_remove: then,
        });
        field
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }
}

/// The longest id of a store with text ids, in characters.
pub(crate) const MAX_TEXT_ID_CHARS: usize = 50;

/// Room for colours, class names and the like, in characters.
pub(crate) const MAX_STYLE_CHARS: usize = 255;

/// Room for free text, in characters.
pub(crate) const MAX_PROSE_CHARS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_comes_after_the_stores_that_it_refers_to() {
        let mut known: Vec<&str> = Vec::new();
        for store in all_stores() {
            known.push(store.table);
            for field in store.fields {
                let Some(reference) = field.reference else {
                    continue;
                };
                assert!(
                    known.contains(&reference.table),
                    "{}.{}",
                    store.table,
                    field.name
                );
            }
        }
        assert_eq!(known.len(), 10);
    }

    #[test]
    fn rules_name_fields_that_exist_and_required_fields_are_never_emptied_by_a_removal() {
        for store in all_stores() {
            for rule in store.rules {
                let names: Vec<&str> = match rule {
                    Rule::NotBefore { start, end } => vec![start, end],
                    Rule::Locked { field } | Rule::Tree { parent: field } => vec![field],
                    Rule::Unique { fields, .. } => fields.to_vec(),
                };
                for name in names {
                    assert!(store.field(name).is_some(), "{}.{name}", store.table);
                }
            }
            for field in store.fields {
                let empties = field
                    .reference
                    .is_some_and(|r| r.on_remove == OnRemove::SetNull);
                assert!(
                    !(empties && field.required),
                    "{}.{}",
                    store.table,
                    field.name
                );
            }
        }
    }
}
