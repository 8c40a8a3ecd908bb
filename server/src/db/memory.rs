//! How long the server remembers what is no longer there: removed records, and which record a
//! phantom became. Both grow with every change, so both are bounded; the change log and the
//! answers have bounds of their own.

use sqlx::SqliteConnection;

/// How many removals are remembered, and how many phantoms: the newest.
pub(crate) const MAX_REMEMBERED: i64 = 100_000;

/// Forgets what is too much.
pub(crate) async fn prune(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    for table in ["removals", "phantom_ids"] {
        let sql = format!(
            "SELECT revision FROM {table} ORDER BY revision DESC LIMIT 1 OFFSET {MAX_REMEMBERED}"
        );
        let last: Option<i64> = sqlx::query_scalar(&sql)
            .fetch_optional(&mut *connection)
            .await?;
        let Some(last) = last else { continue };
        sqlx::query(&format!("DELETE FROM {table} WHERE revision <= ?"))
            .bind(last)
            .execute(&mut *connection)
            .await?;
        sqlx::query("INSERT OR REPLACE INTO options (name, value) VALUES (?, CAST(? AS TEXT))")
            .bind(format!("floor:{table}"))
            .bind(last)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The revision after which every removal is remembered.
pub(crate) async fn removals_floor(connection: &mut SqliteConnection) -> sqlx::Result<i64> {
    let sql = "SELECT CAST(value AS INTEGER) FROM options WHERE name = 'floor:removals'";
    let floor: Option<i64> = sqlx::query_scalar(sql).fetch_optional(connection).await?;
    Ok(floor.unwrap_or(0))
}
