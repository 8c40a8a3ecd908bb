//! Options of a store.

use serde::Deserialize;

/// A store as the host describes it (JSON, camelCase).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoreConfig {
    /// Its name, also its section on the wire.
    pub id: String,
    /// Declared fields.
    #[serde(default)]
    pub fields: Vec<FieldConfig>,
    /// The name of the field that holds the id.
    #[serde(default = "id_field")]
    pub id_field: String,
    /// Names of the fields that span a record's time.
    #[serde(default)]
    pub interval: Option<(String, String)>,
    /// The name of the field that refers to the parent; makes the store a tree.
    #[serde(default)]
    pub parent_field: Option<String>,
    /// Fields that refer to records of other stores.
    #[serde(default)]
    pub relations: Vec<Relation>,
    /// Whether an update carries all persistable fields.
    #[serde(default)]
    pub write_all_fields: Option<bool>,
    /// The wire name of a phantom's client id; the manager's when not given.
    #[serde(default)]
    pub phantom_id_field: Option<String>,
    /// Whether edits that wait survive a load (default), or go with the old data.
    #[serde(default = "yes")]
    pub keep_uncommitted_changes: bool,
}

/// One declared field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldConfig {
    /// Its name for the app.
    pub name: String,
    /// Its wire name; dots make nested objects. The name when not given.
    #[serde(default)]
    pub data_source: Option<String>,
    /// `string`, `number`, `integer` (`int`), `boolean` (`bool`), `date`, `object`, `array`; else whatever comes.
    #[serde(default, rename = "type")]
    pub kind: Option<String>,
    /// How dates are written.
    #[serde(default)]
    pub format: Option<String>,
    /// What a record that doesn't say gets.
    #[serde(default)]
    pub default_value: Option<serde_json::Value>,
    /// Whether changes are sent (default).
    #[serde(default)]
    pub persist: Option<bool>,
    /// Whether it goes along with every update.
    #[serde(default)]
    pub always_write: Option<bool>,
}

/// A field that holds the id of another store's record.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// Which field.
    pub field: String,
    /// The store that it refers to.
    pub store: String,
    /// What becomes of the referring record when the other goes.
    #[serde(default)]
    pub on_remove: OnRemove,
    /// Whether removals made by a cascade are sent too; else the server is trusted to do the same.
    #[serde(default)]
    pub send_cascade: bool,
}

/// What becomes of a record whose reference goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum OnRemove {
    /// It goes too.
    #[default]
    Cascade,
    /// Its reference becomes `null`.
    SetNull,
    /// Nothing.
    None,
}

fn id_field() -> String {
    "id".into()
}

fn yes() -> bool {
    true
}
