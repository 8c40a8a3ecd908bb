//! Loads: the rows of stores as JSON text. SQLite writes the rows itself, some hundred at a time,
//! so that no row passes through values of this program.

use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};
use syncline::protocol::{ErrorCode, RequestId};

use crate::db::rows::decode_id;
use crate::db::{self, Database, bind_id};
use crate::failure::Failure;
use crate::stores::value::Id;
use crate::stores::{IdKind, Kind, PROJECTS, Project, Store};

/// Rows per query: enough to make the cost per query vanish, few enough to keep its text small.
const PAGE_ROWS: i64 = 500;

/// What a load asks for.
#[derive(Debug)]
pub(crate) struct LoadRequest {
    pub(crate) request_id: Option<RequestId>,
    pub(crate) project: &'static Project,
    pub(crate) stores: Vec<&'static Store>,
}

impl LoadRequest {
    /// Reads a load package. Without a project, the first one that has all stores serves it.
    pub(crate) fn parse(
        project: Option<&'static Project>,
        package: &Value,
    ) -> Result<Self, Failure> {
        let bad = |message: &str| Failure::new(ErrorCode::BadRequest, message);
        let Some(package) = package.as_object() else {
            return Err(bad("The package of a load must be a JSON object"));
        };
        let request_id = request_id(package.get("requestId"))?;
        let mut names: Vec<&str> = Vec::new();
        let all = match package.get("stores") {
            None | Some(Value::Null) => true,
            Some(Value::Array(list)) => {
                for entry in list {
                    let name = entry.as_str().or_else(|| {
                        let name = entry.get("id").or_else(|| entry.get("storeId"))?;
                        name.as_str()
                    });
                    let wrong = "`stores` holds names or objects with the name in `id`";
                    names.push(name.ok_or_else(|| bad(wrong))?);
                }
                false
            }
            Some(_) => return Err(bad("`stores` must be a list")),
        };
        let project = choose(project, &names)?;
        let wanted = |store: &&&Store| all || names.contains(&store.name);
        let stores = project.stores.iter().filter(wanted).copied().collect();
        Ok(Self {
            request_id,
            project,
            stores,
        })
    }

    /// The answer as JSON text, all stores at one revision.
    pub(crate) async fn answer(&self, database: &Database) -> Result<Vec<u8>, Failure> {
        let mut tx = database.read().await?;
        let revision = db::revision(&mut tx).await?;
        let mut text = br#"{"success":true"#.to_vec();
        if let Some(id) = &self.request_id {
            text.extend_from_slice(b",\"requestId\":");
            text.extend_from_slice(serde_json::json!(id).to_string().as_bytes());
        }
        text.extend_from_slice(format!(",\"revision\":{revision},\"idempotent\":true").as_bytes());
        for store in &self.stores {
            text.extend_from_slice(format!(",\"{}\":{{\"rows\":[", store.name).as_bytes());
            let total = write_rows(&mut tx, store, &mut text).await?;
            text.extend_from_slice(format!("],\"total\":{total}}}").as_bytes());
        }
        text.push(b'}');
        Ok(text)
    }
}

/// The request id of a package, when it has one.
pub(crate) fn request_id(value: Option<&Value>) -> Result<Option<RequestId>, Failure> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => match RequestId::from_value(value) {
            Ok(id) => Ok(Some(id)),
            Err(error) => Err(Failure::new(ErrorCode::BadRequestId, error.to_string())),
        },
    }
}

/// The project that has all the named stores.
pub(crate) fn choose(
    project: Option<&'static Project>,
    names: &[&str],
) -> Result<&'static Project, Failure> {
    let candidates: Vec<&'static Project> = project.map_or(PROJECTS.to_vec(), |one| vec![one]);
    let has = |project: &Project, name: &str| project.store(name).is_some();
    let fitting = candidates
        .iter()
        .find(|project| names.iter().all(|name| has(project, name)));
    if let Some(project) = fitting {
        return Ok(project);
    }
    let nowhere = names
        .iter()
        .find(|name| !candidates.iter().any(|project| has(project, name)));
    let message = match nowhere {
        Some(name) => {
            let name: String = name.chars().take(100).collect();
            format!("There is no store `{name}` here")
        }
        None => format!("The stores {} are not of one project", names.join(", ")),
    };
    Err(Failure::new(ErrorCode::UnknownStore, message))
}

/// Appends the store's rows, comma separated; gives their number.
async fn write_rows(
    connection: &mut SqliteConnection,
    store: &Store,
    text: &mut Vec<u8>,
) -> sqlx::Result<i64> {
    let sql = page_sql(store);
    let mut last = match store.id {
        IdKind::Integer => Id::Integer(i64::MIN),
        IdKind::Text => Id::Text(String::new()),
    };
    let mut total = 0;
    loop {
        let query = bind_id(sqlx::query(&sql), &last).bind(PAGE_ROWS);
        let page = query.fetch_one(&mut *connection).await?;
        let count: i64 = page.try_get_unchecked(0)?;
        if count > 0 {
            if total > 0 {
                text.push(b',');
            }
            text.extend_from_slice(page.try_get_unchecked::<&str, _>(1)?.as_bytes());
            last = decode_id(store.id, &page, 2)?;
            total += count;
        }
        if count < PAGE_ROWS {
            return Ok(total);
        }
    }
}

fn page_sql(store: &Store) -> String {
    let pairs: String = store
        .fields
        .iter()
        .map(|field| {
            let name = field.name;
            let value = match field.kind {
                Kind::Boolean => {
                    format!("json(CASE \"{name}\" WHEN 1 THEN 'true' WHEN 0 THEN 'false' END)")
                }
                Kind::Json(_) => format!("json(\"{name}\")"),
                _ => format!("\"{name}\""),
            };
            format!(", '{name}', {value}")
        })
        .collect();
    format!(
        "SELECT count(*), group_concat(j, ','), max(id) FROM
         (SELECT id, json_object('id', id{pairs}) AS j FROM \"{}\"
          WHERE id > ? ORDER BY id LIMIT ?)",
        store.table
    )
}
