//! `hasChanges` and `noChanges`, told truthfully.
//!
//! `hasChanges` comes when something that the server hasn't confirmed appears, and again after
//! every edit while it is there; `noChanges` when nothing is left, whatever took it away. A request
//! that starts or fails changes nothing about it.

use crate::engine::event::Event;

/// What listeners believe.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dirty {
    told: bool,
}

impl Dirty {
    /// After an edit: `dirty` is whether anything is unconfirmed.
    #[inline]
    pub const fn on_edit(&mut self, dirty: bool) -> Option<Event> {
        let told = core::mem::replace(&mut self.told, dirty);
        match (told, dirty) {
            (_, true) => Some(Event::HasChanges),
            (true, false) => Some(Event::NoChanges),
            (false, false) => None,
        }
    }

    /// After anything else.
    pub const fn on_other(&mut self, dirty: bool) -> Option<Event> {
        if self.told == dirty {
            None
        } else {
            self.on_edit(dirty)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_edit_while_dirty_is_told_and_every_way_back_once() {
        let mut dirty = Dirty::default();
        assert_eq!(dirty.on_other(false), None);
        assert_eq!(dirty.on_edit(false), None);
        assert_eq!(dirty.on_edit(true), Some(Event::HasChanges));
        assert_eq!(dirty.on_edit(true), Some(Event::HasChanges));
        assert_eq!(dirty.on_other(true), None);
        assert_eq!(dirty.on_edit(false), Some(Event::NoChanges));
        assert_eq!(dirty.on_other(false), None);
        assert_eq!(dirty.on_other(true), Some(Event::HasChanges));
        assert_eq!(dirty.on_other(false), Some(Event::NoChanges));
    }
}
