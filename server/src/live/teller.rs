//! Reads the change log in order and hands each change to the hub. What was saved while the hub
//! couldn't be told (an error of the disk, say) is told later, never skipped.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::Live;
use super::frames::{Close, Frame};
use crate::db::Database;
use crate::db::changes;

/// How many changes are read at once.
const BATCH: i64 = 100;

/// What to wait after the log couldn't be read.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the hub of changes after `revision`, and of time going by, until the server stops; then
/// ends all connections.
pub(crate) async fn run(
    live: Arc<Live>,
    database: Database,
    revision: i64,
    mut stopping: watch::Receiver<bool>,
) {
    // A name after that of every room: all of `revision` itself is known.
    let mut told = (revision, "\u{10ffff}".to_owned());
    let mut ticks = tokio::time::interval(super::TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = live.saved.notified() => {
                if let Err(error) = tell(&live, &database, &mut told).await {
                    tracing::warn!(%error, "the change log");
                    tokio::time::sleep(PAUSE).await;
                    live.saved();
                }
            }
            _ = ticks.tick() => {
                let now = live.now();
                live.hub().tick(now);
            }
            () = stopped(&mut stopping) => break,
        }
    }
    live.hub()
        .close_all(&Close::new(Close::RESTART, "The server stops"));
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    _ = stopping.wait_for(|stopping| *stopping).await;
}

async fn tell(live: &Live, database: &Database, told: &mut (i64, String)) -> sqlx::Result<()> {
    loop {
        let mut tx = database.read().await?;
        let batch = changes::after(&mut tx, told.0, &told.1, BATCH).await?;
        drop(tx);
        let Some(last) = batch.last() else {
            return Ok(());
        };
        *told = (last.revision, last.project.clone());
        let now = live.now();
        for change in &batch {
            // Put together outside of the lock.
            if let Some(frame) = Frame::of_change(change) {
                live.hub().publish(Arc::new(frame), change.revision, now);
            }
        }
    }
}
