//! Conflicts: what both sides changed, and who of them has it. Pure: knows three values, no
//! records.

use super::schema::FieldIx;

/// How conflicts are decided.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Strategy {
    /// What the server has.
    ServerWins,
    /// What the user has, to be sent.
    #[default]
    ClientWins,
    /// What doesn't clash joins by itself; of what does, the newer. A record that one side removed
    /// and the other changed stays.
    Merge,
    /// By the app: the record keeps both until then.
    Manual,
}

impl Strategy {
    /// By its name among the options.
    pub fn named(name: &str) -> Option<Self> {
        [
            Self::ServerWins,
            Self::ClientWins,
            Self::Merge,
            Self::Manual,
        ]
        .into_iter()
        .find(|strategy| strategy.name() == name)
    }

    /// Its name among the options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServerWins => "server-wins",
            Self::ClientWins => "client-wins",
            Self::Merge => "merge",
            Self::Manual => "manual",
        }
    }
}

/// Whose value it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The user's.
    Mine,
    /// The server's.
    Theirs,
    /// Made of both.
    Merged,
}

/// What the app says about an open conflict.
#[derive(Clone, Copy, Debug)]
pub struct Resolution<'a> {
    /// Who has a record that one side removed.
    pub record: Side,
    /// The fields in which the server has it.
    pub theirs: &'a [FieldIx],
    /// The fields whose value the app has just set.
    pub merged: &'a [FieldIx],
}

/// What clashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Both changed a field.
    Update,
    /// The server removed what the user has changed.
    RemoteRemove,
    /// The user removed what the server has changed.
    LocalRemove,
}

impl Kind {
    /// As hosts spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::RemoteRemove => "remoteRemove",
            Self::LocalRemove => "localRemove",
        }
    }
}

/// What becomes of a field, or of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is no conflict: both sides join.
    Joined,
    /// One side has it.
    Decided(Side),
    /// The app has to say.
    Open,
}

/// What becomes of a field that was `base` when both sides last agreed. `newer`: whose value is.
pub fn field<T: Copy>(
    (base, mine, theirs): (T, T, T),
    same: &dyn Fn(T, T) -> bool,
    strategy: Strategy,
    newer: Side,
) -> Outcome {
    if same(base, theirs) || same(base, mine) || same(mine, theirs) {
        return Outcome::Joined;
    }
    match strategy {
        Strategy::ServerWins => Outcome::Decided(Side::Theirs),
        Strategy::ClientWins => Outcome::Decided(Side::Mine),
        Strategy::Merge => Outcome::Decided(newer),
        Strategy::Manual => Outcome::Open,
    }
}

/// What becomes of a record that one side removed and the other changed.
pub const fn removal(kind: Kind, strategy: Strategy) -> Outcome {
    match (strategy, kind) {
        (Strategy::Manual, _) => Outcome::Open,
        (Strategy::ServerWins, _) | (Strategy::Merge, Kind::LocalRemove) => {
            Outcome::Decided(Side::Theirs)
        }
        (Strategy::ClientWins | Strategy::Merge, _) => Outcome::Decided(Side::Mine),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(base: u8, mine: u8, theirs: u8, strategy: Strategy) -> Outcome {
        field((base, mine, theirs), &|a, b| a == b, strategy, Side::Theirs)
    }

    #[test]
    fn only_what_both_changed_differently_is_a_conflict() {
        for strategy in [
            Strategy::ServerWins,
            Strategy::ClientWins,
            Strategy::Merge,
            Strategy::Manual,
        ] {
            assert_eq!(outcome(1, 2, 1, strategy), Outcome::Joined, "theirs stayed");
            assert_eq!(outcome(1, 1, 2, strategy), Outcome::Joined, "mine stayed");
            assert_eq!(outcome(1, 2, 2, strategy), Outcome::Joined, "both the same");
            assert_ne!(outcome(1, 2, 3, strategy), Outcome::Joined);
            assert_eq!(Strategy::named(strategy.name()), Some(strategy));
        }
        assert_eq!(Strategy::named("nobody-wins"), None);
    }

    #[test]
    fn every_strategy_says_who_has_it() {
        let decided = Outcome::Decided;
        assert_eq!(
            outcome(1, 2, 3, Strategy::ServerWins),
            decided(Side::Theirs)
        );
        assert_eq!(outcome(1, 2, 3, Strategy::ClientWins), decided(Side::Mine));
        assert_eq!(outcome(1, 2, 3, Strategy::Merge), decided(Side::Theirs));
        let same = |a, b| a == b;
        let newer = field((1, 2, 3), &same, Strategy::Merge, Side::Mine);
        assert_eq!(newer, decided(Side::Mine));
        assert_eq!(outcome(1, 2, 3, Strategy::Manual), Outcome::Open);
    }

    #[test]
    fn a_merge_loses_no_record() {
        let decided = Outcome::Decided;
        assert_eq!(
            removal(Kind::RemoteRemove, Strategy::Merge),
            decided(Side::Mine)
        );
        assert_eq!(
            removal(Kind::LocalRemove, Strategy::Merge),
            decided(Side::Theirs)
        );
        assert_eq!(
            removal(Kind::LocalRemove, Strategy::ClientWins),
            decided(Side::Mine)
        );
        assert_eq!(
            removal(Kind::RemoteRemove, Strategy::ServerWins),
            decided(Side::Theirs)
        );
        assert_eq!(removal(Kind::LocalRemove, Strategy::Manual), Outcome::Open);
    }
}
