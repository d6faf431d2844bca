//! Pure. `Watch`: a member's looks at the simulated store, as `pipeline/store_watch` takes them.

use std::time::Duration;

use super::agenda::Agenda;
use super::log::WALL_MS;
use super::process::Happening;
use super::world::Event;
use crate::pipeline::StoreSeen;
use crate::store_start::{Sighting, StartClock, StoreStart};

const EVERY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// Time since the machine was started when the simulation begins.
const BOOTED: Duration = Duration::from_secs(1_000);

/// What the store answers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pulse {
    pub(super) uptime: Duration,
    pub(super) block_records: Option<u64>,
    /// How often the store was killed before.
    pub(super) kills: u32,
}

/// What one member knows of the store.
#[derive(Debug, Default)]
pub(super) struct Watch {
    clock: StartClock,
    pub(super) seen: Option<StoreSeen>,
    pub(super) is_reachable: bool,
    /// How often the store had been killed when it was last looked at.
    pub(super) kills_seen: Option<u32>,
    looked: Duration,
    next: Option<Duration>,
    is_wanted: bool,
    /// How far this machine's wall clock is ahead, in seconds.
    skew_s: i64,
}

/// Returns the time since the machine was started.
pub(super) fn since_boot(now: Duration) -> Duration {
    BOOTED + now
}

impl Watch {
    pub(super) fn new(skew_s: i64) -> Self {
        Self { skew_s, ..Self::default() }
    }

    /// Takes a look, unless another one is meant.
    pub(super) fn look(&mut self, agenda: &mut Agenda<Event>, process: usize, at: Duration) {
        if self.next != Some(at) {
            return;
        }
        self.next = None;
        let travel = agenda.span(1..5);
        agenda.after(travel, Event::Pulse { process, asked: agenda.now });
    }

    /// Asks for a look soon.
    pub(super) fn look_again(&mut self, agenda: &mut Agenda<Event>, process: usize) {
        self.is_wanted = true;
        if self.next.is_some() {
            self.plan(agenda, process);
        }
    }

    /// Plans the next look.
    pub(super) fn plan(&mut self, agenda: &mut Agenda<Event>, process: usize) {
        let at = self.looked + if self.is_wanted { PAUSE } else { EVERY };
        let at = at.max(agenda.now);
        self.next = Some(at);
        agenda.at(at, Event::Process(process, Happening::Look(at)));
    }

    /// Takes what the store has answered; returns what the partitions are told.
    pub(super) fn looked(
        &mut self,
        agenda: &mut Agenda<Event>,
        process: usize,
        (asked, pulse): (Duration, Option<Pulse>),
    ) -> Option<StoreSeen> {
        self.looked = agenda.now;
        self.is_wanted = false;
        self.plan(agenda, process);
        self.is_reachable = pulse.is_some();
        let pulse = pulse?;
        self.kills_seen = Some(pulse.kills);
        let wall_s = i64::try_from((WALL_MS / 1_000) + agenda.now.as_secs()).unwrap() + self.skew_s;
        let sighting = Sighting {
            asked: since_boot(asked),
            answered: since_boot(agenda.now),
            wall_s,
            uptime: Duration::from_secs(pulse.uptime.as_secs()),
        };
        let before = self.seen;
        let start = match (self.clock.see(sighting), before) {
            (Some(start), Some(before)) if start == before.start => StoreStart(start.0 + 1),
            (Some(start), _) => start,
            (None, before) => before?.start,
        };
        let block_records = pulse.block_records.or(before.and_then(|before| before.block_records));
        let (asked_at, seen_at) = (agenda.instant_at(asked), agenda.instant());
        self.seen = Some(StoreSeen { start, asked_at, seen_at, uptime: sighting.uptime, block_records });
        self.seen
    }
}
