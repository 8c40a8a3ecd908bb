//! The change log: what each revision did to each room, written by the sync that made it. From it
//! connected clients hear what is new, and those who were away what they missed.

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::answers::MAX_AGE_S;

/// How many changes are kept per room.
pub(crate) const MAX_CHANGES: i64 = 10_000;

/// How many bytes of changes are kept per room.
pub(crate) const MAX_LOG_BYTES: i64 = 64 * 1024 * 1024;

/// A larger change is kept as a mark only: whoever meets it loads.
pub(crate) const MAX_CHANGE_BYTES: usize = 1024 * 1024;

/// Who missed more than so many bytes loads: that is quicker.
const MAX_MISSED_BYTES: i64 = 8 * 1024 * 1024;

/// Pruning is done at every revision that this divides: it costs more than writing.
pub(crate) const PRUNE_EVERY: i64 = 64;

/// One revision of one room.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) project: String,
    pub(crate) revision: i64,
    /// The room's revision before.
    pub(crate) previous: i64,
    /// Empty when the sender didn't name itself.
    pub(crate) client: String,
    /// The `requestId` as it was sent, or null.
    pub(crate) request: Value,
    /// `{userId, userName}` of the sender, or null.
    pub(crate) user: Value,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    /// The sections as JSON text; `None` when they were too large to keep.
    pub(crate) data: Option<String>,
}

/// What a client missed.
#[derive(Debug)]
pub(crate) enum Missed {
    Changes(Vec<Change>),
    /// The log doesn't tell, for this reason: the client has to load.
    Unknown(&'static str),
}

/// The name of the database.
pub(crate) async fn epoch(connection: &mut SqliteConnection) -> sqlx::Result<String> {
    sqlx::query_scalar("SELECT value FROM options WHERE name = 'epoch'")
        .fetch_one(connection)
        .await
}

/// The revision after which the log knows everything of a room: that of the room's last pruning,
/// or else that at which the log began.
async fn floor(connection: &mut SqliteConnection, project: &str) -> sqlx::Result<i64> {
    let sql = "SELECT max(CAST(value AS INTEGER)) FROM options
               WHERE name IN ('log_floor', 'log_floor:' || ?)";
    sqlx::query_scalar(sql)
        .bind(project)
        .fetch_one(connection)
        .await
}

/// Appends a change; its `previous` is found here, whatever it says.
pub(crate) async fn append(connection: &mut SqliteConnection, change: &Change) -> sqlx::Result<()> {
    let data = change
        .data
        .as_deref()
        .filter(|data| data.len() <= MAX_CHANGE_BYTES);
    let sql = "SELECT revision, size FROM changes WHERE project = ?
               ORDER BY revision DESC LIMIT 1";
    let last: Option<(i64, i64)> = sqlx::query_as(sql)
        .bind(&change.project)
        .fetch_optional(&mut *connection)
        .await?;
    let (previous, size) = match last {
        Some(last) => last,
        None => (floor(connection, &change.project).await?, 0),
    };
    let bytes = data.map_or(0, |data| i64::try_from(data.len()).unwrap_or(i64::MAX));
    let sql = "INSERT INTO changes
               (project, revision, previous, client, request, user, at, size, data)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
    sqlx::query(sql)
        .bind(&change.project)
        .bind(change.revision)
        .bind(previous)
        .bind(&change.client)
        .bind(change.request.to_string())
        .bind(change.user.to_string())
        .bind(change.at)
        .bind(size.saturating_add(bytes))
        .bind(data)
        .execute(&mut *connection)
        .await?;
    if change.revision % PRUNE_EVERY == 0 {
        prune(connection, &change.project, change.at).await?;
    }
    Ok(())
}

/// Forgets what is too old or too much.
async fn prune(connection: &mut SqliteConnection, project: &str, now: i64) -> sqlx::Result<()> {
    let sql = "SELECT max(revision) FROM changes WHERE project = ?1 AND (at < ?2
               OR revision <= (SELECT revision FROM changes WHERE project = ?1
                               ORDER BY revision DESC LIMIT 1 OFFSET ?3)
               OR size <= (SELECT max(size) FROM changes WHERE project = ?1) - ?4)";
    let last: Option<i64> = sqlx::query_scalar(sql)
        .bind(project)
        .bind(now - MAX_AGE_S * 1000)
        .bind(MAX_CHANGES)
        .bind(MAX_LOG_BYTES)
        .fetch_one(&mut *connection)
        .await?;
    let Some(last) = last else { return Ok(()) };
    sqlx::query("DELETE FROM changes WHERE project = ? AND revision <= ?")
        .bind(project)
        .bind(last)
        .execute(&mut *connection)
        .await?;
    let sql = "INSERT OR REPLACE INTO options (name, value)
               VALUES ('log_floor:' || ?, CAST(? AS TEXT))";
    let query = sqlx::query(sql).bind(project).bind(last);
    query.execute(connection).await?;
    Ok(())
}

/// The changes of all rooms after the one named by revision and room, at most `limit`, in order.
pub(crate) async fn after(
    connection: &mut SqliteConnection,
    revision: i64,
    project: &str,
    limit: i64,
) -> sqlx::Result<Vec<Change>> {
    let sql = "SELECT * FROM changes WHERE (revision, project) > (?, ?)
               ORDER BY revision, project LIMIT ?";
    let query = sqlx::query(sql).bind(revision).bind(project).bind(limit);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(decode).collect()
}

/// The last revision that a room has in the log.
pub(crate) async fn last(
    connection: &mut SqliteConnection,
    project: &str,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT max(revision) FROM changes WHERE project = ?")
        .bind(project)
        .fetch_one(connection)
        .await
}

/// What happened in a room after `since` and up to `until`, at most `limit` changes.
pub(crate) async fn missed(
    connection: &mut SqliteConnection,
    project: &str,
    since: i64,
    until: i64,
    limit: i64,
) -> sqlx::Result<Missed> {
    if since > super::revision(connection).await? {
        return Ok(Missed::Unknown("ahead"));
    }
    if since < floor(connection, project).await? {
        return Ok(Missed::Unknown("forgotten"));
    }
    let part = "FROM changes WHERE project = ? AND revision > ? AND revision <= ?";
    let sql = format!("SELECT count(*), count(data), coalesce(sum(length(data)), 0) {part}");
    let query = sqlx::query_as(&sql).bind(project).bind(since).bind(until);
    let (count, kept, bytes): (i64, i64, i64) = query.fetch_one(&mut *connection).await?;
    if count > limit || kept < count || bytes > MAX_MISSED_BYTES {
        return Ok(Missed::Unknown("large"));
    }
    let sql = format!("SELECT * {part} ORDER BY revision");
    let query = sqlx::query(&sql).bind(project).bind(since).bind(until);
    let rows = query.fetch_all(connection).await?;
    let changes = rows.iter().map(decode).collect::<sqlx::Result<Vec<_>>>()?;
    Ok(Missed::Changes(changes))
}

fn decode(row: &SqliteRow) -> sqlx::Result<Change> {
    let json = |column: &str| -> sqlx::Result<Value> {
        let text: &str = row.try_get_unchecked(column)?;
        serde_json::from_str(text).map_err(|error| sqlx::Error::Decode(error.into()))
    };
    Ok(Change {
        project: row.try_get_unchecked("project")?,
        revision: row.try_get_unchecked("revision")?,
        previous: row.try_get_unchecked("previous")?,
        client: row.try_get_unchecked("client")?,
        request: json("request")?,
        user: json("user")?,
        at: row.try_get_unchecked("at")?,
        data: row.try_get_unchecked("data")?,
    })
}
