//! The states of a connection, and the table of ways between them.

use crate::engine::time::Millis;

/// Where the connection stands, with what only that state needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has asked for a connection.
    Idle,
    /// It is being opened.
    Connecting(Millis),
    /// It is open; the server's greeting is awaited.
    Authenticating(Millis),
    /// What was missed is awaited.
    CatchingUp(Millis),
    /// Changes come as they happen. Until when the server has to answer a probe, if one is out.
    Live(Option<Millis>),
    /// The next attempt comes then; with none, the connection is lost until there is a sign of
    /// life.
    Waiting(Option<Millis>),
    /// Somebody or something holds it back.
    Suspended,
    /// The server doesn't want this client; only the app can try again.
    Closed,
}

/// A state's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// See [`State::Idle`].
    Idle,
    /// See [`State::Connecting`].
    Connecting,
    /// See [`State::Authenticating`].
    Authenticating,
    /// See [`State::CatchingUp`].
    CatchingUp,
    /// See [`State::Live`].
    Live,
    /// See [`State::Waiting`].
    Waiting,
    /// See [`State::Suspended`].
    Suspended,
    /// See [`State::Closed`].
    Closed,
}

impl Phase {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Idle,
        Self::Connecting,
        Self::Authenticating,
        Self::CatchingUp,
        Self::Live,
        Self::Waiting,
        Self::Suspended,
        Self::Closed,
    ];

    /// The name that hosts show.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting => "connecting",
            Self::Authenticating => "authenticating",
            Self::CatchingUp => "catchingUp",
            Self::Live => "live",
            Self::Waiting => "waiting",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }

    /// Whether the connection may go on from here to there.
    pub const fn may_become(self, next: Self) -> bool {
        use Phase::{
            Authenticating, CatchingUp, Closed, Connecting, Idle, Live, Suspended, Waiting,
        };
        match (self, next) {
            (Idle | Waiting | Suspended | Closed, Connecting)
            | (Connecting, Authenticating)
            | (Connecting | Authenticating | Live, CatchingUp)
            | (Connecting | Authenticating | CatchingUp, Live)
            | (Connecting | Authenticating | CatchingUp | Live, Waiting)
            | (Suspended, Idle) => true,
            (Suspended, Suspended) | (Idle | Waiting | Suspended | Closed, Closed) => false,
            (_, Suspended | Closed) => true,
            _ => false,
        }
    }
}

/// What holds a connection back; bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Pause {
    /// The app suspended it.
    User = 1,
    /// There is no network.
    Offline = 2,
    /// The page is hidden for long, or frozen.
    Hidden = 4,
}

impl Pause {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::User => "suspended",
            Self::Offline => "offline",
            Self::Hidden => "hidden",
        }
    }
}
