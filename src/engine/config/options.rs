//! A manager's options after the check: what the engine works with.

use super::manager::{
    DifferencesConfig, LazyConfig, ManagerConfig, PollingConfig, RetryConfig, UrlConfig,
};
use crate::engine::conflict::Strategy;
use crate::engine::error::{ErrorCode, SyncError};
use crate::engine::json::dom::{Members, Value};
use crate::engine::number::floor;
use crate::prelude::*;

/// How long a request may take when the app doesn't say, in ms. Long enough for a slow load over a
/// poor line, short enough that a connection that died unnoticed is found within a coffee's first
/// sip.
pub const REQUEST_TIMEOUT_MS: u64 = 30_000;

/// The longest delay that can be configured, in ms: what a browser's timer can hold (2^31 - 1).
pub const DELAY_MAX_MS: u32 = 2_147_483_647;

/// Most automatic retries that can be configured: with the longest waits that is far beyond any
/// outage.
pub const RETRIES_MAX: u32 = 1_000;

/// What becomes of edits that the server refused for one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnRecordError {
    /// They stay, marked by the server's words.
    Keep,
    /// They are taken back.
    Revert,
}

/// What follows a sync that the server refused because its data is newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnConflict {
    /// Edits wait; the app decides.
    Keep,
    /// A load, on top of which the edits go out again.
    Reload,
    /// What was sent is taken back, and a load follows.
    Revert,
}

/// When to ask the server for news; see [`PollingConfig`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PollingOptions {
    /// How long after the last answer, in ms; 0: never.
    pub interval_ms: u64,
    /// By a sync; else by a load.
    pub by_sync: bool,
    /// Not while the page is hidden.
    pub pause_when_hidden: bool,
    /// Not while there are unconfirmed changes.
    pub skip_while_dirty: bool,
}

/// Where one kind of request goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Where to; none when the app gave none.
    pub url: Option<String>,
    /// `GET`, `POST`, `PUT`, `PATCH`.
    pub method: String,
    /// The query parameter that carries the pack; none when the pack is the body.
    pub param_name: Option<String>,
    /// Further query parameters.
    pub params: Members,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// How long to wait for the whole answer, in ms; none waits for ever.
    pub timeout_ms: Option<u64>,
    /// Options of `fetch` as JSON text.
    pub fetch_options: Option<String>,
}

/// When to try again; see [`RetryConfig`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryOptions {
    /// How many retries by itself.
    pub max: u32,
    /// The first wait, in ms.
    pub base_ms: f64,
    /// By how much waits grow.
    pub factor: f64,
    /// The longest wait, in ms.
    pub cap_ms: f64,
    /// The random part of a wait, 0 to 1.
    pub jitter: f64,
}

/// A manager's options, known to be valid.
#[derive(Clone, Debug)]
pub struct ManagerOptions {
    /// Loads.
    pub load: Endpoint,
    /// Syncs.
    pub sync: Endpoint,
    /// See [`ManagerConfig::auto_load`].
    pub auto_load: bool,
    /// See [`ManagerConfig::auto_sync`].
    pub auto_sync: bool,
    /// See [`ManagerConfig::auto_sync_timeout`].
    pub auto_sync_timeout_ms: u64,
    /// See [`ManagerConfig::force_sync`].
    pub force_sync: bool,
    /// See [`ManagerConfig::write_all_fields`].
    pub write_all_fields: bool,
    /// See [`ManagerConfig::phantom_id_field`].
    pub phantom_id_field: String,
    /// See [`ManagerConfig::phantom_parent_id_field`].
    pub phantom_parent_id_field: String,
    /// See [`ManagerConfig::reset_ids_before_sync`].
    pub reset_ids_before_sync: bool,
    /// See [`ManagerConfig::support_short_sync_response`].
    pub support_short_sync_response: bool,
    /// See [`ManagerConfig::skip_success_property`].
    pub skip_success_property: bool,
    /// See [`ManagerConfig::track_response_type`].
    pub track_response_type: bool,
    /// See [`ManagerConfig::conflict_resolution`].
    pub conflict_resolution: Option<Strategy>,
    /// Whether the server wins a field that both sides changed.
    pub remote_wins: bool,
    /// See [`ManagerConfig::include_children_in_remove_request`].
    pub include_children_in_remove_request: bool,
    /// See [`ManagerConfig::on_record_error`].
    pub on_record_error: OnRecordError,
    /// See [`ManagerConfig::idempotent_sync`].
    pub idempotent_sync: bool,
    /// See [`ManagerConfig::retry`].
    pub retry: RetryOptions,
    /// Properties that go into every pack.
    pub request_data: Members,
    /// See [`ManagerConfig::sync_apply_sequence`].
    pub sync_apply_sequence: Option<Vec<String>>,
    /// See [`ManagerConfig::load_apply_sequence`].
    pub load_apply_sequence: Option<Vec<String>>,
    /// See [`ManagerConfig::polling`].
    pub polling: PollingOptions,
    /// See [`ManagerConfig::phased_sync`].
    pub phased_sync: bool,
    /// See [`ManagerConfig::max_sync_bytes`].
    pub max_sync_bytes: usize,
    /// See [`ManagerConfig::on_conflict`].
    pub on_conflict: OnConflict,
    /// See [`ManagerConfig::max_conflict_retries`].
    pub max_conflict_retries: u32,
    /// See [`ManagerConfig::conflict_codes`].
    pub conflict_codes: Vec<String>,
    /// See [`ManagerConfig::sync_data_on_load`].
    pub sync_data_on_load: Option<DifferencesConfig>,
    /// See [`ManagerConfig::lazy_load`].
    pub lazy_load: Option<LazyConfig>,
    /// See [`ManagerConfig::load_data`].
    pub load_data: Members,
}

impl ManagerOptions {
    /// Checks what the app gave.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`] names the option and what it may be.
    pub fn check(config: ManagerConfig) -> Result<Self, SyncError> {
        Ok(Self {
            load: endpoint(config.transport.load, "load")?,
            sync: endpoint(config.transport.sync, "sync")?,
            auto_load: config.auto_load,
            auto_sync: config.auto_sync,
            auto_sync_timeout_ms: delay("autoSyncTimeout", config.auto_sync_timeout)?,
            force_sync: config.force_sync,
            write_all_fields: config.write_all_fields,
            phantom_id_field: name("phantomIdField", config.phantom_id_field)?,
            phantom_parent_id_field: name("phantomParentIdField", config.phantom_parent_id_field)?,
            reset_ids_before_sync: config.reset_ids_before_sync,
            support_short_sync_response: config.support_short_sync_response,
            skip_success_property: config.skip_success_property,
            track_response_type: config.track_response_type,
            conflict_resolution: config.conflict_resolution,
            remote_wins: match config.sync_conflict_resolution.as_str() {
                "local" => false,
                "remote" => true,
                other => return Err(one_of("syncConflictResolution", "local, remote", other)),
            },
            include_children_in_remove_request: config.include_children_in_remove_request,
            on_record_error: match config.on_record_error.as_str() {
                "keep" => OnRecordError::Keep,
                "revert" => OnRecordError::Revert,
                other => return Err(one_of("onRecordError", "keep, revert", other)),
            },
            idempotent_sync: config.idempotent_sync,
            retry: retry("retry", config.retry)?,
            request_data: config.request_data.unwrap_or_default(),
            sync_apply_sequence: config.sync_apply_sequence,
            load_apply_sequence: config.load_apply_sequence,
            polling: polling(config.polling)?,
            phased_sync: config.phased_sync,
            max_sync_bytes: config.max_sync_bytes as usize,
            on_conflict: match config.on_conflict.as_str() {
                "keep" => OnConflict::Keep,
                "reload" => OnConflict::Reload,
                "revert" => OnConflict::Revert,
                other => return Err(one_of("onConflict", "keep, reload, revert", other)),
            },
            max_conflict_retries: config.max_conflict_retries.min(RETRIES_MAX),
            conflict_codes: conflict_codes(config.conflict_codes)?,
            sync_data_on_load: config.sync_data_on_load,
            lazy_load: config.lazy_load,
            load_data: config.load_data.unwrap_or_default(),
        })
    }
}

fn endpoint(config: UrlConfig, kind: &str) -> Result<Endpoint, SyncError> {
    let default = if kind == "load" { "GET" } else { "POST" };
    let method = config
        .method
        .map_or_else(|| default.to_owned(), |method| method.to_ascii_uppercase());
    if !matches!(method.as_str(), "GET" | "POST" | "PUT" | "PATCH") {
        let option = format!("transport.{kind}.method");
        return Err(one_of(&option, "GET, POST, PUT, PATCH", &method));
    }
    if let Some(url) = &config.url {
        check_url(url).map_err(|why| invalid(format!("transport.{kind}.url: {why}: \"{url}\"")))?;
    }
    let param_name = match config.param_name {
        Some(name) if name.is_empty() => {
            return Err(invalid(format!(
                "transport.{kind}.paramName must not be empty"
            )));
        }
        None if method == "GET" => Some("data".to_owned()),
        name => name,
    };
    let mut headers = Vec::new();
    for (name, value) in config.headers.unwrap_or_default().list() {
        if !header_name(name) {
            return Err(invalid(format!(
                "transport.{kind}.headers: \"{name}\" is no header name"
            )));
        }
        match value {
            Value::Text(text) if !text.contains(['\r', '\n', '\0']) => {
                headers.push((name.clone(), text.clone()));
            }
            Value::Number(_) | Value::Digits(_) | Value::Bool(_) => {
                headers.push((name.clone(), value.to_json()));
            }
            Value::Null => {}
            Value::Text(_) | Value::List(_) | Value::Object(_) => {
                let message =
                    format!("transport.{kind}.headers: the value of \"{name}\" is no text");
                return Err(invalid(message));
            }
        }
    }
    let timeout_ms = match config.timeout {
        None => Some(REQUEST_TIMEOUT_MS),
        Some(ms) => Some(delay(&format!("transport.{kind}.timeout"), ms)?).filter(|&ms| ms > 0),
    };
    Ok(Endpoint {
        url: config.url,
        method,
        param_name,
        params: config.params.unwrap_or_default(),
        headers,
        timeout_ms,
        fetch_options: config
            .fetch_options
            .map(|options| Value::Object(options).to_json()),
    })
}

pub(super) fn retry(path: &str, config: RetryConfig) -> Result<RetryOptions, SyncError> {
    if !(config.factor.is_finite() && config.factor >= 1.0) {
        return Err(invalid(format!("{path}.factor must be a number from 1")));
    }
    if !(0.0..=1.0).contains(&config.jitter) {
        return Err(invalid(format!(
            "{path}.jitter must be a number from 0 to 1"
        )));
    }
    if config.max > RETRIES_MAX {
        return Err(invalid(format!("{path}.max must be at most {RETRIES_MAX}")));
    }
    Ok(RetryOptions {
        max: config.max,
        base_ms: delay(&format!("{path}.base"), config.base)? as f64,
        factor: config.factor,
        cap_ms: delay(&format!("{path}.cap"), config.cap)? as f64,
        jitter: config.jitter,
    })
}

fn polling(config: PollingConfig) -> Result<PollingOptions, SyncError> {
    Ok(PollingOptions {
        interval_ms: delay("polling.interval", config.interval)?,
        by_sync: match config.mode.as_str() {
            "load" => false,
            "sync" => true,
            other => return Err(one_of("polling.mode", "load, sync", other)),
        },
        pause_when_hidden: config.pause_when_hidden,
        skip_while_dirty: config.skip_while_dirty,
    })
}

fn conflict_codes(given: Option<Value>) -> Result<Vec<String>, SyncError> {
    let Some(given) = given else {
        return Ok(vec!["409".to_owned(), "CONFLICT".to_owned()]);
    };
    let codes = given
        .as_list()
        .and_then(|codes| codes.iter().map(Value::plain_text).collect());
    codes.ok_or_else(|| invalid("conflictCodes must be a list of numbers and texts".to_owned()))
}

pub(super) fn delay(option: &str, ms: f64) -> Result<u64, SyncError> {
    if (0.0..=f64::from(DELAY_MAX_MS)).contains(&ms) {
        Ok(-floor(-ms) as u64)
    } else {
        Err(invalid(format!(
            "{option} must be from 0 to {DELAY_MAX_MS} ms"
        )))
    }
}

fn name(option: &str, value: String) -> Result<String, SyncError> {
    if value.is_empty() {
        return Err(invalid(format!("{option} must not be empty")));
    }
    Ok(value)
}

/// Refuses what a browser's URL parser would refuse; relative URLs are fine. Works on bytes:
/// patterns of text weigh kilobytes.
pub(in crate::engine) fn check_url(url: &str) -> Result<(), &'static str> {
    let url = url.trim_ascii().as_bytes();
    if url.is_empty() {
        return Err("an empty URL");
    }
    if url.iter().any(u8::is_ascii_control) {
        return Err("a URL with control characters");
    }
    let (scheme, rest) = cut(url, b":/?#");
    let rest = match rest {
        [b':', b'/', b'/', rest @ ..] => {
            let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let alphabetic = scheme.first().is_some_and(u8::is_ascii_alphabetic);
            if !alphabetic || !scheme.iter().all(allowed) {
                return Err("a URL with a scheme that is none");
            }
            rest
        }
        [b'/', b'/', rest @ ..] if scheme.is_empty() => rest,
        _ => return Ok(()),
    };
    let (mut host, _) = cut(rest, b"/?#");
    while let (_, [b'@', after @ ..]) = cut(host, b"@") {
        host = after;
    }
    check_host(host)
}

fn check_host(host: &[u8]) -> Result<(), &'static str> {
    let (name, rest) = match host {
        [b'[', inner @ ..] => match cut(inner, b"]") {
            (address, [_, rest @ ..]) => (address, rest),
            _ => return Err("a URL with an address that isn't closed"),
        },
        _ => cut(host, b":"),
    };
    if name.is_empty() {
        return Err("a URL without a host");
    }
    if name.iter().any(|byte| b" <>^|%\\".contains(byte)) {
        return Err("a URL with a host that is none");
    }
    let port = rest.strip_prefix(b":").unwrap_or(rest);
    let number = port.iter().fold(0u32, |number, byte| {
        let digit = u32::from(byte.wrapping_sub(b'0'));
        let digit = if digit < 10 { digit } else { 1 << 16 };
        number.saturating_mul(10).saturating_add(digit)
    });
    if number > u32::from(u16::MAX) {
        return Err("a URL with a port that is none");
    }
    Ok(())
}

/// What stands before the first of some bytes, and the rest from there on.
fn cut<'a>(text: &'a [u8], at: &[u8]) -> (&'a [u8], &'a [u8]) {
    let place = text.iter().position(|byte| at.contains(byte));
    text.split_at_checked(place.unwrap_or(text.len()))
        .unwrap_or((text, &[]))
}

fn header_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn one_of(option: &str, allowed: &str, given: &str) -> SyncError {
    invalid(format!(
        "{option} must be one of {allowed}, not \"{given}\""
    ))
}

fn invalid(message: String) -> SyncError {
    SyncError::new(ErrorCode::InvalidConfig, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::config::parse;

    fn check(json: &str) -> Result<ManagerOptions, SyncError> {
        ManagerOptions::check(parse(json.as_bytes())?)
    }

    #[test]
    fn what_the_documentation_promises_is_the_default() {
        let options = check("{}").unwrap();
        assert_eq!(options.load.method, "GET");
        assert_eq!(options.load.param_name.as_deref(), Some("data"));
        assert_eq!(options.sync.method, "POST");
        assert_eq!(options.sync.param_name, None);
        assert_eq!(options.auto_sync_timeout_ms, 100);
        assert_eq!(options.sync.timeout_ms, Some(REQUEST_TIMEOUT_MS));
        assert!(!options.remote_wins && options.support_short_sync_response);
    }

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        for (json, part) in [
            (r#"{"autoSyncTimeout":-1}"#, "autoSyncTimeout"),
            (
                r#"{"transport":{"sync":{"timeout":-5}}}"#,
                "transport.sync.timeout",
            ),
            (
                r#"{"transport":{"load":{"method":"DELETE"}}}"#,
                "transport.load.method",
            ),
            (
                r#"{"transport":{"load":{"url":"http://"}}}"#,
                "transport.load.url",
            ),
            (
                r#"{"transport":{"load":{"url":"http://[::1/x"}}}"#,
                "transport.load.url",
            ),
            (
                r#"{"transport":{"load":{"url":"http://a:99999/x"}}}"#,
                "transport.load.url",
            ),
            (
                r#"{"transport":{"sync":{"headers":{"a b":"c"}}}}"#,
                "transport.sync.headers",
            ),
            (
                r#"{"transport":{"sync":{"headers":{"a":"b\r\nc"}}}}"#,
                "transport.sync.headers",
            ),
            (
                r#"{"syncConflictResolution":"mine"}"#,
                "syncConflictResolution",
            ),
            (r#"{"onRecordError":"drop"}"#, "onRecordError"),
            (r#"{"retry":{"factor":0.5}}"#, "retry.factor"),
            (r#"{"retry":{"jitter":2}}"#, "retry.jitter"),
            (r#"{"phantomIdField":""}"#, "phantomIdField"),
            (r#"{"autoSync":"yes"}"#, "boolean"),
        ] {
            let error = check(json).unwrap_err();
            assert_eq!(error.code, ErrorCode::InvalidConfig, "{json}");
            assert!(error.message.contains(part), "{json}: {error}");
        }
    }

    #[test]
    fn relative_and_absolute_urls_are_fine() {
        for url in [
            "load",
            "/api/load",
            "../x?y=a b",
            "//host/x",
            "http://[::1]:80/",
            "https://u:p@h/é",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }
}
