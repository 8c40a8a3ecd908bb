//! The memory of answered syncs: a request that comes again gets the answer that it got before.

use sqlx::{Row as _, SqliteConnection};

/// How many answers are kept; enough for days of a team's work, a few megabytes on disk.
pub(crate) const MAX_ANSWERS: i64 = 10_000;

/// How long an answer is kept, in seconds: a laptop may sleep over a long weekend.
pub(crate) const MAX_AGE_S: i64 = 7 * 24 * 3600;

/// Under what an answer is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) project: &'a str,
    /// Empty when the client doesn't name itself.
    pub(crate) client: &'a str,
    pub(crate) request: &'a str,
}

/// An answer that was given before.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) body_hash: String,
    pub(crate) answer: String,
}

pub(crate) async fn find(
    connection: &mut SqliteConnection,
    key: Key<'_>,
) -> sqlx::Result<Option<Given>> {
    let sql = "SELECT body_hash, answer FROM answers
               WHERE project = ? AND client = ? AND request = ?";
    let query = sqlx::query(sql)
        .bind(key.project)
        .bind(key.client)
        .bind(key.request);
    let Some(row) = query.fetch_optional(connection).await? else {
        return Ok(None);
    };
    Ok(Some(Given {
        body_hash: row.try_get_unchecked("body_hash")?,
        answer: row.try_get_unchecked("answer")?,
    }))
}

/// Keeps an answer, and forgets those that are too old or too many.
pub(crate) async fn keep(
    connection: &mut SqliteConnection,
    key: Key<'_>,
    given: &Given,
) -> sqlx::Result<()> {
    let sql = "INSERT INTO answers (project, client, request, body_hash, answer, at)
               VALUES (?, ?, ?, ?, ?, unixepoch())";
    sqlx::query(sql)
        .bind(key.project)
        .bind(key.client)
        .bind(key.request)
        .bind(given.body_hash.as_str())
        .bind(given.answer.as_str())
        .execute(&mut *connection)
        .await?;
    let sql = "DELETE FROM answers WHERE at < unixepoch() - ?
               OR seq <= (SELECT max(seq) FROM answers) - ?";
    sqlx::query(sql)
        .bind(MAX_AGE_S)
        .bind(MAX_ANSWERS)
        .execute(connection)
        .await?;
    Ok(())
}
