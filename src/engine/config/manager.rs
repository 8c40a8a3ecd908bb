//! Options of a manager.

use super::{Options, Reader};
use crate::engine::conflict::Strategy;
use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// A manager as the host describes it (JSON, camelCase). Stores are put under it afterwards.
#[derive(Clone, Debug)]
pub struct ManagerConfig {
    /// How loads and syncs go out.
    pub transport: TransportConfig,
    /// Load on the next turn after creation.
    pub auto_load: bool,
    /// Sync by itself after changes.
    pub auto_sync: bool,
    /// How long to wait after the last change, in ms.
    pub auto_sync_timeout: f64,
    /// Send a sync also when nothing has changed.
    pub force_sync: bool,
    /// Updates carry all persistable fields.
    pub write_all_fields: bool,
    /// The wire name of a phantom's client id.
    pub phantom_id_field: String,
    /// The wire name of a phantom parent's client id.
    pub phantom_parent_id_field: String,
    /// Added rows carry no `id`.
    pub reset_ids_before_sync: bool,
    /// An answer need not mention what it confirms.
    pub support_short_sync_response: bool,
    /// Answers without `success` are successes.
    pub skip_success_property: bool,
    /// A load may be answered by a sync answer and the other way round, as the answer's `type`
    /// says.
    pub track_response_type: bool,
    /// Who wins a field that both sides changed while a sync was on the wire: `local` or `remote`.
    pub sync_conflict_resolution: String,
    /// How conflicts are decided, in stores that don't say.
    pub conflict_resolution: Option<Strategy>,
    /// Removing a parent lists its descendants too.
    pub include_children_in_remove_request: bool,
    /// `keep` or `revert` what the server refused.
    pub on_record_error: String,
    /// Whether the server is known to answer a repeated `requestId` with its first answer.
    pub idempotent_sync: bool,
    /// When to try again.
    pub retry: RetryConfig,
    /// Properties that go into every pack, as a JSON object.
    pub request_data: Option<Members>,
    /// The order in which sync answers are applied; that of registration when not given.
    pub sync_apply_sequence: Option<Vec<String>>,
    /// The order in which load answers are applied; that of registration when not given.
    pub load_apply_sequence: Option<Vec<String>>,
    /// When to ask the server for news.
    pub polling: PollingConfig,
    /// Records that refer to new ones are sent once those have their ids.
    pub phased_sync: bool,
    /// Most bytes of a package; larger ones are sent in portions. 0: any.
    pub max_sync_bytes: u32,
    /// What follows a sync that the server refused because its data is newer: `keep`, `reload` or
    /// `revert`.
    pub on_conflict: String,
    /// How often in a row `reload` is tried at once before the refusal is told, and further
    /// attempts wait.
    pub max_conflict_retries: u32,
    /// The HTTP statuses and `code`s that say so; 409 and `CONFLICT` when not given.
    pub conflict_codes: Option<Value>,
    /// See [`StoreConfig::sync_data_on_load`](super::StoreConfig::sync_data_on_load), for stores
    /// that don't say.
    pub sync_data_on_load: Option<DifferencesConfig>,
    /// Loads bring a part of the data.
    pub lazy_load: Option<LazyConfig>,
    /// Members of every load's pack that say which part of the data it brings: a page.
    pub load_data: Option<Members>,
}

/// Loading parts of the data, when they are wanted.
#[derive(Clone, Debug)]
pub struct LazyConfig {
    /// How many rows a request asks for, at least 1.
    pub chunk_size: u32,
    /// How much before and after a span of time is asked for too, in ms; as much as the span when
    /// not given.
    pub buffer_ms: Option<f64>,
    /// The store that is counted in rows; `resources` when not given, or the first.
    pub store: Option<String>,
}

/// Asking the server for news.
#[derive(Clone, Debug)]
pub struct PollingConfig {
    /// How long after the last answer, in ms; 0: never.
    pub interval: f64,
    /// `load` or `sync`.
    pub mode: String,
    /// Not while the page is hidden; then at once.
    pub pause_when_hidden: bool,
    /// Not while there are changes that the server hasn't confirmed.
    pub skip_while_dirty: bool,
}

/// Taking a data set over by what is different in it.
#[derive(Clone, Debug, Default)]
pub struct DifferencesConfig {
    /// With more records added or removed than this, it replaces the old one as a whole.
    pub threshold: Option<f64>,
    /// The same in percent of the records.
    pub percent: Option<f64>,
    /// Fields that a row doesn't have become `null`.
    pub drop_missing_values: bool,
    /// Edited records that aren't in the data stay: it is only a part. Not for apps.
    pub keep_edited: bool,
}

/// Where loads and syncs go.
#[derive(Clone, Debug, Default)]
pub struct TransportConfig {
    /// Loads; GET with the pack in a query parameter by default.
    pub load: UrlConfig,
    /// Syncs; POST with a JSON body by default.
    pub sync: UrlConfig,
}

/// One kind of request.
#[derive(Clone, Debug, Default)]
pub struct UrlConfig {
    /// Where to.
    pub url: Option<String>,
    /// `GET`, `POST`, `PUT`, `PATCH`.
    pub method: Option<String>,
    /// The query parameter that carries the pack.
    pub param_name: Option<String>,
    /// Further query parameters.
    pub params: Option<Members>,
    /// Header names and values.
    pub headers: Option<Members>,
    /// How long to wait for the answer, in ms; 0 waits for ever.
    /// [`REQUEST_TIMEOUT_MS`](super::REQUEST_TIMEOUT_MS) when not given.
    pub timeout: Option<f64>,
    /// Options for `fetch`, passed on.
    pub fetch_options: Option<Members>,
}

/// Retries after an unknown outcome (network error, time-out, 5xx): the wait before attempt n is
/// `base * factor^n`, at most `cap`, of which a random part up to `jitter` is taken off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryConfig {
    /// How many retries by itself; coming back online starts anew.
    pub max: u32,
    /// The first wait, in ms.
    pub base: f64,
    /// By how much waits grow, at least 1.
    pub factor: f64,
    /// The longest wait, in ms.
    pub cap: f64,
    /// The random part of a wait, 0 to 1.
    pub jitter: f64,
}

impl Options for ManagerConfig {
    fn read(from: &mut Reader) -> Self {
        let mut config = Self::default();
        from.nested("transport", &mut |from| config.transport.read(from));
        from.bool("autoLoad", &mut config.auto_load);
        from.bool("autoSync", &mut config.auto_sync);
        from.number("autoSyncTimeout", &mut config.auto_sync_timeout);
        from.bool("forceSync", &mut config.force_sync);
        from.bool("writeAllFields", &mut config.write_all_fields);
        from.text("phantomIdField", &mut config.phantom_id_field);
        from.text("phantomParentIdField", &mut config.phantom_parent_id_field);
        from.bool("resetIdsBeforeSync", &mut config.reset_ids_before_sync);
        from.bool(
            "supportShortSyncResponse",
            &mut config.support_short_sync_response,
        );
        from.bool("skipSuccessProperty", &mut config.skip_success_property);
        from.bool("trackResponseType", &mut config.track_response_type);
        from.text(
            "syncConflictResolution",
            &mut config.sync_conflict_resolution,
        );
        config.conflict_resolution = super::store::strategy(from);
        let children = &mut config.include_children_in_remove_request;
        from.bool("includeChildrenInRemoveRequest", children);
        from.text("onRecordError", &mut config.on_record_error);
        from.bool("idempotentSync", &mut config.idempotent_sync);
        from.nested("retry", &mut |from| config.retry.read(from));
        config.request_data = from.object("requestData");
        config.sync_apply_sequence = from.texts("syncApplySequence");
        config.load_apply_sequence = from.texts("loadApplySequence");
        from.nested("polling", &mut |from| config.polling.read(from));
        from.bool("phasedSync", &mut config.phased_sync);
        from.count("maxSyncBytes", &mut config.max_sync_bytes);
        from.text("onConflict", &mut config.on_conflict);
        from.count("maxConflictRetries", &mut config.max_conflict_retries);
        config.conflict_codes = from.take("conflictCodes");
        config.sync_data_on_load = DifferencesConfig::read(from);
        let mut lazy = LazyConfig {
            chunk_size: 100,
            buffer_ms: None,
            store: None,
        };
        if from.nested("lazyLoad", &mut |from| {
            from.count("chunkSize", &mut lazy.chunk_size);
            from.maybe_number("buffer", &mut lazy.buffer_ms);
            from.maybe_text("store", &mut lazy.store);
            if lazy.chunk_size == 0 {
                from.refuse("chunkSize", "a whole number from 1");
            }
            if lazy.buffer_ms.is_some_and(|ms| !(0.0..=1e15).contains(&ms)) {
                from.refuse("buffer", "a time from 0");
            }
        }) {
            config.lazy_load = Some(lazy);
        }
        config.load_data = from.object("loadData");
        config
    }
}

impl PollingConfig {
    fn read(&mut self, from: &mut Reader) {
        from.number("interval", &mut self.interval);
        from.text("mode", &mut self.mode);
        from.bool("pauseWhenHidden", &mut self.pause_when_hidden);
        from.bool("skipWhileDirty", &mut self.skip_while_dirty);
    }
}

impl Default for PollingConfig {
    fn default() -> Self {
        Self {
            interval: 0.0,
            mode: "load".into(),
            pause_when_hidden: true,
            skip_while_dirty: true,
        }
    }
}

impl DifferencesConfig {
    pub(super) fn read(from: &mut Reader) -> Option<Self> {
        let mut config = Self::default();
        let is_given = from.nested("syncDataOnLoad", &mut |from| {
            from.maybe_number("threshold", &mut config.threshold);
            from.maybe_number("percent", &mut config.percent);
            from.bool("dropMissingValues", &mut config.drop_missing_values);
        });
        is_given.then_some(config)
    }
}

impl TransportConfig {
    fn read(&mut self, from: &mut Reader) {
        from.nested("load", &mut |from| self.load.read(from));
        from.nested("sync", &mut |from| self.sync.read(from));
    }
}

impl UrlConfig {
    fn read(&mut self, from: &mut Reader) {
        from.maybe_text("url", &mut self.url);
        from.maybe_text("method", &mut self.method);
        from.maybe_text("paramName", &mut self.param_name);
        self.params = from.object("params");
        self.headers = from.object("headers");
        from.maybe_number("timeout", &mut self.timeout);
        self.fetch_options = from.object("fetchOptions");
    }
}

impl RetryConfig {
    pub(super) fn read(&mut self, from: &mut Reader) {
        from.count("max", &mut self.max);
        from.number("base", &mut self.base);
        from.number("factor", &mut self.factor);
        from.number("cap", &mut self.cap);
        from.number("jitter", &mut self.jitter);
    }
}

impl Default for ManagerConfig {
    fn default() -> Self {
        Self {
            transport: TransportConfig::default(),
            auto_load: false,
            auto_sync: false,
            auto_sync_timeout: 100.0,
            force_sync: false,
            write_all_fields: false,
            phantom_id_field: "$PhantomId".into(),
            phantom_parent_id_field: "$PhantomParentId".into(),
            reset_ids_before_sync: true,
            support_short_sync_response: true,
            skip_success_property: true,
            track_response_type: false,
            sync_conflict_resolution: "local".into(),
            conflict_resolution: None,
            include_children_in_remove_request: true,
            on_record_error: "keep".into(),
            idempotent_sync: false,
            retry: RetryConfig::default(),
            request_data: None,
            sync_apply_sequence: None,
            load_apply_sequence: None,
            polling: PollingConfig::default(),
            phased_sync: false,
            max_sync_bytes: 0,
            on_conflict: "keep".into(),
            max_conflict_retries: 3,
            conflict_codes: None,
            sync_data_on_load: None,
            lazy_load: None,
            load_data: None,
        }
    }
}

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            max: 8,
            base: 1_000.0,
            factor: 2.0,
            cap: 60_000.0,
            jitter: 0.5,
        }
    }
}
