//! Pure. How the mapping of the simulated members changes: all of them end, and begin with the other one.

use std::time::Duration;

use super::{Event, World};
use crate::schedules::process::Happening;

impl World {
    /// A person changes the mapping.
    pub(super) fn remap(&mut self) {
        self.forms.wish_other();
        self.stop_all();
    }

    /// A person goes back to a mapping whose records some member must not replay.
    pub(super) fn run_once_more(&mut self, mapping: &str) {
        if self.forms.wish(mapping) {
            self.stop_all();
        }
    }

    fn stop_all(&mut self) {
        for id in self.current.into_iter().flatten() {
            let happening = Happening::Stop { leaves: false };
            self.shared.agenda.after(Duration::ZERO, Event::Process(id, happening));
        }
    }

    /// Puts the other mapping in force, if everything has ended, whatever was written; tells whether members may be started.
    pub(super) fn change_form(&mut self) -> bool {
        if self.current.into_iter().flatten().any(|id| !self.processes[id].is_dead) {
            return false;
        }
        let is_changed = self.forms.change();
        self.shared.counts.changes += usize::from(is_changed);
        true
    }
}
