//! Pure. `Broker`: the simulated group of two static members with one partition, and what is committed for it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::agenda::Agenda;
use super::process::Happening;
use super::world::Event;
use crate::source::Commit;

/// Number of static members.
pub(super) const SEATS: usize = 2;

/// The group's coordinator.
#[derive(Debug, Default)]
pub(super) struct Broker {
    /// The committed offset and its metadata.
    pub(super) committed: Option<(i64, String)>,
    generation: u64,
    /// The static member that has the partition, until it says otherwise.
    pub(super) owner: Option<usize>,
    /// The process that sits in each static member's place.
    pub(super) seats: [Option<usize>; SEATS],
    /// The static member that shall have the partition as soon as its owner lets go.
    moving_to: Option<usize>,
    /// Until when each process has been told what the group had to say.
    told: BTreeMap<usize, Duration>,
}

/// A commit on its way.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) number: u64,
    pub(super) generation: u64,
    pub(super) commit: Commit,
    pub(super) begun: Duration,
}

impl Broker {
    /// A process takes its place; who sat there before is fenced off.
    pub(super) fn join(&mut self, agenda: &mut Agenda<Event>, process: usize, seat: usize) {
        let is_return = self.seats[seat].replace(process).is_some();
        match self.owner {
            // A static member that returns in time gets what it had, without a round of the group.
            Some(owner) if owner == seat && is_return => {
                self.moving_to = None;
                self.tell(agenda, process, |generation| Happening::Assigned { generation });
            }
            Some(_) => {
                self.next_generation(agenda);
                if agenda.chance(300) {
                    self.rebalance(agenda, seat);
                }
            }
            None => self.give(agenda, seat),
        }
    }

    /// A process leaves for good.
    pub(super) fn leave(&mut self, agenda: &mut Agenda<Event>, process: usize, seat: usize) {
        if self.seats[seat] == Some(process) {
            self.remove(agenda, seat);
        }
    }

    /// A static member has not been heard of for the time of a session.
    pub(super) fn remove(&mut self, agenda: &mut Agenda<Event>, seat: usize) {
        self.seats[seat] = None;
        self.moving_to = self.moving_to.filter(|target| *target != seat);
        if self.owner == Some(seat) {
            self.owner = None;
            self.give_to_any(agenda);
        } else {
            self.next_generation(agenda);
        }
    }

    /// Begins to move the partition.
    pub(super) fn rebalance(&mut self, agenda: &mut Agenda<Event>, target: usize) {
        let Some(owner) = self.owner.filter(|owner| *owner != target && self.moving_to.is_none()) else {
            return;
        };
        if let (Some(process), Some(_)) = (self.seats[owner], self.seats[target]) {
            self.moving_to = Some(target);
            self.tell(agenda, process, |_| Happening::Revoked);
        }
    }

    /// The owner has let go of what was to move.
    pub(super) fn released(&mut self, agenda: &mut Agenda<Event>, process: usize, seat: usize) {
        if self.seats[seat] == Some(process) && self.owner == Some(seat) {
            self.owner = None;
            self.give_to_any(agenda);
        }
    }

    /// Takes a commit of a member that the group knows, of its present generation.
    pub(super) fn accepts(&self, process: usize, seat: usize, job: &Job) -> bool {
        self.seats[seat] == Some(process) && job.generation == self.generation
    }

    fn give_to_any(&mut self, agenda: &mut Agenda<Event>) {
        let target =
            self.moving_to.take().into_iter().chain(0..SEATS).find(|seat| self.seats[*seat].is_some());
        match target {
            Some(seat) => self.give(agenda, seat),
            None => self.generation += 1,
        }
    }

    fn give(&mut self, agenda: &mut Agenda<Event>, seat: usize) {
        self.owner = Some(seat);
        self.moving_to = None;
        self.next_generation(agenda);
        if let Some(process) = self.seats[seat] {
            self.tell(agenda, process, |generation| Happening::Assigned { generation });
        }
    }

    fn next_generation(&mut self, agenda: &mut Agenda<Event>) {
        self.generation += 1;
        for process in self.seats.into_iter().flatten() {
            self.tell(agenda, process, |generation| Happening::Regenerated { generation });
        }
    }

    /// Tells a process something, after what it was told before.
    fn tell(&mut self, agenda: &mut Agenda<Event>, process: usize, happening: impl Fn(u64) -> Happening) {
        let delay = agenda.span(5..800);
        let told = self.told.entry(process).or_default();
        *told = (*told).max(agenda.now + delay);
        agenda.at(*told, Event::Process(process, happening(self.generation)));
    }
}
