//! Syncs: one package, one transaction, one answer.
//!
//! Added and updated records are written first, parents before those who refer to them, then
//! removals in reverse; what was written is checked when all is in place, so the order within a
//! package never matters to a rule. One refused record rolls everything back.

mod answer;
mod check;
mod log;
mod package;
mod remove;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::Value;
use sqlx::SqliteConnection;
use syncline::protocol::{Conflict, ErrorCode, RefusedRow, Row};

pub(crate) use package::Package;

use crate::db::answers::{self, Given, Key};
use crate::db::changes;
use crate::db::memory;
use crate::db::phantoms::{self, Known};
use crate::db::rows::Record;
use crate::db::{self, Database};
use crate::failure::Failure;
use crate::stores::value::Id;
use crate::stores::{Project, Store};

/// A record's place: table and id.
pub(crate) type Place = (&'static str, Id);

/// On whose behalf a package is carried out.
#[derive(Clone, Copy)]
pub(crate) struct Sender<'a> {
    /// `{userId, userName}` of who is known to have sent it, or null.
    pub(crate) user: &'a Value,
    /// The name of the other user who holds a record's lock, when there is one.
    pub(crate) holder: &'a (dyn Fn(&Place) -> Option<String> + Sync),
    /// Milliseconds since 1970.
    pub(crate) now: i64,
}

impl std::fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sender").field("user", self.user).finish()
    }
}

/// The work on one package inside its transaction.
#[derive(Debug)]
struct Session<'a> {
    connection: &'a mut SqliteConnection,
    project: &'static Project,
    client: &'a str,
    sender: Sender<'a>,
    /// The revision that the client has seen; without one, the last write wins.
    base: Option<i64>,
    /// The revision that this sync makes.
    next: i64,
    /// What phantoms became, in this and in earlier requests.
    known: HashMap<(&'static str, String), Known>,
    /// Phantoms that were refused: who refers to them fails for that reason.
    doomed: HashSet<(&'static str, String)>,
    touched: BTreeMap<Place, Touched>,
    /// Everything that this sync removes.
    removed: HashSet<Place>,
    /// What the client asked to remove.
    asked: HashSet<Place>,
    refused: Vec<(&'static Store, RefusedRow)>,
    conflicts: Vec<Conflict>,
}

/// A record that the package adds or updates.
#[derive(Debug)]
struct Touched {
    store: &'static Store,
    record: Record,
    /// As the client sent it: what it knows already.
    sent: Row,
    phantom: Option<String>,
    /// The fields that were written.
    written: HashSet<&'static str>,
}

/// Carries out a package; gives the answer as text. A request that was answered before gets the
/// same text again.
pub(crate) async fn run(
    database: &Database,
    package: &Package,
    sender: Sender<'_>,
) -> Result<String, Failure> {
    let changes = !package.sections.is_empty();
    let mut tx = if changes {
        database.write().await?
    } else {
        database.read().await?
    };
    let request = package.request_id.as_ref().map(|id| id.key());
    let key = request.as_deref().filter(|_| changes).map(|request| Key {
        project: package.project.name,
        client: &package.client,
        request,
    });
    if let Some(key) = key
        && let Some(given) = answers::find(&mut tx, key).await?
    {
        return repeat(package, given);
    }
    let revision = db::revision(&mut tx).await?;
    if let Some(ahead) = package.revision.filter(|client| *client > revision) {
        let message =
            format!("The client's revision {ahead} is newer than the server's {revision}");
        let mut failure = Failure::new(ErrorCode::RevisionAhead, message);
        failure.0.revision = u64::try_from(revision).ok();
        failure.0.rolled_back = true;
        return Err(failure);
    }
    if let Some(base) = package.revision
        && base < memory::removals_floor(&mut tx).await?
    {
        let message = "What was removed since this revision is forgotten: load first";
        let mut failure = Failure::new(ErrorCode::RevisionForgotten, message);
        failure.0.revision = u64::try_from(revision).ok();
        failure.0.rolled_back = true;
        return Err(failure);
    }
    let mut session = Session::new(&mut tx, package, sender, revision).await?;
    session.apply(package).await?;
    session.check().await?;
    if !session.refused.is_empty() {
        let failure = session.failure(revision);
        tx.rollback().await?;
        return Err(failure);
    }
    let answer = session.answer(package, revision).await?;
    if session.wrote() {
        session.log(package, revision).await?;
        if session.next % changes::PRUNE_EVERY == 0 {
            memory::prune(session.connection).await?;
        }
    }
    if let Some(key) = key {
        let given = Given {
            body_hash: package.hash.clone(),
            answer,
        };
        answers::keep(&mut tx, key, &given).await?;
        tx.commit().await?;
        return Ok(given.answer);
    }
    tx.commit().await?;
    Ok(answer)
}

fn repeat(package: &Package, given: Given) -> Result<String, Failure> {
    if given.body_hash == package.hash {
        return Ok(given.answer);
    }
    let message = "This requestId was used before, for another package; nothing was saved";
    let mut failure = Failure::new(ErrorCode::RequestIdReused, message);
    failure.0.rolled_back = true;
    Err(failure)
}

impl<'a> Session<'a> {
    async fn new(
        connection: &'a mut SqliteConnection,
        package: &'a Package,
        sender: Sender<'a>,
        revision: i64,
    ) -> Result<Self, Failure> {
        let candidates = package.phantom_candidates();
        let known = phantoms::find(connection, &package.client, &candidates).await?;
        Ok(Self {
            connection,
            project: package.project,
            client: &package.client,
            sender,
            base: package.revision,
            next: revision + 1,
            known,
            doomed: HashSet::new(),
            touched: BTreeMap::new(),
            removed: HashSet::new(),
            asked: HashSet::new(),
            refused: Vec::new(),
            conflicts: Vec::new(),
        })
    }

    async fn apply(&mut self, package: &Package) -> Result<(), Failure> {
        for section in &package.sections {
            for index in write::parents_first(section.store, &section.added) {
                if let Some(row) = section.added.get(index) {
                    self.add(section.store, row).await?;
                }
            }
            for row in &section.updated {
                self.update(section.store, row).await?;
            }
        }
        for section in package.sections.iter().rev() {
            for id in &section.removed {
                self.remove(section.store, id).await?;
            }
        }
        Ok(())
    }

    /// Whether anything was written.
    fn wrote(&self) -> bool {
        !self.removed.is_empty() || self.touched.values().any(|t| !t.written.is_empty())
    }

    /// Why a record may not be touched while another user holds its lock.
    fn held(&self, store: &'static Store, id: &Id) -> Option<RefusedRow> {
        let holder = (self.sender.holder)(&(store.table, id.clone()))?;
        Some(RefusedRow {
            code: ErrorCode::Locked,
            ..refusal(format!("{holder} is editing this {}", store.noun))
        })
    }

    /// Puts a record on the list of those that stand against the package.
    fn refuse(&mut self, store: &'static Store, row: RefusedRow) {
        if let Some(phantom) = &row.phantom_id {
            self.doomed.insert((store.table, phantom.clone()));
        }
        self.refused.push((store, row));
    }
}

/// A refusal by the rules, for a record that is not named yet.
fn refusal(error: impl Into<String>) -> RefusedRow {
    RefusedRow {
        id: None,
        phantom_id: None,
        success: false,
        error: error.into(),
        code: ErrorCode::Validation,
        fields: Vec::new(),
        removed: false,
    }
}
