//! What an answer brings: first everything is looked through, then everything is applied, in the
//! configured order.

use super::backlog::Backlog;
use super::context::{Context, Stores};
use super::exchange::Exchange;
use super::manager::Manager;
use super::outcome::Outcome;
use super::package::LoadOptions;
use super::verdict::{self, Verdict};
use super::{flow, relations};
use crate::engine::config::{DifferencesConfig, OnRecordError};
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::input::StoreId;
use crate::engine::json::dom::Value;
use crate::engine::json::{ReadError, Response, ResponseReader, Rows, Section, SectionSpec};
use crate::engine::schema::{Field, FieldKind, Schema};
use crate::engine::store::{
    Applied, ApplyOptions, Layer, Loaded, Named, PackageOptions, Store, StorePlan, Unmentioned,
};
use crate::prelude::*;

impl Manager {
    /// Replaces the data of the stores that the response has rows for; the others stay as they are.
    pub(super) fn apply_rows(
        &mut self,
        stores: &[StoreId],
        response: &mut Response,
        options: &LoadOptions,
        cx: &mut Context,
    ) -> Outcome {
        let mut outcome = Outcome::default();
        let mut sections = take_sections(stores, response);
        let order = self.in_sequence(self.options.load_apply_sequence.as_deref(), &cx.stores);
        self.name_loaded(&order, &mut sections, &mut outcome, cx);
        for id in order {
            let Some(section) = sections.iter_mut().find(|(store, _)| *store == id) else {
                continue;
            };
            let section = core::mem::take(&mut section.1);
            if section.present {
                self.apply_loaded(id, section, options, &mut outcome, cx);
            }
        }
        self.follow_answer(stores, &mut outcome, cx);
        outcome.more_to_send |= relations::correct(cx, &self.stores, true);
        self.gather(cx);
        outcome
    }

    /// Finds out whose ids loaded rows say, before any of them are applied.
    fn name_loaded(
        &mut self,
        order: &[StoreId],
        sections: &mut [(StoreId, Section)],
        outcome: &mut Outcome,
        cx: &mut Context,
    ) {
        // Keys that hold references can be compared once those are known.
        for id in relations::referenced_first(order.to_vec(), &cx.stores) {
            let mut sections = sections.iter_mut();
            let Some((_, section)) = sections.find(|(store, _)| *store == id) else {
                continue;
            };
            if cx
                .stores
                .get(id)
                .is_none_or(|store| !store.config().keep_uncommitted_changes)
            {
                continue;
            }
            self.recognize(id, section, &cx.stores);
            let mut named = Named::default();
            relations::give_way(id, section, &mut named, cx);
            let rows = [&mut section.rows, &mut section.added, &mut section.updated];
            if let Some(store) = cx.stores.get_mut(id) {
                for rows in rows.into_iter().flatten() {
                    store.name_rows(rows, Unmentioned::Confirmed, &mut named, &mut cx.notices);
                }
            }
            outcome.warn(id, named.warnings);
            outcome.follow(relations::follow(cx, id));
        }
    }

    /// Stores follow each other; only then is it known which records really went.
    fn follow_answer(&self, stores: &[StoreId], outcome: &mut Outcome, cx: &mut Context) {
        for &id in stores {
            outcome.follow(relations::follow(cx, id));
        }
        for (id, rows) in core::mem::take(&mut outcome.removed) {
            if let Some(store) = cx.stores.get_mut(id) {
                store.forget(&rows, &mut cx.notices);
                store.name_reborn(&mut cx.rng, &mut cx.notices);
            }
            outcome.follow(relations::follow(cx, id));
        }
    }

    /// Looks for additions in doubt among the rows. What is found is in doubt no more.
    fn recognize(&mut self, id: StoreId, section: &mut Section, stores: &Stores) {
        let Backlog::Doubtful(additions) = &mut self.backlog else {
            return;
        };
        let (Some(store), Some(rows)) = (stores.get(id), &mut section.rows) else {
            return;
        };
        let of = additions.iter().filter(|addition| addition.store == id);
        let phantoms: Vec<&str> = of.map(|addition| addition.phantom.as_str()).collect();
        let found = store.recognize(rows, &phantoms);
        additions.retain(|it| it.store != id || !found.contains(&it.phantom));
    }

    fn apply_loaded(
        &self,
        id: StoreId,
        mut section: Section,
        options: &LoadOptions,
        outcome: &mut Outcome,
        cx: &mut Context,
    ) {
        let Some(store) = cx.stores.get_mut(id) else {
            return;
        };
        store.set_total(section.total);
        let appends = options.appends(store.name());
        let Some(rows) = section.rows.take_if(|_| !appends) else {
            // More rows; or `added`, `updated`, `removed` in place of rows: changes to what is
            // there.
            let plan = store.plan(section);
            let applied = store.apply_changeset(plan, &mut cx.rng, &mut cx.notices);
            outcome.take(id, applied);
            return;
        };
        let name = store.name().to_owned();
        let part = DifferencesConfig {
            keep_edited: true,
            ..DifferencesConfig::default()
        };
        let differences = match &self.options.sync_data_on_load {
            _ if options.partial => Some(&part),
            differences => differences.as_ref(),
        };
        let (loaded, applied) = load_store(id, rows, differences, cx);
        outcome.take(id, applied);
        for message in loaded.warnings {
            outcome
                .warnings
                .push((format!("{name}: {message}"), Vec::new()));
        }
        for gone in loaded.gone {
            let message = format!("{name}: {gone} is gone, and with it edits that waited");
            outcome.warnings.push((message, Vec::new()));
        }
        let verify = cx
            .stores
            .get(id)
            .is_some_and(|it| it.config().verify_no_generated_ids);
        let odd = [
            (loaded.without_id, "without an id"),
            (
                loaded.generated * usize::from(verify),
                "with an id that a client made up",
            ),
        ];
        for (rows, how) in odd {
            if rows > 0 {
                let message = format!("{name}: {rows} row(s) came {how}");
                outcome.warnings.push((message, Vec::new()));
            }
        }
    }

    /// Applies a sync's answer to what is on the wire and to base; or, without `unmentioned`,
    /// changes that the server made on its own to base alone. Everything is looked through before
    /// anything is changed.
    pub(super) fn apply_changes(
        &mut self,
        stores: &[StoreId],
        response: &mut Response,
        unmentioned: Option<Unmentioned>,
        cx: &mut Context,
    ) -> Outcome {
        let sections = take_sections(stores, response);
        let mut plans: Vec<(StoreId, StorePlan)> = sections
            .into_iter()
            .filter_map(|(id, section)| Some((id, cx.stores.get(id)?.plan(section))))
            .collect();
        let mut outcome = Outcome::default();
        let options = unmentioned.map(|unmentioned| ApplyOptions {
            unmentioned,
            local_wins: !self.options.remote_wins,
            revert_refused: self.options.on_record_error == OnRecordError::Revert,
        });
        for (id, plan) in &mut plans {
            let mut named = Named::default();
            relations::give_way(*id, plan.section(), &mut named, cx);
            outcome.warn(*id, named.warnings);
            if let Some(store) = cx.stores.get_mut(*id) {
                store.apply_ids(plan, unmentioned.unwrap_or_default(), &mut cx.notices);
            }
        }
        for &id in stores {
            outcome.follow(relations::follow(cx, id));
        }
        for id in self.in_sequence(self.options.sync_apply_sequence.as_deref(), &cx.stores) {
            let Some(at) = plans.iter().position(|(store, _)| *store == id) else {
                continue;
            };
            let (_, mut plan) = plans.swap_remove(at);
            plan.quiet = response.quiet;
            let Some(store) = cx.stores.get_mut(id) else {
                continue;
            };
            outcome.take(
                id,
                match &options {
                    Some(options) => store.apply(plan, options, &mut cx.rng, &mut cx.notices),
                    None => store.apply_changeset(plan, &mut cx.rng, &mut cx.notices),
                },
            );
        }
        self.follow_answer(stores, &mut outcome, cx);
        outcome.more_to_send |= relations::correct(cx, &self.stores, false);
        self.gather(cx);
        outcome
    }

    /// Why a load's rows can't be taken, where a store refuses them.
    pub(super) fn refused_rows(
        ids: &[StoreId],
        response: &Response,
        stores: &Stores,
    ) -> Option<SyncError> {
        let mut sections = ids.iter().zip(&response.sections);
        sections.find_map(|(&id, section)| stores.get(id)?.refuses(section.rows.as_ref()?))
    }

    /// Reads a piece of an answer that comes by another way.
    ///
    /// # Errors
    /// [`ErrorCode::BadResponse`]: the pieces before it are forgotten too.
    pub fn apply_piece(&mut self, bytes: &[u8], cx: &Context) -> Result<(), SyncError> {
        let (stores, mut reader) = self.given_reader(cx);
        reader.feed(bytes).map_err(unreadable)?;
        self.given = Some((stores, reader));
        Ok(())
    }

    fn given_reader(&mut self, cx: &Context) -> (Vec<StoreId>, ResponseReader) {
        self.given.take().unwrap_or_else(|| {
            let specs = self.specs(&self.stores, &cx.stores);
            (
                self.stores.clone(),
                ResponseReader::new(specs, (*cx.zone).clone()),
            )
        })
    }

    /// Applies an answer that came by another way.
    ///
    /// # Errors
    /// [`ErrorCode::BadResponse`] when it can't be read; what it says itself when it is no success.
    /// Then nothing has changed.
    pub fn apply_response(&mut self, bytes: &[u8], cx: &mut Context) -> Result<(), SyncError> {
        let (stores, mut reader) = self.given_reader(cx);
        let mut response = reader
            .feed(bytes)
            .and_then(|()| reader.finish())
            .map_err(unreadable)?;
        let skip = self.options.skip_success_property;
        if let Verdict::Refused(error) = verdict::judge(200, &response.envelope, false, skip, &[]) {
            return Err(error);
        }
        let is_sync = is_of_type(&response, "sync");
        if let (false, Some(error)) = (is_sync, Self::refused_rows(&stores, &response, &cx.stores))
        {
            return Err(error);
        }
        let oddities = core::mem::take(&mut response.warnings);
        self.note_removed(&cx.stores);
        let outcome = if is_sync {
            // It may be the answer to the request that is held.
            let held = matches!(self.backlog, Backlog::Held(_));
            if held {
                self.backlog = Backlog::Clear;
                self.retry.on_answered();
            }
            self.apply_changes(&stores, &mut response, held.then(|| self.unmentioned()), cx)
        } else {
            self.apply_rows(&stores, &mut response, &LoadOptions::default(), cx)
        };
        self.note_success(&response);
        self.land(None, &response, false);
        self.tell_outcome(oddities, outcome, cx);
        self.resolve_doubts(None, cx);
        self.after_other(cx);
        self.pump(cx);
        Ok(())
    }

    /// Applies changes of the server that came by another way.
    ///
    /// # Errors
    /// [`ErrorCode::BadResponse`] when they can't be read. Then nothing has changed.
    pub fn apply_changeset(&mut self, bytes: &[u8], cx: &mut Context) -> Result<(), SyncError> {
        let stores = self.stores.clone();
        let mut response = self.read(&stores, bytes, cx)?;
        let oddities = core::mem::take(&mut response.warnings);
        let outcome = self.apply_changes(&stores, &mut response, None, cx);
        if outcome.more_to_send {
            self.auto.on_edit(cx.now);
        }
        self.revision.on_success(&response.envelope);
        self.tell_outcome(oddities, outcome, cx);
        self.after_other(cx);
        Ok(())
    }

    /// The same for a store that nobody manages.
    ///
    /// # Errors
    /// [`ErrorCode::BadResponse`] when they can't be read. Then nothing has changed.
    pub fn apply_lone_changeset(
        id: StoreId,
        bytes: &[u8],
        cx: &mut Context,
    ) -> Result<(), SyncError> {
        let specs = vec![Self::lone_spec(id, &cx.stores)];
        let mut response = flow::read(specs, bytes, &cx.zone).map_err(unreadable)?;
        if let (Some(store), Some(section)) = (cx.stores.get_mut(id), response.sections.pop()) {
            let plan = store.plan(section);
            let applied = store.apply_changeset(plan, &mut cx.rng, &mut cx.notices);
            store.forget(&applied.removed, &mut cx.notices);
            store.take_aftermath();
        }
        Ok(())
    }

    /// What becomes of what a sync's answer doesn't mention.
    pub(super) const fn unmentioned(&self) -> Unmentioned {
        if self.options.support_short_sync_response {
            Unmentioned::Confirmed
        } else {
            Unmentioned::Missing
        }
    }

    pub(super) fn read(
        &self,
        stores: &[StoreId],
        bytes: &[u8],
        cx: &Context,
    ) -> Result<Response, SyncError> {
        flow::read(self.specs(stores, &cx.stores), bytes, &cx.zone).map_err(unreadable)
    }

    /// What an answer for these stores is read into.
    pub(super) fn specs(&self, ids: &[StoreId], stores: &Stores) -> Vec<SectionSpec> {
        ids.iter().map(|&id| self.spec(id, stores)).collect()
    }

    /// What rows for a store of this manager are read into.
    pub fn spec(&self, id: StoreId, stores: &Stores) -> SectionSpec {
        let mut spec = Self::lone_spec(id, stores);
        if let Some(store) = stores.get(id) {
            self.phantom_id_field(store)
                .clone_into(&mut spec.phantom_id_field);
            self.options
                .phantom_parent_id_field
                .clone_into(&mut spec.phantom_parent_id_field);
        }
        spec
    }

    /// The same for a store that nobody manages.
    pub fn lone_spec(id: StoreId, stores: &Stores) -> SectionSpec {
        let default = PackageOptions::default();
        match stores.get(id) {
            Some(store) => SectionSpec {
                name: store.name().to_owned(),
                schema: store.table().schema().clone(),
                first_generation: store.table().next_generation(),
                phantom_id_field: store
                    .config()
                    .phantom_id_field
                    .clone()
                    .unwrap_or(default.phantom_id_field),
                phantom_parent_id_field: default.phantom_parent_id_field,
            },
            // Destroyed meanwhile: it keeps its place among the sections.
            None => SectionSpec {
                name: String::new(),
                schema: Schema::new(Field::new("id", FieldKind::Auto)),
                first_generation: 1,
                phantom_id_field: default.phantom_id_field,
                phantom_parent_id_field: default.phantom_parent_id_field,
            },
        }
    }

    /// Everything of a store that the server hasn't confirmed, as its section.
    pub fn store_changes(
        manager: Option<&Self>,
        store: &Store,
        stores: &Stores,
    ) -> Option<Vec<u8>> {
        let options = manager.map_or_else(PackageOptions::default, Self::package_options);
        let targets = relations::targets(store, stores, Store::has_aliases);
        let mut out = Vec::new();
        store
            .write_package(Layer::Unconfirmed, &options, &targets, &mut out)
            .then_some(out)
    }
}

/// Gives a store a new data set: as a whole, or by its differences where it, or else its manager,
/// wants that.
pub fn load_store(
    id: StoreId,
    rows: Rows,
    differences: Option<&DifferencesConfig>,
    cx: &mut Context,
) -> (Loaded, Applied) {
    let Some(store) = cx.stores.get_mut(id) else {
        return Default::default();
    };
    let config = store.config();
    let keep = config.keep_uncommitted_changes;
    let own = config.sync_data_on_load.clone();
    let differences = match differences {
        Some(config) if config.keep_edited => Some(config.clone()),
        given => own.or_else(|| given.cloned()),
    };
    match differences.filter(|config| keep && !store.differs_much(&rows, config)) {
        Some(config) => {
            let applied = store.load_differences(rows, &config, &mut cx.rng, &mut cx.notices);
            (Loaded::default(), applied)
        }
        None => (
            store.load(rows, keep, &mut cx.rng, &mut cx.notices),
            Applied::default(),
        ),
    }
}

/// The answer's sections, by store.
fn take_sections(stores: &[StoreId], response: &mut Response) -> Vec<(StoreId, Section)> {
    stores
        .iter()
        .copied()
        .zip(response.sections.drain(..))
        .collect()
}

/// What becomes of what a failed answer doesn't refuse.
pub(super) fn after_failure(response: &Response) -> Unmentioned {
    match response.envelope.get("rolledBack") {
        Some(Value::Bool(true)) => Unmentioned::RolledBack,
        _ => Unmentioned::Undecided,
    }
}

/// Whether the answer says that it is of this type.
pub(super) fn is_of_type(response: &Response, kind: &str) -> bool {
    response.envelope.get("type").and_then(Value::as_text) == Some(kind)
}

/// What is odd about the answer as a whole.
pub(super) fn oddities(response: &mut Response, exchange: &Exchange) -> Vec<String> {
    let mut odd = core::mem::take(&mut response.warnings);
    if let Some(id) = verdict::foreign_request_id(&response.envelope, exchange.wire_id) {
        odd.insert(
            0,
            format!(
                "the answer to request {} names request {id}",
                exchange.wire_id
            ),
        );
    }
    odd
}

fn unreadable(error: ReadError) -> SyncError {
    SyncError::new(ErrorCode::BadResponse, error.to_string())
}
