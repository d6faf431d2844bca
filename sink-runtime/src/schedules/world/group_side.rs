//! Pure. What happens between the simulated group and its members.

use std::sync::Arc;
use std::time::Duration;

use super::{Event, SESSION, World};
use crate::kafka::{CommitMetadata, Signature};
use crate::schedules::broker::Job;
use crate::schedules::check;
use crate::schedules::process::{Happening, Process};

/// How long a member is not started because others must end first.
const STARTS_AFTER: Duration = Duration::from_secs(1);

impl World {
    pub(super) fn commit(&mut self, id: usize, job: Job) {
        let process = &self.processes[id];
        let shared = &mut self.shared;
        let fails = shared.agenda.chance(shared.commits_fail);
        let is_taken = !fails && shared.broker.accepts(id, process.seat, &job);
        if is_taken {
            check::commit(shared, process.seat, &job.commit);
            check::note_lease(shared, id, job.begun);
            check::note_committed(shared, &job.commit, &process.signature.mapping);
            let metadata = CommitMetadata::new(&process.signature, &job.commit).to_text();
            shared.broker.committed = Some((job.commit.progress.point.offset.0, metadata));
        }
        // The broker may take a commit and its answer be lost.
        let is_told = is_taken && !shared.agenda.chance(shared.commits_fail / 4);
        let delay = shared.commit_delay();
        shared.agenda.after(delay, Event::Process(id, Happening::Committed(job, is_told)));
    }

    pub(super) fn start(&mut self, seat: usize, is_new: bool) {
        if self.current[seat].is_some_and(|before| !self.processes[before].is_dead) {
            return;
        }
        if self.forms.is_changing() && !self.change_form() {
            self.shared.agenda.after(STARTS_AFTER, Event::Start { seat, is_new });
            return;
        }
        let id = self.processes.len();
        let form = Arc::clone(self.forms.in_force());
        let before = self.current[seat].map(|process| &self.processes[process]);
        let same = before.filter(|_| !is_new).map(|before| before.signature.writer_id.clone());
        let signature = Signature {
            writer_id: same.unwrap_or_else(|| format!("uid-{id}")),
            sink_uid: "sink".to_owned(),
            mapping: form.fingerprint.clone(),
        };
        let skew_s = i64::try_from(self.shared.agenda.pick(0..4)).unwrap();
        let mut process = Process::new(id, seat, (signature, form), skew_s);
        process.begin(&mut self.shared);
        self.processes.push(process);
        self.current[seat] = Some(id);
        let delay = self.shared.agenda.span(300..3_000);
        self.shared.agenda.after(delay, Event::Join(id));
    }

    pub(super) fn join(&mut self, id: usize) {
        let process = &self.processes[id];
        if process.is_dead || process.is_stopping {
            return;
        }
        if self.shared.agenda.now < process.cut_off_until.max(process.frozen_until) {
            let at = process.cut_off_until.max(process.frozen_until);
            self.shared.agenda.at(at, Event::Join(id));
            return;
        }
        self.shared.broker.join(&mut self.shared.agenda, id, process.seat);
    }

    /// A process has ended: the group notices by its silence, and it is started again.
    pub(super) fn bury(&mut self, id: usize) {
        self.fall_silent(id);
        let seat = self.processes[id].seat;
        if self.current[seat] == Some(id) {
            let delay = self.shared.agenda.span(1_000..40_000);
            let is_new = self.shared.agenda.chance(500);
            self.shared.agenda.after(delay, Event::Start { seat, is_new });
        }
    }

    /// The group has heard of the process a moment ago, and hears no more of it.
    pub(super) fn fall_silent(&mut self, id: usize) {
        let last_heard = self.shared.agenda.span(0..3_000);
        let beats = self.processes[id].beats;
        self.shared
            .agenda
            .after(SESSION.checked_sub(last_heard).unwrap(), Event::Silence { process: id, beats });
    }

    pub(super) fn silence(&mut self, id: usize, beats: u64) {
        let process = &self.processes[id];
        if process.beats != beats {
            return;
        }
        let is_cut_off = !process.is_dead && self.shared.agenda.now < process.cut_off_until;
        if self.shared.broker.seats[process.seat] == Some(id) {
            self.shared.broker.remove(&mut self.shared.agenda, process.seat);
        }
        if is_cut_off {
            // The member counts its session too.
            self.shared.agenda.after(Duration::ZERO, Event::Process(id, Happening::Lost));
        }
    }

    pub(super) fn heartbeat(&mut self, id: usize) {
        let process = &mut self.processes[id];
        let until = process.frozen_until.max(process.cut_off_until);
        if process.is_dead {
            return;
        }
        if self.shared.agenda.now < until {
            self.shared.agenda.at(until, Event::Heartbeat(id));
            return;
        }
        process.beats += 1;
        let happening = match self.shared.broker.seats[process.seat] {
            Some(other) if other != id => Happening::Fenced,
            Some(_) => return,
            None => Happening::Lost,
        };
        self.shared.agenda.after(Duration::ZERO, Event::Process(id, happening));
    }
}
