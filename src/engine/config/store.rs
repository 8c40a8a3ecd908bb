//! Options of a store.

use super::{DifferencesConfig, Options, Reader};
use crate::engine::conflict::Strategy;
use crate::engine::json::dom::Value;
use crate::prelude::*;

/// A store as the host describes it (JSON, camelCase).
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Its name, also its section on the wire.
    pub id: String,
    /// Declared fields.
    pub fields: Vec<FieldConfig>,
    /// The name of the field that holds the id.
    pub id_field: String,
    /// Names of the fields that span a record's time.
    pub interval: Option<(String, String)>,
    /// The name of the field that refers to the parent; makes the store a tree.
    pub parent_field: Option<String>,
    /// Fields that refer to records of other stores.
    pub relations: Vec<Relation>,
    /// Whether an update carries all persistable fields.
    pub write_all_fields: Option<bool>,
    /// The wire name of a phantom's client id; the manager's when not given.
    pub phantom_id_field: Option<String>,
    /// Names of the fields by which a record is known when its id isn't: whether an addition of
    /// unknown outcome has reached the server is told by them.
    pub natural_key: Vec<String>,
    /// How conflicts are decided; the manager's way when not given.
    pub conflict_resolution: Option<Strategy>,
    /// The name of the date field with the moment of the server's last change, for the newer of two
    /// values.
    pub modified_field: Option<String>,
    /// Whether edits that wait survive a load (default), or go with the old data.
    pub keep_uncommitted_changes: bool,
    /// A loaded data set is taken over by what is different in it: records stay, and each
    /// difference is told.
    pub sync_data_on_load: Option<DifferencesConfig>,
    /// Added rows carry all persistable fields, also those without a value.
    pub write_unset_fields: bool,
    /// Whether loaded rows may lack an id (default); else such data is refused.
    pub allow_no_id: bool,
    /// Whether loaded ids that a client made up are warned about (default).
    pub verify_no_generated_ids: bool,
}

/// One declared field.
#[derive(Clone, Debug, Default)]
pub struct FieldConfig {
    /// Its name for the app.
    pub name: String,
    /// Its wire name; dots make nested objects. The name when not given.
    pub data_source: Option<String>,
    /// Its name in what is sent; the wire name when not given.
    pub write_source: Option<String>,
    /// `string`, `number`, `integer` (`int`), `boolean` (`bool`), `date`, `object`, `array`; else
    /// whatever comes.
    pub kind: Option<String>,
    /// How dates are written.
    pub format: Option<String>,
    /// What a record that doesn't say gets.
    pub default_value: Option<Value>,
    /// Whether changes are sent (default).
    pub persist: Option<bool>,
    /// Whether it goes along with every update.
    pub always_write: Option<bool>,
}

/// A field that holds the id of another store's record.
#[derive(Clone, Debug)]
pub struct Relation {
    /// Which field.
    pub field: String,
    /// The store that it refers to.
    pub store: String,
    /// What becomes of the referring record when the other goes.
    pub on_remove: OnRemove,
    /// Whether removals made by a cascade are sent too; else the server is trusted to do the same.
    pub send_cascade: bool,
}

/// What becomes of a record whose reference goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRemove {
    /// It goes too.
    #[default]
    Cascade,
    /// Its reference becomes `null`.
    SetNull,
    /// Nothing.
    None,
}

impl Options for StoreConfig {
    fn read(from: &mut Reader) -> Self {
        let mut config = Self {
            id: from.required("id"),
            fields: Vec::new(),
            id_field: "id".to_owned(),
            interval: None,
            parent_field: None,
            relations: Vec::new(),
            write_all_fields: None,
            phantom_id_field: None,
            natural_key: Vec::new(),
            keep_uncommitted_changes: true,
            conflict_resolution: None,
            modified_field: None,
            sync_data_on_load: None,
            write_unset_fields: false,
            allow_no_id: true,
            verify_no_generated_ids: true,
        };
        from.list("fields", &mut |from| {
            config.fields.push(FieldConfig::read(from));
        });
        from.text("idField", &mut config.id_field);
        if let Some(names) = from.texts("interval") {
            match <[String; 2]>::try_from(names) {
                Ok([start, end]) => config.interval = Some((start, end)),
                Err(_) => from.refuse("interval", "a list of two texts"),
            }
        }
        from.maybe_text("parentField", &mut config.parent_field);
        from.list("relations", &mut |from| {
            config.relations.push(Relation::read(from));
        });
        from.maybe_bool("writeAllFields", &mut config.write_all_fields);
        from.maybe_text("phantomIdField", &mut config.phantom_id_field);
        if let Some(names) = from.texts("naturalKey") {
            config.natural_key = names;
        }
        config.conflict_resolution = strategy(from);
        from.maybe_text("modifiedField", &mut config.modified_field);
        let keep = &mut config.keep_uncommitted_changes;
        from.bool("keepUncommittedChanges", keep);
        config.sync_data_on_load = DifferencesConfig::read(from);
        from.bool("writeUnsetFields", &mut config.write_unset_fields);
        from.bool("allowNoId", &mut config.allow_no_id);
        from.bool("verifyNoGeneratedIds", &mut config.verify_no_generated_ids);
        config
    }
}

/// How conflicts are decided, where that is told.
pub(super) fn strategy(from: &mut Reader) -> Option<Strategy> {
    let mut name = None;
    from.maybe_text("conflictResolution", &mut name);
    let strategy = Strategy::named(name.as_deref()?);
    if strategy.is_none() {
        from.refuse(
            "conflictResolution",
            "one of server-wins, client-wins, merge, manual",
        );
    }
    strategy
}

impl FieldConfig {
    fn read(from: &mut Reader) -> Self {
        let mut field = Self {
            name: from.required("name"),
            default_value: from.value("defaultValue"),
            ..Self::default()
        };
        from.maybe_text("dataSource", &mut field.data_source);
        from.maybe_text("writeSource", &mut field.write_source);
        from.maybe_text("type", &mut field.kind);
        from.maybe_text("format", &mut field.format);
        from.maybe_bool("persist", &mut field.persist);
        from.maybe_bool("alwaysWrite", &mut field.always_write);
        field
    }
}

impl Relation {
    fn read(from: &mut Reader) -> Self {
        let mut relation = Self {
            field: from.required("field"),
            store: from.required("store"),
            on_remove: OnRemove::default(),
            send_cascade: false,
        };
        let mut on_remove = "cascade".to_owned();
        from.text("onRemove", &mut on_remove);
        match on_remove.as_str() {
            "cascade" => {}
            "setNull" => relation.on_remove = OnRemove::SetNull,
            "none" => relation.on_remove = OnRemove::None,
            _ => from.refuse("onRemove", "one of cascade, setNull, none"),
        }
        from.bool("sendCascade", &mut relation.send_cascade);
        relation
    }
}
