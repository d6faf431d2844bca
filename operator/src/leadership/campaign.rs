//! IO: Kubernetes, clock. `Campaign`: sends what a candidate decides, and tells where it stands.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::candidate::{Candidate, Step, Write};
use super::decision::{Loss, Moment, Pace};
use super::lease::LeaseObject;
use super::term::Term;
use crate::kubernetes::KubernetesError;
use crate::telemetry::chain;

/// Where this process stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The Lease was not seen yet.
    #[default]
    Unknown,
    /// Another leads, if anybody does.
    StandsBy(Option<String>),
    /// It leads.
    Leads,
}

/// The way of one candidate.
pub(crate) struct Campaign {
    candidate: Candidate<ObjectMeta>,
    lease: LeaseObject,
    term: Term,
    pace: Pace,
    clock: fn() -> Moment,
    standing: watch::Sender<Standing>,
}

impl Campaign {
    /// Returns a campaign for `me`, a name that no other process ever has; it sets the term and tells where it stands.
    pub(crate) fn new(me: String, lease: LeaseObject, pace: Pace, clock: fn() -> Moment) -> Self {
        Self {
            candidate: Candidate::new(me, pace),
            lease,
            term: Term::new(clock),
            pace,
            clock,
            standing: watch::Sender::new(Standing::Unknown),
        }
    }

    /// Until when this process may write.
    pub(crate) fn term(&self) -> Term {
        self.term.clone()
    }

    /// Where this process stands.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    /// Runs until the work is `done`, then lets the next one lead at once.
    ///
    /// # Errors
    /// Leadership was won and is lost: the process must end, for nothing that it has under way may go on.
    pub(super) async fn run(mut self, done: CancellationToken) -> Result<(), Loss> {
        loop {
            let now = (self.clock)();
            match self.candidate.step(now, Timestamp::now()) {
                Step::End(loss) => return Err(loss),
                Step::Read => self.read(now).await,
                Step::Write(write) => self.write(write, now).await,
                Step::Wait(until) => {
                    let pause = tokio::time::sleep(until.saturating_sub(now));
                    tokio::select! { () = pause => {}, () = done.cancelled() => {} }
                }
            }
            if done.is_cancelled() {
                self.release().await;
                return Ok(());
            }
            self.tell();
        }
    }

    async fn read(&mut self, begun: Moment) {
        match self.lease.read(self.patience(begun)).await {
            Ok(lease) => self.candidate.shown(lease, (self.clock)()),
            Err(error) => self.failed(&error),
        }
    }

    async fn write(&mut self, write: Write<ObjectMeta>, begun: Moment) {
        match self.lease.write(write, self.patience(begun)).await {
            Ok(lease) => {
                self.candidate.written(lease, begun, (self.clock)());
                self.term.set(self.candidate.believes_until().unwrap_or_default());
            }
            Err(error) => self.failed(&error),
        }
    }

    async fn release(&mut self) {
        // First the term, then the Lease: what is still under way ends before another begins.
        self.term.set(Moment::ZERO);
        let Some(write) = self.candidate.release() else { return };
        match self.lease.write(write, self.pace.request).await {
            Ok(_) => tracing::info!("leads no more"),
            Err(error) => tracing::warn!(error = chain(&error), "failed to give the lease up, it runs out"),
        }
    }

    fn failed(&mut self, error: &KubernetesError) {
        // That another was faster is no failure.
        if !error.is_conflict() {
            tracing::warn!(error = chain(error), "failed to see to the lease, trying again");
        }
        self.candidate.failed((self.clock)());
    }

    /// How long an answer may take: no longer than the term.
    fn patience(&self, now: Moment) -> Duration {
        let left = self.candidate.believes_until().map(|until| until.saturating_sub(now));
        left.map_or(self.pace.request, |left| left.min(self.pace.request))
    }

    fn tell(&self) {
        let standing = match (self.candidate.believes_until(), self.candidate.is_informed()) {
            (Some(_), _) => Standing::Leads,
            (None, true) => Standing::StandsBy(self.candidate.holder().map(str::to_owned)),
            (None, false) => Standing::Unknown,
        };
        if *self.standing.borrow() == standing {
            return;
        }
        match &standing {
            Standing::Leads => tracing::info!("leads"),
            Standing::StandsBy(holder) => tracing::info!(holder, "stands by"),
            Standing::Unknown => {}
        }
        self.standing.send_replace(standing);
    }
}
