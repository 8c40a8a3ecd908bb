//! The order of the server's changes: what is new, what is known, what is missing, and what an
//! answer by HTTP overtakes.
//!
//! Every change has the server's revision, and the one before it, so that a gap shows. While a
//! request of the manager is open, its answer may describe the server as it was before changes that
//! have come already; those are kept, and applied again after it.

use super::frame::additions;
use crate::prelude::*;

/// Most bytes of changes that are kept while a request is open, or a gap is being closed. Beyond it
/// they are forgotten, and asked for again (`since`) when the time has come.
pub const KEPT_BYTES_MAX: usize = 4 << 20;

/// How often in a row missing changes are asked for before all data is loaded instead.
pub const GAPS_MAX: u32 = 3;

/// A change whose revision is so much higher than any that the server has spoken of is asked about
/// before it is believed, once for each size of such steps: counters don't leap, but a message may
/// be wrong.
pub const LEAP: u64 = 100_000;

/// So many revisions that changes had are remembered, to know a repeated one from one that was
/// never here.
const RECENT_MAX: usize = 64;

/// A change of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The server's revision with it; none from servers that don't count.
    pub revision: Option<u64>,
    /// The revision before it.
    pub previous: Option<u64>,
    /// The request that it came of.
    pub request: Option<u64>,
    /// More of the same revision follows.
    pub more: bool,
    /// Sections of stores, as a JSON object.
    pub data: Vec<u8>,
}

/// What is to be done with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is to be applied.
    Apply,
    /// It is known already.
    Known,
    /// The answer to its request will bring it.
    Own,
    /// Something before it is missing.
    Gap,
}

/// What ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Landed {
    /// A load was applied.
    Load,
    /// A sync was applied, of that request.
    Sync(u64),
}

/// The order of changes.
#[derive(Debug, Default)]
pub struct Feed {
    /// The base holds everything up to here.
    at: Option<u64>,
    /// The newest revision that the server is known to have.
    newest: u64,
    /// Up to where an answer has said so, or what was missing has come; beyond it, single changes
    /// have.
    sure: u64,
    /// The revisions of the changes since then.
    recent: Vec<u64>,
    /// The largest step that has turned out to be true.
    leap: u64,
    /// Answers bring what others changed meanwhile.
    pub(super) answers_bring_all: bool,
    /// The request that is open; 0 for one without a number that changes would name.
    open: Option<u64>,
    /// Where the base stood when it was opened, or since loaded: newer changes are kept.
    at_open: Option<u64>,
    kept: Vec<Change>,
    kept_bytes: usize,
    /// More came than could be kept.
    spilled: bool,
    /// Behind a gap.
    held: Vec<Change>,
    held_bytes: usize,
    gaps: u32,
    /// One's own changes that are newer than what the channel has brought.
    own: Vec<(u64, Vec<u8>)>,
    last_own: u64,
}

impl Feed {
    /// What to say that one has when one asks for what is missing.
    pub const fn since(&self) -> Option<u64> {
        self.at
    }

    /// Whether the server is known to have more.
    pub fn is_behind(&self) -> bool {
        self.at.is_some_and(|at| at < self.newest)
    }

    /// The server has told its revision.
    pub const fn on_newest(&mut self, revision: u64) {
        self.newest = revision;
    }

    /// The server's counter is another one: what was known of it means nothing.
    pub fn forget(&mut self) {
        *self = Self {
            open: self.open,
            answers_bring_all: self.answers_bring_all,
            ..Self::default()
        };
    }

    /// What was missing has come, as far as the server tells it.
    pub fn on_caught_up(&mut self) {
        if !self.is_behind() {
            self.gaps = 0;
        }
        if let Some(at) = self.at {
            self.be_sure(at);
        }
    }

    fn be_sure(&mut self, revision: u64) {
        self.sure = revision;
        self.recent.retain(|recent| *recent > revision);
    }

    /// Whether asking for what is missing is of no use any more.
    pub const fn gives_up(&mut self) -> bool {
        self.gaps += 1;
        let gives_up = self.gaps > GAPS_MAX;
        if gives_up {
            self.gaps = 0;
        }
        gives_up
    }

    /// A change has come; those to be applied, this one or also others that waited for it, are
    /// appended.
    pub fn take(&mut self, change: Change, out: &mut Vec<Change>) -> Taken {
        if self.was_misled(&change) {
            self.at = Some(self.sure);
            self.newest = self.sure;
            self.recent.clear();
        }
        let taken = self.judge(&change);
        match taken {
            Taken::Apply => {
                self.apply(change, out);
                self.release(out);
            }
            Taken::Known => {}
            Taken::Own => {
                self.wait(change, out);
                self.release(out);
            }
            Taken::Gap => self.hold(change),
        }
        taken
    }

    fn judge(&self, change: &Change) -> Taken {
        let (Some(at), Some(revision)) = (self.at, change.revision) else {
            return self.unless_own(change);
        };
        // The own change that an answer has just brought may say what the user took back meanwhile.
        let own = change
            .request
            .is_some_and(|request| request == self.last_own);
        if revision < at || (revision == at && !own) {
            return Taken::Known;
        }
        match change.previous {
            Some(previous) if previous > at => Taken::Gap,
            _ if self.leaps(at, revision) => Taken::Gap,
            _ => self.unless_own(change),
        }
    }

    fn leaps(&self, at: u64, revision: u64) -> bool {
        let known = at.max(self.newest);
        self.answers_bring_all && revision.saturating_sub(known) > self.leap.max(LEAP)
    }

    /// Whether a change would be passed over that was never here: an earlier one was wrong about
    /// its revision.
    fn was_misled(&self, change: &Change) -> bool {
        let (Some(at), Some(revision)) = (self.at, change.revision) else {
            return false;
        };
        let passed_over = revision > self.sure && revision < at;
        passed_over && self.answers_bring_all && !self.recent.contains(&revision)
    }

    fn unless_own(&self, change: &Change) -> Taken {
        if change.request.is_some() && change.request == self.open {
            Taken::Own
        } else {
            Taken::Apply
        }
    }

    fn advance(&mut self, change: &Change) {
        if let Some(revision) = change.revision {
            self.newest = self.newest.max(revision);
            if let Some(at) = &mut self.at
                && !change.more
            {
                self.leap = self.leap.max(revision.saturating_sub(*at));
                *at = (*at).max(revision);
                if self.recent.len() == RECENT_MAX {
                    self.recent.remove(0);
                }
                self.recent.push(revision);
            }
        }
    }

    fn apply(&mut self, change: Change, out: &mut Vec<Change>) {
        self.advance(&change);
        let revision = change.revision.unwrap_or(u64::MAX);
        if self.open.is_some() && change.revision.is_some() {
            self.keep(change.clone());
        }
        out.push(change);
        self.own.retain(|(own, _)| *own > revision);
        for (_, data) in &self.own {
            out.push(Change {
                data: data.clone(),
                ..Change::default()
            });
        }
    }

    /// Ones own change waits for its answer, but for the ids of what was added: others may speak of
    /// it from here on.
    fn wait(&mut self, change: Change, out: &mut Vec<Change>) {
        if let Some(data) = additions(&change.data) {
            out.push(Change {
                data,
                ..Change::default()
            });
        }
        self.advance(&change);
        self.keep(change);
    }

    fn keep(&mut self, change: Change) {
        self.kept_bytes += change.data.len();
        if self.kept_bytes > KEPT_BYTES_MAX {
            self.spilled = true;
            self.kept.clear();
        } else if !self.spilled {
            self.kept.push(change);
        }
    }

    fn hold(&mut self, change: Change) {
        self.held_bytes += change.data.len();
        if self.held_bytes <= KEPT_BYTES_MAX {
            self.held.push(change);
        }
    }

    /// Changes behind a gap that is closed.
    fn release(&mut self, out: &mut Vec<Change>) {
        while let Some(place) = self
            .held
            .iter()
            .position(|held| self.judge(held) != Taken::Gap)
        {
            let change = self.held.remove(place);
            self.held_bytes = self.held_bytes.saturating_sub(change.data.len());
            match self.judge(&change) {
                Taken::Apply => self.apply(change, out),
                Taken::Own => self.wait(change, out),
                _ => {}
            }
        }
    }

    /// What is behind a gap will come with what is missing.
    pub fn drop_held(&mut self) {
        self.held.clear();
        self.held_bytes = 0;
    }

    /// The manager has a request open, or none; `request` is its number where changes would name
    /// it.
    pub fn on_open(&mut self, request: Option<u64>) {
        if self.open.is_none() && request.is_some() {
            self.at_open = self.at;
        }
        if request.is_none() {
            self.kept.clear();
            self.kept_bytes = 0;
            self.spilled = false;
        }
        self.open = request;
    }

    /// An answer was applied: changes that it didn't know are to be applied again. Whether some of
    /// them are missing.
    pub fn on_landed(
        &mut self,
        landed: Landed,
        revision: Option<u64>,
        package: Option<Vec<u8>>,
        out: &mut Vec<Change>,
    ) -> bool {
        let brings_all = landed == Landed::Load || self.answers_bring_all;
        let spilled = core::mem::take(&mut self.spilled);
        if let Landed::Sync(request) = landed {
            self.last_own = request;
        }
        let Some(revision) = revision else {
            let kept = core::mem::take(&mut self.kept);
            if landed == Landed::Load {
                out.extend(kept);
            }
            return spilled;
        };
        let went_back = brings_all && self.at_open.is_some_and(|at| revision < at);
        if went_back {
            self.kept.clear();
            self.drop_held();
            if landed == Landed::Load {
                // The server's counter was set back: what came before means nothing.
                self.newest = revision;
            }
            // Else it is the first answer to a request that was repeated, and older than a load
            // since: what is newer has to come again.
        }
        let own = match landed {
            Landed::Sync(request) => Some(request),
            Landed::Load => None,
        };
        self.kept_bytes = 0;
        for change in core::mem::take(&mut self.kept) {
            // An own change that is older than its answer: the request was worked on twice, and
            // what others did in between is told by the answer.
            let newer = change.revision.is_none_or(|its| its > revision);
            let is_own = own.is_some() && change.request == own;
            if newer || (is_own && (!brings_all || change.revision == Some(revision))) {
                out.push(change.clone());
            }
            // A request may still be open whose answer knows as little of it.
            if newer && landed == Landed::Load {
                self.keep(change);
            }
        }
        if brings_all {
            self.at = match self.at {
                Some(at) if !went_back && !spilled => Some(at.max(revision)),
                _ => Some(revision),
            };
            self.newest = self.newest.max(revision);
            let at = self.at.unwrap_or(revision);
            self.be_sure(revision);
            if landed == Landed::Load {
                self.at_open = Some(revision);
            }
            self.own.retain(|(own, _)| *own > at);
            self.release(out);
        } else if self.at.is_some_and(|at| at < revision)
            && let Some(package) = package
        {
            self.own.push((revision, package));
        }
        spilled || self.is_behind()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(revision: u64, previous: u64) -> Change {
        Change {
            revision: Some(revision),
            previous: Some(previous),
            data: revision.to_string().into_bytes(),
            ..Change::default()
        }
    }

    fn of(request: u64, change: Change) -> Change {
        Change {
            request: Some(request),
            ..change
        }
    }

    fn at(revision: u64) -> Feed {
        let mut feed = Feed {
            answers_bring_all: true,
            ..Feed::default()
        };
        feed.on_landed(Landed::Load, Some(revision), None, &mut Vec::new());
        feed
    }

    fn revisions(changes: &[Change]) -> Vec<u64> {
        changes.iter().filter_map(|it| it.revision).collect()
    }

    #[test]
    fn changes_are_taken_once_and_in_order() {
        let (mut feed, mut out) = (at(5), Vec::new());
        assert_eq!(feed.take(change(5, 4), &mut out), Taken::Known);
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Apply);
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Known);
        assert_eq!(feed.take(change(9, 7), &mut out), Taken::Gap);
        assert_eq!(feed.take(change(12, 9), &mut out), Taken::Gap);
        // What a message claims is no proof.
        assert!(!feed.is_behind());
        assert_eq!(feed.take(change(7, 6), &mut out), Taken::Apply);
        assert_eq!(revisions(&out), [6, 7, 9, 12]);
        assert_eq!(feed.since(), Some(12));
        assert!(!feed.is_behind());
    }

    #[test]
    fn an_own_change_that_is_older_than_its_answer_is_not_applied_again() {
        for (revision, again) in [(6, true), (9, false)] {
            let (mut feed, mut out) = (at(5), Vec::new());
            feed.on_open(Some(77));
            assert_eq!(feed.take(of(77, change(6, 5)), &mut out), Taken::Own);
            feed.on_landed(Landed::Sync(77), Some(revision), None, &mut out);
            assert_eq!(out.len(), usize::from(again), "answered with {revision}");
        }
    }

    #[test]
    fn what_a_load_did_not_know_is_applied_again_after_an_answer_that_does_not_either() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(77));
        feed.take(change(6, 5), &mut out);
        for landed in [Landed::Load, Landed::Sync(77)] {
            out.clear();
            feed.on_landed(landed, Some(5), None, &mut out);
            assert_eq!(revisions(&out), [6], "{landed:?}");
            assert_eq!(feed.since(), Some(6));
        }
    }

    #[test]
    fn a_revision_far_ahead_is_believed_only_once_the_server_has_said_it() {
        let (mut feed, mut out) = (at(5), Vec::new());
        let far = 5 + 2 * LEAP;
        assert_eq!(feed.take(change(far, 5), &mut out), Taken::Gap);
        assert_eq!((feed.since(), out.len()), (Some(5), 0));
        feed.drop_held();
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Apply);
        feed.on_newest(far);
        assert_eq!(feed.take(change(far, 6), &mut out), Taken::Apply);
        let next = far + LEAP + 1;
        assert_eq!(feed.take(change(next, far), &mut out), Taken::Apply);
    }

    #[test]
    fn a_change_that_was_wrong_about_its_revision_hides_no_others() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.take(change(6, 5), &mut out);
        assert_eq!(feed.take(change(900, 6), &mut out), Taken::Apply);
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Known);
        assert_eq!(feed.take(change(7, 6), &mut out), Taken::Gap);
        assert_eq!(
            feed.since(),
            Some(5),
            "all since the last answer is asked for"
        );
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Apply);
        assert_eq!(feed.since(), Some(7));
    }

    #[test]
    fn a_change_in_parts_counts_when_its_last_part_has_come() {
        let (mut feed, mut out) = (at(5), Vec::new());
        let part = Change {
            more: true,
            ..change(6, 5)
        };
        assert_eq!(feed.take(part.clone(), &mut out), Taken::Apply);
        assert_eq!(feed.take(part, &mut out), Taken::Apply);
        assert_eq!(feed.since(), Some(5));
        assert_eq!(feed.take(change(6, 5), &mut out), Taken::Apply);
        assert_eq!(feed.since(), Some(6));
    }

    #[test]
    fn what_an_answer_overtakes_is_applied_again_after_it() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(77));
        for it in [change(6, 5), of(77, change(7, 6)), change(8, 7)] {
            feed.take(it, &mut out);
        }
        assert_eq!(revisions(&out), [6, 8]);
        out.clear();
        assert!(!feed.on_landed(Landed::Sync(77), Some(7), None, &mut out));
        assert_eq!(revisions(&out), [7, 8]);
        assert_eq!(feed.since(), Some(8));
    }

    #[test]
    fn ones_own_change_that_comes_twice_does_not_undo_what_followed() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(77));
        for it in [of(77, change(6, 5)), change(7, 6), of(77, change(6, 5))] {
            feed.take(it, &mut out);
        }
        out.clear();
        feed.on_landed(Landed::Sync(77), Some(6), None, &mut out);
        assert_eq!(revisions(&out), [6, 7]);
    }

    #[test]
    fn an_answer_that_is_older_than_a_load_has_what_followed_asked_for() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(77));
        feed.take(of(77, change(6, 5)), &mut out);
        feed.on_landed(Landed::Load, Some(9), None, &mut out);
        assert!(feed.on_landed(Landed::Sync(77), Some(6), None, &mut out));
        assert_eq!(feed.since(), Some(6));
    }

    #[test]
    fn a_load_from_before_a_change_does_not_undo_it() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(0));
        feed.take(change(6, 5), &mut out);
        feed.take(change(7, 6), &mut out);
        out.clear();
        assert!(!feed.on_landed(Landed::Load, Some(6), None, &mut out));
        assert_eq!(revisions(&out), [7]);
        assert_eq!(feed.since(), Some(7));
    }

    #[test]
    fn the_first_load_finds_out_what_it_missed() {
        let (mut feed, mut out) = (Feed::default(), Vec::new());
        feed.on_newest(9);
        assert!(feed.on_landed(Landed::Load, Some(7), None, &mut out));
        assert_eq!(feed.since(), Some(7));
    }

    #[test]
    fn a_counter_that_was_set_back_starts_anew() {
        let (mut feed, mut out) = (at(500), Vec::new());
        feed.on_open(Some(0));
        assert!(!feed.on_landed(Landed::Load, Some(3), None, &mut out));
        feed.on_open(None);
        assert_eq!(feed.take(change(4, 3), &mut out), Taken::Apply);
    }

    #[test]
    fn an_older_change_does_not_undo_ones_own_where_answers_bring_nothing_else() {
        let mut feed = at(5);
        feed.answers_bring_all = false;
        let mut out = Vec::new();
        feed.on_landed(Landed::Sync(1), Some(7), Some(b"own".to_vec()), &mut out);
        assert_eq!(feed.since(), Some(5));
        feed.take(change(6, 5), &mut out);
        let data: Vec<_> = out.iter().map(|it| it.data.as_slice()).collect();
        assert_eq!(data, [b"6".as_slice(), b"own"]);
        out.clear();
        feed.take(change(7, 6), &mut out);
        feed.take(change(8, 7), &mut out);
        assert_eq!(revisions(&out), [7, 8]);
        assert_eq!(out.len(), 2);
    }

    #[test]
    fn what_is_too_much_to_keep_is_asked_for_again() {
        let (mut feed, mut out) = (at(5), Vec::new());
        feed.on_open(Some(1));
        for revision in 6..12 {
            let mut large = change(revision, revision - 1);
            large.data = vec![b' '; 1 << 20];
            feed.take(large, &mut out);
        }
        out.clear();
        assert!(feed.on_landed(Landed::Sync(1), Some(8), None, &mut out));
        assert_eq!((feed.since(), out.len()), (Some(8), 0));
    }

    #[test]
    fn servers_that_do_not_count_are_believed() {
        let (mut feed, mut out) = (Feed::default(), Vec::new());
        for _ in 0..2 {
            assert_eq!(feed.take(Change::default(), &mut out), Taken::Apply);
        }
        feed.on_open(Some(4));
        let own = of(4, Change::default());
        assert_eq!(feed.take(own, &mut out), Taken::Own);
        assert_eq!(out.len(), 2);
    }
}
