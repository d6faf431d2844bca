//! Pure. What happens to the simulated store.

use std::time::Duration;

use super::{Event, Shared, World};
use crate::schedules::faults::Fault;
use crate::schedules::process::Happening;
use crate::schedules::watch::Pulse;

impl World {
    pub(super) fn pulse(&mut self, process: usize, asked: Duration) {
        let Shared { agenda, requests, store, tells_block_records, .. } = &mut self.shared;
        if agenda.now < requests.frozen_until {
            agenda.at(requests.frozen_until, Event::Pulse { process, asked });
            return;
        }
        let is_slow = agenda.chance(requests.troubles.slow / 4);
        let travel = agenda.span(if is_slow { 100..12_000 } else { 1..10 });
        let is_late = agenda.now + travel > asked + Duration::from_secs(15);
        let pulse = store.up_since.filter(|_| !is_late).map(|since| Pulse {
            uptime: agenda.now - since,
            block_records: tells_block_records.then(|| u64::try_from(store.block_records).unwrap()),
            kills: store.kills,
        });
        agenda.after(travel, Event::Process(process, Happening::Looked { asked, pulse }));
    }

    /// What a store has not saved it saves within two and a half minutes.
    pub(super) fn plan_compaction(&mut self) {
        let Shared { agenda, store, .. } = &mut self.shared;
        for entry in store.newly_unsaved() {
            let delay = agenda.span(1_000..150_000);
            agenda.after(delay, Event::Compact(entry));
        }
    }

    pub(super) fn kill(&mut self, more: u32) {
        let Shared { agenda, store, requests, .. } = &mut self.shared;
        if store.up_since.is_none() {
            return;
        }
        requests.end_all(agenda, store);
        store.kill(agenda.now, &mut agenda.random);
        let delay = agenda.span(100..4_000);
        agenda.after(delay, Event::StoreUp { more });
    }

    pub(super) fn store_up(&mut self, more: u32) {
        let Shared { agenda, store, .. } = &mut self.shared;
        store.up_since = Some(agenda.now);
        if let Some(more) = more.checked_sub(1) {
            let delay = agenda.span(100..14_000);
            agenda.after(delay, Event::Fault(Fault::Kill { more }));
        }
    }
}
