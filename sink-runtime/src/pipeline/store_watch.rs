//! Looks at the store for all partitions: whether it answers, and whether it was restarted. IO: store, clock.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info, warn};

use super::standing::StoreSeen;
use super::status::Health;
use crate::clock::since_boot;
use crate::store_start::{Sighting, StartClock, StoreStart};
use crate::writer::{StoreError, StorePulse, Writer};

/// How often the store is looked at.
const EVERY: Duration = Duration::from_secs(5);

/// Shortest time between two looks, however often one is asked for.
const PAUSE: Duration = Duration::from_millis(500);

/// What the partitions see of the store, and how they ask for another look.
#[derive(Clone, Debug)]
pub(super) struct StoreView {
    pub(super) seen: watch::Receiver<Option<StoreSeen>>,
    pub(super) look_again: Arc<Notify>,
}

/// Looks at the store.
pub(super) struct StoreWatch<W> {
    writer: Arc<W>,
    health: Arc<Health>,
    clock: StartClock,
    seen: watch::Sender<Option<StoreSeen>>,
    look_again: Arc<Notify>,
    was_reachable: Option<bool>,
}

impl<W: Writer> StoreWatch<W> {
    pub(super) fn new(writer: Arc<W>, health: Arc<Health>) -> (Self, StoreView) {
        let (sender, seen) = watch::channel(None);
        let look_again = Arc::new(Notify::new());
        let view = StoreView { seen, look_again: Arc::clone(&look_again) };
        let clock = StartClock::default();
        (Self { writer, health, clock, seen: sender, look_again, was_reachable: None }, view)
    }

    /// Looks again and again, for ever.
    pub(super) async fn run(mut self) {
        loop {
            self.look().await;
            sleep(PAUSE).await;
            let _asked = timeout(EVERY.saturating_sub(PAUSE), self.look_again.notified()).await.is_ok();
        }
    }

    async fn look(&mut self) {
        let asked = since_boot();
        let pulse = self.writer.pulse().await;
        self.health.set_store_reachable(pulse.is_ok());
        self.tell(&pulse);
        let Ok(pulse) = pulse else {
            return;
        };
        let wall_s = Timestamp::now().as_second();
        self.note(Sighting { asked, answered: since_boot(), wall_s, uptime: pulse.uptime }, pulse);
    }

    fn note(&mut self, sighting: Sighting, pulse: StorePulse) {
        let before = *self.seen.borrow();
        let is_restarted = match (self.clock.see(sighting), before) {
            (Some(start), None) => return self.publish(start, sighting, (pulse, None)),
            (Some(start), Some(before)) if start == before.start => Some(StoreStart(start.0 + 1)),
            (start, _) => start,
        };
        let Some(before) = before else {
            return;
        };
        if let Some(start) = is_restarted {
            info!("the store was restarted, what it may have lost is read again");
            return self.publish(start, sighting, (pulse, Some(before)));
        }
        if pulse.block_records.is_some_and(|records| before.block_records != Some(records)) {
            self.publish(before.start, sighting, (pulse, Some(before)));
        }
    }

    fn publish(&self, start: StoreStart, sighting: Sighting, (pulse, before): (StorePulse, Option<StoreSeen>)) {
        let block_records = pulse.block_records.or(before.and_then(|before| before.block_records));
        let seen_at = Instant::now().into_std();
        let (uptime, uptime_max) = (sighting.uptime, sighting.uptime_max());
        let is_heard = self.seen.send(Some(StoreSeen { start, seen_at, uptime, uptime_max, block_records }));
        if is_heard.is_err() {
            debug!("no partition looks at the store any more");
        }
    }

    fn tell(&mut self, pulse: &Result<StorePulse, StoreError>) {
        if self.was_reachable.replace(pulse.is_ok()) == Some(pulse.is_ok()) {
            return;
        }
        match pulse {
            Ok(_) => debug!("the store is reachable"),
            Err(error) => warn!(%error, "the store is not ready, it is waited for"),
        }
    }
}
