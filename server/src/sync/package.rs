//! The package of a sync: from JSON into lists of changes per store, in the order of references.

use std::collections::HashSet;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use syncline::protocol::{ErrorCode, MAX_SAFE_INTEGER, PHANTOM_ID, RequestId, Row, is_id_text};

use crate::failure::Failure;
use crate::load::{choose, request_id};
use crate::stores::{Project, Store};

/// The members of a package that are no sections of stores.
const ENVELOPE: [&str; 4] = ["type", "requestId", "revision", "clientId"];

/// A package as the transaction works on it.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) project: &'static Project,
    pub(crate) request_id: Option<RequestId>,
    /// Empty when the client doesn't name itself.
    pub(crate) client: String,
    /// The revision that the client has seen.
    pub(crate) revision: Option<i64>,
    /// Sections with changes, parents before those who refer to them.
    pub(crate) sections: Vec<Section>,
    /// Tells a repeated package from another one with the same request id.
    pub(crate) hash: String,
}

/// The changes of one store.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) store: &'static Store,
    pub(crate) added: Vec<Row>,
    /// Each has an `id`.
    pub(crate) updated: Vec<Row>,
    /// Ids.
    pub(crate) removed: Vec<Value>,
}

impl Package {
    /// Reads a package. Without a project, the first one that has all stores serves it.
    pub(crate) fn parse(project: Option<&'static Project>, body: Value) -> Result<Self, Failure> {
        let Value::Object(mut body) = body else {
            return Err(bad("The package of a sync must be a JSON object"));
        };
        let hash = hash(&body);
        let request_id = request_id(body.get("requestId"))?;
        if body.get("type").is_some_and(|kind| kind != "sync") {
            return Err(bad("`type` must be \"sync\""));
        }
        let client = client_id(&body)?;
        let revision = revision(&body)?;
        let names: Vec<&str> = body
            .iter()
            .filter_map(|(name, value)| section_name(name, value))
            .collect();
        let project = choose(project, &names)?;
        let mut sections = Vec::new();
        for store in project.stores {
            if let Some(section) = body.remove(store.name) {
                sections.push(Section::parse(store, section)?);
            }
        }
        sections.retain(|section| !section.is_empty());
        Ok(Self {
            project,
            request_id,
            client,
            revision,
            sections,
            hash,
        })
    }

    /// Every text in the package that may be a phantom's id.
    pub(crate) fn phantom_candidates(&self) -> Vec<&str> {
        let mut texts = HashSet::new();
        for section in &self.sections {
            let references = section
                .store
                .fields
                .iter()
                .filter(|f| f.reference.is_some());
            let mut names: Vec<&str> = references.map(|field| field.name).collect();
            names.extend(["id", PHANTOM_ID, syncline::protocol::PHANTOM_PARENT_ID]);
            for row in section.added.iter().chain(&section.updated) {
                texts.extend(names.iter().filter_map(|name| row.get(*name)?.as_str()));
            }
            texts.extend(section.removed.iter().filter_map(Value::as_str));
        }
        texts.into_iter().filter(|text| is_id_text(text)).collect()
    }
}

impl Section {
    fn parse(store: &'static Store, section: Value) -> Result<Self, Failure> {
        let name = store.name;
        let mut parsed = Self {
            store,
            added: Vec::new(),
            updated: Vec::new(),
            removed: Vec::new(),
        };
        let Value::Object(section) = section else {
            return Err(bad(format!("`{name}` must be an object")));
        };
        for (key, value) in section {
            let list = match value {
                Value::Null => continue,
                Value::Array(list) => list,
                _ => return Err(bad(format!("`{name}.{key}` must be a list"))),
            };
            match key.as_str() {
                "added" => parsed.added = rows(list, || format!("{name}.added"))?,
                "updated" | "modified" => {
                    parsed
                        .updated
                        .extend(rows(list, || format!("{name}.{key}"))?);
                }
                "removed" => {
                    for entry in list {
                        parsed.removed.push(removed_id(name, entry)?);
                    }
                }
                _ => {
                    let known = "added, updated and removed";
                    return Err(bad(format!(
                        "`{name}` has {known}, but not `{}`",
                        short(&key)
                    )));
                }
            }
        }
        if parsed
            .updated
            .iter()
            .any(|row| !row.get("id").is_some_and(is_id))
        {
            return Err(bad(format!(
                "Every record in `{name}.updated` needs an `id`"
            )));
        }
        // A record that goes needn't be updated first.
        let gone: HashSet<String> = parsed.removed.iter().map(id_text).collect();
        parsed
            .updated
            .retain(|row| !row.get("id").is_some_and(|id| gone.contains(&id_text(id))));
        Ok(parsed)
    }

    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

/// The name of a member that is, or wants to be, a section. Plain values beside the envelope are
/// the client's own static request data.
fn section_name<'a>(name: &'a str, value: &Value) -> Option<&'a str> {
    let section = value.is_object() || value.is_array();
    (section && !ENVELOPE.contains(&name)).then_some(name)
}

fn client_id(body: &Map<String, Value>) -> Result<String, Failure> {
    match body.get("clientId") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if is_id_text(text) => Ok(text.clone()),
        Some(Value::Number(number)) => Ok(number.to_string()),
        Some(_) => Err(bad("`clientId` must be a short text or a number")),
    }
}

fn revision(body: &Map<String, Value>) -> Result<Option<i64>, Failure> {
    let number = match body.get("revision") {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_u64(),
    };
    match number
        .filter(|number| *number <= MAX_SAFE_INTEGER)
        .map(i64::try_from)
    {
        Some(Ok(revision)) => Ok(Some(revision)),
        _ => Err(bad("`revision` must be a whole number from 0 to 2^53 - 1")),
    }
}

fn rows(list: Vec<Value>, place: impl Fn() -> String) -> Result<Vec<Row>, Failure> {
    let rows = list
        .into_iter()
        .enumerate()
        .map(|(index, value)| match value {
            Value::Object(row) => Ok(row),
            _ => Err(bad(format!("`{}[{index}]` must be an object", place()))),
        });
    rows.collect()
}

fn removed_id(store: &str, entry: Value) -> Result<Value, Failure> {
    let id = match entry {
        Value::Object(mut row) => row.remove("id").unwrap_or_default(),
        plain => plain,
    };
    if is_id(&id) {
        Ok(id)
    } else {
        Err(bad(format!(
            "Every entry in `{store}.removed` needs an `id`"
        )))
    }
}

fn is_id(value: &Value) -> bool {
    value.is_number() || value.as_str().is_some_and(|text| !text.is_empty())
}

fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

fn bad(message: impl Into<String>) -> Failure {
    Failure::new(ErrorCode::BadRequest, message)
}

/// A name from outside, cut to a length that fits a message.
fn short(name: &str) -> String {
    name.chars().take(100).collect()
}

/// Of the sections alone: the same changes may come once by HTTP and once over the channel, in
/// another envelope. Independent of blanks and of the order of members, since it is parsed already.
fn hash(body: &Map<String, Value>) -> String {
    let mut digest = Sha256::new();
    for (name, section) in body {
        if section_name(name, section).is_some() {
            digest.update(name);
            digest.update(section.to_string());
        }
    }
    let digest = digest.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
