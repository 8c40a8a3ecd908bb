//! One word for where a manager stands, and the event when it changes.

use crate::engine::error::SyncError;
use crate::engine::event::{Event, Status};

/// What the status follows from.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// A load has started and not ended, other than one that merely looks for news.
    pub loading: bool,
    /// A sync of changes has started and not ended.
    pub saving: bool,
    /// Something is unconfirmed by the server.
    pub dirty: bool,
    /// How many records that is.
    pub pending: u32,
    /// The browser is offline.
    pub offline: bool,
    /// Another attempt is planned.
    pub retrying: bool,
    /// Records wait that the server has refused.
    pub refused: bool,
}

/// The status as it was last told.
#[derive(Clone, Debug, Default)]
pub struct StatusReport {
    status: Status,
    pending: u32,
    /// Why the last request failed, until one succeeds.
    error: Option<SyncError>,
    news: bool,
}

impl StatusReport {
    /// A request failed.
    pub fn on_failure(&mut self, error: SyncError) {
        self.error = Some(error);
        self.news = true;
    }

    /// A request succeeded, or what failed was taken back.
    pub fn on_success(&mut self) {
        self.news |= self.error.take().is_some();
    }

    /// The status that follows from the facts.
    pub const fn judge(&self, facts: &Facts) -> Status {
        if facts.loading {
            Status::Loading
        } else if facts.saving {
            Status::Saving
        } else if facts.offline && (facts.dirty || facts.retrying) {
            Status::Offline
        } else if facts.retrying {
            Status::Retrying
        } else if self.error.is_some() || facts.refused {
            Status::Failed
        } else if facts.dirty {
            Status::Pending
        } else {
            Status::Saved
        }
    }

    /// The event to send, when the facts make a difference to what was told.
    pub fn on_facts(&mut self, facts: &Facts) -> Option<Event> {
        let status = self.judge(facts);
        if status == self.status && facts.pending == self.pending && !self.news {
            return None;
        }
        (self.status, self.pending, self.news) = (status, facts.pending, false);
        Some(Event::Status {
            status,
            pending: facts.pending,
            error: self.error.clone(),
        })
    }

    /// Why the last request failed, until one succeeds.
    pub const fn error(&self) -> Option<&SyncError> {
        self.error.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::error::ErrorCode;

    #[test]
    fn the_status_follows_from_the_facts_and_is_told_once() {
        let mut report = StatusReport::default();
        assert_eq!(report.on_facts(&Facts::default()), None);
        let dirty = Facts {
            dirty: true,
            pending: 2,
            ..Facts::default()
        };
        let told = report.on_facts(&dirty);
        assert!(matches!(
            told,
            Some(Event::Status {
                status: Status::Pending,
                pending: 2,
                ..
            })
        ));
        assert_eq!(report.on_facts(&dirty), None);
        report.on_failure(SyncError::new(ErrorCode::Refused, "no"));
        let told = report.on_facts(&dirty);
        assert!(matches!(
            told,
            Some(Event::Status {
                status: Status::Failed,
                error: Some(_),
                ..
            })
        ));
        let retrying = Facts {
            retrying: true,
            ..dirty.clone()
        };
        assert_eq!(report.judge(&retrying), Status::Retrying);
        assert_eq!(
            report.judge(&Facts {
                offline: true,
                ..retrying
            }),
            Status::Offline
        );
        report.on_success();
        let told = report.on_facts(&Facts::default());
        assert!(matches!(
            told,
            Some(Event::Status {
                status: Status::Saved,
                error: None,
                ..
            })
        ));
    }
}
