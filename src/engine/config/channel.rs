//! Options of a channel.

use super::manager::RetryConfig;
use super::options::{delay, retry};
use super::{Options, Reader};
use crate::engine::config::RetryOptions;
use crate::engine::error::SyncError;
use crate::engine::json::dom::{Members, Value};
use crate::prelude::*;

/// A channel as the host describes it (JSON, camelCase). Delays are in ms.
#[derive(Clone, Debug)]
pub struct ChannelConfig {
    /// What the server knows this client by, over all its connections; made up when not given.
    pub client_id: Option<String>,
    /// Connects by itself.
    pub auto_connect: bool,
    /// Who works here: `{ userId, userName }` and whatever else is to be shown to others.
    pub user: Option<Members>,
    /// Which room of the server.
    pub project: Option<Value>,
    /// Whether the server greets: the connection is good when `welcome` has come, and only as long
    /// as the server answers.
    pub handshake: bool,
    /// Without a handshake: asks for all data (`requestInitialData`) when connected.
    pub request_initial_data: bool,
    /// Envelopes are `{ command, data }` instead of `{ type, data }`.
    pub command: bool,
    /// Syncs go over the channel while it is live.
    pub send_over_channel: bool,
    /// When a connection that was lost is tried again; attempts are used up after `max`.
    pub reconnect: RetryConfig,
    /// Attempts are never used up.
    pub forever: bool,
    /// How long a connection has to stay up for its failures to be forgotten.
    pub stable: f64,
    /// How long the server may be silent before it is probed.
    pub heartbeat: f64,
    /// How long connecting, the welcome, missed changes and the answer to a probe may take.
    pub timeout: f64,
    /// How long an answer to something that was sent may take.
    pub ack_timeout: f64,
    /// How long a page may be hidden before the connection is closed; 0: it stays.
    pub hidden_timeout: f64,
    /// How long peers and locks are believed in without a connection.
    pub grace: f64,
    /// After the connection is lost: how often the server is polled by HTTP, and the connection
    /// tried; 0: never.
    pub poll: f64,
    /// There is no connection at all: the server is polled.
    pub polls: bool,
    /// Polls are empty syncs, whose answers bring what others changed, rather than loads.
    pub poll_by_sync: bool,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            client_id: None,
            auto_connect: true,
            user: None,
            project: None,
            handshake: true,
            request_initial_data: false,
            command: false,
            send_over_channel: false,
            reconnect: RetryConfig {
                max: 5,
                base: 1_000.0,
                factor: 2.0,
                cap: 30_000.0,
                jitter: 1.0,
            },
            forever: false,
            stable: 5_000.0,
            heartbeat: 15_000.0,
            timeout: 10_000.0,
            ack_timeout: 10_000.0,
            hidden_timeout: 300_000.0,
            grace: 30_000.0,
            poll: 0.0,
            polls: false,
            poll_by_sync: false,
        }
    }
}

impl Options for ChannelConfig {
    fn read(from: &mut Reader) -> Self {
        let mut config = Self::default();
        from.maybe_text("clientId", &mut config.client_id);
        from.bool("autoConnect", &mut config.auto_connect);
        config.user = from.object("user");
        config.project = from.take("project");
        from.bool("handshake", &mut config.handshake);
        from.bool("requestInitialData", &mut config.request_initial_data);
        from.bool("command", &mut config.command);
        from.bool("sendOverChannel", &mut config.send_over_channel);
        from.nested("reconnect", &mut |from| config.reconnect.read(from));
        from.bool("forever", &mut config.forever);
        from.number("stable", &mut config.stable);
        from.number("heartbeat", &mut config.heartbeat);
        from.number("timeout", &mut config.timeout);
        from.number("ackTimeout", &mut config.ack_timeout);
        from.number("hiddenTimeout", &mut config.hidden_timeout);
        from.number("grace", &mut config.grace);
        from.number("poll", &mut config.poll);
        from.bool("polls", &mut config.polls);
        from.bool("pollBySync", &mut config.poll_by_sync);
        config
    }
}

/// A channel's options after the check.
#[derive(Clone, Debug)]
pub struct ChannelOptions {
    /// See [`ChannelConfig::user`].
    pub user: Option<Members>,
    /// See [`ChannelConfig::project`].
    pub project: Option<Value>,
    /// See [`ChannelConfig::handshake`].
    pub handshake: bool,
    /// See [`ChannelConfig::request_initial_data`].
    pub request_initial_data: bool,
    /// See [`ChannelConfig::command`].
    pub command: bool,
    /// See [`ChannelConfig::send_over_channel`].
    pub send_over_channel: bool,
    /// See [`ChannelConfig::reconnect`]; `u32::MAX` attempts are never used up.
    pub reconnect: RetryOptions,
    /// See [`ChannelConfig::stable`].
    pub stable_ms: u64,
    /// See [`ChannelConfig::heartbeat`].
    pub heartbeat_ms: u64,
    /// See [`ChannelConfig::timeout`].
    pub timeout_ms: u64,
    /// See [`ChannelConfig::ack_timeout`].
    pub ack_timeout_ms: u64,
    /// See [`ChannelConfig::hidden_timeout`].
    pub hidden_timeout_ms: Option<u64>,
    /// See [`ChannelConfig::grace`].
    pub grace_ms: u64,
    /// See [`ChannelConfig::poll`].
    pub poll_ms: Option<u64>,
    /// See [`ChannelConfig::polls`].
    pub polls: bool,
    /// See [`ChannelConfig::poll_by_sync`].
    pub poll_by_sync: bool,
}

/// The shortest heartbeat, time-out and polling interval, in ms: below it a channel is busy with
/// itself alone.
pub const INTERVAL_MIN_MS: u64 = 50;

impl ChannelOptions {
    /// Checks the options.
    ///
    /// # Errors
    /// [`ErrorCode::InvalidConfig`](crate::engine::error::ErrorCode::InvalidConfig), with the
    /// option's name.
    pub fn check(config: ChannelConfig) -> Result<Self, SyncError> {
        let mut reconnect = retry("channel.reconnect", config.reconnect)?;
        if config.forever {
            reconnect.max = u32::MAX;
        }
        let interval = |name: &str, ms: f64| -> Result<u64, SyncError> {
            Ok(delay(&["channel.", name].concat(), ms)?.max(INTERVAL_MIN_MS))
        };
        let optional = |name: &str, ms: f64| -> Result<Option<u64>, SyncError> {
            let ms = delay(&["channel.", name].concat(), ms)?;
            Ok((ms > 0).then_some(ms.max(INTERVAL_MIN_MS)))
        };
        Ok(Self {
            user: config.user,
            project: config.project,
            handshake: config.handshake,
            request_initial_data: config.request_initial_data,
            command: config.command,
            send_over_channel: config.send_over_channel,
            reconnect,
            stable_ms: delay("channel.stable", config.stable)?,
            heartbeat_ms: interval("heartbeat", config.heartbeat)?,
            timeout_ms: interval("timeout", config.timeout)?,
            ack_timeout_ms: interval("ackTimeout", config.ack_timeout)?,
            hidden_timeout_ms: optional("hiddenTimeout", config.hidden_timeout)?,
            grace_ms: delay("channel.grace", config.grace)?,
            poll_ms: optional("poll", config.poll)?,
            polls: config.polls,
            poll_by_sync: config.poll_by_sync,
        })
    }
}
