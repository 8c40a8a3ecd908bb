//! What an empty database is filled with: a team of seven, their task board and their week.

mod calendar;
mod taskboard;

use serde_json::{Value, json};
use sqlx::SqliteConnection;

use crate::db::rows;
use crate::stores::calendar::PEOPLE;
use crate::stores::value::Id;
use crate::stores::{IdKind, Store, date};

/// The revision at which the sample data enters the database.
const FIRST_REVISION: i64 = 1;

/// Inserts the sample data of all stores.
pub(crate) async fn insert(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    // SQLite knows the machine's time zone, the standard library doesn't.
    let today: String = sqlx::query_scalar("SELECT date('now', 'localtime')")
        .fetch_one(&mut *connection)
        .await?;
    let monday = date::monday_of(date::parse_day(&today).unwrap_or_default());
    calendar::insert_calendars(connection).await?;
    insert_people(connection).await?;
    calendar::insert(connection, monday).await?;
    taskboard::insert(connection, monday).await
}

async fn insert_people(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let people = [
        ("Angelo", "Developer", "#3b82f6"),
        ("Celia", "Designer", "#f43f5e"),
        ("Dave", "Developer", "#06b6d4"),
        ("Emilia", "Manager", "#8b5cf6"),
        ("Gloria", "QA", "#10b981"),
        ("Henrik", "DevOps", "#f59e0b"),
        ("Kate", "Developer", "#ec4899"),
    ];
    for (name, role, color) in people {
        let login = name.to_lowercase();
        let person = json!({
            "name": name,
            "email": format!("{login}@example.com"),
            "image": format!("{login}.png"),
            "role": role,
            "eventColor": color,
            "calendar": calendar::OFFICE_HOURS,
        });
        put(connection, &PEOPLE, person).await?;
    }
    Ok(())
}

/// Inserts one record through the same checks that a client's records pass.
async fn put(
    connection: &mut SqliteConnection,
    store: &Store,
    mut values: Value,
) -> sqlx::Result<Id> {
    let id = match store.id {
        IdKind::Text => Id::from_value(IdKind::Text, &values["id"].take()),
        IdKind::Integer => None,
    };
    let mut row = syncline::protocol::Row::new();
    for field in store.fields {
        let value = match values[field.name].take() {
            Value::Null => field.default_value(),
            value => field.normalise(&value),
        };
        row.insert(
            field.name.to_owned(),
            value.map_err(|e| sqlx::Error::Encode(e.into()))?,
        );
    }
    rows::insert(connection, store, id.as_ref(), &row, FIRST_REVISION).await
}
