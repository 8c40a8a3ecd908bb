//! What one connection has agreed on: who it is, and which rooms it hears. The same for all wires.

use std::collections::HashMap;
use std::sync::Arc;

use axum::http::{HeaderMap, Uri};
use serde_json::{Map, Value, json};
use syncline::protocol::{ErrorCode, is_id_text};

use super::User;
use super::auth::{self, Claims};
use super::frames::{Close, Dialect, Frame};
use super::hub::{OUTBOX_FRAMES, Outbox, Subscription, connection_name};
use super::locks::LOCKS_PER_CLIENT;
use super::pipe::Outgoing;
use super::presence::MAX_LISTED;
use super::requests::{self, Answer, Asker, Pending, bad};
use crate::db::changes::{self, Missed};
use crate::failure::Failure;
use crate::http::App;
use crate::stores::Project;

/// How many missed changes are told one by one.
const CATCH_UP_CHANGES: i64 = 1000;

/// How many bad messages a connection may send.
const MAX_BAD: u32 = 20;

/// How long a connection may take to show its token.
pub(crate) const AUTH_TIME_MS: u64 = 10_000;

/// How often the server asks whether the other side is alive.
pub(crate) const HEARTBEAT_MS: u64 = 25_000;

/// What a client says when it connects, in the query of the address or beside its token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Greeting(HashMap<String, String>);

impl Greeting {
    pub(crate) fn of_query(uri: &Uri) -> Self {
        let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
        let pairs = query.map(|query| query.0).unwrap_or_default();
        Self(pairs.into_iter().collect())
    }

    /// Adds the texts and numbers of a JSON object.
    pub(crate) fn extend(&mut self, members: &Map<String, Value>) {
        for (name, value) in members {
            match value {
                Value::String(text) => self.0.insert(name.clone(), text.clone()),
                Value::Number(_) | Value::Bool(_) => self.0.insert(name.clone(), value.to_string()),
                _ => None,
            };
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The token in the header, or in the query for those who can't set one.
    pub(crate) fn token<'a>(&'a self, headers: &'a HeaderMap) -> Option<&'a str> {
        auth::bearer(headers)
            .or_else(|| self.get("token"))
            .or_else(|| self.get("access_token"))
    }

    fn is_off(&self, name: &str) -> bool {
        matches!(self.get(name), Some("0" | "false"))
    }
}

/// What to do after a message.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// To be written, in this order.
    pub(crate) replies: Vec<Frame>,
    /// A reply that comes later.
    pub(crate) pending: Option<Pending>,
    pub(crate) close: Option<Close>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    app: Arc<App>,
    outbox: Outbox,
    greeting: Greeting,
    /// How it hears what isn't about a room.
    pub(crate) dialect: Dialect,
    bad: u32,
    member: Option<Member>,
}

/// A connection that has shown its token.
#[derive(Debug)]
struct Member {
    id: u64,
    asker: Asker,
    expires_at: Option<i64>,
}

impl Session {
    pub(crate) fn new(app: Arc<App>, outbox: Outbox, greeting: Greeting) -> Self {
        let dialect = greeting.get("dialect").and_then(Dialect::from_name);
        Self {
            app,
            outbox,
            dialect: dialect.unwrap_or_default(),
            greeting,
            bad: 0,
            member: None,
        }
    }

    /// Whether the connection has shown its token.
    pub(crate) fn is_open(&self) -> bool {
        self.member.is_some()
    }

    /// When the token ends, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.member.as_ref()?.expires_at
    }

    pub(crate) fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Under which names faults may be planned for this connection.
    pub(crate) fn names(&self) -> Vec<String> {
        let asker = self.member.as_ref().map(|member| &member.asker);
        asker.map_or_else(Vec::new, |asker| {
            vec![asker.client.clone(), asker.user.id.clone()]
        })
    }

    /// Lets the connection in, and into the room that it named.
    pub(crate) async fn open(&mut self, claims: Claims) -> Result<Vec<Frame>, Failure> {
        let asker = self.asker(&claims)?;
        let connected = {
            let mut hub = self.app.live.hub();
            hub.connect(
                &asker.client,
                &asker.user,
                asker.verified,
                self.outbox.clone(),
            )
        };
        let id = connected?;
        self.member = Some(Member {
            id,
            asker,
            expires_at: claims.expires_at,
        });
        let mut frames = vec![self.hello()];
        if let Some(name) = self.greeting.get("project") {
            let project = requests::project_named(name)?;
            frames.extend(self.subscribe(project, &Value::Null).await?);
        }
        Ok(frames)
    }

    fn asker(&self, claims: &Claims) -> Result<Asker, Failure> {
        let client = match self.greeting.get("clientId") {
            Some(text) if is_id_text(text) => text.to_owned(),
            Some(_) => return Err(bad("`clientId` must be a short text or a number")),
            None => made_up_name(),
        };
        let text = |name: &str| self.greeting.get(name).map(str::to_owned);
        let user = match &claims.user {
            Some(user) => Some(user.clone()),
            None => User::new(
                text("userId").unwrap_or_else(|| client.clone()),
                text("userName"),
                text("color"),
            ),
        };
        let wrong = "`userId`, `userName` and `color` must be short texts";
        Ok(Asker {
            client,
            user: user.ok_or_else(|| bad(wrong))?,
            verified: claims.user.is_some(),
        })
    }

    fn hello(&self) -> Frame {
        let Some(member) = &self.member else {
            return Frame::new("hello", Value::Null);
        };
        let user = &member.asker.user;
        let options = &self.app.options;
        let body = json!({
            "protocol": 1,
            "connectionId": connection_name(member.id),
            "clientId": member.asker.client,
            "user": { "userId": user.id, "userName": user.name, "color": user.color },
            "epoch": self.app.live.epoch,
            "revision": self.app.live.hub().revision(),
            "expiresAt": member.expires_at,
            "heartbeatMs": HEARTBEAT_MS,
            "limits": {
                "frameBytes": options.body_limit,
                "clients": options.max_clients,
                "outboxFrames": OUTBOX_FRAMES,
                "catchUpChanges": CATCH_UP_CHANGES,
                "presence": MAX_LISTED,
                "locksPerClient": LOCKS_PER_CLIENT,
            },
        });
        Frame::new("hello", body)
    }

    /// Carries out a message of the client.
    pub(crate) async fn on_text(&mut self, text: &[u8]) -> Turn {
        let message = match serde_json::from_slice(text) {
            Ok(Value::Object(message)) => Ok(message),
            Ok(_) => Err(bad("A message must be a JSON object")),
            Err(error) => {
                let message = format!("This is no JSON: {error}");
                Err(Failure::new(ErrorCode::BadJson, message))
            }
        };
        match message {
            Ok(message) => self.on_message(message).await,
            Err(failure) => self.refuse(&failure, &Value::Null),
        }
    }

    pub(crate) async fn on_message(&mut self, message: Map<String, Value>) -> Turn {
        let request = match requests::request_of(&message) {
            Ok(request) => request,
            Err(failure) => return self.refuse(&failure, &Value::Null),
        };
        match self.carry_out(&request, message).await {
            Ok(turn) => turn,
            Err(failure) => self.refuse(&failure, &request),
        }
    }

    async fn carry_out(
        &mut self,
        request: &Value,
        message: Map<String, Value>,
    ) -> Result<Turn, Failure> {
        let now = self.app.live.now();
        let kind = requests::kind_of(&message);
        if kind == Some("auth") {
            return self.authenticate(request, &message).await;
        }
        let Some(member) = &self.member else {
            let message = "Show the token first";
            return Err(Failure::new(ErrorCode::Unauthorized, message));
        };
        let frames = match kind {
            Some("ping") => vec![self.pong(request)],
            Some("subscribe") => {
                let named = requests::project_of(&message)?;
                let project = named.ok_or_else(|| bad("`project` must be named"))?;
                self.learn(&message)?;
                self.subscribe(project, request).await?
            }
            Some("unsubscribe") => {
                let named = requests::project_of(&message)?;
                let mut hub = self.app.live.hub();
                let project = named.or_else(|| hub.only_room(&member.asker.client));
                if let Some(project) = project {
                    hub.unsubscribe(member.id, project, true, now);
                }
                vec![Frame::ack(request, Value::Null)]
            }
            Some("requestInitialData") if !self.is_in_a_room() => {
                // As the reference's client does, which knows of no rooms.
                let named = requests::project_of(&message)?;
                let project = match named {
                    Some(project) => project,
                    None => requests::project_named("calendar")?,
                };
                let mut frames = self.subscribe(project, &Value::Null).await?;
                let turn = self.perform(request, message).await?;
                frames.extend(turn.replies);
                frames
            }
            _ => return self.perform(request, message).await,
        };
        Ok(Turn {
            replies: frames,
            ..Turn::default()
        })
    }

    async fn perform(
        &mut self,
        request: &Value,
        message: Map<String, Value>,
    ) -> Result<Turn, Failure> {
        let Some(asker) = self.member.as_ref().map(|member| member.asker.clone()) else {
            return Ok(Turn::default());
        };
        let mut turn = Turn::default();
        match requests::perform(&self.app, &asker, request, message).await? {
            Answer::Now(frames) => turn.replies = frames,
            Answer::Later(pending) => turn.pending = Some(pending),
        }
        Ok(turn)
    }

    /// The first token of a connection, or a fresh one.
    async fn authenticate(
        &mut self,
        request: &Value,
        message: &Map<String, Value>,
    ) -> Result<Turn, Failure> {
        let token = message.get("token").and_then(Value::as_str);
        let checked = auth::check(&self.app.options, token).and_then(|claims| {
            let renewed = self.member.as_ref();
            let known = renewed.is_none_or(|member| {
                let id = claims.user.as_ref().map(|user| &user.id);
                !member.asker.verified || id == Some(&member.asker.user.id)
            });
            let other = "This token is of another user";
            known
                .then_some(claims)
                .ok_or_else(|| Failure::new(ErrorCode::Unauthorized, other))
        });
        let claims = match checked {
            Ok(claims) => claims,
            Err(failure) => {
                return Ok(Turn {
                    replies: vec![answer_failure(&failure, request)],
                    close: Some(Close::of_failure(&failure)),
                    pending: None,
                });
            }
        };
        let mut turn = Turn::default();
        if let Some(member) = &mut self.member {
            member.expires_at = claims.expires_at;
            let data = json!({ "expiresAt": claims.expires_at });
            turn.replies.push(Frame::ack(request, data));
            return Ok(turn);
        }
        let mut members = message.clone();
        members.retain(|name, _| name != "token" && name != "type");
        self.greeting.extend(&members);
        match self.open(claims).await {
            Ok(frames) => turn.replies = frames,
            Err(failure) => {
                turn.replies.push(answer_failure(&failure, request));
                turn.close = Some(Close::of_failure(&failure));
            }
        }
        Ok(turn)
    }

    /// What a client says about itself when it subscribes.
    fn learn(&mut self, message: &Map<String, Value>) -> Result<(), Failure> {
        // What was said about an earlier subscription doesn't hold for this one.
        self.greeting.set("since", "");
        self.greeting.set("epoch", "");
        self.greeting.extend(message);
        if let Some(name) = self.greeting.get("dialect") {
            let dialect = Dialect::from_name(name);
            let known = "`dialect` must be calendar, taskboard or command";
            self.dialect = dialect.ok_or_else(|| bad(known))?;
        }
        let Some(member) = self.member.as_mut().filter(|member| !member.asker.verified) else {
            return Ok(());
        };
        let text = |name: &str| self.greeting.get(name).map(str::to_owned);
        let id = text("userId").unwrap_or_else(|| member.asker.user.id.clone());
        let name = text("userName").or_else(|| Some(member.asker.user.name.clone()));
        let user = User::new(id, name, text("color"));
        let wrong = "`userId`, `userName` and `color` must be short texts";
        member.asker.user = user.ok_or_else(|| bad(wrong))?;
        let mut hub = self.app.live.hub();
        hub.rename(member.id, &member.asker.user);
        Ok(())
    }

    /// Into a room: what was missed first, then everything as it happens.
    async fn subscribe(
        &mut self,
        project: &'static Project,
        request: &Value,
    ) -> Result<Vec<Frame>, Failure> {
        let Some(id) = self.member.as_ref().map(|member| member.id) else {
            return Ok(Vec::new());
        };
        let since = match self.greeting.get("since") {
            None => None,
            Some(text) => {
                let since = text.parse::<i64>().ok().filter(|since| *since >= 0);
                Some(since.ok_or_else(|| bad("`since` must be a revision"))?)
            }
        };
        let mut tx = self.app.database.read().await?;
        let saved = crate::db::revision(&mut tx).await?;
        drop(tx);
        let how = Subscription {
            from: saved,
            dialect: self.dialect,
            echo: !self.greeting.is_off("echo"),
            presence: !self.greeting.is_off("presence"),
        };
        let live = &self.app.live;
        let (revision, locks) = {
            let mut hub = live.hub();
            let revision = hub.subscribe(id, project, how, live.now());
            (revision, hub.locks_of(project))
        };
        let other = self
            .greeting
            .get("epoch")
            .is_some_and(|epoch| epoch != live.epoch);
        let missed = match since {
            None => Missed::Changes(Vec::new()),
            Some(_) if other => Missed::Unknown("epoch"),
            Some(since) => {
                let mut tx = self.app.database.read().await?;
                changes::missed(&mut tx, project.name, since, revision, CATCH_UP_CHANGES).await?
            }
        };
        let (count, news) = match missed {
            Missed::Unknown(reason) => (None, vec![Frame::reload(project, reason, revision)]),
            Missed::Changes(changes) => {
                let frames: Vec<_> = changes.iter().filter_map(Frame::of_change).collect();
                (Some(frames.len()), frames)
            }
        };
        let mut body = json!({
            "epoch": live.epoch,
            "revision": revision,
            "catchUp": count,
            "locks": locks,
        });
        if !request.is_null() {
            body["requestId"] = request.clone();
        }
        let mut frames = vec![Frame::of_room("subscribed", project, body)];
        frames.extend(news);
        let mut end = Frame::of_room("live", project, json!({ "revision": revision }));
        end.revision = Some(revision);
        frames.push(end);
        Ok(frames)
    }

    fn is_in_a_room(&self) -> bool {
        let Some(member) = &self.member else {
            return false;
        };
        let hub = self.app.live.hub();
        let rooms = hub.revisions(member.id);
        rooms.as_object().is_some_and(|rooms| !rooms.is_empty())
    }

    /// The answer to a ping: the revisions that the client should hold.
    pub(crate) fn pong(&self, request: &Value) -> Frame {
        let id = self.member.as_ref().map_or(0, |member| member.id);
        let live = &self.app.live;
        let mut body = json!({ "time": live.now(), "revisions": live.hub().revisions(id) });
        if !request.is_null() {
            body["requestId"] = request.clone();
        }
        Frame::new("pong", body)
    }

    fn refuse(&mut self, failure: &Failure, request: &Value) -> Turn {
        self.bad += u32::from(matches!(failure.0.code.http_status(), 400 | 401));
        let close = (self.bad >= MAX_BAD)
            .then(|| Close::new(Close::BAD_MESSAGES, format!("{MAX_BAD} bad messages")));
        Turn {
            replies: vec![answer_failure(failure, request)],
            pending: None,
            close,
        }
    }

    /// The connection is gone, with or without a goodbye.
    pub(crate) fn end(&mut self, goodbye: bool) {
        if let Some(member) = self.member.take() {
            let now = self.app.live.now();
            self.app.live.hub().disconnect(member.id, goodbye, now);
        }
    }

    /// A message in this connection's dialect.
    pub(crate) fn outgoing(&self, frame: Frame) -> Outgoing {
        Outgoing {
            frame: Arc::new(frame),
            dialect: self.dialect,
        }
    }
}

impl Drop for Session {
    /// However a connection ends, the hub forgets it.
    fn drop(&mut self) {
        self.end(false);
    }
}

/// A failure as the answer to the request, or as an `error` when it can't be told which one it was.
fn answer_failure(failure: &Failure, request: &Value) -> Frame {
    if request.is_null() {
        Frame::error(failure, request)
    } else {
        Frame::refusal(request, failure, Value::Null)
    }
}

/// A name for a client that has none; nobody else has it.
fn made_up_name() -> String {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    let part = || RandomState::new().build_hasher().finish();
    format!("anonymous-{:016x}{:016x}", part(), part())
}
