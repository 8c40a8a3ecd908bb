//! A store's fields, from its options.

use crate::engine::config::{FieldConfig, StoreConfig};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::dom;
use crate::engine::schema::{Field, FieldIx, FieldKind, Schema};
use crate::engine::value::Value;
use crate::prelude::*;

pub(super) fn invalid_config(message: impl Into<String>) -> SyncError {
    SyncError::new(ErrorCode::InvalidConfig, message)
}

/// The fields that the options declare, and those that they name.
pub(super) fn schema(config: &StoreConfig) -> Result<Schema, SyncError> {
    let name = &config.id_field;
    let declared = config.fields.iter().find(|field| &field.name == name);
    let mut id = match declared {
        Some(field) => read_field(config, field)?,
        None => Field::new(name, FieldKind::Auto),
    };
    // Ids keep the form in which they came.
    id.kind = FieldKind::Auto;
    let mut schema = Schema::new(id);
    for (at, field) in config.fields.iter().enumerate() {
        if config.fields[..at]
            .iter()
            .any(|other| other.name == field.name)
        {
            return Err(invalid_config(format!(
                "{}: field {} twice",
                config.id, field.name
            )));
        }
        if &field.name != name {
            add_field(config, &mut schema, read_field(config, field)?)?;
        }
    }
    let mut ensure = |name: &String| match schema.find(name) {
        Some(ix) => Ok(ix),
        None => add_field(config, &mut schema, Field::new(name, FieldKind::Auto)),
    };
    let parent = config.parent_field.as_ref().map(&mut ensure).transpose()?;
    for relation in &config.relations {
        ensure(&relation.field)?;
    }
    let interval = match &config.interval {
        Some((start, end)) => Some((ensure(start)?, ensure(end)?)),
        None => None,
    };
    if parent == Some(schema.id) {
        return Err(invalid_config(format!(
            "{}: the id can't be the parent too",
            config.id
        )));
    }
    schema.parent = parent;
    schema.interval = interval;
    Ok(schema)
}

fn add_field(
    config: &StoreConfig,
    schema: &mut Schema,
    field: Field,
) -> Result<FieldIx, SyncError> {
    if let Some(other) = schema.fields().iter().find(|it| it.path == field.path)
        && other.name != field.name
    {
        let names = [&other.name, " and ", &field.name].concat();
        let message = [&config.id, ": ", &names, " have one dataSource"].concat();
        return Err(invalid_config(message));
    }
    schema
        .ensure(field)
        .ok_or_else(|| invalid_config(format!("{}: too many fields", config.id)))
}

fn read_field(config: &StoreConfig, given: &FieldConfig) -> Result<Field, SyncError> {
    if given.name.is_empty() {
        return Err(invalid_config(format!(
            "{}: a field without a name",
            config.id
        )));
    }
    let kind = FieldKind::parse_config(given.kind.as_deref(), given.format.as_deref())
        .map_err(|error| invalid_config(format!("{}, field {}: {error}", config.id, given.name)))?;
    let mut field = Field::new(&given.name, kind);
    field.path = path(config, given, "dataSource", &given.data_source)?.unwrap_or(field.path);
    field.write_path = path(config, given, "writeSource", &given.write_source)?;
    field.default = given
        .default_value
        .as_ref()
        .map(|value| value.to_json().into());
    field.persist = given.persist.unwrap_or(true);
    field.always_write = given.always_write.unwrap_or(false);
    Ok(field)
}

/// The parts of a wire name, if one is given.
fn path(
    config: &StoreConfig,
    given: &FieldConfig,
    option: &str,
    source: &Option<String>,
) -> Result<Option<Vec<String>>, SyncError> {
    let Some(source) = source else {
        return Ok(None);
    };
    let path: Vec<String> = source.split('.').map(str::to_owned).collect();
    if path.iter().any(String::is_empty) {
        let words = [
            &config.id,
            ", field ",
            &given.name,
            ": no ",
            option,
            " is empty, or has empty parts",
        ];
        return Err(invalid_config(words.concat()));
    }
    Ok(Some(path))
}

/// A value that lives in JSON text: plain ones are read, objects and arrays stay text.
pub(super) fn with_json<T>(text: &str, take: impl FnOnce(Value<'_>) -> T) -> T {
    let parsed = dom::Value::parse(text.as_bytes()).unwrap_or_default();
    take(match &parsed {
        dom::Value::Null => Value::Null,
        dom::Value::Bool(bool) => Value::Bool(*bool),
        dom::Value::Text(text) => Value::Text(text),
        dom::Value::List(_) | dom::Value::Object(_) => Value::Json(text),
        number => number.as_number().map_or(Value::Null, Value::Number),
    })
}
