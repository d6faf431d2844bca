//! Pure. What goes wrong in the simulated world.

use std::time::Duration;

use super::{Event, World};
use crate::record::Entry;
use crate::schedules::faults::Fault;
use crate::schedules::process::{Happening, Process};

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        let now = self.shared.agenda.now;
        match fault {
            Fault::Kill { more } => self.kill(more),
            Fault::Freeze(time) => {
                self.shared.requests.frozen_until = now + time;
            }
            Fault::Hold(time) => self.shared.requests.held = Some((Entry::new("a/0"), now + time)),
            Fault::Crash(seat) => self.end(seat, true),
            Fault::MachineGone(seat) => self.end(seat, false),
            Fault::FreezeMember(seat, time) => {
                self.silent_for(seat, time, |process, until| process.frozen_until = until);
            }
            Fault::CutOff(seat, time) => {
                self.silent_for(seat, time, |process, until| process.cut_off_until = until);
            }
            Fault::Stop { seat, leaves } => {
                if let Some(id) = self.current[seat] {
                    self.shared.agenda.after(Duration::ZERO, Event::Process(id, Happening::Stop { leaves }));
                }
            }
            Fault::Move(seat) => self.shared.broker.rebalance(&mut self.shared.agenda, seat),
            Fault::Retain(count) => {
                let high = self.shared.log.high(now);
                self.shared.log.low = (self.shared.log.low + count).min(high);
            }
            Fault::Remap => self.remap(),
            Fault::Foreign => self.shared.store.put_foreign(&mut self.shared.agenda.random, now),
        }
    }

    pub(super) fn end(&mut self, seat: usize, closes_connections: bool) {
        let Some(id) = self.current[seat].filter(|id| !self.processes[*id].is_dead) else {
            return;
        };
        if closes_connections {
            self.processes[id].die(&mut self.shared);
            self.bury(id);
        } else {
            self.processes[id].is_dead = true;
            self.fall_silent(id);
            let delay = self.shared.agenda.span(2_000..60_000);
            self.shared.agenda.after(delay, Event::Start { seat, is_new: true });
        }
    }

    pub(super) fn silent_for(
        &mut self,
        seat: usize,
        time: Duration,
        set: impl FnOnce(&mut Process, Duration),
    ) {
        let Some(id) = self.current[seat] else {
            return;
        };
        let process = &mut self.processes[id];
        let now = self.shared.agenda.now;
        let is_silent = now < process.frozen_until.max(process.cut_off_until);
        if process.is_dead || is_silent {
            return;
        }
        set(process, now + time);
        self.fall_silent(id);
        let delay = self.shared.agenda.span(0..3_000);
        self.shared.agenda.after(time + delay, Event::Heartbeat(id));
    }
}
